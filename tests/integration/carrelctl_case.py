"""What the tests of carrelctl share: the program with a broker beside it, on pipes or on a terminal. Importing this
takes the program's path from the command line."""

import os
import pty
import select
import signal
import subprocess
import sys
import tempfile
import time
import unittest

from carrelctl_fake import THEN, FakeBroker  # noqa: F401

CARRELCTL = os.path.abspath(sys.argv.pop(1))
SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PATIENCE_S = 60
OK, FAILED, USAGE, NOT_FOUND, REFUSED, UNREACHABLE = range(6)


class Terminal:
    """carrelctl with a terminal of its own, typed at by the test."""

    def __init__(self, args, env):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            signal.signal(signal.SIGINT, signal.SIG_DFL)  # a test in the background inherits it as ignored
            os.execve(CARRELCTL, [CARRELCTL, *args], env)
        self.seen = ""

    def expect(self, text):
        until = time.monotonic() + PATIENCE_S
        while text not in self.seen:
            if not select.select([self.fd], [], [], max(0, until - time.monotonic()))[0]:
                raise AssertionError(f"no {text!r} in {self.seen!r}")
            try:
                data = os.read(self.fd, 4096)
            except OSError:  # the other side is gone
                data = b""
            if not data:
                raise AssertionError(f"ended without {text!r}: {self.seen!r}")
            self.seen += data.decode()

    def type(self, text):
        os.write(self.fd, text.encode())

    def end(self):
        until = time.monotonic() + PATIENCE_S
        while select.select([self.fd], [], [], max(0, until - time.monotonic()))[0]:
            try:
                data = os.read(self.fd, 4096)
            except OSError:
                break
            if not data:
                break
            self.seen += data.decode()
        status = os.waitpid(self.pid, 0)[1]
        os.close(self.fd)
        return os.waitstatus_to_exitcode(status)


class Case(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.TemporaryDirectory(prefix="carrelctl-")
        self.addCleanup(self.dir.cleanup)
        self.socket = os.path.join(self.dir.name, "broker.sock")
        self.broker = FakeBroker(self.socket)
        self.addCleanup(lambda: self.broker.stop())
        self.env = dict(os.environ, CARREL_SOCKET=self.socket, LC_ALL="C.UTF-8", TERM="xterm-256color", TZ="UTC")
        self.env.pop("NO_COLOR", None)

    def run_ctl(self, *args, stdin=None, env=None):
        return subprocess.run([CARRELCTL, *args], input=stdin, text=True, capture_output=True, timeout=PATIENCE_S,
                              env=env or self.env, start_new_session=True,  # no controlling terminal
                              stdin=None if stdin is not None else subprocess.DEVNULL)

    def check(self, status, *args, **more):
        done = self.run_ctl(*args, **more)
        self.assertEqual(done.returncode, status, f"{args}: {done.stdout}{done.stderr}")
        return done

    def refused(self, status, words, *args, **more):
        done = self.check(status, *args, **more)
        self.assertTrue(done.stderr.startswith("carrelctl: "), done.stderr)
        self.assertIn(words, done.stderr)
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        return done

    def terminal(self, *args):
        return Terminal(args, self.env)

    def pool(self, **more):
        self.check(OK, "image", "import", "debian", "/dev/null", "--no-wait")
        return self.check(OK, "pool", "create", "office", "--image", "debian", "--spare", "2")
