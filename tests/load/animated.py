"""The bench's row with a real desktop: what a proxy's CPU costs for one session of xrdp that shows an animated window,
with xfreerdp3 as the client. Carrel and freerdp-proxy3 take turns at the same xrdp session."""

import json
import os
import shutil
import subprocess
import tempfile
import time

from client import Client
from lab import STOP_S, Trouble, cpu_s

HERE = os.path.dirname(os.path.abspath(__file__))
NEEDED = ("xrdp", "xfreerdp3", "Xvfb", "import", "xdotool")
SIZE, RATE = "640x400", "15"
MOVES_S = 10  # a picture that is not another one within that time stands still


class Animated:
    def __init__(self, lab):
        missing = [program for program in NEEDED if not shutil.which(program)]
        if missing or os.getuid() != 0:
            raise Trouble("the animated session needs root" if not missing else
                          f"{', '.join(missing)}: not installed (config/install-packages bench)")
        self.desktop = subprocess.Popen([os.path.join(HERE, "desktop"), "--", "--size", SIZE, "--rate", RATE, "--plain"],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            line = self.desktop.stdout.readline()
            if not line:
                raise Trouble("xrdp does not start")
            told = json.loads(line)
            self.user, self.password = told["user"], told["password"]
            users = lab.write("animated.users", f"{self.user}:{self.password}\n")
            self.carrel = lab.carrel(guest=told["port"], users=users)
            self.freerdp = lab.freerdp_proxy(guest=told["port"])
        except BaseException:
            self.close()
            raise

    def close(self):
        self.desktop.stdin.close()
        self.desktop.wait(STOP_S * 2)

    @staticmethod
    def shot(client, folder):
        path = os.path.join(folder, "shot.ppm")
        client.screenshot(path)
        with open(path, "rb") as file:
            return file.read()

    def cost(self, proxy, compression, seconds):
        """CPU seconds of PROXY in a second of the session."""
        with tempfile.TemporaryDirectory(prefix="carrel-bench-client-") as folder:
            client = Client(folder, proxy.port, self.user, self.password, f"{'+' if compression else '-'}compression")
            try:
                client.wait_for_picture()
                first = self.shot(client, folder)
                began, before = time.monotonic(), cpu_s(proxy.pid)
                client.wait(seconds)
                cost = (cpu_s(proxy.pid) - before) / (time.monotonic() - began)
                # The animation repeats itself: one picture like the first says nothing.
                until = time.monotonic() + MOVES_S
                while self.shot(client, folder) == first:
                    if time.monotonic() > until:
                        raise Trouble(f"the picture through {proxy.name} stands still")
            except RuntimeError as error:
                raise Trouble(f"through {proxy.name}: {error}") from error
            finally:
                client.stop()
        return cost
