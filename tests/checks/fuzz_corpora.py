#!/usr/bin/env python3
"""Each fuzz target tests/fuzz/fuzz_NAME.c has a corpus tests/fuzz/corpus/NAME/ with at least one file, which the
suite replays, and each corpus has its target (style rule 18)."""

import re

import tree

CORPUS = "tests/fuzz/corpus"

targets = [re.sub(r"^tests/fuzz/fuzz_|\.c$", "", p) for p in tree.files(".c") if p.startswith("tests/fuzz/fuzz_")]
corpora = {}
for path in tree.files():
    if path.startswith(CORPUS + "/"):
        name = path.split("/")[3]
        corpora[name] = corpora.get(name, 0) + 1

for name in targets:
    if not corpora.get(name):
        tree.complain(f"tests/fuzz/fuzz_{name}.c", 1, f"has no corpus: put files into {CORPUS}/{name}/")
    if name not in tree.text("tests/fuzz/meson.build"):
        tree.complain("tests/fuzz/meson.build", 1, f"does not build fuzz_{name}")
for name in corpora:
    if name not in targets:
        tree.complain(f"{CORPUS}/{name}", 1, f"is the corpus of no target: tests/fuzz/fuzz_{name}.c is missing")
tree.finish(len(tree.files(".c")))
