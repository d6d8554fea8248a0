#!/usr/bin/env python3
"""Messages on the screen: carrel-gateway and its lobby between a client, a guest and a broker made of Python.

    gateway_message_test.py CARREL_GATEWAY [unittest options]
"""

import os
import struct
import sys
import unittest

import gateway_test
from gateway_fakes import CLIENT_IO, GUEST_IO, GUEST_USER, fast_path, font_map, mcs_payload, send_data
from gateway_test import Case

SHARE = 0x103EA
WIDTH, HEIGHT = 1024, 768
DOWN, UP, MOVE = 0x9000, 0x1000, 0x0800
SINGLE, LAST, FIRST, NEXT = 0, 1, 2, 3


def capabilities(kind, user, depth=24, refresh=1, extra=0x401):
    """A Demand Active (1) or Confirm Active (3) with what a banner depends on."""
    general = struct.pack("<HHHHHHHHHHHBB", 1, 24, 1, 3, 0x200, 0, 0, extra, 0, 0, 0, refresh, 0)
    bitmap = struct.pack("<HHHHHHHHHHHBBHH", 2, 28, depth, 1, 1, 1, WIDTH, HEIGHT, 0, 1, 1, 0, 0, 1, 0)
    body = struct.pack("<I", SHARE) + (struct.pack("<H", 1002) if kind == 3 else b"")
    body += struct.pack("<HH", 4, 4 + len(general) + len(bitmap)) + b"RDP\0" + struct.pack("<HH", 2, 0) + general + bitmap
    if kind == 1:
        body += struct.pack("<I", 0)
    return struct.pack("<HHH", 6 + len(body), 0x10 | kind, user) + body


def update(fragmentation, data, code=1):
    return fast_path(struct.pack("<BH", code | fragmentation << 4, len(data)) + data)


def mouse(flags, x, y):
    return bytes([1 << 2, 9, 1 << 5]) + struct.pack("<HHH", flags, x, y)


def bitmaps(payload):
    """(left, top, right, bottom, width, height, depth, flags, length) of each rectangle of a bitmap update."""
    kind, count = struct.unpack_from("<HH", payload)
    assert kind == 1, payload.hex()
    at, found = 4, []
    for _ in range(count):
        found.append(struct.unpack_from("<9H", payload, at))
        at += 18 + found[-1][8]
    assert at == len(payload)
    return found


class Messages(Case):
    keys = {"heartbeat": "10min"}  # nothing but the long poll brings an order

    def active(self, depth=24, refresh=1, extra=0x401):
        client, guest = self.relayed()
        guest.send(send_data(26, GUEST_USER, GUEST_IO, capabilities(1, GUEST_USER, depth, refresh)))
        client.pdu()
        client.send(send_data(25, client.user, CLIENT_IO, capabilities(3, client.user, extra=extra)))
        guest.pdu()
        guest.send(font_map())
        client.pdu()
        client.pdu()  # the cookie
        return client, guest

    def say(self, text="Please save your work.", seconds=600):
        with self.broker.condition:
            self.broker.orders.append({"number": len(self.broker.orders) + 1, "verb": "message", "session": f"s-{1:016d}",
                                       "connection": 1, "code": "", "text": text, "seconds": seconds})
            self.broker.condition.notify_all()

    def given_back(self, guest):
        """The same at a banner's end: before the whole, a line of each row of tiles, 64 pixels high."""
        lines = []
        while True:
            area = self.asked(guest)
            if area[1] != area[3]:
                break
            lines.append(area)
        left, top, right, bottom = area
        self.assertEqual(lines, [(left, y, right, y) for y in [top, *range((top // 64 + 1) * 64, bottom + 1, 64)]])
        return area

    def asked(self, guest):
        """The area that the guest is asked to paint anew."""
        payload = mcs_payload(guest.pdu())
        self.assertEqual(payload[14], 0x21)
        self.assertEqual(struct.unpack_from("<I", payload, 6)[0], SHARE)
        self.assertEqual(payload[18], 1)
        return struct.unpack_from("<4H", payload, 22)

    def banner(self, client, whole=update(SINGLE, b"x")):
        """The rectangle that is painted at first, from its first PDU to the one behind which it is whole."""
        found = []
        while not found or sum((r - l + 1) * (b - t + 1) for l, t, r, b in found) < \
                (max(f[2] for f in found) - found[0][0] + 1) * (max(f[3] for f in found) - found[0][1] + 1) or len(found) < 20:
            pdu = client.pdu()
            if pdu == whole:
                continue
            self.assertEqual(pdu[0], 0)
            self.assertEqual(pdu[3], 1)  # a bitmap update in one piece, not compressed
            self.assertEqual(struct.unpack_from("<H", pdu, 4)[0], len(pdu) - 6)
            found += [b[:4] for b in bitmaps(pdu[6:])]
        return found[0][0], found[0][1], max(f[2] for f in found), max(f[3] for f in found)

    def test_is_painted_between_the_guests_pdus_and_given_back_by_a_click(self):
        client, guest = self.active()
        self.say()
        self.assertEqual(self.asked(guest), (0, 0, 7, 7))
        whole = update(SINGLE, b"x")
        guest.send(whole + whole[:3])  # the next one has begun
        area = self.banner(client)
        self.assertEqual((area[0] + area[2] + 1) // 2, WIDTH // 2)
        self.broker.wait_report(state="message", order=1, shown=True)
        client.send(mouse(DOWN, area[0], area[1]))
        self.assertEqual(guest.pdu(), mouse(MOVE, area[0], area[1]))
        self.assertEqual(self.given_back(guest), area)
        client.send(mouse(UP, 5, 5) + mouse(DOWN, area[0], area[1]))
        self.assertEqual(guest.pdu(), mouse(MOVE, 5, 5))
        self.assertEqual(guest.pdu(), mouse(DOWN, area[0], area[1]))
        guest.send(whole[3:] + update(SINGLE, b"end"))
        while client.pdu() != update(SINGLE, b"end"):
            pass

    def test_goes_by_itself_when_its_time_is_over(self):
        client, guest = self.active()
        self.say(seconds=1)
        self.asked(guest)
        guest.send(update(SINGLE, b"x"))
        area = self.banner(client)
        self.assertEqual(self.given_back(guest), area)

    def test_nothing_comes_between_the_fragments_of_an_update(self):
        client, guest = self.active()
        self.say()
        self.asked(guest)
        guest.send(update(FIRST, b"a"))
        self.gateway.wait_log(r"A banner is painted\.")
        client.send(mouse(MOVE, 5, 5))
        guest.pdu()
        guest.send(update(NEXT, b"b"))
        client.send(mouse(MOVE, 6, 6))
        guest.pdu()
        guest.send(update(LAST, b"c"))
        self.assertEqual([client.pdu() for _ in range(3)], [update(FIRST, b"a"), update(NEXT, b"b"), update(LAST, b"c")])
        self.banner(client)

    def test_a_guest_that_says_nothing_is_not_waited_for(self):
        client, _ = self.active(refresh=0)
        self.say()
        self.banner(client)

    def test_a_client_without_fast_path_output_gets_slow_path(self):
        client, guest = self.active(depth=16, extra=0x400)
        self.say()
        self.asked(guest)
        guest.send(update(SINGLE, b"x"))
        client.pdu()
        payload = mcs_payload(client.pdu())
        self.assertEqual((payload[14], payload[15]), (2, 0))
        self.assertTrue(all(b[6] == 16 for b in bitmaps(payload[18:])))

    def test_a_newer_message_takes_the_place(self):
        client, guest = self.active()
        self.say("The first.")
        self.asked(guest)
        guest.send(update(SINGLE, b"x"))
        area = self.banner(client)
        self.broker.wait_report(state="message", order=1, shown=True)
        self.say("The second.")
        self.assertEqual(self.asked(guest), area)
        self.asked(guest)
        guest.send(update(SINGLE, b"x"))
        self.broker.wait_report(state="message", order=2, shown=True)

    def test_a_colour_depth_without_an_encoder_is_told(self):
        self.active(depth=8)
        self.say()
        report = self.broker.wait_report(state="message", order=1, shown=False)
        self.assertIn("colour depth", report["detail"])

    def test_a_connection_that_ends_before_is_told(self):
        client, _ = self.relayed()
        self.say()  # the session is not active and never will be
        self.gateway.wait_log(r"A message is to be shown\.")
        client.close()
        self.assertIn("ended", self.broker.wait_report(state="message", order=1, shown=False)["detail"])

    def test_orders_that_make_no_sense_do_no_harm(self):
        client, guest = self.active()
        for text, seconds in (("x" * 501, 10), ("a", 0), ("a", 10 ** 9), (7, 10), (None, 10)):
            self.say(text, seconds)
        self.say("A good one.")
        self.asked(guest)
        guest.send(update(SINGLE, b"x"))
        self.banner(client)
        self.broker.wait_report(state="message", order=6, shown=True)

    def test_many_orders_in_turn_arrive_without_a_heartbeat(self):
        for number in range(1, 6):
            client, _ = self.relayed()
            self.broker.order(f"s-{number:016d}", "admin-disconnect")
            self.assertEqual(client.refusal()[0], 1)


class LobbyThatStartsLate(Case):
    """The gateway serves before its lobby runs, and whatever is for the lobby waits for it."""

    def prepare(self):
        program = os.path.join(self.folder.name, "late-lobby")
        self.go = os.path.join(self.folder.name, "go")
        lobby = os.path.join(os.path.dirname(gateway_test.BINARY), "carrel-lobby")
        with open(program, "w", encoding="utf-8") as file:
            file.write(f"#!/bin/sh\nuntil [ -e {self.go} ]; do /bin/sleep 0.1; done\nexec {lobby}\n")
        os.chmod(program, 0o755)
        self.keys = {"heartbeat": "10min", "lobby_program": program}

    def test_a_message_waits_for_it(self):
        client, guest = Messages.active(self)
        Messages.say(self)
        self.gateway.wait_log(r"A message is to be shown\.")
        self.assertEqual(Messages.asked(self, guest), (0, 0, 7, 7))
        with open(self.go, "w", encoding="utf-8"):
            pass
        guest.send(update(SINGLE, b"x"))
        Messages.banner(self, client)
        self.broker.wait_report(state="message", order=1, shown=True)

    def test_the_gateway_ends_before_it_runs(self):
        self.relayed()  # ends_well() sees the rest


class WithoutLobby(Case):
    keys = {"lobby": "off"}

    def test_the_broker_is_told_why(self):
        self.relayed()[1].send(send_data(26, GUEST_USER, GUEST_IO, capabilities(1, GUEST_USER)) + font_map())
        Messages.say(self)
        self.assertIn("lobby", self.broker.wait_report(state="message", order=1, shown=False)["detail"])


if __name__ == "__main__":
    gateway_test.BINARY = sys.argv.pop(1)
    unittest.main(verbosity=2)
