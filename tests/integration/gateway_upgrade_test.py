#!/usr/bin/env python3
"""carrel-gateway replaced while it runs, and drained, with the fakes of gateway_fakes.py.

    gateway_upgrade_test.py CARREL_GATEWAY [unittest options]

CARREL_UPGRADE_SESSIONS and CARREL_UPGRADE_TIMES make it larger: tests/load/upgrade.sh asks for 200 and 20.
"""

import os
import signal
import socket
import sys
import threading
import unittest

import gateway_test
from gateway_fakes import PATIENCE_S, FakeClient, fast_path, wait_until

SESSIONS = int(os.environ.get("CARREL_UPGRADE_SESSIONS", "12"))
TIMES = int(os.environ.get("CARREL_UPGRADE_TIMES", "4"))
CALLERS = 4  # people who log in all the time


class Upgrade(gateway_test.Case):
    def setUp(self):
        super().setUp()
        self.pids = [self.gateway.process.pid]
        self.addCleanup(self.processes_end)  # before ends_well(), which was added earlier

    def processes_end(self):
        """All of them, told to; the log ends with the last one."""
        for pid in self.pids[1:]:
            try:
                os.kill(pid, signal.SIGTERM)
            except ProcessLookupError:
                pass
        self.gateway.stop()
        self.gateway.wait_log("END OF LOG")
        self.assertNotIn("handle still open", self.gateway.log_text())

    def replace(self):
        since = len(self.gateway.lines)
        os.kill(self.pids[-1], signal.SIGUSR2)
        self.pids.append(int(self.gateway.wait_log(r"A new process serves; .* pid=(\d+)", since)[1]))

    def gone(self, pid):
        """Our own child is reaped by its handle, the others by whoever adopted them."""
        if pid == self.gateway.process.pid:
            return self.gateway.process.poll() is not None
        try:
            with open(f"/proc/{pid}/stat", encoding="ascii") as file:
                return file.read().split()[2] == "Z"
        except FileNotFoundError:
            return True

    def relayed_by_another_than(self, boot_id):
        """The older process may take somebody in for a moment after the new one serves."""
        while True:
            client, guest = self.relayed()
            if self.broker.logins[-1]["boot_id"] != boot_id:
                return client, guest
            client.close()

    def test_sessions_go_on_in_the_older_process_which_then_ends(self):
        client, guest = self.relayed()
        self.replace()
        guest.send(fast_path(b"goes on"))
        self.assertEqual(client.pdu(), fast_path(b"goes on"))
        first_boot = self.broker.logins[0]["boot_id"]
        second, second_guest = self.relayed_by_another_than(first_boot)
        self.broker.wait_for(lambda: any(b.get("succeeds") == first_boot for b in self.broker.heartbeats), "the successor")
        self.assertEqual({b["address"] for b in self.broker.heartbeats}, {f"127.0.0.1:{self.gateway.port}"})
        client.close()
        self.broker.wait_report(state="closed", code="client-closed")
        wait_until(lambda: self.gone(self.pids[0]), "the older process to end with its last session")
        self.assertEqual(self.gateway.process.wait(PATIENCE_S), 0)
        second_guest.send(fast_path(b"still"))
        self.assertEqual(second.pdu(), fast_path(b"still"))

    def test_a_log_in_under_way_is_finished_by_the_older_process(self):
        client = self.client()
        client.preamble()
        client.tls()
        self.replace()
        client.connect_initial()
        client.channels()
        client.info()
        guest = self.guest.accept()
        guest.send(fast_path(b"first"))
        self.assertEqual(client.pdu(), fast_path(b"first"))

    def test_a_new_process_that_cannot_start_changes_nothing(self):
        client, guest = self.relayed()
        with open(self.gateway.config, "a", encoding="utf-8") as file:
            file.write("no_such_key = 1\n")
        os.kill(self.pids[-1], signal.SIGUSR2)
        self.gateway.wait_log(r"The new process ended before it could serve; this one goes on")
        guest.send(fast_path(b"goes on"))
        self.assertEqual(client.pdu(), fast_path(b"goes on"))
        self.relayed()
        self.gateway.configure()
        self.replace()
        self.relayed()

    def test_another_number_of_threads_serves_all_sockets(self):
        for threads in (4, 1, 2):
            self.gateway.configure(threads=threads)
            self.replace()
            for _ in range(8):
                self.relayed()[0].close()

    def test_nobody_is_lost_or_refused_however_often_it_is_replaced(self):
        held = [self.relayed() for _ in range(SESSIONS)]
        stop, callers_ended, faults, served = threading.Event(), threading.Event(), [], []

        def guests():
            # Every log-in of the callers gets its first PDU.
            while True:
                with self.guest.condition:
                    self.guest.condition.wait_for(lambda: self.guest.arrived or callers_ended.is_set(), PATIENCE_S)
                    arrived, self.guest.arrived = self.guest.arrived, []
                if not arrived and callers_ended.is_set():
                    return
                for wire in arrived:
                    wire.send(gateway_test.LICENCE)

        def caller():
            while not stop.is_set():
                try:
                    client = FakeClient(self.gateway.port).login()
                    answer = client.pdu()
                    assert answer == gateway_test.LICENCE, answer.hex()
                    client.close()
                    served.append(1)
                except (OSError, EOFError, AssertionError) as fault:
                    faults.append(repr(fault))
                    return

        threads = [threading.Thread(target=guests)] + [threading.Thread(target=caller) for _ in range(CALLERS)]
        for thread in threads:
            thread.start()
        for i in range(TIMES):
            before = len(served)
            self.replace()
            wait_until(lambda: len(served) > before + CALLERS or faults, "log-ins at the new process")
            for client, guest in held:
                guest.send(fast_path(b"%d" % i))
                self.assertEqual(client.pdu(), fast_path(b"%d" % i))
        stop.set()
        for thread in threads[1:]:
            thread.join(PATIENCE_S)
        callers_ended.set()
        with self.guest.condition:
            self.guest.condition.notify_all()
        threads[0].join(PATIENCE_S)
        self.assertEqual(faults, [], self.gateway.log_text()[-6000:])
        print(f"{SESSIONS} sessions through {TIMES} replacements, {len(served)} log-ins meanwhile", flush=True)
        for client, guest in held:
            client.send(fast_path(b"\x01k", 4))
            self.assertEqual(guest.pdu(), fast_path(b"\x01k", 4))
            client.close()
            guest.close()


class Drain(gateway_test.Case):
    def refused(self):
        try:
            socket.create_connection(("127.0.0.1", self.gateway.port), PATIENCE_S).close()
            return False
        except ConnectionRefusedError:
            return True

    def test_a_drained_gateway_refuses_newcomers_and_keeps_its_sessions(self):
        client, guest = self.relayed()
        self.broker.set(draining=True)
        self.gateway.wait_log(r"The gateway drains")
        wait_until(self.refused, "connections to be refused")
        guest.send(fast_path(b"goes on"))
        self.assertEqual(client.pdu(), fast_path(b"goes on"))
        self.broker.set(draining=False)
        self.gateway.wait_log(r"takes connections in again")
        wait_until(lambda: not self.refused(), "connections to be taken")
        self.relayed()


if __name__ == "__main__":
    gateway_test.BINARY = sys.argv.pop(1)
    unittest.main(verbosity=2, warnings="ignore")
