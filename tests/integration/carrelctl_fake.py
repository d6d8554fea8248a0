"""A broker of a few dozen lines for tests of carrelctl: the paths of the API with state in memory, on a unix
socket. Imports and starting desktops get on by one step with each look, so that nothing depends on time.
Answers can be put in the way of single paths: broker.instead["GET", "/v1/pools"] = (status, type, bytes).
"""

import json
import os
import socketserver
import threading
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qs, unquote, urlsplit

NAMED = {"users": "u", "groups": "g", "images": "i", "pools": "p", "hosts": "h", "desktops": "d", "machines": "m"}
OTP_SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
THEN = "2025-01-01T12:00:00.250Z"


class Problem(Exception):
    def __init__(self, status, code, detail):
        super().__init__(detail)
        self.status, self.code, self.detail = status, code, detail


class FakeBroker:
    def __init__(self, path):
        self.path = path
        self.lock = threading.RLock()
        self.changed = threading.Condition(self.lock)
        self.things = {kind: {} for kind in NAMED}
        self.entitlements, self.sessions, self.gateways, self.events, self.orders = [], {}, {}, [], {}
        self.requests = []  # (method, path with query, body)
        self.instead = {}
        self.import_fails = None  # the reason
        self.pool_fails = None
        self.hosts_up = 1
        self.end_streams = False
        self.server = Server(path, self)
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self):
        with self.changed:
            self.end_streams = True
            self.changed.notify_all()
        self.server.shutdown()
        self.server.server_close()
        os.unlink(self.path)

    def event(self, kind, text, **more):
        with self.changed:
            self.events.append(dict({"number": len(self.events) + 1, "at": THEN, "kind": kind, "text": text,
                                     "session": "", "user": "", "pool": "", "desktop": ""}, **more))
            self.changed.notify_all()

    # --- what the paths do -------------------------------------------------------------------------------

    def find(self, kind, key):
        for thing in self.things[kind].values():
            if key in (thing["name"], thing["id"]):
                return thing
        raise Problem(404, "not-found", f"There is no {kind[:-1]} '{key}'.")

    def create(self, kind, body, usual):
        if not body.get("name"):
            raise Problem(400, "bad-request", "The member name is missing.")
        if body["name"] in self.things[kind]:
            raise Problem(409, "exists", f"There is a {kind[:-1]} '{body['name']}' already.")
        thing = dict(usual, id=f"{NAMED[kind]}-{len(self.things[kind]):016d}", created=THEN)
        thing.update(body)
        self.things[kind][thing["name"]] = thing
        return thing

    def get_on(self, kind, thing):
        """One step further, as a real broker's answer would be a moment later."""
        if kind == "images" and thing["state"] == "importing":
            thing["percent"] += 40
            if self.import_fails:
                thing.update(state="failed", reason=self.import_fails)
            elif thing["percent"] >= 100:
                thing.update(state="ready", percent=100, virtual_size_bytes=8 << 30, file_size_bytes=1503238553)
        if kind == "pools" and thing["enabled"] and self.hosts_up and thing["ready"] < thing["spare"]:
            if self.pool_fails:
                thing.update(stopped=True, failures=8, reason=self.pool_fails)
                return
            ours = [d for d in self.things["desktops"].values() if d["pool"] == thing["name"]]
            if len(ours) < thing["spare"]:
                n = len(ours) + 1
                self.create("desktops", {"name": f"{thing['name']}-{n}"},
                            {"pool": thing["name"], "kind": thing["kind"], "host": "here", "state": "cloning",
                             "state_since": THEN, "percent": 0, "reason": "", "owner": "", "session_user": ""})
            for d in ours:
                if d["state"] != "ready":
                    d["percent"] += 50
                    d["state"] = "ready" if d["percent"] >= 100 else "booting"
            thing["ready"] = sum(d["state"] == "ready" for d in ours)
            thing["desktops"] = len(ours)

    def answer(self, method, parts, query, body):
        kind = parts[0]
        if parts == ["status"]:
            return 200, {"version": "0.1.0", "uptime_s": 4000, "users": len(self.things["users"]), "pools": 1,
                         "images": 1, "hosts": {"up": self.hosts_up, "down": 0, "draining": 0},
                         "desktops": {"ready": 2, "in_use": 1, "failed": 0}, "sessions": {"active": 1},
                         "gateways": {"up": 3, "down": 1, "draining": 2}, "store": "ok"}
        if kind == "events":
            return 200, {"items": self.list_events(query)}
        if kind == "sessions":
            return self.answer_sessions(method, parts, query)
        if kind == "gateways" and len(parts) == 3:
            self.gateways[parts[1]]["draining"] = parts[2] == "drain"
            return 200, self.gateways[parts[1]]
        if kind == "gateways":
            return 200, {"items": list(self.gateways.values())} if len(parts) == 1 else self.gateways[parts[1]]
        if kind == "entitlements":
            return self.answer_entitlements(method, parts, body)
        if kind == "orders":
            return 200, self.orders[int(parts[1])]
        if kind not in self.things:
            raise Problem(404, "not-found", "There is no such path.")
        if len(parts) == 1 and method == "GET":
            items = [t for t in self.things[kind].values()
                     if all(t.get(k) in v for k, v in query.items() if k in ("pool", "host", "state"))]
            return 200, {"items": items}
        if len(parts) == 1 and method == "POST":
            return self.answer_create(kind, body)
        return self.answer_one(method, parts, body)

    def answer_create(self, kind, body):
        if kind == "users":
            has = bool(body.pop("password", None))
            return 201, self.create(kind, body, {"full_name": "", "disabled": False, "has_password": has,
                                                 "groups": [], "last_login": None, "otp": False,
                                                 "password_set": THEN if has else None,
                                                 "must_change_password": False})
        if kind == "groups":
            return 201, self.create(kind, body, {"members": []})
        if kind == "images":
            return 202, self.create(kind, body, {"version": 1, "label": body.get("name"), "state": "importing", "percent": 0, "reason": "",
                                                 "os": "", "guest_user": "", "session_hook": False})
        if kind == "hosts":
            return 201, self.create(kind, body, {"state": "up", "enabled": True, "virt": "kvm", "reason": "",
                                                 "vcpus": 8, "memory_mib": 16384, "libvirt": "10.0.0",
                                                 "hypervisor": "8.2.0", "desktops": 0, "seen": THEN})
        if kind == "machines":
            self.find("pools", body["pool"])
            body.setdefault("name", body["address"])
            return 201, self.create(kind, body, {"port": 3389, "sessions": 0, "sessions_max": 1, "draining": False,
                                                 "state": "up", "state_since": THEN, "failures": 0, "reason": "",
                                                 "fingerprint": ""})
        if body.get("kind") != "static":
            self.find("images", body.get("image", ""))
        return 201, self.create(kind, body, {
            "image": "", "kind": "floating", "spare": 1, "max": 10, "vcpus": 2, "memory_mib": 1024, "network": "user",
            "credentials": "carrel", "pattern": body["name"] + "-%d", "enabled": True, "desktops": 0, "ready": 0,
            "lent": 0, "starting": 0, "failed": 0, "waiting": 0, "failures": 0, "retry_at": None, "stopped": False,
            "reason": "", "deleting": False})

    def answer_one(self, method, parts, body):
        kind, thing = parts[0], self.find(parts[0], parts[1])
        if len(parts) == 4 and parts[2] == "members":
            self.find("users", parts[3])
            (thing["members"].append if method == "PUT" else thing["members"].remove)(parts[3])
            return 204, None
        if len(parts) == 3 and parts[2] == "otp":
            if thing["otp"] == (method == "POST"):
                raise Problem(409 if thing["otp"] else 404, "conflict" if thing["otp"] else "not-found",
                              f"User {thing['name']} has {'one-time codes already' if thing['otp'] else 'no one-time codes'}.")
            thing["otp"] = method == "POST"
            uri = f"otpauth://totp/Carrel:{thing['name']}?secret={OTP_SECRET}&issuer=Carrel&algorithm=SHA1&digits=6&period=30"
            return (201, {"user": thing["name"], "secret": OTP_SECRET, "uri": uri}) if thing["otp"] else (204, None)
        if len(parts) > 2 and kind == "desktops" and method == "GET":
            if parts[2] != "snapshots":
                raise Problem(404, "not-found", f"No {parts[2]} of a desktop \"{thing['name']}\" is kept.")
            return 200, {"items": [{"name": "before", "state": "ready", "size_bytes": 3 << 20, "created": THEN}]}
        if len(parts) > 2 and kind == "desktops":
            number = len(self.orders) + 1
            self.orders[number] = {"number": number, "verb": "desktop-" + parts[2], "object": thing["id"],
                                   "state": "failed" if parts[2] == "restart" else "done",
                                   "reason": "the guest is gone" if parts[2] == "restart" else ""}
            return 202, {"order": number}
        if len(parts) == 3 and parts[2] == "versions":
            thing.update(body, version=thing["version"] + 1, state="ready")
            return 202, dict(thing, label=f"{thing['name']}@{thing['version']}")
        if len(parts) == 3 and parts[2] == "prune":
            return 200, {"items": [dict(thing, label=f"{thing['name']}@1")] if not body["keep"] else []}
        if len(parts) == 3 and parts[2] == "roll":
            if method == "POST":
                thing["roll"] = {"pool": thing["name"], "from": "debian@1", "to": body["image"], "phase": "canary",
                                 "paused": False, "renewed": 1, "desktops": 4, "old_in_use": 2, "failures": 0,
                                 "failure_limit": 3, "max_unavailable": body.get("max_unavailable", 25), "at": None,
                                 "force_after_s": body.get("force_after_s", 0), "warned": False, "reason": ""}
            elif "roll" not in thing:
                raise Problem(404, "not-found", f"Pool '{thing['name']}' was never rolled to another image.")
            elif method == "PATCH":
                thing["roll"]["paused"] = body["action"] == "pause"
            return 202 if method == "POST" else 200, thing["roll"]
        if len(parts) == 3 and parts[2] == "power":
            thing.setdefault("power", {"mode": "spare", "zone": "", "idle": "keep", "idle_after_s": 0, "rules": [],
                                       "autoscale": False, "now_mode": "spare", "now_spare": 10, "usual_demand": 12,
                                       "wanted": 12, "until": THEN,
                                       "why": "schedule Mon-Fri 07:30-18:00 says 10, usual demand at 08:00 says 12"})
            thing["power"].update(body or {})
            return 200, thing["power"]
        if len(parts) >= 3 and parts[2] == "schedule":
            rule = dict({"number": 1, "mode": "spare", "spare": 0}, **(body or {}))
            return (201, rule) if method == "POST" else (204, None) if method == "DELETE" else (200, {"items": [rule]})
        if len(parts) == 3 and parts[2] == "retry":
            thing.update(stopped=False, failures=0)
            return 200, thing
        if method == "GET":
            self.get_on(kind, thing)
            return 200, thing
        if method == "DELETE":
            if kind == "images" and any(p["image"] == thing["name"] for p in self.things["pools"].values()):
                raise Problem(409, "conflict", f"Image {thing['name']} is used by a pool.")
            del self.things[kind][thing["name"]]
            return 204, None
        if method == "PATCH":
            body.pop("password", None)
            thing.update(body)
            return 200, thing
        raise Problem(405, "method-not-allowed", f"{method} has no meaning here.")

    def answer_entitlements(self, method, parts, body):
        if method == "GET":
            return 200, {"items": self.entitlements}
        if method == "POST":
            self.find("pools", body["pool"])
            item = dict({"id": f"e-{len(self.entitlements):016d}", "created": THEN}, **body)
            self.entitlements.append(item)
            return 201, item
        rest = [e for e in self.entitlements if e["id"] != parts[1]]
        if len(rest) == len(self.entitlements):
            raise Problem(404, "not-found", f"There is no entitlement '{parts[1]}'.")
        self.entitlements = rest
        return 204, None

    def answer_sessions(self, method, parts, query):
        if len(parts) == 1:
            ended = "ended" in query
            return 200, {"items": [s for s in self.sessions.values() if ended or s["state"] != "ended"]}
        if parts[1] not in self.sessions:
            raise Problem(404, "not-found", f"There is no session '{parts[1]}'.")
        return (202 if method == "POST" else 200), self.sessions[parts[1]]

    def list_events(self, query):
        limit = int(query.get("limit", ["100"])[0])
        if "after" in query:
            return [e for e in self.events if e["number"] > int(query["after"][0])][:limit]
        return self.events[-limit:]


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, path, broker):
        self.broker = broker
        super().__init__(path, Handler)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def address_string(self):
        return "unix"

    def log_message(self, *args):
        pass

    def send(self, status, kind, data):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def handle_request(self):
        broker = self.server.broker
        url = urlsplit(self.path)
        query = parse_qs(url.query)
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = json.loads(raw) if raw else None
        with broker.changed:
            broker.requests.append((self.command, self.path, json.loads(raw) if raw else None))
            broker.changed.notify_all()
            instead = broker.instead.get((self.command, url.path))
        if instead:
            return self.send(*instead)
        if url.path == "/v1/events" and "follow" in query:
            return self.stream(int(query["after"][0]))
        try:
            with broker.lock:
                status, answer = broker.answer(self.command, [unquote(p) for p in url.path.split("/")[2:]], query,
                                               body)
                data = b"" if answer is None else json.dumps(answer).encode()
        except Problem as p:
            answer = {"type": "about:blank", "title": "no", "status": p.status, "detail": p.detail, "code": p.code}
            return self.send(p.status, "application/problem+json", json.dumps(answer).encode())
        return self.send(status, "application/json", data)

    def stream(self, after):
        broker = self.server.broker
        self.send_response(200)
        self.send_header("Content-Type", "application/x-ndjson")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.chunk(b"\n")
        while True:
            with broker.changed:
                broker.changed.wait_for(lambda: broker.end_streams or len(broker.events) > after)
                lines = b"".join(json.dumps(e).encode() + b"\n" for e in broker.events[after:])
                after = len(broker.events)
                if broker.end_streams:
                    break
            half = len(lines) // 2  # a line may come in pieces
            self.chunk(lines[:half])
            self.chunk(lines[half:])
        try:
            self.wfile.write(b"0\r\n\r\n")
        except BrokenPipeError:
            pass  # the reader had enough
        self.close_connection = True  # as a broker that ends would do

    def chunk(self, data):
        if data:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
            self.wfile.flush()

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_request


if __name__ == "__main__":
    import sys

    broker = FakeBroker(sys.argv[1])
    print("serving", sys.argv[1], flush=True)
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        broker.stop()
