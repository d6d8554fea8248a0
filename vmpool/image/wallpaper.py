#!/usr/bin/python3
"""Draws the desktop's wallpaper: hills in the last light, as a PNG on standard output.

Only the standard library is used. usage: wallpaper.py [WIDTH HEIGHT] > wallpaper.png
"""
import math
import struct
import sys
import zlib


def mix(a, b, t):
    return tuple(x + (y - x) * t for x, y in zip(a, b))


def ramp(stops, t):
    for (t0, c0), (t1, c1) in zip(stops, stops[1:]):
        if t <= t1:
            return mix(c0, c1, (t - t0) / (t1 - t0))
    return stops[-1][1]


SKY = [(0.0, (24, 56, 82)), (0.35, (47, 113, 133)), (0.62, (158, 188, 176)), (0.8, (244, 211, 160)),
       (1.0, (243, 190, 140))]

# Each range of hills: height of its ridge (0 is the top of the picture), waves, colour at ridge and foot.
HILLS = [
    (0.64, [(0.050, 1.3, 0.4), (0.018, 3.7, 2.1), (0.006, 9.1, 0.3)], (126, 158, 158), (160, 180, 170)),
    (0.71, [(0.060, 1.1, 2.6), (0.020, 4.3, 0.9), (0.007, 10.3, 1.7)], (76, 121, 130), (112, 148, 148)),
    (0.79, [(0.055, 1.6, 4.4), (0.022, 3.1, 5.2), (0.006, 12.7, 2.2)], (44, 88, 104), (70, 116, 124)),
    (0.88, [(0.060, 1.2, 1.2), (0.016, 5.3, 3.3), (0.005, 14.9, 4.1)], (25, 58, 76), (38, 80, 94)),
]


def ridge(hill, x):
    return hill[0] - sum(a * math.sin(f * x * math.pi + p) for a, f, p in hill[1])


def draw(width, height):
    sky = [ramp(SKY, min(1.0, y / height / 0.8)) for y in range(height)]
    ridges = [[ridge(h, x / width) * height for x in range(width)] for h in HILLS]
    tones = [[mix(h[2], h[3], max(0.0, min(1.0, (y / height - h[0]) / 0.22 + 0.3))) for y in range(height)]
             for h in HILLS]
    sun_x, sun_y, sun_r = width * 0.68, height * 0.47, height * 0.055
    rows = []
    for y in range(height):
        row = bytearray()
        for x in range(width):
            c = sky[y]
            d2 = (x - sun_x) ** 2 + (y - sun_y) ** 2
            if y < height * 0.75:
                glow = math.exp(-d2 / (2 * (sun_r * 3.2) ** 2)) * 0.45
                c = (c[0] + (255 - c[0]) * glow, c[1] + (236 - c[1]) * glow, c[2] + (200 - c[2]) * glow)
                edge = sun_r - math.sqrt(d2) if d2 < (sun_r + 1) ** 2 else -1.0
                if edge > -0.5:
                    c = mix(c, (255, 244, 222), min(1.0, edge + 0.5))
            for tops, tone in zip(ridges, tones):
                cover = y - tops[x] + 0.5
                if cover > 0:
                    c = tone[y] if cover >= 1 else mix(c, tone[y], cover)
            row += bytes((int(c[0]), int(c[1]), int(c[2])))
        rows.append(b'\0' + bytes(row))
    return b''.join(rows)


def chunk(kind, body):
    return struct.pack('>I', len(body)) + kind + body + struct.pack('>I', zlib.crc32(kind + body))


def main():
    width, height = (int(sys.argv[1]), int(sys.argv[2])) if len(sys.argv) == 3 else (1600, 1000)
    out = b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', struct.pack('>IIBBBBB', width, height, 8, 2, 0, 0, 0))
    out += chunk(b'IDAT', zlib.compress(draw(width, height), 6)) + chunk(b'IEND', b'')
    sys.stdout.buffer.write(out)


main()
