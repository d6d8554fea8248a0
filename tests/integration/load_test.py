#!/usr/bin/env python3
"""carrel-load against its own fake guest, and against a gateway with the fake broker of gateway_fakes.py.

    load_test.py CARREL_LOAD CARREL_GATEWAY [unittest options]

What is held here is that nothing is lost, that failures are counted and that the exit status says so; how fast
anything is depends on the machine.
"""

import json
import os
import re
import select
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import threading
import unittest

from gateway_fakes import PATIENCE_S, FakeBroker, Gateway

LOAD = GATEWAY = ""
RECORDING = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../load/recordings/desk.rec")


def events_of(path):
    """A recording's channels, and what guest and client say in it: [(kind, channel, bytes), ...] each."""
    with open(path, "rb") as f:
        header, packed = f.read().split(b"\n\n", 1)
    raw = subprocess.run(["zstd", "-dqc"], input=packed, capture_output=True, check=True).stdout
    sides, at = {True: [], False: []}, 0
    while at < len(raw):
        _, kind, channel, length = struct.unpack_from("<IBBH", raw, at)
        sides[kind >= 128].append((kind & 127, channel, raw[at + 8:at + 8 + length]))
        at += 8 + length
    return header.decode("ascii").splitlines(), sides[True], sides[False]


class Meddler:
    """Between clients and a guest; ends TLS on both sides and alters one byte on the way to the client."""

    def __init__(self, folder, guest, at):
        self.guest, self.at = guest, at
        self.pem = os.path.join(folder, "meddler.pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                        "-subj", "/CN=meddler", "-keyout", self.pem, "-out", self.pem + ".crt"], check=True,
                       stderr=subprocess.DEVNULL)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        client, _ = self.listener.accept()
        self.listener.close()
        guest = socket.create_connection(("127.0.0.1", self.guest), PATIENCE_S)
        guest.sendall(client.recv(4096))
        client.sendall(guest.recv(4096))
        server_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server_side.load_cert_chain(self.pem + ".crt", self.pem)
        client_side = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        client_side.check_hostname, client_side.verify_mode = False, ssl.CERT_NONE
        client, guest = server_side.wrap_socket(client, server_side=True), client_side.wrap_socket(guest)
        passed = 0
        while True:
            ready = [s for s in (client, guest) if s.pending()] or select.select([client, guest], [], [], PATIENCE_S)[0]
            for source in ready:
                try:
                    piece = bytearray(source.recv(16384))
                    if source is guest and passed <= self.at < passed + len(piece):
                        piece[self.at - passed] ^= 1
                    passed += len(piece) if source is guest else 0
                    (client if source is guest else guest).sendall(piece)
                except OSError:
                    piece = b""
                if not piece:
                    client.close()
                    guest.close()
                    return


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
                                   ("slow", "-d", "0.3"), ("soak", "-n", "10", "-d", "1", "--slow-every", "5"),
                                   ("stream", "--tls", "-d", "0.3"), ("limit", "-d", "0.1"),
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
                               (["login", "--watch", "x=0"], "process id"), (["login", "-R", "x"], "NAME<LIMIT"),
                               (["soak", "--tls"], "a soak needs"), (["soak", "--slow-every", "x"], "--slow-every"),
                               (["record"], "--recording"), (["stream", "--recording", "x"], "--traffic"),
                               (["stream", "--traffic", "x"], "recording:FILE"),
                               (["latency", "--traffic", "recording:x"], "by stream")):
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
        self.assertIn("Log-in, until the desktop", page)
        self.assertIn("bytes that reached clients", page)
        self.assertEqual(page.count("<svg"), page.count("</svg>"))
        self.assertNotRegex(page, r"(src|href)=")
        self.assertNotRegex(page, r"\bnan\b|\binf\b")

    def test_what_was_required_stands_in_the_reports(self):
        m = self.load("login", "-n", "2", "--html", self.path("r.html"), "-R", "sessions.failed=0", "-R", "login.p99<1ns", status=1)
        self.assertEqual(m["sessions.failed"], 0)
        with open(self.path("run.json"), encoding="utf-8") as f:
            rules = json.load(f)["requirements"]
        self.assertEqual([(rule["rule"], rule["holds"]) for rule in rules], [("sessions.failed=0", True), ("login.p99<1ns", False)])
        with open(self.path("r.html"), encoding="utf-8") as f:
            page = f.read()
        self.assertIn('login.p99&lt;1ns', page)
        self.assertIn('class="missed">no', page)

    def test_help_names_every_option(self):
        run = subprocess.run([LOAD, "--help"], capture_output=True, text=True, timeout=PATIENCE_S, check=True)
        with open(os.path.join(os.path.dirname(__file__), "../../config/man/carrel-load.1.scd"), encoding="utf-8") as f:
            manual = f.read()
        options = set(re.findall(r"--[a-z-]+", run.stdout))
        self.assertGreater(len(options), 25)
        for option in options:
            self.assertIn(option, manual)


    def test_a_soak_does_each_fault_and_accounts_for_every_byte(self):
        m = self.load("soak", "-n", "20", "-d", "3", "--reset-rate", "5", "--guest-end-rate", "10", "--slow-every", "5",
                      "--pdu-rate", "20", "--input-rate", "20")
        for fault in ("client_resets", "guest_ends", "guest_resets", "slow_readers"):
            self.assertGreater(m["faults." + fault], 0, fault)
        self.assertEqual(m["faults.slow_readers"], 4)
        self.assertGreaterEqual(m["sessions.compared"], 20 + 1)
        self.assertEqual((m["sessions.held"], m["sessions.lost"], m["stream.missing"], m["input.missing"]), (20, 0, 0, 0))
        self.assertEqual(m["sessions.came_back"], m["faults.client_resets"] + m["faults.guest_ends"] + m["faults.guest_resets"])
        self.assertEqual(m["sessions.compared"], 20 + m["faults.guest_ends"])

    def test_a_byte_that_is_altered_on_the_way_is_noticed(self):
        with socket.create_server(("127.0.0.1", 0)) as s:
            guest = s.getsockname()[1]
        for options in (("stream", "-d", "1", "-s", "30000"),
                        ("stream", "--traffic", f"recording:{RECORDING}", "--speed", "20")):
            with self.subTest(options=options):
                meddler = Meddler(self.folder.name, guest, at=10000)
                m = self.load(*options, "--target", f"127.0.0.1:{meddler.port}", "--guest", f"127.0.0.1:{guest}",
                              "-R", "sessions.lost=0", status=1)
                self.assertEqual(m["sessions.lost"], 1)

    def test_a_recording_arrives_complete(self):
        _, output, inputs = events_of(RECORDING)
        m = self.load("stream", "-n", "2", "--traffic", f"recording:{RECORDING}", "--speed", "20")
        self.assertEqual((m["stream.pdus"], m["input.pdus"]), (2 * len(output), 2 * len(inputs)))
        self.assertEqual((m["stream.missing"], m["input.missing"], m["guest.broken"]), (0, 0, 0))

    def test_what_is_recorded_is_what_was_said(self):
        """A played recording, recorded again, is the same but for its times."""
        with socket.create_server(("127.0.0.1", 0)) as s:
            guest = s.getsockname()[1]
        again = self.path("again.rec")
        recorder = subprocess.Popen([LOAD, "record", "--quiet", "--target", f"127.0.0.1:{guest}", "--recording", again],
                                    stderr=subprocess.PIPE, text=True)
        port = re.search(r"listens on port (\d+)", recorder.stderr.readline())[1]
        self.load("stream", "--traffic", f"recording:{RECORDING}", "--speed", "20", "--target", f"127.0.0.1:{port}", "--guest",
                  f"127.0.0.1:{guest}", "--users", self.users())
        words = recorder.communicate(timeout=PATIENCE_S)[1]
        self.assertEqual(recorder.returncode, 0, words)
        self.assertEqual(events_of(again), events_of(RECORDING))
        self.assertEqual(os.stat(again).st_mode & 0o777, 0o600)
        with open(again, "rb") as f:
            raw = subprocess.run(["zstd", "-dqc"], input=f.read().split(b"\n\n", 1)[1], capture_output=True, check=True).stdout
        self.assertNotIn("a-secret".encode("utf-16-le"), raw)
        self.assertNotIn(b"a-secret", raw)

    def users(self):
        with open(self.path("somebody"), "w", encoding="utf-8") as f:
            f.write("ann:a-secret\n")
        return f.name

    def test_a_recording_that_is_not_whole_is_refused(self):
        with open(RECORDING, "rb") as f:
            whole = f.read()
        for name, damaged in (("cut", whole[:-100]), ("flipped", whole[:5000] + bytes([whole[5000] ^ 4]) + whole[5001:]),
                              ("longer", whole + b"x"), ("other", b"GIF89a" + whole), ("empty", b"")):
            with self.subTest(name=name):
                with open(self.path(name), "wb") as f:
                    f.write(damaged)
                self.load("stream", "--traffic", f"recording:{self.path(name)}", status=3)
                self.assertIn("no whole recording", self.words)
        self.load("stream", "--traffic", f"recording:{self.path('none')}", status=3)
        self.assertIn("No such file", self.words)

    def test_a_recorder_without_a_session_says_so(self):
        with socket.create_server(("127.0.0.1", 0)) as s:
            recorder = subprocess.Popen([LOAD, "record", "--quiet", "--target", "127.0.0.1:%d" % s.getsockname()[1], "--recording",
                                         self.path("none.rec")], stderr=subprocess.PIPE, text=True)
            recorder.stderr.readline()
            recorder.terminate()
            self.assertIn("nothing was recorded", recorder.communicate(timeout=PATIENCE_S)[1])
            self.assertEqual(recorder.returncode, 3)


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

    def test_a_real_session_is_played_through(self):
        """Fast path, slow path and data of channels, of both sides; compared byte by byte at the other end."""
        _, output, inputs = events_of(RECORDING)
        self.assertEqual({kind for kind, _, _ in output}, {0, 1, 2})
        m = self.through("stream", "-n", "3", "--traffic", f"recording:{RECORDING}", "--speed", "10")
        self.assertEqual((m["stream.pdus"], m["input.pdus"]), (3 * len(output), 3 * len(inputs)), self.words)
        self.assertEqual((m["stream.missing"], m["input.missing"], m["guest.broken"], m["sessions.lost"]), (0, 0, 0, 0))
        m = self.through("stream", "-n", "2", "-d", "3", "--traffic", f"recording:{RECORDING}", "--speed", "10")
        self.assertGreater(m["stream.pdus"], 2 * len(output))  # it began again
        self.assertEqual((m["stream.missing"], m["input.missing"]), (0, 0))

    def test_faults_lose_nobody_elses_bytes(self):
        m = self.through("soak", "-n", "20", "-d", "4", "--reset-rate", "3", "--guest-end-rate", "6", "--slow-every", "10",
                         "--pdu-rate", "10", "--input-rate", "10", "--timeout", "60")
        self.assertEqual((m["sessions.held"], m["sessions.lost"], m["guest.broken"]), (20, 0, 0), self.words)
        self.assertEqual((m["stream.missing"], m["input.missing"]), (0, 0))
        self.assertGreater(m["faults.guest_ends"], 0)
        self.assertGreater(m["sessions.compared"], 20)

    def test_a_crowd_comes_back_after_a_cut(self):
        m = self.through("reconnect", "-n", "8", "--rounds", "2")
        self.assertEqual((m["sessions.logged_in"], m["sessions.failed"]), (24, 0), self.words)


if __name__ == "__main__":
    LOAD, GATEWAY = sys.argv[1:3]
    unittest.main(argv=sys.argv[:1] + sys.argv[3:], verbosity=2)
