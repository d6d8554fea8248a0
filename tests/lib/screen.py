#!/usr/bin/python3
"""Waits until an X screen shows the empty desktop of the guest image, all of it, and says when it did.

usage: screen.py DISPLAY EXPECTED WIDTH HEIGHT SECONDS

EXPECTED is the desktop without its panel, as bytes of red, green and blue, row by row (convert ... rgb:FILE). Lines of pixels
from top to bottom are compared with it, every 20 ms, which costs the machine next to nothing: a screen tells nobody
when it has changed. Prints the time (seconds since 1970) of the look that found it; exit status 1 when none did in time.
"""
import socket
import struct
import sys
import time

LINES = 13        # of the window, in equal distances
STEP = 16         # pixels between two that are compared
PANEL = 40        # rows at the lower edge that are the panel's, which is dark
ALIKE = 0.04      # mean difference; colour depths make some
LOOK_S = 0.02


class Screen:
    def __init__(self, display):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect('/tmp/.X11-unix/X' + display.lstrip(':'))
        self.sock.sendall(struct.pack('<BxHHHH2x', ord('l'), 11, 0, 0, 0))
        head = self.read(8)
        setup = self.read(struct.unpack('<H', head[6:8])[0] * 4)
        if head[0] != 1:
            sys.exit('screen.py: the X server refuses: %r' % setup)
        vendor, formats = struct.unpack('<H', setup[16:18])[0], setup[21]
        at = 32 + (vendor + 3) // 4 * 4 + formats * 8
        self.root = struct.unpack('<I', setup[at:at + 4])[0]

    def read(self, size):
        data = b''
        while len(data) < size:
            part = self.sock.recv(size - len(data))
            if not part:
                sys.exit('screen.py: the X server went away')
            data += part
        return data

    def line(self, y, width):
        """Blue, green, red and a byte of nothing for each pixel."""
        self.sock.sendall(struct.pack('<BBHIhhHHI', 73, 2, 5, self.root, 0, y, width, 1, 0xffffffff))
        while True:
            head = self.read(32)
            if head[0] == 0:
                sys.exit('screen.py: the X server says error %d' % head[1])
            if head[0] == 1:
                return self.read(struct.unpack('<I', head[4:8])[0] * 4)


def shows_desktop(screen, expected, width, height):
    total = count = 0
    for n in range(LINES):
        y = n * (height - PANEL - 1) // (LINES - 1)
        line = screen.line(y, width)
        for x in range(0, width, STEP):
            at = (y * width + x) * 3
            for colour in range(3):
                total += abs(line[x * 4 + 2 - colour] - expected[at + colour])
        count += len(range(0, width, STEP)) * 3
        if total / count / 255 > ALIKE:
            return False
    panel = screen.line(height - PANEL // 2, width)
    grey = [sum(panel[x * 4:x * 4 + 3]) / 3 / 255 for x in range(width // 3, width * 2 // 3, STEP)]
    return 0.02 < sum(grey) / len(grey) < 0.25


def main():
    display, file, width, height, seconds = sys.argv[1:6]
    width, height = int(width), int(height)
    with open(file, 'rb') as source:
        expected = source.read()
    screen = Screen(display)
    end = time.monotonic() + float(seconds)
    while time.monotonic() < end:
        if shows_desktop(screen, expected, width, height):
            print('%.3f' % time.time())
            return 0
        time.sleep(LOOK_S)
    return 1


sys.exit(main())
