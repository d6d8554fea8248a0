"""What the gateway's integration tests put around it: a broker, a guest and a client made of Python's standard library.

They speak as much RDP as a connection sequence needs, by hand, so that no line of the gateway's own parsers proves itself.
"""

import hashlib
import hmac
import json
import os
import re
import signal
import socket
import ssl
import struct
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingMixIn, UnixStreamServer

PATIENCE_S = 60
CLIENT_CHANNELS = ("rdpsnd", "cliprdr")
GUEST_IO, GUEST_USER, GUEST_CHANNELS = 1003, 1030, (1040, 1043)
CLIENT_IO, CLIENT_FIRST = 1003, 1004


def wait_until(condition, what, patience_s=PATIENCE_S):
    """For conditions that no event tells of: another process's memory, a counter of another thread."""
    until = time.monotonic() + patience_s
    while not condition():
        if time.monotonic() > until:
            raise AssertionError(f"waited in vain: {what}")
        threading.Event().wait(0.01)


# ---- bytes ----

def tpkt(payload):
    return struct.pack(">BBH", 3, 0, len(payload) + 4) + payload


def data_tpdu(payload):
    return tpkt(b"\x02\xf0\x80" + payload)


def per_length(n):
    return struct.pack(">H", 0x8000 | n)


def connection_request(protocols=1, cookie=b""):
    body = b"\xe0\0\0\0\0\0" + cookie
    if protocols is not None:
        body += struct.pack("<BBHI", 1, 0, 8, protocols)
    return tpkt(bytes([len(body)]) + body)


def cs_core():
    core = struct.pack("<IHHHHII", 0x00080011, 1024, 768, 0xCA01, 0xAA03, 0x409, 18363)
    core += "fake".encode("utf-16-le").ljust(32, b"\0")
    core += struct.pack("<III", 4, 0, 12) + bytes(64)
    core += struct.pack("<HHIHHH", 0xCA01, 1, 0, 24, 7, 1) + bytes(64) + struct.pack("<BBI", 6, 0, 1)
    return struct.pack("<HH", 0xC001, len(core) + 4) + core


def client_blocks(extra=b""):
    net = struct.pack("<I", len(CLIENT_CHANNELS))
    for name in CLIENT_CHANNELS:
        net += name.encode().ljust(8, b"\0") + struct.pack("<I", 0xC0000000)
    return (cs_core() + struct.pack("<HHII", 0xC002, 12, 0, 0) + struct.pack("<HH", 0xC003, len(net) + 4) + net + extra)


def ber_long(tag, body):
    return tag + struct.pack(">BH", 0x82, len(body)) + body


def connect_initial(blocks):
    inner = bytes.fromhex("000800100001c000") + b"Duca" + per_length(len(blocks)) + blocks
    gcc = bytes.fromhex("000500147c0001") + per_length(len(inner)) + inner
    parameters = bytes.fromhex(
        "0401010401010101ff301a020122020102020100020101020100020101020300ffff020102"
        "3019020101020101020101020101020100020101020204200201023020"
        "020300ffff020300fc17020300ffff020101020100020101020300ffff020102")
    return data_tpdu(ber_long(b"\x7f\x65", parameters + ber_long(b"\x04", gcc)))


def connect_response():
    core = struct.pack("<HHIII", 0x0C01, 16, 0x00080004, 1, 0)
    security = struct.pack("<HHII", 0x0C02, 12, 0, 0)
    net = struct.pack("<HHHH", 0x0C03, 8 + 2 * len(GUEST_CHANNELS), GUEST_IO, len(GUEST_CHANNELS))
    net += b"".join(struct.pack("<H", c) for c in GUEST_CHANNELS)
    blocks = core + security + net
    gcc = (bytes.fromhex("000500147c00012a14760a0101" "0001c000") + b"McDn" + per_length(len(blocks)) + blocks)
    body = bytes.fromhex("0a0100020100301a020122020103020100020101020100020101020300fff8020102")
    return data_tpdu(ber_long(b"\x7f\x66", body + ber_long(b"\x04", gcc)))


def send_data(choice, user, channel, payload):
    return data_tpdu(bytes([choice << 2]) + struct.pack(">HHB", user - 1001, channel, 0x70) + per_length(len(payload))
                     + payload)


def font_map(share_id=0x103EA, user=GUEST_USER):
    """The guest's, which makes a session active."""
    body = struct.pack("<IBBHBBH", share_id, 0, 1, 12, 0x28, 0, 0) + struct.pack("<HHHH", 0, 0, 3, 4)
    return send_data(26, GUEST_USER, GUEST_IO, struct.pack("<HHH", 6 + len(body), 0x17, user) + body)


def save_session_info(random):
    """A guest's own cookie of automatic reconnection."""
    info = struct.pack("<IHIIIII", 3, 38, 1, 28, 28, 1, 5) + random + bytes(570)
    body = struct.pack("<IBBHBBH", 0x103EA, 0, 1, len(info) + 4, 0x26, 0, 0) + info
    return send_data(26, GUEST_USER, GUEST_IO, struct.pack("<HHH", 6 + len(body), 0x17, GUEST_USER) + body)


def cookie_of(pdu):
    """The random bits that a Save Session Info PDU brings, or None."""
    payload = mcs_payload(pdu)
    if payload[14] != 0x26 or struct.unpack_from("<I", payload, 18)[0] != 3:
        return None
    fields, length, cookie_length, version = struct.unpack_from("<IIII", payload, 24)
    if not fields & 1:
        return None
    assert (length, cookie_length, version) == (28, 28, 1), payload.hex()
    return payload[44:60]


def client_info(user, password, domain="", cookie=b""):
    flags = 0x1 | 0x2 | 0x10 | 0x40000
    u, p, d = (x.encode("utf-16-le") for x in (user, password, domain))
    info = struct.pack("<IIHHHHH", 0, flags, len(d), len(u), len(p), 0, 0)
    info += d + b"\0\0" + u + b"\0\0" + p + b"\0\0" + b"\0\0" + b"\0\0"
    address = "10.0.0.1".encode("utf-16-le") + b"\0\0"
    info += struct.pack("<HH", 2, len(address)) + address + struct.pack("<H", 2) + b"\0\0" + bytes(172)
    info += struct.pack("<IIH", 0, 0, len(cookie)) + cookie
    return struct.pack("<HH", 0x40, 0) + info


def parse_client_info(payload):
    flags, d, u, p = struct.unpack_from("<IHHH", payload, 8)
    at, out = 22, []
    for n in (d, u, p):
        out.append(payload[at:at + n].decode("utf-16-le"))
        at += n + 2
    return {"flags": flags, "domain": out[0], "user": out[1], "password": out[2]}


def fast_path(payload, header=0):
    return struct.pack(">BH", header, 0x8000 | (len(payload) + 3)) + payload


def mcs_payload(pdu):
    at = 13
    return pdu[at + 2:] if pdu[at] & 0x80 else pdu[at + 1:]


def error_info(pdu):
    """The code of a Set Error Info PDU, or None."""
    if pdu[0] != 3 or len(pdu) < 15 or pdu[7] >> 2 != 26:
        return None
    payload = mcs_payload(pdu)
    if len(payload) < 22 or struct.unpack_from("<H", payload, 2)[0] & 0xF != 7 or payload[14] != 0x2F:
        return None
    return struct.unpack_from("<I", payload, 18)[0]


class Wire:
    """A socket, in clear or in TLS, read PDU by PDU."""

    def __init__(self, sock):
        self.sock = sock
        self.sock.settimeout(PATIENCE_S)
        self.held = b""

    def send(self, data):
        self.sock.sendall(data)

    def exactly(self, n):
        while len(self.held) < n:
            data = self.sock.recv(65536)
            if not data:
                raise EOFError(self.held)
            self.held += data
        taken, self.held = self.held[:n], self.held[n:]
        return taken

    def pdu(self):
        head = self.exactly(2)
        if head[0] == 3:
            head += self.exactly(2)
            return head + self.exactly(struct.unpack(">H", head[2:])[0] - 4)
        length = head[1]
        if length & 0x80:
            head += self.exactly(1)
            length = (length & 0x7F) << 8 | head[2]
        return head + self.exactly(length - len(head))

    def rest(self):
        """All that comes until the end, and whether it ended properly (close_notify)."""
        got, self.held = self.held, b""
        try:
            while True:
                data = self.sock.recv(65536)
                if not data:
                    return got, True
                got += data
        except (ssl.SSLError, ConnectionError):
            return got, False

    def refusal(self):
        """The PDUs until the end, which must be a farewell: (error info or None, whether a licence came, ultimatum)."""
        code, licence, ultimatum = None, False, False
        while True:
            try:
                pdu = self.pdu()
            except (EOFError, ssl.SSLError, ConnectionError):
                return code, licence, ultimatum
            if pdu[0] == 3 and pdu[7] >> 2 == 8:
                ultimatum = True
            elif pdu[0] == 3 and pdu[7] >> 2 == 26 and mcs_payload(pdu)[0] & 0x80:
                licence = True
            elif error_info(pdu) is not None:
                code = error_info(pdu)

    def start_tls(self, context, server=False):
        self.sock = context.wrap_socket(self.sock, server_side=server)
        self.sock.settimeout(PATIENCE_S)

    def close(self):
        self.sock.close()


class FakeClient(Wire):
    """Stages one after another, so that a test can stop at any of them."""

    def __init__(self, port):
        super().__init__(socket.create_connection(("127.0.0.1", port), PATIENCE_S))
        self.user = None

    def preamble(self, **request):
        self.send(connection_request(**request))
        return self.pdu()

    def tls(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        self.start_tls(context)

    def connect_initial(self, extra=b""):
        self.send(connect_initial(client_blocks(extra)))
        return self.pdu()

    def channels(self):
        self.send(data_tpdu(bytes.fromhex("0401000100")))
        self.send(data_tpdu(b"\x28"))
        confirm = self.pdu()
        self.user = struct.unpack_from(">H", confirm, 9)[0] + 1001
        for channel in (self.user, CLIENT_IO, CLIENT_FIRST, CLIENT_FIRST + 1):
            self.send(data_tpdu(struct.pack(">BHH", 0x38, self.user - 1001, channel)))
            answer = self.pdu()
            assert answer[7] >> 2 == 15 and answer[8] == 0, answer.hex()

    def info(self, user="demo", password="right", random=None):
        cookie = b""
        if random:
            verifier = hmac.new(random, bytes(32), "md5").digest()
            cookie = struct.pack("<III", 28, 1, 1) + verifier
        self.send(send_data(25, self.user, CLIENT_IO, client_info(user, password, cookie=cookie)))

    def login(self, user="demo", password="right", random=None, **request):
        self.preamble(**request)
        self.tls()
        self.connect_initial()
        self.channels()
        self.info(user, password, random)
        return self


class FakeGuest:
    """Listens; each connection runs its sequence up to `stage` and is then handed to the test by accept()."""

    STAGES = ("tcp", "confirm", "tls", "response", "attach", "joins", "relay")

    def __init__(self, certificate):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate)
        self.stage = "relay"
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port = self.listening.getsockname()[1]
        self.arrived = []
        self.condition = threading.Condition()
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                sock = self.listening.accept()[0]
            except OSError:
                return
            threading.Thread(target=self.converse, args=(Wire(sock),), daemon=True).start()

    def converse(self, wire):
        last = self.STAGES.index(self.stage)
        try:
            for step in range(last):
                getattr(self, "do_" + self.STAGES[step + 1])(wire)
        except (EOFError, OSError) as problem:
            wire.problem = problem
            return
        with self.condition:
            self.arrived.append(wire)
            self.condition.notify_all()

    def do_confirm(self, wire):
        wire.request = wire.pdu()
        wire.send(bytes.fromhex("030000130ed00000123400") + struct.pack("<BBHI", 2, 0, 8, 1))

    def do_tls(self, wire):
        wire.start_tls(self.context, server=True)

    def do_response(self, wire):
        wire.initial = wire.pdu()
        wire.send(connect_response())

    def do_attach(self, wire):
        wire.pdu()
        wire.pdu()
        wire.send(data_tpdu(struct.pack(">BBH", 0x2E, 0, GUEST_USER - 1001)))

    def do_joins(self, wire):
        wire.joined = []
        for _ in range(2 + len(GUEST_CHANNELS)):
            channel = struct.unpack_from(">H", wire.pdu(), 10)[0]
            wire.joined.append(channel)
            wire.send(data_tpdu(struct.pack(">BBHHH", 0x3E, 0, GUEST_USER - 1001, channel, channel)))

    def do_relay(self, wire):
        wire.info_pdu = wire.pdu()
        wire.info = parse_client_info(mcs_payload(wire.info_pdu))

    def accept(self):
        with self.condition:
            if not self.condition.wait_for(lambda: self.arrived, PATIENCE_S):
                raise AssertionError("nobody reached the guest")
            return self.arrived.pop(0)

    def close(self):
        self.listening.close()


class FakeBroker:
    """The gateway's part of the API. stop() and start() are a broker lost and back; what it knows stays."""

    def __init__(self, path):
        self.path = path
        self.condition = threading.Condition()
        self.connect = {}
        self.ready = True      # or: tickets stay waiting until this changes
        self.draining = False  # what an administrator wants of the gateway
        self.mute = False      # or: log-ins are never answered
        self.questions = []    # asked one after another in each log-in, see ask()
        self.answers = []
        self.logins, self.reports, self.heartbeats, self.orders, self.stale = [], [], [], [], []
        self.server = None
        self.start()

    def start(self):
        broker = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def handle(self):
                with broker.condition:
                    broker.server.live.append(self.connection)
                super().handle()

            def answer(self, status, body):
                data = json.dumps(body).encode()
                try:
                    self.send_response(status)
                    self.send_header("Content-Type", "application/json")
                    self.send_header("Content-Length", str(len(data)))
                    self.end_headers()
                    self.wfile.write(data)
                except OSError:
                    self.close_connection = True

            def do_any(self):
                length = int(self.headers.get("Content-Length") or 0)
                body = json.loads(self.rfile.read(length)) if length else None
                with broker.condition:
                    if self.path == "/v1/logins":
                        broker.login_connection = self.connection
                    status, answer = broker.handle(self.command, self.path, body)
                    broker.condition.notify_all()
                self.answer(status, answer)

            do_GET = do_PUT = do_POST = do_any

        class Server(ThreadingMixIn, UnixStreamServer):
            daemon_threads = True
            request_queue_size = 128

            def get_request(self):
                return super().get_request()[0], ("unix", 0)

            def handle_error(self, *_):
                pass

        if os.path.exists(self.path):
            os.unlink(self.path)
        self.server = Server(self.path, Handler)
        self.server.live = []
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
        os.unlink(self.path)
        with self.condition:
            for connection in self.server.live:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
            self.condition.notify_all()

    def ticket(self, session):
        out = {"session": session, "connection": 1, "user": "demo", "pool": "demo", "percent": 40, "place": 0,
               "message": "", "state": "ready" if self.ready else "waiting"}
        if self.ready:
            out["connect"] = self.connect
        return out

    def ask(self, number, wrong=None):
        """Question NUMBER, or the ticket behind the last one. A question is what the API says of it, with the RIGHT
        answer, its KEY, what is said when it is WRONG, or with which code (status, code) any answer is to be REFUSED."""
        if number == len(self.questions):
            return (200 if self.ready else 202), self.ticket(f"s-{len(self.logins):016d}")
        shown = {"id": f"q-{number:016d}", "bad": bool(wrong), "expires_in_s": 120, **self.questions[number]}
        for key in ("right", "key", "wrong", "refused"):
            shown.pop(key, None)
        return 200, {"state": "question", "question": {**shown, "text": wrong or shown["text"]}}

    def answered(self, body):
        self.answers.append(body)
        number = int(body["question"][2:])
        question = self.questions[number]
        if "refused" in question:
            status, code = question["refused"]
            return status, {"status": status, "code": code, "detail": "no more"}
        if body[question["key"]] != question["right"]:
            return self.ask(number, question["wrong"])
        return self.ask(number + 1)

    # Under the condition's lock; wait_for() gives it up meanwhile.
    def handle(self, method, path, body):
        if path == "/v1/logins":
            if "question" in body:
                return self.answered(body)
            self.logins.append(body)
            if self.mute:
                self.condition.wait_for(lambda: not self.mute, PATIENCE_S)
            came_back = hashlib.sha256(body.get("reconnect", "").encode()).hexdigest()
            if body["password"] != "right" and not any(r.get("reconnect") == came_back for r in self.reports):
                return 401, {"status": 401, "code": "wrong-password", "detail": "does not fit"}
            return self.ask(0)
        if "/ticket" in path:
            wait_s = float(re.search(r"wait=(\d+)", path)[1])
            self.condition.wait_for(lambda: self.ready, wait_s)
            return 200, self.ticket(path.split("/")[3])
        if path.endswith("/reports"):
            self.reports += [{"gateway": path.split("/")[3], **report} for report in body["reports"]]
            return 200, {"items": [{"session": r["session"], "status": 200, "state": "active", "code": ""} for r in body["reports"]]}
        if "/orders" in path:
            after = int(re.search(r"after=(\d+)", path)[1])
            self.condition.wait_for(lambda: self.orders[after:], float(re.search(r"wait=(\d+)", path)[1]))
            return 200, {"items": self.orders[after:]}
        if path.startswith("/v1/gateways/"):
            self.heartbeats.append(body)
            return 200, {"lease_seconds": 15, "draining": self.draining, "stale": self.stale}
        return 404, {"status": 404, "code": "not-found"}

    def set(self, **attributes):
        with self.condition:
            for name, value in attributes.items():
                setattr(self, name, value)
            self.condition.notify_all()

    def order(self, session, code):
        with self.condition:
            self.orders.append({"number": len(self.orders) + 1, "verb": "close", "session": session, "connection": 1,
                                "code": code})
            self.condition.notify_all()

    def wait_for(self, condition, what):
        with self.condition:
            if not self.condition.wait_for(condition, PATIENCE_S):
                raise AssertionError(f"the broker waited in vain for {what}")

    def wait_login_hung_up(self):
        """The gateway gave up the newest log-in: it closed that connection."""
        self.login_connection.settimeout(PATIENCE_S)
        if self.login_connection.recv(1, socket.MSG_PEEK):
            raise AssertionError("the gateway sent more on the log-in's connection")

    def wait_report(self, **wanted):
        found = []

        def there():
            found[:] = [r for r in self.reports if all(r.get(k) == v for k, v in wanted.items())]
            return found

        self.wait_for(there, f"a report like {wanted}; there were {self.reports}")
        return found[0]


class Gateway:
    """The daemon under test, its log in memory."""

    def __init__(self, binary, folder, socket_path, **keys):
        self.folder = folder
        self.config = os.path.join(folder, "carrel.conf")
        self.keys = {"name": "gw1", "listen": "127.0.0.1:0", "broker_socket": socket_path, "threads": 2,
                     "state_dir": os.path.join(folder, "state"), "heartbeat": "100ms", **keys}
        self.configure()
        self.lines = []
        self.condition = threading.Condition()
        self.process = subprocess.Popen([binary, "--config", self.config], stdin=subprocess.DEVNULL,
                                        stderr=subprocess.PIPE, text=True, errors="replace")
        threading.Thread(target=self.read_log, daemon=True).start()
        self.port = int(self.wait_log(r"Listening\. address=127\.0\.0\.1:(\d+)")[1])
        self.wait_log(r"Ready\.")

    def configure(self, **keys):
        self.keys.update(keys)
        with open(self.config, "w", encoding="utf-8") as f:
            f.write("[log]\nlevel = debug\n[gateway]\n")
            f.writelines(f"{k} = {v}\n" for k, v in self.keys.items())

    def read_log(self):
        for line in self.process.stderr:
            with self.condition:
                self.lines.append(line)
                self.condition.notify_all()
        self.process.stderr.close()
        with self.condition:
            self.lines.append("END OF LOG\n")
            self.condition.notify_all()

    def wait_log(self, pattern, since=0):
        found = []

        def there():
            found[:] = [m for m in (re.search(pattern, line) for line in self.lines[since:]) if m]
            return found or "END OF LOG\n" in self.lines

        with self.condition:
            self.condition.wait_for(there, PATIENCE_S)
            if not found:
                raise AssertionError(f"no {pattern!r} in the log:\n" + "".join(self.lines[-60:]))
            return found[0]

    def log_text(self):
        with self.condition:
            return "".join(self.lines)

    def signal(self, number):
        self.process.send_signal(number)

    def rss_kib(self):
        with open(f"/proc/{self.process.pid}/statm", encoding="ascii") as f:
            return int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 1024

    def stop(self):
        if self.process.poll() is None:
            self.signal(signal.SIGTERM)
        try:
            return self.process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise
