#!/usr/bin/env python3
"""Nothing unfinished is left in the tree: no marker words, no conflict markers, no lines that end in blanks."""

import re

import tree

MARKER = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK|WI" r"P)\b")
CONFLICT = re.compile(r"^(<<<<<<<|>>>>>>>) ")
TEXT = (".c", ".h", ".py", ".sh", ".build", ".md", ".scd", ".conf", ".sql", ".xml", ".json", ".in", ".yml", ".yaml")

sources = tree.files(*TEXT)
for path in sources:
    for number, line in tree.lines(path):
        if MARKER.search(line):
            tree.complain(path, number, "a marker of unfinished work: finish it, or file an issue")
        if CONFLICT.match(line):
            tree.complain(path, number, "a conflict marker")
        if line != line.rstrip() and not path.endswith(".md"):
            tree.complain(path, number, "blanks at the end of the line")
tree.finish(len(sources))
