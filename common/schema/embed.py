#!/usr/bin/env python3
"""Writes the numbered schema files as one C table: embed.py OUT.c IN.sql..."""

import os
import re
import sys


def quoted(text):
    return text.replace("\\", "\\\\").replace('"', '\\"')


def main():
    out, files = sys.argv[1], sorted(sys.argv[2:], key=os.path.basename)
    lines = ['#include "store_migrate.h"', "", "const struct migration store_migrations[] = {"]
    for expected, path in enumerate(files, 1):
        name = os.path.basename(path)
        number = re.fullmatch(r"(\d{3})_[a-z0-9_]+\.sql", name)
        if not number or int(number.group(1)) != expected:
            sys.exit(f"{path}: schema files are numbered 001, 002, ... without a gap")
        lines.append(f'    {{{expected}, "{name}",')
        with open(path, encoding="ascii") as source:
            for line in source:
                line = line.rstrip("\n").split("--")[0].rstrip()
                if line:
                    lines.append(f'     "{quoted(line)}\\n"')
        lines.append("    },")
    lines += ["};", f"const unsigned store_migration_count = {len(files)};", ""]
    with open(out, "w", encoding="ascii") as target:
        target.write("\n".join(lines))


main()
