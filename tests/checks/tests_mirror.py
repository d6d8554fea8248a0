#!/usr/bin/env python3
"""Each tests/unit/FOLDER/test_NAME.c is built: a test that nobody runs shows nothing (style rule 18)."""

import tree

table = tree.text("tests/unit/meson.build")
tests = [p for p in tree.files(".c") if p.startswith("tests/unit/") and "/test_" in p]
for path in tests:
    name = path[len("tests/unit/"):-len(".c")]
    if f"'{name}'" not in table:
        tree.complain(path, 1, "does not stand in the table of tests/unit/meson.build")
tree.finish(len(tests))
