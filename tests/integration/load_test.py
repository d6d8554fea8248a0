#!/usr/bin/env python3
"""carrel-load against its own fake guest, and against a gateway with the fake broker of gateway_fakes.py.

    load_test.py CARREL_LOAD CARREL_GATEWAY [unittest options]

What is held here is that nothing is lost, that failures are counted and that the exit status says so; how fast
anything is depends on the machine.
"""

import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import unittest

from gateway_fakes import PATIENCE_S, FakeBroker, Gateway

LOAD = GATEWAY = ""


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="carrel-load-")
        self.addCleanup(self.folder.cleanup)

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def load(self, *options, status=0):
        """One run; its metrics where it was meant to succeed."""
        out = self.path("run.json")
        run = subprocess.run([LOAD, "--quiet", "--json", out, *options], capture_output=True, text=True,
                             timeout=PATIENCE_S * 2, check=False)
        self.assertEqual(run.returncode, status, run.stderr)
        self.words = run.stderr
        if status in (0, 1):
            with open(out, encoding="utf-8") as f:
                return json.load(f)["metrics"]
        return None


class Direct(Case):
    def test_each_scenario_runs_without_a_target(self):
        for scenario, *options in (("login", "-n", "20"), ("stream", "-d", "0.3"), ("latency", "-d", "0.3"),
                                   ("idle", "-n", "5", "-d", "0.1"), ("reconnect", "-n", "5", "--rounds", "2"),
                                   ("slow", "-d", "0.3"), ("stream", "--tls", "-d", "0.3"), ("limit", "-d", "0.1"),
                                   ("bare", "-d", "0.1"), ("bare", "-d", "0.1", "-s", "32000"),
                                   ("latency", "-n", "3", "-d", "0.3", "--input-rate", "50"),
                                   ("stream", "-n", "3", "-d", "0.3", "--pdu-rate", "50", "--joins")):
            with self.subTest(scenario=scenario, options=options):
                m = self.load(scenario, *options)
                self.assertEqual(m.get("sessions.failed", 0), 0)
                self.assertEqual(m.get("stream.missing", 0), 0)
                self.assertEqual(m.get("guest.broken", 0), 0)

    def test_reconnecting_sessions_all_come_back(self):
        m = self.load("reconnect", "-n", "6", "--rounds", "3")
        self.assertEqual(m["sessions.logged_in"], 24)
        self.assertEqual(m["reconnect.count"], 18)
        self.assertEqual(m["sessions.lost"], 0)

    def test_a_rule_that_does_not_hold_is_the_exit_status(self):
        self.load("login", "-n", "2", "--require", "sessions.failed=0", "--require", "login.p99<60s")
        self.load("login", "-n", "2", "--require", "login.p99<1ns", status=1)
        self.assertIn("'login.p99<1ns' does not hold", self.words)
        self.load("login", "-n", "2", "--require", "logon.p99<1s", status=1)
        self.assertIn("no such figure", self.words)

    def test_a_wrong_command_line_is_told_in_words(self):
        for options, words in ((["dance"], "no scenario"), ([], "one scenario"), (["login", "-n", "0"], "--sessions"),
                               (["login", "-n", "many"], "a number"), (["login", "--target", "x"], "HOST:PORT"),
                               (["login", "--no-guest"], "nothing to load"), (["login", "--frobnicate"], "--frobnicate"),
                               (["login", "--watch", "x=0"], "process id"), (["login", "-R", "x"], "NAME<LIMIT")):
            with self.subTest(options=options):
                self.load(*options, status=2)
                self.assertIn(words, self.words)

    def test_nobody_listens_is_counted_with_its_reason(self):
        with socket.socket() as taken:  # bound, so that no other test gets it, and not listening
            taken.bind(("127.0.0.1", 0))
            m = self.load("login", "-n", "3", "--target", "127.0.0.1:%d" % taken.getsockname()[1])
        self.assertEqual((m["sessions.logged_in"], m["sessions.failed"]), (0, 3))

    def test_a_silent_target_ends_by_the_timeout(self):
        with socket.create_server(("127.0.0.1", 0)) as s:
            m = self.load("login", "-n", "2", "--timeout", "0.2", "--target", f"127.0.0.1:{s.getsockname()[1]}")
        self.assertEqual(m["sessions.failed"], 2)

    def test_reports_are_written_in_each_form(self):
        self.load("stream", "-d", "0.6", "--csv", self.path("r.csv"), "--html", self.path("r.html"),
                  "--watch", f"self={os.getpid()}")
        with open(self.path("r.csv"), encoding="utf-8") as f:
            rows = dict(line.split(",")[:2] for line in f.read().splitlines())
        self.assertGreater(float(rows["stream.bytes"]), 0)
        self.assertIn("self.memory", rows)
        with open(self.path("r.html"), encoding="utf-8") as f:
            page = f.read()
        self.assertIn("login, by percentile", page)
        self.assertIn("bytes to clients", page)
        self.assertEqual(page.count("<svg"), page.count("</svg>"))
        self.assertNotRegex(page, r"(src|href)=")
        self.assertNotRegex(page, r"\bnan\b|\binf\b")

    def test_help_names_every_option(self):
        run = subprocess.run([LOAD, "--help"], capture_output=True, text=True, timeout=PATIENCE_S, check=True)
        with open(os.path.join(os.path.dirname(__file__), "../../config/man/carrel-load.1.scd"), encoding="utf-8") as f:
            manual = f.read()
        options = set(re.findall(r"--[a-z-]+", run.stdout))
        self.assertGreater(len(options), 25)
        for option in options:
            self.assertIn(option, manual)


class ThroughTheGateway(Case):
    def setUp(self):
        super().setUp()
        with socket.create_server(("127.0.0.1", 0)) as s:
            self.guest = s.getsockname()[1]
        self.broker = FakeBroker(self.path("broker.sock"))
        self.broker.connect = {"desktop": "load-1", "address": "127.0.0.1", "port": self.guest, "fingerprint": "",
                               "credentials": "carrel", "user": "load", "password": "machine-made", "domain": ""}
        self.gateway = Gateway(GATEWAY, self.folder.name, self.broker.path)
        self.addCleanup(self.gateway.stop)
        with open(self.path("users"), "w", encoding="utf-8") as f:
            f.write("# who may\nann:right\nbob:right\n")

    def through(self, scenario, *options, users="users", status=0):
        return self.load(scenario, "--target", f"127.0.0.1:{self.gateway.port}", "--guest", f"127.0.0.1:{self.guest}",
                         "--users", self.path(users), "--watch", f"gateway={self.gateway.process.pid}", *options,
                         status=status)

    def test_every_byte_arrives(self):
        for options in (("stream", "-n", "3", "-d", "0.5"), ("stream", "-n", "2", "-d", "0.3", "-s", "14"),
                        ("stream", "-d", "0.3", "-s", "32767"), ("slow", "-n", "2", "-d", "0.5"),
                        ("latency", "-n", "4", "-d", "0.3"), ("idle", "-n", "4", "-d", "0.1", "--joins")):
            with self.subTest(options=options):
                m = self.through(*options)
                self.assertEqual((m["sessions.failed"], m["sessions.lost"], m["guest.broken"]), (0, 0, 0), self.words)
                self.assertEqual(m.get("stream.missing", 0), 0)
                self.assertIn("gateway.memory_per_session", m)

    def test_the_users_of_the_file_log_in_by_turns(self):
        m = self.through("login", "-n", "5", "-c", "1")
        self.assertEqual(m["sessions.logged_in"], 5)
        self.assertEqual([login["user"] for login in self.broker.logins], ["ann", "bob", "ann", "bob", "ann"])
        self.assertGreater(m["gateway.cpu_per_login"], 0)

    def test_a_refusal_is_counted(self):
        with open(self.path("strangers"), "w", encoding="utf-8") as f:
            f.write("eve:wrong\n")
        m = self.through("login", "-n", "2", "-R", "sessions.failed=0", users="strangers", status=1)
        self.assertEqual(m["sessions.failed"], 2)

    def test_a_crowd_comes_back_after_a_cut(self):
        m = self.through("reconnect", "-n", "8", "--rounds", "2")
        self.assertEqual((m["sessions.logged_in"], m["sessions.failed"]), (24, 0), self.words)


if __name__ == "__main__":
    LOAD, GATEWAY = sys.argv[1:3]
    unittest.main(argv=sys.argv[:1] + sys.argv[3:], verbosity=2)
