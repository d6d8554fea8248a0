#!/usr/bin/env python3
"""clang-format has nothing to change in any C file. To mend: clang-format -i FILE."""

import os
import subprocess
import sys

import tree

TOOL = sys.argv[1] if len(sys.argv) > 1 else "clang-format"
tree.need_version(TOOL, 14)
sources = tree.files(".c", ".h")
run = subprocess.run([TOOL, "--dry-run", "-Werror",
                      *(os.path.join(tree.ROOT, p) for p in sources)], stderr=subprocess.PIPE, text=True, check=False)
seen = set()
for line in run.stderr.splitlines():
    if ": error: " in line:
        place = line.split(": error: ")[0].replace(tree.ROOT + "/", "")
        path, number = place.split(":")[:2]
        if path not in seen:
            tree.complain(path, number, f"clang-format -i {path}")
        seen.add(path)
if run.returncode and not tree.findings:
    tree.complain(".clang-format", 1, run.stderr.strip())
tree.finish(len(sources))
