#!/usr/bin/env python3
"""carrelctl as a person and as a script meets it, against a broker made of Python (carrelctl_fake.py).

    carrelctl_test.py CARRELCTL [unittest options]

No test waits for time to pass; each waits for an answer or a line, with PATIENCE_S as its limit.
"""

import json
import os
import signal
import socket
import subprocess
import threading
import unittest

from carrelctl_case import (CARRELCTL, FAILED, NOT_FOUND, OK, PATIENCE_S, REFUSED, SOURCE, UNREACHABLE, USAGE,
                            Case)
from carrelctl_fake import FakeBroker


class Arguments(Case):
    def test_help_goes_to_the_output_and_its_absence_to_the_errors(self):
        for args in (["help"], ["--help"], ["-h"], ["pool", "--help"], ["help", "pool", "create"],
                     ["pool", "create", "--help"], ["status", "-h"], ["--help", "pool"]):
            done = self.check(OK, *args)
            self.assertTrue(done.stdout.startswith("Usage: carrelctl"), args)
            self.assertEqual(done.stderr, "")
        for args in ([], ["pool"], ["--json"]):
            done = self.check(USAGE, *args)
            self.assertTrue(done.stderr.startswith("Usage: carrelctl"), args)
            self.assertEqual(done.stdout, "")
        self.assertIn("carrelctl pool create office --image", self.check(OK, "help", "pool", "create").stdout)
        self.assertRegex(self.check(OK, "--version").stdout, r"^carrelctl \d")
        self.assertEqual(self.broker.requests, [])

    def test_every_command_has_help_with_an_example(self):
        with open(SOURCE + "/config/man/carrelctl.1.scd") as f:
            manual = f.read()
        for noun in "user group entitlement pool image desktop data-disk host machine session gateway event".split():
            text = self.check(OK, "help", noun).stdout
            verbs = [line.split()[0] for line in text.split("Commands:\n")[1].split("\n\n")[0].splitlines()]
            self.assertGreater(len(verbs), 1)
            for verb in verbs:
                text = self.check(OK, "help", noun, verb).stdout
                self.assertIn(f"Examples:\n  carrelctl {noun} {verb}", text)
                self.assertTrue(all(len(line) <= 110 for line in text.splitlines()), text)
                self.assertIn(f"*{noun} {verb}*", manual)
                options = text.split("\nOptions of all commands:")[0].split("\nOptions:\n")[1:]
                for line in "".join(options).splitlines():
                    option = next(word for word in line.split() if word.startswith("--"))
                    self.assertIn(f"*{option}", manual, f"{noun} {verb}")

    def test_a_message_goes_to_those_who_are_named(self):
        self.check(NOT_FOUND, "session", "message", "s-1", "s-2", "Save your work.")  # each is tried
        asked = [(method, path) for method, path, _ in self.broker.requests]
        self.assertEqual(asked, [("POST", "/v1/sessions/s-1/message"), ("POST", "/v1/sessions/s-2/message")])
        self.refused(USAGE, "needs SESSION and TEXT", "session", "message", "Save your work.")
        self.refused(USAGE, "is it in quotes?", "session", "message", "--all", "Save", "it")
        self.refused(USAGE, "exclude one another", "session", "message", "--all", "--pool", "office", "Save it")
        self.refused(USAGE, "between 3s and 10min, not '1h'", "session", "message", "--all", "--for", "1h", "Save it")
        self.refused(USAGE, "longer than 500 bytes", "session", "message", "--all", "x" * 501)
        self.refused(USAGE, "a word of the command is empty", "session", "message", "--all", "")

    def test_a_slip_gets_a_suggestion(self):
        self.refused(USAGE, "did you mean 'pool'?", "poool")
        self.refused(USAGE, "did you mean 'desktop'?", "dekstop", "list")
        self.refused(USAGE, "did you mean 'pool delete'?", "pool", "rm", "x")
        self.refused(USAGE, "did you mean 'session logoff'?", "session", "logout", "x")
        self.refused(USAGE, "did you mean --image?", "pool", "create", "x", "--imagee", "y")
        self.refused(USAGE, "see 'carrelctl help'", "frobnicate")
        self.refused(USAGE, "did you mean 'user'?", "help", "usr")

    def test_wrong_words_and_values_are_told_before_the_broker_is_asked(self):
        for words, args in (
            ("needs NAME", ["pool", "show"]), ("does not take 'b'", ["pool", "show", "a", "b"]),
            ("needs --image IMAGE", ["pool", "create", "x"]), ("--image needs a value", ["pool", "create", "x", "--image"]),
            ("--spare is a whole number, not '2x'", ["pool", "set", "x", "--spare", "2x"]),
            ("between 0 and 100000", ["pool", "set", "x", "--spare", "100001"]),
            ("between 0 and 100000, not '-1'", ["pool", "set", "x", "--spare", "-1"]),
            ("not '99999999999999999999'", ["pool", "set", "x", "--spare", "99999999999999999999"]),
            ("between 64MiB and", ["pool", "set", "x", "--memory", "1MiB"]),
            ("one of floating, dedicated, static, not", ["pool", "create", "x", "--image", "y", "--kind", "z"]),
            ("not '-1'", ["pool", "set", "x", "--spare", "-1"]),
            ("not '99999999999999999999'", ["pool", "set", "x", "--spare", "99999999999999999999"]),
            ("a size such as 2GiB", ["pool", "set", "x", "--memory", "2GB"]),
            ("nothing to change", ["pool", "set", "x"]),
            ("no column 'sise'", ["image", "list", "--columns", "name,sise"]),
            ("prints no table", ["pool", "show", "x", "--columns", "name"]),
            ("is not a name", ["pool", "show", ".."]), ("is empty", ["pool", "show", ""]),
            ("either --user NAME or --group NAME", ["entitlement", "add", "x"]),
            ("either --user NAME or --group NAME", ["entitlement", "add", "x", "--user", "a", "--group", "b"]),
            ("No such file", ["image", "import", "x", "/no/such/disk"]),
            ("belong together", ["image", "import", "x", "/dev/null", "--kernel", "/dev/null"]),
            ("no option -x", ["-x"]), ("--json takes no value", ["pool", "list", "--json=1"]),
        ):
            with self.subTest(args=args):
                self.refused(USAGE, words, *args)
        self.assertEqual(self.broker.requests, [])

    def test_general_options_stand_anywhere(self):
        self.pool()
        for args in (["--json", "pool", "list"], ["pool", "--json", "list"], ["pool", "list", "--json"]):
            self.assertEqual(json.loads(self.check(OK, *args).stdout)["items"][0]["name"], "office")

    def test_names_are_encoded_in_paths(self):
        self.refused(NOT_FOUND, "a/b?c d%", "pool", "show", "a/b?c d%")
        self.assertEqual(self.broker.requests[-1][1], "/v1/pools/a%2Fb%3Fc%20d%25")
        self.check(NOT_FOUND, "user", "show", "anna@example.org")
        self.assertEqual(self.broker.requests[-1][1], "/v1/users/anna@example.org")


class OneTimeCodes(Case):
    def setUp(self):
        super().setUp()
        self.check(OK, "user", "create", "anna", "--no-password")

    def test_are_set_up_and_removed(self):
        done = self.check(OK, "user", "otp", "enable", "anna")
        self.assertEqual(self.broker.requests[-1][:2], ("POST", "/v1/users/anna/otp"))
        self.assertIn("\nURI:    otpauth://totp/Carrel:anna?secret=GEZD", done.stdout)
        self.assertIn("\nSecret: GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ\n", done.stdout)
        self.assertNotIn("\033", done.stdout)
        self.assertRegex(self.check(OK, "user", "show", "anna").stdout, r"One-time codes: +set up")
        self.refused(REFUSED, "already", "user", "otp", "enable", "anna")
        self.refused(USAGE, "--yes", "user", "otp", "disable", "anna")
        self.check(OK, "user", "otp", "disable", "anna", "--yes")
        self.assertRegex(self.check(OK, "user", "show", "anna").stdout, r"One-time codes: +none")
        answer = json.loads(self.check(OK, "user", "otp", "enable", "anna", "--json").stdout)
        self.assertEqual(answer["secret"], "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ")

    def test_are_a_picture_on_a_terminal(self):
        term = self.terminal("user", "otp", "enable", "anna")
        self.assertEqual(term.end(), OK)
        rows = [line for line in term.seen.splitlines() if "\033[30;107m" in line]
        self.assertGreater(len(rows), 15)
        self.assertEqual(len({len(row) for row in rows}), 1)
        self.assertIn("Secret: GEZD", term.seen)

    def test_slips_are_told(self):
        self.refused(USAGE, "'user otp enable NAME'", "user", "otp", "anna", "enable")
        self.refused(USAGE, "needs enable|disable NAME", "user", "otp", "enable")
        self.refused(NOT_FOUND, "nobody", "user", "otp", "enable", "nobody")


class Commands(Case):
    def test_the_way_of_a_new_administrator(self):
        self.check(OK, "image", "import", "debian", "/dev/null", "--guest-user", "desktop", "--session-hook")
        self.assertEqual(self.broker.requests[0][2], {"name": "debian", "source": "/dev/null",
                                                      "guest_user": "desktop", "session_hook": True})
        done = self.check(OK, "pool", "create", "office", "--image", "debian", "--spare", "2", "--max", "20",
                          "--memory", "2GiB", "--vcpus", "4", "--credentials", "user", "--wait")
        self.assertEqual(done.stdout, "pool office created, 2 ready\n")
        self.check(OK, "user", "create", "anna", "--full-name", "Anna", "--password-file", "-", stdin="s3cret\n")
        self.check(OK, "group", "create", "staff")
        self.check(OK, "group", "add", "staff", "anna")
        self.check(OK, "entitlement", "add", "office", "--group", "staff")
        posts = [r[2] for r in self.broker.requests if r[0] == "POST"]
        self.assertEqual(posts[1], {"name": "office", "image": "debian", "spare": 2, "max": 20, "memory_mib": 2048,
                                    "vcpus": 4, "credentials": "user"})
        self.assertEqual(posts[2], {"name": "anna", "full_name": "Anna", "password": "s3cret"})
        self.assertEqual(posts[4], {"pool": "office", "group": "staff"})
        self.assertIn("group staff", self.check(OK, "entitlement", "list").stdout)
        self.check(OK, "entitlement", "remove", "office", "--group", "staff")
        self.refused(NOT_FOUND, "no entitlement of group staff to pool office", "entitlement", "remove", "office",
                     "--group", "staff")
        self.refused(USAGE, "say whose", "entitlement", "remove", "office")
        self.assertIn("anna", self.check(OK, "group", "show", "staff").stdout)

    def test_a_static_pool_is_made_of_machines(self):
        done = self.check(OK, "pool", "create", "hall", "--kind", "static", "--balance", "depth", "--trust", "any")
        self.assertIn("carrelctl machine add hall ADDRESS", done.stdout)
        for typed, body in (("192.0.2.7", {"address": "192.0.2.7"}),
                            ("192.0.2.8:3390", {"address": "192.0.2.8", "port": 3390}),
                            ("fd00::7", {"address": "fd00::7"}), ("[fd00::8]", {"address": "fd00::8"}),
                            ("[fd00::9]:3390", {"address": "fd00::9", "port": 3390})):
            self.check(OK, "machine", "add", "hall", typed)
            self.assertEqual(self.broker.requests[-1], ("POST", "/v1/machines", dict(body, pool="hall")))
        self.check(OK, "machine", "add", "hall", "192.0.2.9", "--name", "pc", "--sessions", "4", "--fingerprint", "ab")
        self.assertEqual(self.broker.requests[-1][2], {"pool": "hall", "address": "192.0.2.9", "name": "pc",
                                                       "sessions_max": 4, "fingerprint": "ab"})
        for typed in (":3389", "[fd00::7", "[]:3389", "192.0.2.7:", "192.0.2.7:x", "192.0.2.7:65536", "1.2.3.4:0x1",
                      "a" * 64):
            self.refused(USAGE, "is no address", "machine", "add", "hall", typed)
        self.assertRegex(self.check(OK, "machine", "list").stdout, r"pc +hall +up .*192\.0\.2\.9:3389 +0 of 4")

    def test_every_simple_command_reaches_its_path(self):
        self.pool()
        self.check(OK, "pool", "create", "hall", "--kind", "static")
        self.check(OK, "machine", "add", "hall", "192.0.2.7", "--name", "pc")
        self.check(OK, "user", "create", "anna", "--no-password")
        self.check(OK, "host", "add", "here", "qemu:///system")
        self.check(OK, "group", "create", "staff")
        self.broker.sessions["s-1"] = {"id": "s-1", "state": "active"}
        self.broker.gateways["g1"] = {"name": "g1", "up": True, "fingerprint": "abcdef01"}
        self.broker.get_on("pools", self.broker.find("pools", "office"))
        for args, method, path, body in (
            (["user", "disable", "anna"], "PATCH", "/v1/users/anna", {"disabled": True}),
            (["user", "enable", "anna"], "PATCH", "/v1/users/anna", {"disabled": False}),
            (["user", "set", "anna", "--full-name", "A"], "PATCH", "/v1/users/anna", {"full_name": "A"}),
            (["group", "add", "staff", "anna"], "PUT", "/v1/groups/staff/members/anna", None),
            (["group", "remove", "staff", "anna"], "DELETE", "/v1/groups/staff/members/anna", None),
            (["group", "delete", "staff", "--yes"], "DELETE", "/v1/groups/staff", None),
            (["user", "delete", "anna", "-y"], "DELETE", "/v1/users/anna", None),
            (["host", "drain", "here"], "PATCH", "/v1/hosts/here", {"mode": "draining"}),
            (["host", "undrain", "here"], "PATCH", "/v1/hosts/here", {"mode": "active"}),
            (["host", "maintenance", "here", "--yes"], "PATCH", "/v1/hosts/here", {"mode": "maintenance"}),
            (["host", "set", "here", "--labels", "ssd rack=a", "--cpu-percent", "400"], "PATCH", "/v1/hosts/here",
             {"labels": "ssd rack=a", "cpu_percent": 400}),
            (["pool", "set", "office", "--placement", "pack", "--host-labels", "ssd !gpu", "--apart", "rack"], "PATCH",
             "/v1/pools/office", {"placement": "pack", "host_labels": "ssd !gpu", "apart": "rack"}),
            (["host", "remove", "here", "--yes"], "DELETE", "/v1/hosts/here", None),
            (["machine", "list", "--pool", "hall"], "GET", "/v1/machines?pool=hall", None),
            (["machine", "show", "pc"], "GET", "/v1/machines/pc", None),
            (["machine", "drain", "pc"], "PATCH", "/v1/machines/pc", {"draining": True}),
            (["machine", "resume", "pc"], "PATCH", "/v1/machines/pc", {"draining": False}),
            (["machine", "set", "pc", "--sessions", "2", "--fingerprint", ""], "PATCH", "/v1/machines/pc",
             {"sessions_max": 2, "fingerprint": ""}),
            (["machine", "remove", "pc", "--yes"], "DELETE", "/v1/machines/pc", None),
            (["pool", "set", "hall", "--balance", "breadth"], "PATCH", "/v1/pools/hall", {"balance": "breadth"}),
            (["pool", "disable", "office"], "PATCH", "/v1/pools/office", {"enabled": False}),
            (["pool", "enable", "office"], "PATCH", "/v1/pools/office", {"enabled": True}),
            (["pool", "set", "office", "--memory", "512MiB"], "PATCH", "/v1/pools/office", {"memory_mib": 512}),
            (["pool", "retry", "office"], "POST", "/v1/pools/office/retry", None),
            (["desktop", "detach", "office-1"], "POST", "/v1/desktops/office-1/maintenance", None),
            (["desktop", "detach", "office-1", "--reason", "black screen"], "POST",
             "/v1/desktops/office-1/maintenance", {"reason": "black screen"}),
            (["desktop", "attach", "office-1"], "POST", "/v1/desktops/office-1/release", None),
            (["desktop", "recycle", "office-1", "--yes"], "POST", "/v1/desktops/office-1/recycle", None),
            (["desktop", "list", "--pool", "office", "--state", "in_use"], "GET",
             "/v1/desktops?pool=office&state=in_use", None),
            (["session", "disconnect", "s-1"], "POST", "/v1/sessions/s-1/disconnect", None),
            (["session", "logoff", "s-1", "--yes"], "POST", "/v1/sessions/s-1/logoff", None),
            (["session", "logoff", "s-1", "--yes", "--warn", "5min"], "POST", "/v1/sessions/s-1/logoff",
             {"warn_seconds": 300}),
            (["session", "message", "s-1", "Save your work.", "--for", "1min"], "POST", "/v1/sessions/s-1/message",
             {"text": "Save your work.", "seconds": 60}),
            (["session", "list", "--all", "--user", "anna", "--limit", "5"], "GET",
             "/v1/sessions?user=anna&ended=1&limit=5", None),
            (["gateway", "list"], "GET", "/v1/gateways", None),
            (["gateway", "show", "g1"], "GET", "/v1/gateways/g1", None),
            (["gateway", "drain", "g1"], "POST", "/v1/gateways/g1/drain", None),
            (["gateway", "undrain", "g1"], "POST", "/v1/gateways/g1/undrain", None),
            (["event", "list", "--after", "3", "--limit", "7"], "GET", "/v1/events?limit=7&after=3", None),
            (["image", "publish", "debian", "/dev/null", "--no-wait"], "POST", "/v1/images/debian/versions",
             {"source": "/dev/null"}),
            (["image", "prune", "debian", "--keep", "1"], "POST", "/v1/images/debian/prune", {"keep": 1}),
            (["pool", "roll", "office", "--image", "debian@2", "--max-unavailable", "10%", "--force-after", "2h",
              "--at", "2030-01-01T00:00:00Z", "--failures", "5"], "POST", "/v1/pools/office/roll",
             {"image": "debian@2", "max_unavailable": 10, "force_after_s": 7200, "at": "2030-01-01T00:00:00Z",
              "failure_limit": 5}),
            (["pool", "power", "office"], "GET", "/v1/pools/office/power", None),
            (["pool", "power", "office", "--mode", "on-connect", "--zone", "Europe/Berlin", "--idle", "suspend",
              "--idle-after", "30min", "--autoscale", "off"], "PATCH", "/v1/pools/office/power",
             {"mode": "on-connect", "zone": "Europe/Berlin", "idle": "suspend", "idle_after_s": 1800,
              "autoscale": False}),
            (["pool", "schedule", "add", "office", "--days", "mon-fri", "--from", "07:30", "--to", "18:00", "--spare",
              "20"], "POST", "/v1/pools/office/schedule",
             {"days": "mon-fri", "from": "07:30", "to": "18:00", "spare": 20}),
            (["pool", "schedule", "add", "office", "--days", "sun", "--from", "00:00", "--to", "24:00", "--mode",
              "off"], "POST", "/v1/pools/office/schedule", {"days": "sun", "from": "00:00", "to": "24:00",
                                                            "mode": "off"}),
            (["pool", "schedule", "list", "office"], "GET", "/v1/pools/office/schedule", None),
            (["pool", "schedule", "remove", "office", "1"], "DELETE", "/v1/pools/office/schedule/1", None),
            (["pool", "roll", "office"], "GET", "/v1/pools/office/roll", None),
            (["pool", "roll", "office", "--status"], "GET", "/v1/pools/office/roll", None),
            (["pool", "roll", "office", "--pause"], "PATCH", "/v1/pools/office/roll", {"action": "pause"}),
            (["pool", "roll", "office", "--resume"], "PATCH", "/v1/pools/office/roll", {"action": "resume"}),
            (["pool", "roll", "office", "--back"], "PATCH", "/v1/pools/office/roll", {"action": "back"}),
            (["pool", "delete", "office", "--yes"], "DELETE", "/v1/pools/office", None),
            (["image", "delete", "debian", "--yes"], "DELETE", "/v1/images/debian", None),
            (["status"], "GET", "/v1/status", None),
        ):
            for form in ([], ["--json"]) if method == "GET" else ([],):
                with self.subTest(args=args + form):
                    done = self.check(OK, *args, *form)
                    self.assertEqual(self.broker.requests[-1], (method, path, body))
                    self.assertEqual(done.stderr, "")
                    if form:
                        json.loads(done.stdout)

    def test_json_is_one_document_whatever_happens(self):
        self.pool()
        for status, args in ((OK, ["pool", "show", "office"]), (NOT_FOUND, ["pool", "show", "nix"]),
                             (USAGE, ["pool", "delete", "office"]), (OK, ["pool", "delete", "office", "--yes"]),
                             (OK, ["group", "create", "g"]), (REFUSED, ["group", "create", "g"])):
            with self.subTest(args=args):
                self.assertIsInstance(json.loads(self.check(status, *args, "--json").stdout), dict)
        env = dict(self.env, CARREL_SOCKET="/nowhere")
        self.assertEqual(json.loads(self.check(UNREACHABLE, "status", "--json", env=env).stdout)["code"],
                         "unreachable")

    def test_an_order_can_be_waited_for(self):
        self.pool()
        self.broker.get_on("pools", self.broker.find("pools", "office"))
        self.assertEqual(self.check(OK, "desktop", "recycle", "office-1", "--yes", "--wait").stdout,
                         "desktop office-1 recycled\n")
        self.refused(FAILED, "the guest is gone", "desktop", "restart", "office-1", "--yes", "--wait")


class Tables(Case):
    def test_a_pipe_gets_plain_whole_lines(self):
        self.pool()
        self.broker.find("pools", "office")["image"] = "x" * 300
        lines = self.check(OK, "pool", "list").stdout.splitlines()
        self.assertEqual(lines[0].split()[:3], ["NAME", "STATE", "KIND"])
        self.assertIn("x" * 300, lines[1])
        self.assertNotIn("\x1b", lines[1])

    def test_a_pool_says_how_many_stand_ready_and_why(self):
        self.pool()
        self.check(OK, "pool", "power", "office", "--idle", "suspend", "--idle-after", "30min")
        said = self.check(OK, "pool", "show", "office").stdout
        self.assertIn("12: schedule Mon-Fri 07:30-18:00 says 10, usual demand at 08:00 says 12; until ", said)
        self.assertIn("after 30 min their desktops are suspended", said)
        self.assertIn("after 30 min their desktops", self.check(OK, "pool", "power", "office").stdout)
        for words, args in (("needs --days, --from and --to", ["add", "office", "--days", "mon"]),
                            ("needs the number of a rule", ["remove", "office"]), ("takes no number", ["list", "office", "1"]),
                            ("only with 'pool schedule add'", ["list", "office", "--spare", "1"]),
                            ("wants add, list or remove", ["show", "office"])):
            self.refused(USAGE, words, "pool", "schedule", *args)

    def test_columns_are_chosen_and_headings_left_out(self):
        self.pool()
        done = self.check(OK, "pool", "list", "--columns", "Memory,name", "--no-headings")
        self.assertEqual(done.stdout.split(), ["1", "GiB", "office"])
        self.assertIn("CREDENTIALS", self.check(OK, "pool", "list", "--columns", "all").stdout)

    def test_a_guests_words_do_no_harm_to_the_terminal(self):
        self.broker.sessions["s-1"] = {"id": "s-1", "user": "é", "state": "active", "end_detail": "x\x1b[2Jy\nz",
                                       "client_name": "\x1b]0;owned\x07\u009b31m", "client_address": "::1"}
        for args in (["session", "list"], ["session", "show", "s-1"]):
            text = self.check(OK, *args).stdout
            self.assertNotIn("\x1b", text)
            self.assertNotIn("\u009b", text)
            self.assertIn("é", text)
        self.assertIn("Detail:  ", self.check(OK, "session", "show", "s-1").stdout.replace("         ", "  "))

    def test_status_tells_who_takes_nothing_new(self):
        shown = self.check(OK, "status").stdout
        self.assertRegex(shown, r"(?m)^Gateways: +3 up \(2 draining\), 1 down$")
        self.assertRegex(shown, r"(?m)^Hosts: +%d up$" % self.broker.hosts_up)

    def test_strange_values_show_as_absent(self):
        self.broker.instead["GET", "/v1/pools"] = (200, "application/json", json.dumps({"items": [
            {"name": 7, "ready": "many", "desktops": None, "created": "yesterday", "memory_mib": -3}, 5, None]}).encode())
        lines = self.check(OK, "pool", "list", "--columns", "name,created,memory").stdout.splitlines()
        self.assertEqual([line.split() for line in lines[1:]], [["7", "-", "-"], ["-", "-", "-"], ["-", "-", "-"]])

    def test_a_terminal_gets_colours_hints_and_its_width(self):
        term = self.terminal("pool", "list")
        self.assertEqual(term.end(), OK)
        self.assertIn("There are no pools yet", term.seen)
        self.pool()
        term = self.terminal("pool", "list")
        self.assertEqual(term.end(), OK)
        self.assertIn("\x1b[32menabled", term.seen)
        self.env["NO_COLOR"] = "1"
        term = self.terminal("pool", "list")
        self.assertEqual(term.end(), OK)
        self.assertNotIn("\x1b[32m", term.seen)

    def test_a_full_disk_is_no_success(self):
        self.pool()
        with open("/dev/full", "w") as full:
            done = subprocess.run([CARRELCTL, "pool", "list", "--json"], stdout=full, stderr=subprocess.PIPE,
                                  text=True, env=self.env, timeout=PATIENCE_S)
        self.assertEqual(done.returncode, FAILED)
        self.assertIn("cannot be written", done.stderr)


class Answers(Case):
    def test_problems_have_their_exit_status_and_words(self):
        for http, status in ((400, USAGE), (401, REFUSED), (403, REFUSED), (404, NOT_FOUND), (409, REFUSED),
                             (413, USAGE), (429, REFUSED), (500, FAILED), (503, FAILED)):
            body = json.dumps({"status": http, "detail": "Not so. Because.", "title": "t"}).encode()
            self.broker.instead["GET", "/v1/pools"] = (http, "application/problem+json", body)
            self.refused(status, "not so. Because.", "pool", "list")
        self.broker.instead["GET", "/v1/pools"] = (418, "text/plain", b"teapot")
        self.refused(FAILED, "answered 418 to GET /v1/pools", "pool", "list")

    def test_bad_answers_are_told_and_do_not_crash(self):
        for body, words in ((b"", "no JSON object"), (b"<html>", "no JSON object"), (b"[1]", "no JSON object"),
                            (b'{"items": 5}', "is no list"), (b"{}", "is no list"),
                            (b'{"items": [', "no JSON object"), (b"\xff\xfe", "no JSON object")):
            self.broker.instead["GET", "/v1/pools"] = (200, "application/json", body)
            for form in ([], ["--json"]):
                with self.subTest(body=body, form=form):
                    self.refused(FAILED, words, "pool", "list", *form)

    def test_an_absent_broker_is_unreachable(self):
        env = dict(self.env, CARREL_SOCKET=self.dir.name + "/none")
        self.refused(UNREACHABLE, "is carrel-broker running?", "status", env=env)
        env["CARREL_SOCKET"] = self.dir.name + "/dead"
        with socket.socket(socket.AF_UNIX) as dead:
            dead.bind(env["CARREL_SOCKET"])
        self.refused(UNREACHABLE, "nobody listens", "status", env=env)
        self.refused(USAGE, "too long", "--socket", "/x" * 500, "status")

    def test_a_broker_that_breaks_off_is_unreachable(self):
        path = self.dir.name + "/rude"
        with socket.socket(socket.AF_UNIX) as rude:
            rude.bind(path)
            rude.listen()

            def serve():
                peer = rude.accept()[0]
                peer.recv(4096)
                peer.close()

            thread = threading.Thread(target=serve)
            thread.start()
            self.refused(UNREACHABLE, "broke off", "--socket", path, "status")
            thread.join()

    def test_the_socket_is_found_by_option_environment_and_configuration(self):
        config = self.dir.name + "/carrel.conf"
        with open(config, "w") as f:
            f.write(f"[broker]\nsocket = {self.socket}\n")
        env = dict(self.env, CARREL_SOCKET="/nowhere")
        self.check(OK, "--config", config, "status", env=env)
        self.check(OK, "--socket", self.socket, "status", env=env)
        self.check(UNREACHABLE, "status", env=env)
        with open(config, "w") as f:
            f.write("[broker]\nsokcet = /x\n")
        self.refused(USAGE, "carrel.conf:2", "--config", config, "status")


class Progress(Case):
    def test_plain_lines_without_a_terminal(self):
        done = self.check(OK, "image", "import", "debian", "/dev/null")
        self.assertEqual(done.stdout, "image debian is ready\n")
        self.assertEqual(done.stderr.splitlines()[0], "Importing debian: 40 %, checking and copying")
        self.assertEqual(done.stderr.splitlines()[-1], "Importing debian: 100 %, ready")
        self.assertNotIn("\r", done.stderr)

    def test_a_bar_on_a_terminal(self):
        term = self.terminal("image", "import", "debian", "/dev/null")
        self.assertEqual(term.end(), OK)
        self.assertIn("\rImporting debian [#########...............]  40 %", term.seen)
        self.assertIn("[########################] 100 %  ready", term.seen)
        self.assertTrue(term.seen.endswith("image debian is ready\r\n"), term.seen)

    def test_a_failed_import_says_why(self):
        self.broker.import_fails = "x.qcow2 is not a disk"
        done = self.check(FAILED, "image", "import", "debian", "/dev/null")
        self.assertIn("carrelctl: image debian cannot be used: x.qcow2 is not a disk\n", done.stderr)
        done = self.check(FAILED, "image", "import", "other", "/dev/null", "--json")
        self.assertEqual(json.loads(done.stdout)["state"], "failed")

    def test_a_stopped_pool_says_why_and_what_to_do(self):
        self.check(OK, "image", "import", "debian", "/dev/null", "--no-wait")
        self.broker.pool_fails = "the image has no boot loader"
        done = self.check(FAILED, "pool", "create", "office", "--image", "debian", "--wait")
        self.assertIn("stopped after 8 failures: the image has no boot loader. 'carrelctl pool retry office'",
                      done.stderr)
        self.assertEqual(done.stdout, "")

    def test_a_pool_that_is_not_ready_in_time_says_how_far_it_is(self):
        self.check(OK, "image", "import", "debian", "/dev/null", "--no-wait")
        self.broker.hosts_up = 0
        done = self.check(FAILED, "pool", "create", "office", "--image", "debian", "--wait", "--timeout", "4s",
                          "--json")
        self.assertIn("not ready after 4 s: 0 of 1 ready; no host is up", done.stderr)
        self.assertEqual(json.loads(done.stdout)["name"], "office")

    def test_a_disabled_pool_is_not_waited_for(self):
        self.check(OK, "image", "import", "debian", "/dev/null", "--no-wait")
        done = self.check(FAILED, "pool", "create", "office", "--image", "debian", "--wait", "--disabled")
        self.assertIn("is disabled", done.stderr)


class Passwords(Case):
    def test_asked_twice_without_echo(self):
        term = self.terminal("user", "create", "anna")
        term.expect("Password for anna: ")
        term.type("geheim wört\n")
        term.expect("The same again: ")
        term.type("geheim wört\n")
        self.assertEqual(term.end(), OK)
        self.assertNotIn("geheim", term.seen)
        self.assertEqual(self.broker.requests[-1][2]["password"], "geheim wört")

    def test_two_that_differ_change_nothing(self):
        term = self.terminal("user", "passwd", "anna")
        term.expect("Password for anna: ")
        term.type("one\n")
        term.expect("again: ")
        term.type("two\n")
        self.assertEqual(term.end(), FAILED)
        self.assertIn("not the same; nothing was changed", term.seen)
        self.assertEqual(self.broker.requests, [])

    def test_an_interrupt_leaves_the_terminal_with_its_echo(self):
        term = self.terminal("user", "passwd", "anna")
        term.expect("Password for anna: ")
        term.type("half\x03")
        self.assertEqual(term.end(), -signal.SIGINT)
        self.assertNotIn("half", term.seen)
        self.assertEqual(self.broker.requests, [])

    def test_read_from_a_file_or_the_standard_input(self):
        self.check(OK, "user", "create", "anna", "--no-password")
        name = self.dir.name + "/password"
        for content, sent in ((b"one\n", "one"), (b"two", "two"), (b"three\r\nmore\n", "three"), (b" x \n", " x ")):
            with open(name, "wb") as f:
                f.write(content)
            self.check(OK, "user", "passwd", "anna", "--password-file", name)
            self.assertEqual(self.broker.requests[-1][2], {"password": sent})
        self.check(OK, "user", "passwd", "anna", "--password-file", "-", stdin="four\n")
        self.assertEqual(self.broker.requests[-1][2], {"password": "four"})

    def test_one_that_is_to_be_changed(self):
        self.check(OK, "user", "create", "anna", "--must-change", "--password-file", "-", stdin="first one\n")
        self.assertEqual(self.broker.requests[-1][2], {"name": "anna", "password": "first one",
                                                       "must_change_password": True})
        self.check(OK, "user", "passwd", "anna", "--must-change", "--password-file", "-", stdin="second\n")
        self.assertEqual(self.broker.requests[-1][2], {"password": "second", "must_change_password": True})
        self.check(OK, "user", "set", "anna", "--expire-password")
        self.assertEqual(self.broker.requests[-1][2], {"must_change_password": True})
        self.assertIn("set, to be changed at the next log-in", self.check(OK, "user", "show", "anna").stdout)
        self.refused(USAGE, "nothing to change", "user", "set", "anna")

    def test_one_that_is_refused(self):
        self.check(OK, "user", "create", "anna", "--no-password")
        words = "the new password is not acceptable. A password must have at least 8 characters."
        self.broker.instead["PATCH", "/v1/users/anna"] = (400, "application/problem+json", json.dumps({
            "type": "about:blank", "title": "Refused", "status": 400, "detail": words, "code": "password-refused"}).encode())
        done = self.refused(USAGE, words, "user", "passwd", "anna", "--password-file", "-", stdin="short\n")
        self.assertNotIn("short", done.stderr)

    def test_refused_without_a_way_to_ask_or_a_proper_file(self):
        name = self.dir.name + "/password"
        self.refused(USAGE, "give --password-file FILE", "user", "create", "anna")
        self.refused(USAGE, "cannot be read", "user", "create", "anna", "--password-file", name)
        for content, words in ((b"", "is empty"), (b"\n", "is empty"), (b"x" * 513, "longer than 512"),
                               (b"\xff\xfe\n", "no UTF-8")):
            with open(name, "wb") as f:
                f.write(content)
            self.refused(USAGE, words, "user", "create", "anna", "--password-file", name)
        self.refused(USAGE, "exclude each other", "user", "create", "anna", "--no-password", "--password-file", name)
        self.assertEqual(self.broker.requests, [])


class Confirmation(Case):
    def test_what_destroys_needs_yes_or_a_person(self):
        self.pool()
        asked = len(self.broker.requests)
        for args in (["pool", "delete", "office"], ["user", "delete", "a"], ["group", "delete", "a"],
                     ["image", "delete", "a"], ["desktop", "recycle", "a"], ["desktop", "restart", "a"],
                     ["host", "remove", "a"], ["machine", "remove", "a"], ["session", "logoff", "a"]):
            self.refused(USAGE, "say --yes", *args, stdin="y\n")
        self.assertEqual(len(self.broker.requests), asked)

    def test_only_yes_is_yes(self):
        self.pool()
        for reply in ("\n", "n\n", "yess\n", "\x04"):
            term = self.terminal("pool", "delete", "office")
            term.expect("[y/N] ")
            term.type(reply)
            self.assertEqual(term.end(), FAILED)
            self.assertIn("nothing was done", term.seen)
        term = self.terminal("pool", "delete", "office")
        term.expect("Delete pool office with all its desktops and what is on them? [y/N] ")
        term.type("Y\n")
        self.assertEqual(term.end(), OK)
        self.assertEqual(self.broker.requests[-1][0], "DELETE")


class Events(Case):
    def follow(self, *args):
        child = subprocess.Popen([CARRELCTL, "event", "follow", *args], stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE, text=True, env=self.env)
        self.addCleanup(child.stdout.close)
        self.addCleanup(child.stderr.close)
        self.addCleanup(child.wait)
        self.addCleanup(child.kill)
        return child

    def test_the_list_is_oldest_first(self):
        self.broker.event("login.refused", "anna gave a wrong password.", user="anna")
        self.broker.event("session.started", "anna is on office-1.")
        lines = self.check(OK, "event", "list").stdout.splitlines()
        self.assertIn("wrong password", lines[1])
        self.assertIn("office-1", lines[2])

    def test_followed_as_they_come_and_from_a_number_on(self):
        self.broker.event("a.old", "Old.")
        self.broker.event("b.next", "Next.")
        child = self.follow("--after", "1", "--count", "2")
        self.assertEqual(child.stdout.readline(), "2025-01-01 12:00:00  b.next                Next.\n")
        self.broker.event("c.new", "New \x1b[1m.")
        self.assertEqual(child.stdout.readline(), "2025-01-01 12:00:00  c.new                 New ?[1m.\n")
        self.assertEqual(child.wait(PATIENCE_S), OK)

    def test_from_now_on_by_kind_and_as_json_lines(self):
        self.broker.event("session.started", "Long ago.")
        child = self.follow("--json", "--kind", "session", "--count", "1")
        with self.broker.changed:
            following = lambda: any("follow=1" in r[1] for r in self.broker.requests)
            self.assertTrue(self.broker.changed.wait_for(following, PATIENCE_S))
        self.assertIn(("GET", "/v1/events?follow=1&after=1", None), self.broker.requests)
        self.broker.event("desktop.ready", "Not this one.")
        self.broker.event("session.started", "This one.")
        self.assertEqual(json.loads(child.stdout.readline())["text"], "This one.")
        self.assertEqual(child.wait(PATIENCE_S), OK)

    def test_goes_on_behind_a_restart_of_the_broker(self):
        child = self.follow("--count", "2", "--after", "0")
        self.broker.event("a.one", "One.")
        self.assertIn("One.", child.stdout.readline())
        events = self.broker.events
        self.broker.stop()
        self.broker = FakeBroker(self.socket)
        self.broker.events = events
        self.broker.event("b.two", "Two.")
        self.assertIn("Two.", child.stdout.readline())
        self.assertEqual(child.wait(PATIENCE_S), OK)
        self.assertEqual(child.stderr.read().count("\n"), 1)  # told once, however long it takes

    def test_an_absent_broker_is_told_at_once(self):
        self.refused(UNREACHABLE, "is carrel-broker running?", "event", "follow",
                     "--socket", self.dir.name + "/none")


class Completion(Case):
    def complete(self, *words):
        done = self.check(OK, "__complete", *words)
        self.assertEqual(done.stderr, "")
        return done.stdout.split("\n")[:-1]

    def test_commands_options_and_names(self):
        self.pool()
        self.check(OK, "user", "create", "anna@x", "--no-password")
        self.assertEqual(self.complete("po"), ["pool"])
        self.assertEqual(self.complete("pool", "cr"), ["create"])
        self.assertEqual(self.complete("pool", "show", ""), ["office"])
        self.assertEqual(self.complete("pool", "show", "x"), [])
        self.assertEqual(self.complete("pool", "schedule", ""), ["add", "list", "remove"])
        self.assertEqual(self.complete("pool", "schedule", "add", ""), ["office"])
        self.assertEqual(self.complete("pool", "power", "office", "--idle", "s"), ["stop", "suspend"])
        self.assertEqual(self.complete("pool", "show", "office", ""), [])
        self.assertEqual(self.complete("entitlement", "add", "office", "--user", "a"), ["anna@x"])
        self.assertEqual(self.complete("pool", "create", "n", "--image=d"), ["--image=debian"])
        self.assertEqual(self.complete("pool", "create", "n", "--kind", "f"), ["floating"])
        self.assertIn("--spare", self.complete("pool", "set", "office", "--"))
        self.assertNotIn("--pattern", self.complete("pool", "set", "office", "--"))
        self.assertEqual(self.complete("image", "import", "x", ""), [":files"])
        self.assertEqual(self.complete("user", "list", "--columns", "name,cr"), ["name,created"])
        self.assertEqual(self.complete("help", "pool", "re"), ["retry"])
        self.assertIn("user", self.complete(""))

    def test_an_absent_broker_costs_nothing_but_the_names(self):
        self.env["CARREL_SOCKET"] = "/nowhere"
        self.assertEqual(self.complete("pool", "show", ""), [])
        self.assertEqual(self.complete("pool", "sh"), ["show"])

    def bash(self, line):
        script = """
            source "$1"; set -- "$2"
            COMP_LINE=$1 COMP_POINT=${#1}
            read -ra COMP_WORDS <<<"${1//[=@]/ & }"; [[ $1 == *' ' ]] && COMP_WORDS+=("")
            COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
            compopt() { :; }
            _carrelctl; printf '%s\\n' "${COMPREPLY[@]}" """
        env = dict(self.env, PATH=os.path.dirname(CARRELCTL) + ":" + os.environ["PATH"])
        done = subprocess.run(["bash", "-c", script, "bash", SOURCE + "/config/completion/carrelctl", line],
                              capture_output=True, text=True, timeout=PATIENCE_S, env=env)
        self.assertEqual(done.stderr, "")
        return done.stdout.split("\n")[:-1]

    def test_bash_gets_what_readline_is_to_insert(self):
        self.pool()
        self.check(OK, "user", "create", "anna@x", "--no-password")
        self.assertEqual(self.bash("carrelctl po"), ["pool"])
        self.assertEqual(self.bash("carrelctl pool show "), ["office"])
        self.assertEqual(self.bash("carrelctl pool create n --image=d"), ["debian"])
        self.assertEqual(self.bash("carrelctl user show anna@x"), ["x"])
        self.assertIn(self.dir.name + "/broker.sock", self.bash(f"carrelctl image import x {self.dir.name}/b"))


if __name__ == "__main__":
    unittest.main()
