#!/usr/bin/env python3
"""What a running gateway may do, seen from outside, with the fakes of gateway_fakes.py: the filter on all its threads, the
account that it becomes, and what goes on all the same (reload, replacement, the lobby, a log that is rotated).

    gateway_rights_test.py CARREL_GATEWAY [unittest options]
"""

import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest

import gateway_test
from gateway_fakes import PATIENCE_S, Gateway, fast_path, wait_until

ACCOUNT = "nobody"
CAP_SYS_PTRACE = 1 << 19  # builds with sanitizers keep it where they run as root


def status(pid):
    """What the kernel says of each of a process' threads."""
    threads = []
    for thread in os.listdir(f"/proc/{pid}/task"):
        try:
            with open(f"/proc/{pid}/task/{thread}/status", encoding="ascii") as file:
                threads.append(dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line))
        except (FileNotFoundError, ProcessLookupError):
            pass  # this thread has ended meanwhile
    return threads


def children(pid):
    found = []
    for thread in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{thread}/children", encoding="ascii") as file:
            found += [int(child) for child in file.read().split()]
    return found


def gone(pid):
    try:
        return status(pid)[0]["State"].startswith("Z")
    except (FileNotFoundError, ProcessLookupError, IndexError):
        return True


class Filter(gateway_test.Case):
    keys = {"threads": 3, "metrics": "127.0.0.1:0"}

    def test_all_threads_are_under_the_filter_and_can_gain_no_rights(self):
        client, guest = self.relayed()
        threads = status(self.gateway.process.pid)
        self.assertGreaterEqual(len(threads), 5)  # main, three workers, metrics
        for thread in threads:
            self.assertEqual((thread["Seccomp"], thread["NoNewPrivs"]), ("2", "1"), thread)
            for kind in ("CapEff", "CapPrm", "CapInh", "CapAmb"):
                self.assertEqual(int(thread[kind], 16) & ~CAP_SYS_PTRACE, 0, (kind, thread))
        guest.send(fast_path(b"goes on"))
        self.assertEqual(client.pdu(), fast_path(b"goes on"))

    def test_without_its_starter_a_gateway_serves_and_says_what_it_cannot_do(self):
        client, guest = self.relayed()
        starter, = children(self.gateway.process.pid)
        os.kill(starter, signal.SIGKILL)
        self.gateway.wait_log(r"The starter ended: neither the lobby nor a successor can be started")
        self.gateway.signal(signal.SIGUSR2)
        self.gateway.wait_log(r"The gateway is not replaced: the process that would start the new one does not answer")
        guest.send(fast_path(b"goes on"))
        self.assertEqual(client.pdu(), fast_path(b"goes on"))


class Killed(gateway_test.Case):
    def ends_well(self):
        """It does not, here."""

    def test_the_starter_and_the_lobby_end_with_the_gateway_however_that_ends(self):
        lobby = int(self.gateway.wait_log(r"The lobby runs\. pid=(\d+)")[1])
        starter, = children(self.gateway.process.pid)
        self.gateway.process.kill()
        self.assertEqual(self.gateway.process.wait(PATIENCE_S), -signal.SIGKILL)
        wait_until(lambda: gone(starter) and gone(lobby), "the starter and the lobby to end")


class Off(gateway_test.Case):
    keys = {"seccomp": "off"}

    def test_a_filter_that_is_off_is_said_so(self):
        self.gateway.wait_log(r"No system call is forbidden to this gateway\. seccomp=off")
        self.assertEqual({t["Seccomp"] for t in status(self.gateway.process.pid)}, {status(os.getpid())[0]["Seccomp"]})
        self.relayed()


class Words(unittest.TestCase):
    def refused(self, folder, *lines):
        path = os.path.join(folder, "carrel.conf")
        with open(path, "w", encoding="utf-8") as file:
            file.write("[gateway]\nlisten = 127.0.0.1:0\nname = gw1\n" + "".join(line + "\n" for line in lines))
        run = subprocess.run([gateway_test.BINARY, "--config", path], stderr=subprocess.PIPE, text=True, timeout=PATIENCE_S, check=False)
        self.assertEqual(run.returncode, 1)
        return run.stderr

    def test_settings_that_cannot_be_met_end_the_start(self):
        folder = self.enterContext(tempfile.TemporaryDirectory())
        self.assertIn("gateway.seccomp is 'maybe'; enforce, log or off was expected", self.refused(folder, "seccomp = maybe"))
        self.assertIn("gateway.user is 'no-such-account', and there is no such account",
                      self.refused(folder, "user = no-such-account"))


@unittest.skipUnless(os.geteuid() == 0, "becoming another account needs root")
class Account(gateway_test.Case):
    keys = {"user": ACCOUNT}

    def prepare(self):
        """Certificate and key are root's alone, as a certbot leaves them; the account reaches the broker."""
        self.uid = pwd.getpwnam(ACCOUNT).pw_uid
        os.chmod(self.folder.name, 0o755)
        os.chmod(self.broker.path, 0o777)
        secret = os.path.join(self.folder.name, "secret")
        os.mkdir(secret, 0o700)
        self.keys = {**self.keys, "certificate": os.path.join(secret, "gateway.pem")}
        shutil.copy(self.guest_pem, self.keys["certificate"])
        os.chmod(self.keys["certificate"], 0o600)

    def assert_unprivileged(self, pid):
        for thread in status(pid):
            self.assertEqual(set(thread["Uid"].split()), {str(self.uid)})
            self.assertEqual(int(thread["CapEff"], 16), 0)
            self.assertNotIn("0", thread["Groups"].split())

    def test_it_is_the_account_with_a_key_that_only_root_can_read(self):
        self.relayed()
        self.assert_unprivileged(self.gateway.process.pid)

    def test_a_reload_keeps_the_certificate_and_a_replacement_reads_it(self):
        client, guest = self.relayed()
        self.gateway.signal(signal.SIGHUP)
        self.gateway.wait_log(r"The certificate stays as it was: .*gateway\.pem")
        self.relayed()
        self.gateway.signal(signal.SIGUSR2)
        successor = int(self.gateway.wait_log(r"A new process serves; .* pid=(\d+)")[1])
        self.assert_unprivileged(successor)
        self.relayed()
        guest.send(fast_path(b"goes on"))
        self.assertEqual(client.pdu(), fast_path(b"goes on"))
        os.kill(successor, signal.SIGTERM)
        wait_until(lambda: gone(successor), "the successor to end")

    def test_the_lobby_has_the_accounts_rights_and_comes_again(self):
        since = 0
        for _ in range(2):
            lobby = int(self.gateway.wait_log(r"The lobby runs\. pid=(\d+)", since)[1])
            wait_until(lambda: status(lobby)[0]["Seccomp"] == "2", "the lobby's own filter")
            self.assert_unprivileged(lobby)
            since = len(self.gateway.lines)
            os.kill(lobby, signal.SIGKILL)
            self.gateway.wait_log(r"The lobby ended and is started again; .* signal=9", since)


class Log(gateway_test.Case):
    def test_a_rotated_log_goes_on_in_a_fresh_file(self):
        path = os.path.join(self.folder.name, "gateway.log")
        with open(self.gateway.config, encoding="utf-8") as file:
            text = file.read()
        with open(self.gateway.config, "w", encoding="utf-8") as file:
            file.write(text.replace("[log]\n", f"[log]\nfile = {path}\n"))
        self.gateway.signal(signal.SIGHUP)

        def has(what):
            if not os.path.exists(path):
                return False
            with open(path, encoding="utf-8") as log:
                return what in log.read()

        wait_until(lambda: has("The configuration was read again"), "the log's file")
        shutil.move(path, path + ".1")
        self.gateway.signal(signal.SIGHUP)
        wait_until(lambda: has("The configuration was read again"), "the fresh file")
        self.relayed()


if __name__ == "__main__":
    gateway_test.BINARY = sys.argv.pop(1)
    unittest.main(verbosity=2, warnings="ignore")
