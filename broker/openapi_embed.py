#!/usr/bin/env python3
"""Writes broker/openapi.json as a C string, so that the broker can serve it without a file of its own.

Usage: openapi_embed.py IN.json OUT.c VERSION
The document's info.version becomes the program's, and white space between its members goes.
"""
import json
import sys

source, target, version = sys.argv[1:]
with open(source, encoding="utf-8") as file:
    document = json.load(file)
document["info"]["version"] = version
text = json.dumps(document, separators=(",", ":"), ensure_ascii=True) + "\n"
with open(target, "w", encoding="ascii") as file:
    file.write('#include "openapi_document.h"\n\nconst char openapi_document[] = {\n')
    data = text.encode("ascii")
    for at in range(0, len(data), 20):
        file.write("    " + " ".join(f"{byte}," for byte in data[at:at + 20]) + "\n")
    file.write("    0};\n")
