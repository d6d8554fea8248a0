"""What the checks share: the files of the tree, and a way to complain.

A check prints one line for each finding, "path:line: what is wrong and what to do", and ends with status 1
when there was one. Files are those that git has or would take; without git, those that lie there.
"""

import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
findings = 0


def files(*endings):
    """Paths below the root, sorted, that end in one of ENDINGS (all when none is given)."""
    try:
        out = subprocess.run(["git", "-C", ROOT, "ls-files", "-co", "--exclude-standard", "-z"],
                             check=True, capture_output=True).stdout.decode()
        paths = out.split("\0")
    except (OSError, subprocess.CalledProcessError):
        paths = []
        for folder, folders, names in os.walk(ROOT):
            folders[:] = [f for f in folders if not f.startswith((".", "build"))]
            paths += [os.path.relpath(os.path.join(folder, n), ROOT) for n in names]
    return sorted(p for p in set(paths)
                  if p and p.endswith(endings or "") and os.path.isfile(os.path.join(ROOT, p)))


def text(path):
    with open(os.path.join(ROOT, path), encoding="utf-8", errors="replace") as f:
        return f.read()


def lines(path):
    """Pairs of number and line."""
    return list(enumerate(text(path).splitlines(), 1))


def includes(path):
    """(line, name, quoted) of each #include."""
    for number, line in lines(path):
        found = re.match(r'\s*#\s*include\s*([<"])([^>"]+)[>"]', line)
        if found:
            yield number, found.group(2), found.group(1) == '"'


def need_version(tool, major):
    """Skips the check where TOOL is of another version: another one formats, or complains, a little otherwise."""
    try:
        out = subprocess.run([tool, "--version"], capture_output=True, text=True, check=False).stdout
    except OSError as error:
        out = str(error)
    found = re.search(r"version (\d+)", out)
    if not found or int(found.group(1)) != major:
        print(f"skipped: the tree is held to {os.path.basename(tool)} {major}, and here is: {out.strip()}")
        sys.exit(77)


def complain(path, number, what):
    global findings
    findings += 1
    print(f"{path}:{number}: {what}")


def finish(checked):
    print(f"{checked} files looked at, {findings} findings")
    if not checked:
        print("nothing was checked: the check itself is broken")
    sys.exit(1 if findings or not checked else 0)
