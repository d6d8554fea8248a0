#!/usr/bin/env python3
"""broker, gateway and vmpool never include each other's headers, and common/ none of theirs (style rule 2).

What two processes share stands in include/carrel/ and common/. A file of one room is found by its own name:
the rooms' header names must differ, or the wrong one could be taken silently.
"""

import os

import tree

ROOMS = ("broker", "gateway", "vmpool")

sources = [p for p in tree.files(".c", ".h") if p.split("/")[0] in ROOMS + ("common", "include")]
headers = {}  # base name -> rooms that have it
for path in sources:
    if path.endswith(".h"):
        headers.setdefault(os.path.basename(path), {})[path.split("/")[0]] = path

for path in sources:
    room = path.split("/")[0]
    for number, name, quoted in tree.includes(path):
        target = os.path.normpath(os.path.join(os.path.dirname(path), name)) if quoted else name
        for other in ROOMS:
            if other == room:
                continue
            by_path = (target.startswith(other + "/") or name.startswith(other + "/")) and \
                os.path.exists(os.path.join(tree.ROOT, other, name.split("/", 1)[-1]))
            owners = headers.get(os.path.basename(name), {}) if quoted else {}
            by_name = other in owners and room not in owners and "common" not in owners
            if by_path or by_name:
                tree.complain(path, number, f"{room}/ includes {name} of {other}/; what they share belongs in "
                              "include/carrel/ or common/")
tree.finish(len(sources))
