#!/usr/bin/env python3
"""Every key of common/config_keys.h stands, in its order and with its default, in config/carrel.conf and in
config/man/carrel.conf.5.scd, and nothing else does."""

import re

import tree

KEYS, FILE, PAGE = "common/config_keys.h", "config/carrel.conf", "config/man/carrel.conf.5.scd"


def from_header():
    source = re.sub(r"\\\n", " ", tree.text(KEYS)).split("#define CONFIG_KEYS", 1)[1]
    found = re.findall(r'X\(\s*(\w+),\s*(\w+),\s*\w+,\s*"([^"]*)",', source)
    return [(section, key, value) for section, key, value in found]


def from_file():
    section, found = "", []
    for _, line in tree.lines(FILE):
        if line.startswith("["):
            section = line.strip("[]")
        elif line and not line.startswith("#"):
            key, value = line.split("=", 1)
            found.append((section, key.strip(), value.strip()))
    return found


def from_page():
    section, found = "", []
    for number, line in tree.lines(PAGE):
        if line.startswith("# "):
            section = line[2:].lower()
        entry = re.match(r"\*(\w+)\* \(default: (.*)\)$", line)
        if entry:
            value = "" if entry.group(2) == "empty" else entry.group(2)
            found.append((section, entry.group(1), value))
            after = tree.text(PAGE).splitlines()[number:number + 1]
            if not after or not after[0].startswith("\t"):
                tree.complain(PAGE, number, f"{entry.group(1)} has no description")
    return found


keys = from_header()
for path, found in ((FILE, from_file()), (PAGE, from_page())):
    for section, key, value in keys:
        here = [v for s, k, v in found if (s, k) == (section, key)]
        if not here:
            tree.complain(path, 1, f"[{section}] {key} is missing")
        elif here != [value]:
            tree.complain(path, 1, f"[{section}] {key} is '{here[0]}', but its default is '{value}'")
    for section, key, _ in found:
        if (section, key) not in [(s, k) for s, k, _ in keys]:
            tree.complain(path, 1, f"[{section}] {key} is no key of {KEYS}")
    if not tree.findings and [(s, k) for s, k, _ in found] != [(s, k) for s, k, _ in keys]:
        tree.complain(path, 1, f"the keys are not in the order of {KEYS}")
tree.finish(len(keys))
