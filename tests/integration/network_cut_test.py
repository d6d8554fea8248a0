#!/usr/bin/env python3
"""A real client whose network is cut comes back to its windows without a password.

    network_cut_test.py CARREL_BROKER CARREL_GATEWAY

xfreerdp3 in a network namespace of its own, a broker, a gateway, and freerdp-shadow with a screen as the machine of a
static pool. The path between client and gateway is taken down until the client has noticed and tried in vain, or for
CARREL_CUT_S seconds. Meanwhile the user's password is changed, so that what brings the client back is its cookie.
"""

import os
import re
import subprocess
import sys
import tempfile
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import broker_lab  # noqa: E402
from gateway_fakes import PATIENCE_S, Gateway, wait_until  # noqa: E402

GATEWAY_ADDRESS, CLIENT_ADDRESS = "10.77.0.1", "10.77.0.2"
WIDTH, HEIGHT = 640, 480
ALIKE = 0.99         # of the pixels; codecs may lose a little
NEAR = 40            # of 255 in each colour
COME_BACK_S = 300    # the client tries again in its own time


def run(*command, **more):
    return subprocess.run(command, check=True, timeout=PATIENCE_S, **more)


class Programs:
    """What the test starts, ended in reverse order by the processes' own handles."""

    def __init__(self, folder):
        self.folder = folder
        self.started = []

    def start(self, name, *command, display=None, **more):
        environment = {**os.environ, "HOME": self.folder}
        if display:
            environment["DISPLAY"] = display
        with open(self.log(name), "wb") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=environment, **more)
        self.started.append(process)
        return process

    def log(self, name):
        return os.path.join(self.folder, name + ".log")

    def log_text(self, name):
        with open(self.log(name), encoding="utf-8", errors="replace") as file:
            return file.read()

    def screen(self, name):
        """An X server; it writes its number when it takes connections."""
        read, write = os.pipe()
        self.start(name, "Xvfb", "-displayfd", str(write), "-screen", "0", f"{WIDTH}x{HEIGHT}x24", "-nolisten", "tcp",
                   "-noreset", pass_fds=(write,))
        os.close(write)
        with os.fdopen(read) as pipe:
            return ":" + pipe.readline().strip()

    def stop(self):
        for process in reversed(self.started):
            process.terminate()
            try:
                process.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def picture(display):
    return run("import", "-display", display, "-window", "root", "-depth", "8", "rgb:-", capture_output=True).stdout


def alike(one, other):
    """Whether two screens show the same, pixel by pixel; an empty screen shows nothing."""
    if len(one) != len(other) or len(set(one[::997])) < 2:
        return False
    near = sum(1 for i in range(0, len(one), 3) if all(abs(one[i + k] - other[i + k]) <= NEAR for k in range(3)))
    return near >= ALIKE * WIDTH * HEIGHT


def client_network(programs):
    """A second namespace, joined to this one by a cable; the process that holds it."""
    holder = programs.start("namespace", "unshare", "--net", "sleep", "infinity")
    mine = os.readlink("/proc/self/ns/net")
    wait_until(lambda: os.readlink(f"/proc/{holder.pid}/ns/net") != mine, "the client's namespace")
    run("ip", "link", "set", "lo", "up")
    run("ip", "link", "add", "cable", "type", "veth", "peer", "name", "client", "netns", str(holder.pid))
    run("ip", "address", "add", GATEWAY_ADDRESS + "/24", "dev", "cable")
    run("ip", "link", "set", "cable", "up")
    # The client's system gives a connection up after so many repetitions, not after a quarter of an hour.
    run("nsenter", "-t", str(holder.pid), "-n", "sh", "-c", "echo 4 >/proc/sys/net/ipv4/tcp_retries2")
    for command in (["address", "add", CLIENT_ADDRESS + "/24", "dev", "client"], ["link", "set", "client", "up"]):
        run("nsenter", "-t", str(holder.pid), "-n", "ip", *command)
    return holder.pid


def guest_with_windows(programs):
    display = programs.screen("guest-screen")
    programs.start("logo", "xlogo", "-geometry", "300x200+40+60", "-fg", "red", "-bg", "blue", display=display)
    port = 3390
    programs.start("guest", "freerdp-shadow-cli3", f"/port:{port}", "/bind-address:127.0.0.1", "/sec:tls", "-auth",
                   display=display)
    wait_until(lambda: "Listening on" in programs.log_text("guest") or
               any(f"{port:04X} " in line and " 0A " in line for line in open("/proc/net/tcp", encoding="ascii")),
               "the guest listens")
    return display, port


def furnish(lab, port):
    lab.must(lab.post("/v1/pools", {"name": "machines", "kind": "static", "credentials": "user", "trust": "any"}), 201)
    lab.must(lab.post("/v1/machines", {"pool": "machines", "address": "127.0.0.1", "port": port, "sessions_max": 4}), 201)
    lab.add_user("ann", "machines", password="first password")


def session(lab):
    return lab.must(lab.get("/v1/sessions?user=ann"), 200)["items"]


def test(broker, gateway_program, folder, programs):
    namespace = client_network(programs)
    guest_display, port = guest_with_windows(programs)
    client_display = programs.screen("client-screen")
    with broker_lab.Lab(broker) as lab:
        furnish(lab, port)
        gateway = Gateway(gateway_program, folder, lab.socket, listen=f"127.0.0.1:0, {GATEWAY_ADDRESS}:3389")
        try:
            client = programs.start(
                "client", "nsenter", "-t", str(namespace), "-n", "stdbuf", "-oL", "xfreerdp3", f"/v:{GATEWAY_ADDRESS}", "/u:ann",
                "/p:first password", "/cert:ignore", "/sec:tls", f"/size:{WIDTH}x{HEIGHT}", "/f", "/log-level:INFO",
                "+auto-reconnect", "/auto-reconnect-max-retries:1000", display=client_display)
            wait_until(lambda: alike(picture(guest_display), picture(client_display)), "the guest's windows")
            before = session(lab)[0]
            assert before["state"] == "active" and before["connection"] == 1, before
            print("  the client shows the guest's windows", flush=True)

            lab.must(lab.patch("/v1/users/ann", {"password": "second password"}), 200)
            run("ip", "link", "set", "cable", "down")
            threading.Event().wait(float(os.environ.get("CARREL_CUT_S", "0")))

            def noticed():
                # Somebody at the client moves the mouse; nothing else would be sent.
                run("xdotool", "mousemove_relative", "--", "1", "1", env={**os.environ, "DISPLAY": client_display})
                return re.search(r"(?i)attempting reconnect|reconnect", programs.log_text("client"))

            wait_until(noticed, "the client to notice that its network is gone", COME_BACK_S)
            print("  the client noticed the cut", flush=True)
            run("ip", "link", "set", "cable", "up")
            wait_until(lambda: session(lab)[0]["connection"] == 2 and session(lab)[0]["state"] == "active",
                       "the session to have its second connection", COME_BACK_S)
            wait_until(lambda: alike(picture(guest_display), picture(client_display)), "the same windows again")
            assert session(lab)[0]["id"] == before["id"], session(lab)
            assert client.poll() is None, "the client is the same process"
            events = [e["text"] for e in lab.get("/v1/events?limit=1000")["items"]]
            assert any("ann came back by automatic reconnection" in text for text in events), events
            assert not any("refused" in text for text in events), events
            print("  the client is back and shows the same windows", flush=True)
        except BaseException:
            print(gateway.log_text()[-4000:], *(f"--- {n}\n{programs.log_text(n)[-3000:]}" for n in ("client", "guest")),
                  file=sys.stderr)
            raise
        finally:
            status = gateway.stop()
        assert status == 0, gateway.log_text()[-4000:]


def main():
    if os.environ.get("CARREL_IN_NAMESPACE") != "yes":
        os.environ["CARREL_IN_NAMESPACE"] = "yes"
        as_root = [] if os.geteuid() == 0 else ["--map-root-user"]
        os.execvp("unshare", ["unshare", "--net", *as_root, sys.executable, *sys.argv])
    with tempfile.TemporaryDirectory(prefix="carrel-cut-") as folder:
        programs = Programs(folder)
        try:
            test(sys.argv[1], sys.argv[2], folder, programs)
        finally:
            programs.stop()


if __name__ == "__main__":
    main()
