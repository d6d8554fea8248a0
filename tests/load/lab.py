"""What tests/load/bench puts side by side: the stand with Carrel, the other proxies with their configurations, and
runs of carrel-load through each. Everything listens on loopback, stands in one temporary folder, and is ended by its
process id."""

import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
START_S, STOP_S, RUN_S = 120, 20, 300

# The gateway's choice and order (tls_io.h), so that no proxy wins or loses by its ciphers.
CIPHERSUITES = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"


class Trouble(Exception):
    """Ends the benchmark with a sentence."""


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as s:
        return s.getsockname()[1]


def cpu_s(pid):
    """CPU seconds of a process so far, user and system: clock_getcpuclockid(3), which Python does not have."""
    return time.clock_gettime(~pid << 3 | 2)


class Proxy:
    def __init__(self, name, port, pid, tls):
        self.name, self.port, self.pid, self.tls = name, port, pid, tls


class Lab:
    """USERS: how many accounts the stand makes, each for one session at a time."""

    def __init__(self, build, users):
        self.build = build
        self.load = os.path.join(build, "tests/load/carrel-load")
        self.folder = tempfile.mkdtemp(prefix="carrel-bench-")
        self.guest = free_port()
        self.processes = []
        self.stands = []
        self.users = self.write("users", "".join(f"u{n:05d}:bench-{n}\n" for n in range(users)))

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as f:
            f.write(text)
        return self.path(name)

    def close(self):
        for stand in self.stands:
            stand.stdin.close()
        for process in self.processes:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in self.processes + self.stands:
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    # ---- what is compared ----

    def carrel(self, guest=None, users=None):
        """A gateway and a broker; what is measured is the gateway. GUEST: the port of another one than the kit's."""
        with open(self.path("stand.log"), "wb") as log:
            stand = subprocess.Popen([os.path.join(HERE, "stand"), "--no-build", "--build", self.build, "--guest",
                                           f"127.0.0.1:{guest or self.guest}", "--users", users or self.users],
                                          stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True)
        self.stands.append(stand)
        line = stand.stdout.readline()
        if not line:
            with open(self.path("stand.log"), encoding="utf-8") as log:
                raise Trouble(f"the stand does not start: {log.read().strip()}")
        told = json.loads(line)
        pid = next(pid for name, pid in told["pids"].items() if name.startswith("gateway"))
        return Proxy("Carrel", int(told["gateways"][0].rsplit(":", 1)[1]), pid, tls=False)

    def certificate(self, kind):
        """A self-signed one, with its key, as a PEM file."""
        pem = self.path(f"{kind}.pem")
        algorithm = ["rsa:2048"] if kind == "rsa" else ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
        subprocess.run(["openssl", "req", "-x509", "-newkey", *algorithm, "-nodes", "-keyout", pem + ".key", "-out",
                        pem + ".crt", "-days", "2", "-subj", "/CN=bench"], check=True, capture_output=True)
        with open(pem + ".crt", encoding="ascii") as crt, open(pem + ".key", encoding="ascii") as key:
            return self.write(f"{kind}.pem", crt.read() + key.read())

    def start(self, name, port, *command):
        with open(self.path(name + ".log"), "wb") as log:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder,
                                       env={**os.environ, "HOME": self.folder})
        self.processes.append(process)
        until = time.monotonic() + START_S
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return process.pid
            except OSError:
                if process.poll() is not None or time.monotonic() > until:
                    with open(self.path(name + ".log"), encoding="utf-8", errors="replace") as log:
                        raise Trouble(f"{name} does not start: {log.read().strip()[-800:]}") from None
                time.sleep(0.02)

    def haproxy(self):
        """The same work without RDP: TLS is ended, and begun again towards the guest. The key is of the kind that a
        gateway makes for itself. One thread, because a thread more would only be a core more."""
        port = free_port()
        descriptors = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        config = self.write("haproxy.cfg", f"""global
    maxconn {descriptors // 2 - 200}
    nbthread 1
    log stderr daemon emerg
    ssl-default-bind-ciphersuites {CIPHERSUITES}
    ssl-default-server-ciphersuites {CIPHERSUITES}
defaults
    mode tcp
    timeout connect 30s
    timeout client 1h
    timeout server 1h
listen bench
    bind 127.0.0.1:{port} ssl crt {self.certificate("ecdsa")}
    server guest 127.0.0.1:{self.guest} ssl verify none
""")
        return Proxy("HAProxy", port, self.start("haproxy", port, "haproxy", "-db", "-q", "-f", config), tls=True)

    def stunnel(self):
        """TLS to TLS takes two services of one process, with clear text between them."""
        port, between = free_port(), free_port()
        config = self.write("stunnel.conf", f"""foreground = yes
pid =
debug = 3
cert = {self.certificate("ecdsa")}
ciphersuites = {CIPHERSUITES}
[front]
accept = 127.0.0.1:{port}
connect = 127.0.0.1:{between}
[back]
client = yes
accept = 127.0.0.1:{between}
connect = 127.0.0.1:{self.guest}
""")
        return Proxy("stunnel", port, self.start("stunnel", port, "stunnel4", config), tls=True)

    def freerdp_proxy(self, guest=None):
        port, pem = free_port(), self.certificate("rsa")
        config = self.write(f"freerdp-proxy-{port}.ini", f"""[Server]
Host = 127.0.0.1
Port = {port}
[Target]
FixedTarget = TRUE
Host = 127.0.0.1
Port = {guest or self.guest}
[Input]
Keyboard = TRUE
Mouse = TRUE
[Security]
ServerNlaSecurity = FALSE
ServerTlsSecurity = TRUE
ServerRdpSecurity = FALSE
ClientNlaSecurity = FALSE
ClientTlsSecurity = TRUE
ClientRdpSecurity = FALSE
[Channels]
GFX = FALSE
[Certificates]
CertificateFile = {pem}.crt
PrivateKeyFile = {pem}.key
""")
        return Proxy("freerdp-proxy3", port, self.start(f"freerdp-proxy-{port}", port, "freerdp-proxy3", config), tls=False)

    # ---- runs ----

    def run(self, scenario, proxy, *options, users=True):
        """One run of carrel-load through PROXY (None: directly to its fake guest); its figures."""
        out = self.path("run.json")
        command = [self.load, scenario, "--quiet", "--json", out, "--guest", f"127.0.0.1:{self.guest}",
                   *(str(o) for o in options)]
        if users:
            command += ["--users", self.users]
        if proxy:
            command += ["--target", f"127.0.0.1:{proxy.port}", "--watch", f"proxy={proxy.pid}"]
            if proxy.tls:
                command.append("--tls")
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=RUN_S, check=False)
        except subprocess.TimeoutExpired:
            raise Trouble(f"{' '.join(command)} did not end") from None
        if done.returncode:
            raise Trouble(f"{' '.join(command)}: {done.stderr.strip()}")
        with open(out, encoding="utf-8") as f:
            figures = json.load(f)["metrics"]
        if figures.get("sessions.failed") or figures.get("sessions.lost") or figures.get("stream.missing"):
            name = proxy.name if proxy else "the fake guest"
            raise Trouble(f"{scenario} through {name}: {done.stderr.strip() or 'PDUs are missing'}")
        return figures
