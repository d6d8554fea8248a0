#!/usr/bin/env python3
"""clang-tidy (.clang-tidy at the top) over every C file that the build compiles.

Usage: tidy.py BUILD [FILE...]. A file whose text, headers, flags and rules were clean before is not looked at
again: its fingerprint is kept in BUILD/tidy-clean.
"""

import concurrent.futures
import hashlib
import json
import os
import re
import shlex
import subprocess
import sys

import tree

TIDY = os.environ.get("CLANG_TIDY", "clang-tidy")


def digest(*parts):
    whole = hashlib.sha256()
    for part in parts:
        whole.update(part.encode() + b"\0")
    return whole.hexdigest()


def look_at(build, path):
    run = subprocess.run([TIDY, "--quiet", "-p", build, "--extra-arg=-Wno-unknown-warning-option",
                          "--extra-arg=-Wno-error", path], cwd=tree.ROOT, capture_output=True, text=True, check=False)
    found = re.findall(r"^(\S+?):(\d+):\d+: (?:error|warning): (.*)$", run.stdout, re.M)
    places = [(os.path.relpath(os.path.realpath(os.path.join(build, where)), tree.ROOT), number, what)
              for where, number, what in found]
    if run.returncode and not places:
        places = [(path, 1, run.stderr.strip()[-500:])]
    return path, places


def main():
    tree.need_version(TIDY, 14)
    build, only = sys.argv[1], sys.argv[2:]
    with open(os.path.join(build, "compile_commands.json"), encoding="utf-8") as f:
        commands = json.load(f)
    known = set(tree.files(".c"))
    flags = {}
    for entry in commands:
        path = os.path.relpath(os.path.join(entry["directory"], entry["file"]), tree.ROOT)
        if path in known and (not only or path in only):
            flags.setdefault(path, entry["command"])
    # Any header may be included anywhere, so all of them count.
    shared = digest(tree.text(".clang-tidy"), *(tree.text(p) for p in tree.files(".h")))
    stamps = os.path.join(build, "tidy-clean")
    os.makedirs(stamps, exist_ok=True)
    prints = {p: digest(shared, p, tree.text(p), " ".join(shlex.split(c)[1:])) for p, c in flags.items()}
    due = [p for p in flags if not os.path.exists(os.path.join(stamps, prints[p]))]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for path, places in pool.map(lambda p: look_at(build, p), due):
            for where, number, what in places:
                tree.complain(where, number, what)
            if not places:
                open(os.path.join(stamps, prints[path]), "w", encoding="utf-8").close()
    print(f"{len(due)} of {len(flags)} files were new or changed")
    tree.finish(len(flags))


main()
