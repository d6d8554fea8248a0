#!/usr/bin/env python3
"""carrel-gateway between a client, a guest and a broker made of Python (gateway_fakes.py).

    gateway_test.py CARREL_GATEWAY [unittest options]

No test waits for time to pass; each waits for bytes, a line of the log or a report, with PATIENCE_S as its limit.
"""

import hashlib
import hmac
import http.client
import os
import random
import signal
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import threading
import unittest

from gateway_fakes import (CLIENT_FIRST, CLIENT_IO, GUEST_CHANNELS, GUEST_IO, GUEST_USER, PATIENCE_S, FakeBroker,
                           FakeClient, FakeGuest, Gateway, Wire, client_info, connection_request, cookie_of, data_tpdu,
                           error_info, fast_path, font_map, mcs_payload, save_session_info, send_data, tpkt, wait_until)

BINARY = ""
LICENCE = fast_path(b"first")  # the guest's first PDU begins the relay, whatever it is
SHORT = {"preamble_timeout": "300ms", "tls_timeout": "300ms", "login_timeout": "300ms", "broker_timeout": "300ms",
         "desktop_wait": "300ms", "dial_timeout": "300ms", "close_timeout": "2s"}


def certificates(folder):
    """Two self-signed PEM files, made by the gateway itself: one for the fake guest, one as somebody else's."""
    for kind in ("ecdsa", "rsa"):
        gateway = Gateway(BINARY, folder, os.path.join(folder, "none.sock"), self_signed=kind)
        assert gateway.stop() == 0
    return [os.path.join(folder, "state", f"self-signed-{kind}.pem") for kind in ("ecdsa", "rsa")]


def fingerprint(path):
    with open(path, encoding="ascii") as f:
        pem = f.read()
    pem = pem[pem.index("-----BEGIN CERTIFICATE"):]
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest()


class Case(unittest.TestCase):
    keys = {}

    @classmethod
    def setUpClass(cls):
        cls.shared = tempfile.TemporaryDirectory(prefix="carrel-gateway-")
        cls.guest_pem, cls.other_pem = certificates(cls.shared.name)

    @classmethod
    def tearDownClass(cls):
        cls.shared.cleanup()

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="carrel-gateway-")
        self.addCleanup(self.folder.cleanup)
        self.broker = FakeBroker(os.path.join(self.folder.name, "broker.sock"))
        self.guest = FakeGuest(self.guest_pem)
        self.addCleanup(self.guest.close)
        self.broker.connect = {"desktop": "demo-1", "address": "127.0.0.1", "port": self.guest.port,
                               "fingerprint": fingerprint(self.guest_pem), "credentials": "carrel",
                               "user": "desktop", "password": "machine-made", "domain": ""}
        self.prepare()
        self.gateway = Gateway(BINARY, self.folder.name, self.broker.path, **self.keys)
        self.addCleanup(self.ends_well)

    def prepare(self):
        """What has to be there before the gateway starts."""

    def ends_well(self):
        status = self.gateway.stop()
        self.assertEqual(status, 0, self.gateway.log_text()[-4000:])
        self.assertNotIn("handle still open", self.gateway.log_text())

    def client(self):
        client = FakeClient(self.gateway.port)
        self.addCleanup(client.close)
        return client

    def relayed(self, **login):
        client = self.client().login(**login)
        guest = self.guest.accept()
        self.addCleanup(guest.close)
        guest.send(LICENCE)
        if client.pdu() != LICENCE:
            raise AssertionError("the guest's licence PDU did not come through")
        return client, guest

    def ended(self, code, since=0):
        return self.gateway.wait_log(rf"The session ended\..* code={code} ", since)


class Sequence(Case):
    def test_logs_in_and_relays_both_ways(self):
        client, guest = self.relayed()
        self.assertEqual(guest.info["user"], "desktop")
        self.assertEqual(guest.info["password"], "machine-made")
        self.assertEqual(guest.info["flags"] & 0x40008, 0x8)  # logs in by itself, no smart card
        self.assertEqual(guest.joined, [GUEST_USER, GUEST_IO, *GUEST_CHANNELS])
        self.assertIn(b"rdpsnd", guest.initial)
        guest.send(fast_path(b"picture"))
        self.assertEqual(client.pdu(), fast_path(b"picture"))
        client.send(fast_path(b"\x01k", 4))
        self.assertEqual(guest.pdu(), fast_path(b"\x01k", 4))
        self.assertEqual(self.broker.wait_report(state="connected")["gateway"], "gw1")
        client.close()
        report = self.broker.wait_report(state="closed", code="client-closed")
        self.assertEqual((report["bytes_in"], report["bytes_out"]), (5, 18))

    def test_maps_the_identifiers_in_slow_path(self):
        client, guest = self.relayed()
        client.send(send_data(25, client.user, CLIENT_FIRST + 1, bytes(8) + b"clip"))
        self.assertEqual(guest.pdu(), send_data(25, GUEST_USER, GUEST_CHANNELS[1], bytes(8) + b"clip"))
        guest.send(send_data(26, GUEST_USER, GUEST_CHANNELS[0], bytes(8) + b"sound"))
        answer = client.pdu()
        self.assertEqual(struct.unpack_from(">H", answer, 10)[0], CLIENT_FIRST)
        self.assertEqual(mcs_payload(answer), bytes(8) + b"sound")

    def test_drops_multitransport_towards_the_guest(self):
        client = self.client()
        client.preamble()
        client.tls()
        client.connect_initial(extra=struct.pack("<HHI", 0xC00A, 8, 0x305))
        client.channels()
        client.info()
        self.assertNotIn(struct.pack("<HHI", 0xC00A, 8, 0x305), self.guest.accept().initial)

    def test_the_cookie_names_the_pool(self):
        self.relayed(cookie=b"Cookie: msts=blue\r\n")
        self.relayed(cookie=b"Cookie: msts=1684385034.15629.0000\r\n")
        self.relayed(cookie=b"Cookie: mstshash=demo\r\n")
        self.relayed(cookie=b"tsv://MS Terminal Services Plugin.1.green\r\n")
        self.assertEqual([login.get("pool") for login in self.broker.logins], ["blue", None, None, "green"])

    def test_passes_the_users_own_credentials_where_the_pool_says_so(self):
        self.broker.connect.update(credentials="user")
        _, guest = self.relayed()
        self.assertEqual((guest.info["user"], guest.info["password"]), ("demo", "right"))

    def test_leaves_the_log_in_to_the_guest_where_the_pool_says_so(self):
        self.broker.connect.update(credentials="prompt")
        _, guest = self.relayed()
        self.assertEqual((guest.info["user"], guest.info["password"], guest.info["flags"] & 8), ("", "", 0))

    def test_no_password_reaches_the_log(self):
        client, _ = self.relayed(user="demo", password="right")
        self.client().login(password="Wr0ng-one").refusal()
        client.close()
        self.broker.wait_report(state="closed", code="client-closed")
        for secret in ("machine-made", "Wr0ng-one", "password=right"):
            self.assertNotIn(secret, self.gateway.log_text())

    def test_a_whole_sequence_in_single_bytes_is_the_same(self):
        client = self.client()
        for byte in connection_request():
            client.send(bytes([byte]))
        client.pdu()
        client.tls()
        client.connect_initial()
        client.channels()
        for byte in send_data(25, client.user, CLIENT_IO, client_info("demo", "right")):
            client.send(bytes([byte]))
        guest = self.guest.accept()
        for byte in fast_path(b"slowly"):
            guest.send(bytes([byte]))
        self.assertEqual(client.pdu(), fast_path(b"slowly"))

    def test_a_desktop_that_becomes_ready_is_dialled(self):
        self.broker.set(ready=False)
        client = self.client().login()
        self.gateway.wait_log(r"login -> waiting")
        self.broker.set(ready=True)
        guest = self.guest.accept()
        guest.send(fast_path(b"at last"))
        self.assertEqual(client.pdu(), fast_path(b"at last"))


class Refusals(Case):
    def test_standard_security_is_refused_with_the_code_for_it(self):
        for protocols in (None, 0, 2, 8):
            answer = self.client().preamble(protocols=protocols)
            self.assertEqual(answer[11:], struct.pack("<BBHI", 3, 0, 8, 1), protocols)
        self.ended("client-security")

    def test_of_several_protocols_tls_is_chosen(self):
        self.assertEqual(self.client().preamble(protocols=0xB)[15:], struct.pack("<I", 1))

    def test_bytes_in_clear_behind_the_request_are_refused(self):
        client = self.client()
        client.send(connection_request() + b"\x16")
        self.assertEqual(client.rest()[0], b"")
        self.ended("client-protocol")

    def test_a_wrong_password_is_told(self):
        client = self.client().login(password="nonsense")
        self.assertEqual(client.refusal(), (0xA, True, True))
        self.ended("wrong-password")

    def test_a_missing_desktop_is_told_and_reported(self):
        self.guest.close()
        self.broker.connect.update(port=1)
        self.assertEqual(self.client().login().refusal(), (0x412, True, True))
        self.broker.wait_report(state="closed", code="guest-unreachable")

    def test_another_certificate_is_refused(self):
        self.broker.connect.update(fingerprint=fingerprint(self.other_pem))
        self.assertEqual(self.client().login().refusal(), (0x412, True, True))
        self.broker.wait_report(state="closed", code="guest-mistrusted")

    def test_the_certificate_of_a_guest_without_a_known_one_is_told(self):
        self.relayed()
        self.assertNotIn("guest_fingerprint", self.broker.wait_report(state="connected"))
        self.broker.connect.update(fingerprint="")
        self.relayed()
        self.broker.wait_report(state="connected", guest_fingerprint=fingerprint(self.guest_pem))

    def test_a_bad_pdu_in_the_relay_ends_that_connection_only(self):
        other, other_guest = self.relayed()
        client, guest = self.relayed()
        client.send(fast_path(b"\x01k", 4) + b"\xff\xff\xff\xff")
        self.ended("client-protocol")
        self.assertEqual(guest.rest(), (fast_path(b"\x01k", 4), True))
        self.assertEqual(client.refusal()[2], True)
        other_guest.send(fast_path(b"still"))
        self.assertEqual(other.pdu(), fast_path(b"still"))

    def test_random_bytes_end_connections_and_nothing_else(self):
        rng = random.Random(4711)
        whole = connection_request(cookie=b"Cookie: mstshash=demo\r\n")
        for i in range(300):
            data = bytearray(rng.randbytes(rng.randrange(1, 300)) if i % 2 else whole)
            if i % 2 == 0:
                data[rng.randrange(len(data))] ^= rng.randrange(1, 256)
                del data[rng.randrange(1, len(data) + 1):]
            with socket.create_connection(("127.0.0.1", self.gateway.port)) as s:
                try:
                    s.sendall(data)
                    s.shutdown(socket.SHUT_WR)
                    s.settimeout(PATIENCE_S)
                    while s.recv(4096):
                        pass
                except OSError:
                    pass
        self.relayed()

    def test_random_bytes_inside_tls_do_no_more(self):
        rng = random.Random(42)
        for _ in range(40):
            client = self.client()
            client.preamble()
            client.tls()
            data = tpkt(b"\x02\xf0\x80" + rng.randbytes(rng.randrange(1, 600)))
            client.send(data if rng.randrange(2) else data[4:])
            client.close()
        self.relayed()

    def test_more_bytes_than_allowed_before_the_log_in_are_refused(self):
        client = self.client()
        client.preamble()
        client.tls()
        client.connect_initial()
        erect = data_tpdu(bytes.fromhex("0401000100"))
        try:
            for _ in range(10000):
                client.send(erect)
        except (OSError, ssl.SSLError):
            pass
        self.ended("client-protocol")


class Deadlines(Case):
    keys = SHORT

    def silent_at(self, *steps):
        client = self.client()
        for step in steps:
            getattr(client, step)()
        got = client.refusal() if len(steps) > 1 else (client.rest()[0], None, None)
        self.ended("client-timeout")
        return got

    def test_silent_from_the_start(self):
        self.silent_at()

    def test_silent_after_the_first_request(self):
        self.silent_at("preamble")

    def test_silent_after_tls(self):
        self.silent_at("preamble", "tls")

    def test_silent_after_connect_initial(self):
        self.assertEqual(self.silent_at("preamble", "tls", "connect_initial"), (None, False, True))

    def test_silent_instead_of_client_info(self):
        self.assertEqual(self.silent_at("preamble", "tls", "connect_initial", "channels"), (None, False, True))

    def test_a_silent_broker(self):
        self.broker.set(mute=True)
        self.assertEqual(self.client().login().refusal(), (0x408, True, True))
        self.ended("broker-unreachable")
        # It lets the user in after all, and is told that nobody is there any more.
        self.broker.set(mute=False)

    def test_no_desktop_in_time(self):
        self.broker.set(ready=False)
        self.assertEqual(self.client().login().refusal(), (0x406, True, True))
        self.broker.wait_report(state="closed", code="desktop-starting")

    def test_a_guest_that_is_silent_at_any_stage(self):
        for stage in FakeGuest.STAGES:
            self.guest.stage = stage
            self.assertEqual(self.client().login().refusal(), (0x412, True, True), stage)
            self.guest.accept().close()
        self.ended("guest-unreachable")


class Limits(Case):
    keys = {"max_per_address": 3, "max_logins": 2}

    def refused(self):
        client = self.client()
        self.assertEqual(client.rest()[0], b"")

    def test_connections_before_their_log_in(self):
        first = self.client()
        self.client().preamble()
        first.preamble()
        self.refused()
        self.gateway.wait_log(r"limit=max_logins")

    def test_connections_of_one_address_and_their_end(self):
        pairs = [self.relayed() for _ in range(3)]
        self.refused()
        self.gateway.wait_log(r"limit=max_per_address")
        pairs[0][0].close()
        self.broker.wait_report(state="closed")
        pairs[0][1].close()
        self.gateway.wait_log(r"closing -> gone")
        self.relayed()


class Policies(Case):
    LIST = bytes.fromhex("02000000060000000d0000000000")
    LIST_OK = bytes.fromhex("0300010000000000")

    def test_without_a_policy_channels_go_as_they_come(self):
        _, guest = self.relayed()
        self.assertIn(b"cliprdr\0" + struct.pack("<I", 0xC0000000), guest.initial)
        self.broker.wait_report(state="connected", denied=None)

    def test_a_denied_channel_is_renamed_and_told(self):
        self.broker.connect.update(policy={"audio-out": "off", "deny-channels": "CLIPRDR"})
        client, guest = self.relayed()
        self.assertIn(b"xdeny00\0", guest.initial)
        self.assertIn(b"xdeny01\0", guest.initial)
        self.assertNotIn(b"cliprdr", guest.initial)
        self.broker.wait_report(state="connected", denied="audio-out channel:CLIPRDR")
        client.close()
        self.broker.wait_report(state="closed", denied="audio-out channel:CLIPRDR")

    def test_a_closed_direction_of_the_clipboard_is_answered_and_told(self):
        self.broker.connect.update(policy={"clipboard": "to-guest"})
        client, guest = self.relayed()
        self.assertIn(b"cliprdr\0", guest.initial)
        chunk = struct.pack("<II", len(self.LIST), 3) + self.LIST
        guest.send(send_data(26, GUEST_USER, GUEST_CHANNELS[1], chunk) + fast_path(b"behind it"))
        self.assertEqual(mcs_payload(guest.pdu()), struct.pack("<II", len(self.LIST_OK), 3) + self.LIST_OK)
        self.assertEqual(client.pdu(), fast_path(b"behind it"))
        self.broker.wait_report(state="denied", denied="clipboard-from-guest")
        client.send(send_data(25, client.user, CLIENT_FIRST + 1, chunk))
        self.assertEqual(guest.pdu(), send_data(25, GUEST_USER, GUEST_CHANNELS[1], chunk))

    def test_an_answer_does_not_tear_a_pdu_that_is_under_way(self):
        self.broker.connect.update(policy={"clipboard": "to-guest"})
        client, guest = self.relayed()
        key = fast_path(b"\x01" + b"k" * 200, 4)
        client.send(fast_path(b"\x01m", 4) + key[:100])
        self.assertEqual(guest.pdu(), fast_path(b"\x01m", 4))
        guest.send(send_data(26, GUEST_USER, GUEST_CHANNELS[1], struct.pack("<II", len(self.LIST), 3) + self.LIST))
        self.assertEqual(mcs_payload(guest.pdu())[8:], self.LIST_OK)
        client.send(key[100:])
        self.assertEqual(guest.pdu(), key)

    def test_a_compressed_channel_that_is_looked_into_ends_the_session(self):
        self.broker.connect.update(policy={"clipboard": "to-guest"})
        client, guest = self.relayed()
        guest.send(send_data(26, GUEST_USER, GUEST_CHANNELS[1], struct.pack("<II", 8, 0x200003) + b"whatever"))
        self.broker.wait_report(state="closed", code="guest-protocol")

    def test_one_monitor_is_left_and_it_is_the_primary_one(self):
        self.broker.connect.update(policy={"multi-monitor": "off"})
        monitors = struct.pack("<HHII", 0xC005, 52, 0, 2) + struct.pack("<iiiiI", -640, 0, -1, 479, 0)
        monitors += struct.pack("<iiiiI", 0, 0, 799, 599, 1)
        client = self.client()
        client.preamble()
        client.tls()
        client.connect_initial(extra=monitors)
        client.channels()
        client.info()
        initial = self.guest.accept().initial
        self.assertNotIn(monitors, initial)
        self.assertIn(struct.pack("<IHH", 0x00080011, 800, 600), initial)

    def test_a_client_without_input_is_told_and_one_with_input_goes_on(self):
        self.broker.connect.update(policy={"idle-limit": "2s"})
        idle, idle_guest = self.relayed()
        busy, busy_guest = self.relayed()
        until = threading.Event()

        def keys():
            while not until.wait(0.2):
                busy.send(fast_path(b"\x01k", 4))

        typing = threading.Thread(target=keys)
        typing.start()
        idle_guest.send(fast_path(b"pictures are no input"))
        self.assertEqual(idle.pdu(), fast_path(b"pictures are no input"))
        self.assertEqual(idle.refusal()[0], 3)
        self.broker.wait_report(state="closed", code="idle-limit")
        until.set()
        typing.join()
        busy_guest.send(fast_path(b"still"))
        self.assertEqual(busy.pdu(), fast_path(b"still"))

    def test_a_policy_that_is_not_understood_lets_nobody_in(self):
        self.broker.connect.update(policy={"holograms": "off"})
        self.assertEqual(self.client().login().refusal(), (0x412, True, True))


class Descriptors(Case):
    def test_a_process_out_of_files_goes_on_afterwards(self):
        import resource
        client, guest = self.relayed()
        pid = self.gateway.process.pid
        used = len(os.listdir(f"/proc/{pid}/fd"))
        before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (used + 2, before[1]))
        held = [self.client() for _ in range(8)]
        self.gateway.wait_log(r"limit=open files")
        guest.send(fast_path(b"untouched"))
        self.assertEqual(client.pdu(), fast_path(b"untouched"))
        resource.prlimit(pid, resource.RLIMIT_NOFILE, before)
        for h in held:
            h.close()
        self.relayed()


class Ends(Case):
    def test_an_order_closes_with_its_code(self):
        for code, rdp in (("taken-over", 5), ("admin-disconnect", 1), ("logoff", 0xC)):
            since = len(self.gateway.lines)
            client, _ = self.relayed()
            session = self.gateway.wait_log(r"A user was let in\..* session=(s-\d+)", since)[1]
            self.broker.order(session, code)
            self.assertEqual(client.refusal()[::2], (rdp, True))
            self.broker.wait_report(session=session, state="closed", code=code)

    def test_the_heartbeat_lists_live_sessions_and_its_answer_closes_stale_ones(self):
        client, _ = self.relayed()
        self.broker.wait_for(lambda: self.broker.heartbeats and self.broker.heartbeats[-1]["sessions"], "a session")
        listed = self.broker.heartbeats[-1]
        self.assertEqual(listed["sessions"][0]["session"], f"s-{1:016d}")
        self.assertEqual(len(listed["fingerprint"]), 64)
        self.broker.set(stale=[{"session": f"s-{1:016d}", "connection": 1, "code": "session-ended"}])
        self.assertEqual(client.refusal()[0], 1)

    def test_a_lost_broker_ends_no_session_and_hears_of_the_end_later(self):
        client, guest = self.relayed()
        self.broker.wait_report(state="connected")
        self.broker.stop()
        guest.send(fast_path(b"goes on"))
        self.assertEqual(client.pdu(), fast_path(b"goes on"))
        self.assertEqual(self.client().login().refusal(), (0x408, True, True))
        client.close()
        self.ended("client-closed")
        self.broker.start()
        self.broker.wait_report(state="closed", code="client-closed")
        self.relayed()

    def test_a_client_that_leaves_while_the_broker_decides_takes_its_login_with_it(self):
        self.broker.set(mute=True)
        client = self.client().login()
        self.broker.wait_for(lambda: self.broker.logins, "a log-in")
        client.close()
        self.ended("client-closed")
        self.broker.wait_login_hung_up()

    def test_the_guests_last_bytes_reach_the_client(self):
        client, guest = self.relayed()
        data = b"".join(fast_path(bytes([i & 255]) * 8000) for i in range(300))
        sender = threading.Thread(target=lambda: (guest.send(data), guest.close()))
        sender.start()
        got = b""
        while len(got) < len(data):
            got += client.pdu()
        sender.join()
        self.assertEqual(got, data)

    def test_the_clients_last_bytes_reach_the_guest(self):
        client, guest = self.relayed()
        data = b"".join(fast_path(b"\x01" + bytes([i & 255]) * 100, 4) for i in range(3000))
        sender = threading.Thread(target=lambda: (client.send(data), client.close()))
        sender.start()
        got = b""
        while len(got) < len(data):
            got += guest.pdu()
        sender.join()
        self.assertEqual(got, data)

    def test_a_guest_that_breaks_off_is_told_as_a_failure(self):
        client, guest = self.relayed()
        socket.socket(fileno=os.dup(guest.sock.fileno())).shutdown(socket.SHUT_RDWR)
        self.assertEqual(client.refusal(), (0x412, True, True))
        self.broker.wait_report(state="closed", code="guest-failed")

    def test_a_guest_that_says_goodbye_is_passed_on(self):
        client, guest = self.relayed()
        guest.send(data_tpdu(b"\x21\x80"))
        guest.sock.unwrap()
        self.assertEqual(client.pdu(), data_tpdu(b"\x21\x80"))
        self.ended("guest-closed")

    def test_the_gateways_own_end_is_told(self):
        client, _ = self.relayed()
        self.gateway.signal(signal.SIGTERM)
        self.assertEqual(client.refusal()[::2], (1, True))
        client.close()
        self.broker.wait_report(state="closed", code="gateway-closing")
        self.assertEqual(self.gateway.process.wait(PATIENCE_S), 0)

    def test_usr1_logs_counters(self):
        self.client().login(password="nonsense").refusal()
        self.gateway.signal(signal.SIGUSR1)
        self.gateway.wait_log(r"counters\. connections=")
        self.gateway.wait_log(r"code=wrong-password count=1")


class Reconnection(Case):
    def test_a_client_is_given_a_cookie_that_replaces_the_password(self):
        client, guest = self.relayed()
        # The cookie goes between whole PDUs, also where the next one has begun.
        guest.send(font_map() + fast_path(b"picture")[:4])
        self.assertEqual(mcs_payload(client.pdu())[14], 0x28)
        random = cookie_of(client.pdu())
        guest.send(fast_path(b"picture")[4:] + font_map() + fast_path(b"more"))
        self.assertEqual(client.pdu(), fast_path(b"picture"))
        client.pdu()
        self.assertEqual(client.pdu(), fast_path(b"more"))  # one cookie for a connection
        self.broker.wait_report(state="connected")
        client.close()
        again, second_guest = self.relayed(password="", random=random)
        self.assertEqual(self.broker.logins[-1]["reconnect"], hmac.new(random, bytes(32), "md5").hexdigest())
        self.assertEqual(second_guest.info["password"], "machine-made")
        second_guest.send(font_map())
        again.pdu()
        self.assertNotEqual(cookie_of(again.pdu()), random)
        self.assertNotIn(hmac.new(random, bytes(32), "md5").hexdigest(), self.gateway.log_text())

    def test_a_cookie_of_nobody_leaves_the_password_to_decide(self):
        self.relayed(random=b"0123456789abcdef")
        self.assertEqual(self.client().login(password="", random=b"0123456789abcdef").refusal(), (0xA, True, True))

    def test_the_guests_own_cookie_stays_here(self):
        client, guest = self.relayed()
        guest.send(save_session_info(b"guests own secret"[:16]))
        pdu = client.pdu()
        self.assertEqual(mcs_payload(pdu)[14], 0x26)
        self.assertIsNone(cookie_of(pdu))
        self.assertNotIn(b"guests own", pdu)


class Pressure(Case):
    def test_a_slow_reader_holds_the_guest_back_and_loses_nothing(self):
        client, guest = self.relayed()
        chunk = fast_path(bytes(range(256)) * 60)
        count = 8000  # 123 MB, much more than the sockets hold
        before = self.gateway.rss_kib()
        sent = []
        sender = threading.Thread(target=lambda: [(guest.send(chunk), sent.append(1)) for _ in range(count)])
        sender.start()
        last = -1

        def stalled():
            nonlocal last
            now, last = len(sent) == last and bool(sent), len(sent)
            if not now:
                threading.Event().wait(0.3)
            return now

        wait_until(stalled, "the guest's sending to stall")
        self.assertLess(len(sent), count)
        # Its buffers are some hundred KiB; a sanitizer's quarantine of freed memory comes on top.
        self.assertLess(self.gateway.rss_kib() - before, 32 * 1024)
        for _ in range(count):
            self.assertEqual(client.pdu(), chunk)
        sender.join()


class Certificate(Case):
    def presented(self):
        client = self.client()
        client.preamble()
        client.tls()
        return hashlib.sha256(client.sock.getpeercert(binary_form=True)).hexdigest()

    def test_is_made_once_with_mode_0600(self):
        path = os.path.join(self.folder.name, "state", "self-signed-ecdsa.pem")
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o600)
        self.assertEqual(self.presented(), fingerprint(path))
        self.gateway.stop()
        self.gateway = Gateway(BINARY, self.folder.name, self.broker.path)
        self.assertEqual(self.presented(), fingerprint(path))

    def test_is_read_again_on_hup_and_a_bad_file_changes_nothing(self):
        client, guest = self.relayed()
        first = self.presented()
        self.gateway.configure(certificate=self.other_pem)
        self.gateway.signal(signal.SIGHUP)
        self.gateway.wait_log(rf"certificate is in use\. path={self.other_pem}")
        wait_until(lambda: self.presented() == fingerprint(self.other_pem), "the other certificate")
        self.assertNotEqual(first, fingerprint(self.other_pem))
        bad = os.path.join(self.folder.name, "bad.pem")
        with open(bad, "w", encoding="ascii") as f:
            f.write("-----BEGIN CERTIFICATE-----\nbm90aGluZw==\n-----END CERTIFICATE-----\n")
        self.gateway.configure(certificate=bad)
        self.gateway.signal(signal.SIGHUP)
        self.gateway.wait_log(r"The certificate stays as it was: .*bad\.pem")
        self.assertEqual(self.presented(), fingerprint(self.other_pem))
        self.broker.wait_for(lambda: self.broker.heartbeats[-1]["fingerprint"] == fingerprint(self.other_pem),
                             "the new fingerprint")
        guest.send(fast_path(b"old session"))
        self.assertEqual(client.pdu(), fast_path(b"old session"))


def proxy_header(address=None):
    """As a balancer writes it for a client; without an address, for its own health check."""
    signature = bytes.fromhex("0d0a0d0a000d0a515549540a")
    if not address:
        return signature + struct.pack(">BBH", 0x20, 0, 0)
    if ":" in address:
        family, body = 0x21, socket.inet_pton(socket.AF_INET6, address) + bytes(16)
    else:
        family, body = 0x11, socket.inet_aton(address) + bytes(4)
    return signature + struct.pack(">BBH", 0x21, family, len(body) + 4) + body + struct.pack(">HH", 40000, 3389)


class Balancers(Case):
    keys = {"proxy_networks": "127.0.0.0/8", "max_per_address": 2}

    def behind(self, address, at_once=False):
        client = self.client()
        if at_once:
            client.send(proxy_header(address) + connection_request())
            client.pdu()
        else:
            for byte in proxy_header(address):
                client.send(bytes([byte]))
            client.preamble()
        client.tls()
        client.connect_initial()
        client.channels()
        client.info()
        guest = self.guest.accept()
        self.addCleanup(guest.close)
        return client

    def test_the_clients_address_counts_and_is_told_to_the_broker(self):
        for address in ("192.0.2.7", "2001:db8::9"):
            self.behind(address)
            self.behind(address, at_once=True)
            self.assertEqual([login["client"]["address"] for login in self.broker.logins[-2:]], [address, address])
            client = self.client()
            client.send(proxy_header(address))
            self.assertEqual(client.rest()[0], b"")
        self.ended("gateway-limit")
        self.behind("192.0.2.8")

    def test_a_balancers_own_connection_is_answered(self):
        client = self.client()
        client.send(proxy_header())
        self.assertEqual(client.preamble()[:4], bytes.fromhex("03000013"))

    def test_a_connection_without_a_header_is_refused(self):
        client = self.client()
        client.send(connection_request())
        self.assertEqual(client.rest()[0], b"")
        self.ended("client-protocol")

    def test_who_is_trusted_is_read_again_on_hup(self):
        self.gateway.configure(proxy_networks="192.0.2.0/24")
        self.gateway.signal(signal.SIGHUP)
        self.gateway.wait_log(r"The configuration was read again")
        wait_until(lambda: len(self.client_answer()) == 19, "connections without a header to be taken")

    def client_answer(self):
        client = self.client()
        client.send(connection_request())
        try:
            return client.pdu()
        except (EOFError, ConnectionError):
            return b""


class Metrics(Case):
    keys = {"metrics": "127.0.0.1:0"}

    def setUp(self):
        super().setUp()
        self.metrics_port = int(self.gateway.wait_log(r"Metrics are served\. .*port=(\d+)")[1])

    def get(self, path):
        connection = http.client.HTTPConnection("127.0.0.1", self.metrics_port, timeout=PATIENCE_S)
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read().decode()
        connection.close()
        return answer.status, body

    def figures(self):
        """Every line is a comment or a figure."""
        status, text = self.get("/metrics")
        self.assertEqual(status, 200)
        lines = [line for line in text.splitlines() if not line.startswith("#")]
        return {name: float(figure) for name, figure in (line.rsplit(" ", 1) for line in lines)}

    def test_counts_sessions_logins_bytes_and_refusals(self):
        client, guest = self.relayed()
        self.client().login(password="nonsense").refusal()
        self.ended("wrong-password")
        guest.send(fast_path(b"picture"))
        client.pdu()
        figures = self.figures()
        self.assertEqual(figures["carrel_gateway_sessions"], 1)
        self.assertEqual(figures['carrel_gateway_logins_total{outcome="accepted"}'], 1)
        self.assertEqual(figures['carrel_gateway_logins_total{outcome="wrong-password"}'], 1)
        self.assertEqual(figures['carrel_gateway_ends_total{code="wrong-password"}'], 1)
        self.assertEqual(figures["carrel_gateway_handshake_seconds_count"], 2)
        self.assertEqual(figures['carrel_gateway_login_seconds_bucket{le="+Inf"}'], 1)
        wait_until(lambda: self.figures()["carrel_gateway_bytes_to_clients_total"] == len(LICENCE) + 10, "the bytes")
        client.close()
        self.broker.wait_report(state="closed")
        figures = self.figures()
        self.assertEqual(figures["carrel_gateway_sessions"], 0)
        self.assertEqual(figures["carrel_gateway_bytes_to_clients_total"], len(LICENCE) + 10)

    def test_health_and_readiness_are_told_apart(self):
        wait_until(lambda: self.get("/readyz")[0] == 200, "the broker's first answer")
        self.broker.set(draining=True)
        wait_until(lambda: self.get("/readyz")[0] == 503, "a drained gateway not to be ready")
        self.broker.set(draining=False)
        wait_until(lambda: self.get("/readyz")[0] == 200, "it to be ready again")
        self.broker.stop()
        wait_until(lambda: self.get("/readyz")[0] == 503, "a gateway without a broker not to be ready")
        self.assertEqual(self.get("/healthz"), (200, "ok\n"))
        self.assertEqual(self.get("/passwd")[0], 404)
        self.broker.start()

    def test_a_setting_that_needs_a_new_process_is_told_on_hup(self):
        self.gateway.configure(threads=3)
        self.gateway.signal(signal.SIGHUP)
        self.gateway.wait_log(r"holds from the next start or replacement .*key=gateway\.threads")


class Start(unittest.TestCase):
    def test_a_bad_address_and_a_taken_port_end_the_start(self):
        with tempfile.TemporaryDirectory() as folder, socket.create_server(("127.0.0.1", 0)) as taken:
            for listen, words in (("localhost", b"is not like"),
                                  (f"127.0.0.1:{taken.getsockname()[1]}", b"Address already in use")):
                path = os.path.join(folder, "carrel.conf")
                with open(path, "w", encoding="ascii") as f:
                    f.write(f"[gateway]\nname = gw1\nlisten = {listen}\nstate_dir = {folder}\n")
                done = subprocess.run([BINARY, "--config", path], capture_output=True, timeout=PATIENCE_S, check=False,
                                      env={**os.environ, "ASAN_OPTIONS": "detect_leaks=0"})
                self.assertEqual(done.returncode, 1)
                self.assertIn(words, done.stderr)


if __name__ == "__main__":
    BINARY = sys.argv.pop(1)
    unittest.main(verbosity=2, warnings="ignore")
