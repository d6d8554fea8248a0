#!/usr/bin/env python3
"""Each check finds what it is there for: a copy of the tree without its .git gets one fault at a time, and the
check must end with status 1 and name the file; without the fault the same check must not name it."""

import os
import shutil
import subprocess
import sys
import tempfile

import tree

WORD = "TO" "DO"
# (check, file, what is put in: appended, or written if the file is new)
FAULTS = [
    ("include_walls", "gateway/planted.c", '#include "../broker/broker.h"\n'),
    ("include_walls", "broker/planted.c", "#include <gateway/gateway.h>\n"),
    ("include_walls", "vmpool/planted.c", '#include "gateway.h"\n'),
    ("include_walls", "common/planted.c", '#include "broker.h"\n'),
    ("quarantine", "broker/planted.c", "#include <libvirt/libvirt.h>\n"),
    ("quarantine", "gateway/planted.c", "#include <openssl/ssl.h>\n"),
    ("quarantine", "broker/planted.c", "#include <sqlite3.h>\n"),
    ("quarantine", "common/planted.c", "#include <microhttpd.h>\n"),
    ("quarantine", "vmpool/planted.c", "#include <curl/curl.h>\n"),
    ("quarantine", "gateway/planted.c", "#include <freerdp/freerdp.h>\n"),
    ("quarantine", "broker/planted.c", 'const char *q = "SELECT id FROM users";\n'),
    ("file_size", "gateway/planted.c", "/* a file */\n" + "int x;\n" * 1000),
    ("unfinished", "gateway/planted.c", f"/* {WORD}: later */\n"),
    ("unfinished", "gateway/planted.c", "int x; \n"),
    ("config_documented", "config/carrel.conf", "[gateway]\nplanted = 1\n"),
    ("config_documented", "config/man/carrel.conf.5.scd", "\n*planted* (default: 1)\n\tWords.\n"),
    ("fuzz_corpora", "tests/fuzz/fuzz_planted.c", "int x;\n"),
    ("fuzz_corpora", "tests/fuzz/corpus/planted/one", "x"),
    ("tests_mirror", "tests/unit/gateway/test_planted.c", "int x;\n"),
    ("format", "gateway/planted.c", "int  main( void ){return 0;}\n"),
]


def run(copy, check):
    done = subprocess.run([sys.executable, os.path.join(copy, "tests/checks", check + ".py")],
                          capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def main():
    with tempfile.TemporaryDirectory(prefix="carrel-checks.") as top:
        copy = os.path.join(top, "carrel")
        for path in tree.files():
            os.makedirs(os.path.dirname(os.path.join(copy, path)), exist_ok=True)
            shutil.copy(os.path.join(tree.ROOT, path), os.path.join(copy, path))
        for check, path, fault in FAULTS:
            place = os.path.join(copy, path)
            before = open(place, encoding="utf-8").read() if os.path.exists(place) else None
            _, clean = run(copy, check)
            os.makedirs(os.path.dirname(place), exist_ok=True)
            with open(place, "a", encoding="utf-8") as f:
                f.write(fault)
            status, output = run(copy, check)
            if status == 77:
                print(f"{check} was skipped: {output.strip()}")
            if before is None:
                os.unlink(place)
            else:
                with open(place, "w", encoding="utf-8") as f:
                    f.write(before)
            named = os.path.dirname(path) if "/corpus/" in path else path
            if status not in (1, 77) or status == 1 and named not in output:
                tree.complain(f"tests/checks/{check}.py", 1, f"does not see {fault.splitlines()[0][:60]!r} in {path}")
            if before is None and named in clean:
                tree.complain(f"tests/checks/{check}.py", 1, f"names {path}, which is not there")
    tree.finish(len(FAULTS))


main()
