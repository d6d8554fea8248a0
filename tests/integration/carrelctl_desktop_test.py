#!/usr/bin/env python3
"""carrelctl desktop: looking into guests, snapshots; with a broker that is only Python, and a virsh that is a script.

usage: carrelctl_desktop_test.py CARRELCTL
"""

import base64
import json
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(__file__))
from carrelctl_case import FAILED, NOT_FOUND, OK, THEN, USAGE, Case  # noqa: E402

LOG = {"desktop": "office-1", "failed": True, "at": THEN, "reason": "it did not boot", "cut": False,
       "text": "line 1\nline \u00fc \x1b[2J\n"}


class Desktops(Case):
    def setUp(self):
        super().setUp()
        self.pool()
        self.broker.get_on("pools", self.broker.find("pools", "office"))

    def put(self, path, document, method="GET"):
        self.broker.instead[method, path] = (200, "application/json", json.dumps(document).encode())

    def virsh(self, script):
        path = os.path.join(self.dir.name, "virsh")
        with open(path, "w", encoding="utf-8") as file:
            file.write("#!/bin/sh\n" + script)
        os.chmod(path, 0o755)
        self.env["PATH"] = self.dir.name + ":" + self.env["PATH"]

    def test_snapshots_are_orders(self):
        for args, method, path, body in (
                (["create", "office-1", "before", "--yes"], "POST", "/v1/desktops/office-1/snapshots",
                 {"name": "before", "force": False}),
                (["restore", "office-1", "before", "--yes", "--force"], "POST",
                 "/v1/desktops/office-1/snapshots/before/restore", {"force": True}),
                (["delete", "office-1", "before", "--yes"], "DELETE", "/v1/desktops/office-1/snapshots/before", None)):
            with self.subTest(args=args):
                self.assertIn("ordered", self.check(OK, "desktop", "snapshot", *args).stdout)
                self.assertEqual(self.broker.requests[-1], (method, path, body))
        self.assertIn("before ready 3 MiB", self.check(OK, "desktop", "snapshot", "list", "office-1").stdout)
        self.refused(USAGE, "none of create", "desktop", "snapshot", "make", "office-1", "x")
        self.refused(USAGE, "needs the name", "desktop", "snapshot", "create", "office-1")
        self.refused(USAGE, "--yes", "desktop", "snapshot", "restore", "office-1", "before")

    def test_a_screenshot_is_a_file(self):
        png = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
        self.put("/v1/desktops/office-1/screenshot", {"desktop": "office-1", "at": THEN,
                                                      "png": base64.b64encode(png).decode()})
        path = os.path.join(self.dir.name, "screen.png")
        self.assertIn("screen.png", self.check(OK, "desktop", "screenshot", "office-1", "-o", path).stdout)
        with open(path, "rb") as file:
            self.assertEqual(file.read(), png)
        self.refused(USAGE, "--output", "desktop", "screenshot", "office-1")
        self.refused(FAILED, "/nowhere/x.png", "desktop", "screenshot", "office-1", "-o", "/nowhere/x.png")

    def test_a_log_is_read_anew_or_as_it_was_kept(self):
        self.put("/v1/desktops/office-1/log", LOG)
        self.broker.find("desktops", "office-1")["state"] = "ready"
        text = self.check(OK, "desktop", "log", "office-1").stdout
        self.assertIn(("POST", "/v1/desktops/office-1/log", None), self.broker.requests)
        self.assertTrue(text.startswith("line 1\nline \u00fc "), text)
        self.assertNotIn("\x1b", text)
        self.broker.requests.clear()
        path = os.path.join(self.dir.name, "log")
        self.check(OK, "desktop", "log", "office-1", "--kept", "-o", path)
        self.assertEqual([r[0] for r in self.broker.requests], ["GET"])
        with open(path, encoding="utf-8") as file:
            self.assertEqual(file.read(), LOG["text"])
        # A desktop that is gone has only what was kept.
        self.put("/v1/desktops/office-9/log", LOG)
        self.assertIn("line 1", self.check(OK, "desktop", "log", "office-9").stdout)
        self.refused(NOT_FOUND, "there is no desktop", "desktop", "log", "office-8")

    def test_the_last_words_stand_below(self):
        desktop = self.broker.find("desktops", "office-1")
        desktop["last_words"] = "a panic\n\x1b[31mat last"
        text = self.check(OK, "desktop", "show", "office-1").stdout
        self.assertIn("  a panic\n", text)
        self.assertNotIn("\x1b", text)
        self.broker.find("pools", "office")["last_failure"] = {
            "desktop": "office-7", "at": THEN, "reason": "it did not boot", "last_words": "grub rescue>"}
        text = self.check(OK, "pool", "show", "office").stdout
        self.assertIn("office-7", text)
        self.assertIn("desktop log office-7 --kept):\n  grub rescue>\n", text)

    def test_a_console_is_virshs(self):
        self.put("/v1/desktops/office-1/console", {"desktop": "office-1", "host": "here", "uri": "test:///default",
                                                   "domain": "uuid-1"}, "POST")
        self.virsh('echo "virsh: $*"; read line; echo "typed: $line"\n')
        term = self.terminal("desktop", "console", "office-1", "--force")
        term.expect("Ctrl+] leaves it")
        term.expect("virsh: --quiet --escape ^] --connect test:///default console --force uuid-1")
        term.type("hello\n")
        self.assertEqual(term.end(), OK)
        self.assertIn("typed: hello", term.seen)
        self.virsh("exit 1\n")
        term = self.terminal("desktop", "console", "office-1")
        self.assertEqual(term.end(), FAILED)
        self.assertIn("somebody else may have it", term.seen)
        self.refused(USAGE, "needs a terminal", "desktop", "console", "office-1")


if __name__ == "__main__":
    unittest.main()
