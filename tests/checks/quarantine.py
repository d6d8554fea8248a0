#!/usr/bin/env python3
"""Each foreign library stays behind its door (style rule 4): only the files named here may include it, and SQL
stands only in the store's files. Tests may use what they need to play the other side."""

import re

import tree

# (headers, files that may include them, which door that is)
DOORS = [
    (r"libvirt/", r"vmpool/virt_[^/]*\.[ch]$", "vmpool/virt_*"),
    (r"openssl/", r"(.*/)?[^/]*tls[^/]*\.[ch]$", "*tls* files"),
    (r"sqlite3\.h", r"common/(db|store)_[^/]*\.c$", "common/db_*.c and common/store_*.c"),
    (r"(postgresql/)?libpq", r"common/db_pg[^/]*\.c$", "common/db_pg*.c"),
    (r"microhttpd\.h", r"(broker/(http_|api_)[^/]*\.[ch]|gateway/metrics\.c)$",
     "broker/http_*, broker/api_* and gateway/metrics.c"),
    (r"curl/", r"common/http_client_parts\.h$", "common/http_client_parts.h"),
    (r"ini\.h", r"common/config\.c$", "common/config.c"),
    (r"libsmartcols", r"broker/ctl/[^/]*\.[ch]$", "broker/ctl/"),
    (r"systemd/", r"common/daemon\.c$", "common/daemon.c"),
    (r"(gssapi/|krb5)", r"broker/kerberos\.c$", "broker/kerberos.c"),
    (r"winpr/", r"(common/sspi|gateway/lobby/peer)\.c$", "common/sspi.c and gateway/lobby/peer.c"),
    (r"qrencode\.h", r"broker/ctl/qr\.c$", "broker/ctl/qr.c"),
    (r"liboath/", r"broker/totp\.c$", "broker/totp.c"),
    (r"freerdp", r"gateway/lobby/peer\.c$", "gateway/lobby/peer.c"),
]
STATEMENT = re.compile(r'"\s*(SELECT\s.+\sFROM\s|INSERT\s+(OR\s+\w+\s+)?INTO\s|UPDATE\s+\w+\s+SET\s|DELETE\s+FROM\s|'
                       r'CREATE\s+(UNIQUE\s+)?(TABLE|INDEX)\s|PRAGMA\s|BEGIN\s+IMMEDIATE)', re.I)
STORE = re.compile(r"common/(db|store)(_[^/]*)?\.c$|common/schema/")

sources = tree.files(".c", ".h")
for path in sources:
    ours = not path.startswith("tests/")
    for number, name, _ in tree.includes(path):
        for library, door, words in DOORS:
            if ours and re.match(library, name) and not re.match(door, path):
                tree.complain(path, number, f"<{name}> is used in {words} only")
    if ours and not STORE.match(path):
        source = re.sub(r"/\*.*?\*/", lambda m: re.sub(r"[^\n]", " ", m.group(0)), tree.text(path), flags=re.S)
        for number, line in enumerate(source.splitlines(), 1):
            if STATEMENT.search(line):
                tree.complain(path, number, "SQL stands in common/db_*.c, common/store_*.c and common/schema/ only")
tree.finish(len(sources))
