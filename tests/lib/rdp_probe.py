#!/usr/bin/python3
"""A small RDP client that goes as far as a log-in and no further; it can stop, stutter or lie on the way.

Real clients (xfreerdp3, rdesktop) show that desktops work; this one shows what becomes of clients that do
not. It follows MS-RDPBCGR 1.3.1.1 and is written from it, independently of the gateway's own parsers.

usage: rdp_probe.py login PORT USER PASSWORD [SOURCE]    prints the outcome: desktop, error CODE, closed
       rdp_probe.py burst PORT COUNT PREFIX PASSWORD     COUNT users PREFIX001.. at once: outcomes, counted
       rdp_probe.py silent PORT SECONDS                  one silent client in each stage; all must be let go
       rdp_probe.py garbage PORT STAGE COUNT [SEED]      COUNT broken byte strings at a stage's parser
       rdp_probe.py certificate PORT                     SHA-256 of the certificate that is served

Stages: preamble connect-initial domain client-info. An error's CODE is the number of Set Error Info.
"""
import hashlib
import os
import random
import select
import socket
import ssl
import struct
import sys
import threading
import time

STAGES = ('preamble', 'connect-initial', 'domain', 'client-info')


def tpkt(payload):
    return struct.pack('>BBH', 3, 0, 4 + len(payload)) + payload


def connection_request(user):
    cookie = b'Cookie: mstshash=%s\r\n' % user.encode()[:9]
    negotiation = struct.pack('<BBHI', 1, 0, 8, 1)  # TLS and nothing else
    body = cookie + negotiation
    return tpkt(struct.pack('>BBHHB', 6 + len(body), 0xE0, 0, 0, 0) + body)


def ber(tag, content):
    n = len(content)
    length = bytes([n]) if n < 128 else bytes([0x81, n]) if n < 256 else b'\x82' + struct.pack('>H', n)
    return tag + length + content


def ber_integer(value):
    content = value.to_bytes((value.bit_length() // 8) + 1, 'big') if value < 0x8000 else struct.pack('>H', value)
    return ber(b'\x02', content)


def domain_parameters(*values):
    return ber(b'\x30', b''.join(ber_integer(v) for v in values))


def block(kind, content):
    return struct.pack('<HH', kind, 4 + len(content)) + content


def connect_initial():
    core = struct.pack('<IHHHHII', 0x00080004, 1280, 800, 0xCA01, 0xAA03, 0x409, 2600)
    core += 'probe'.encode('utf-16-le').ljust(32, b'\0')
    core += struct.pack('<III', 4, 0, 12) + b'\0' * 64
    core += struct.pack('<HHIHHH', 0xCA01, 1, 0, 24, 7, 1) + b'\0' * 64 + struct.pack('<BBI', 0, 0, 1)
    blocks = block(0xC001, core) + block(0xC004, struct.pack('<II', 0xD, 0))
    blocks += block(0xC002, struct.pack('<II', 0, 0))
    blocks += block(0xC003, struct.pack('<I', 1) + b'cliprdr\0' + struct.pack('<I', 0xC0A00000))
    gcc = b'\x00\x05\x00\x14\x7c\x00\x01' + struct.pack('>H', 0x8000 | (14 + len(blocks)))
    gcc += b'\x00\x08\x00\x10\x00\x01\xc0\x00Duca' + struct.pack('>H', 0x8000 | len(blocks)) + blocks
    content = ber(b'\x04', b'\x01') + ber(b'\x04', b'\x01') + ber(b'\x01', b'\xff')
    content += domain_parameters(34, 2, 0, 1, 0, 1, 65535, 2) + domain_parameters(1, 1, 1, 1, 0, 1, 1056, 2)
    content += domain_parameters(65535, 64535, 65535, 1, 0, 1, 65535, 2) + ber(b'\x04', gcc)
    return tpkt(b'\x02\xf0\x80' + ber(b'\x7f\x65', content))


def client_info(initiator, channel, user, password, domain=''):
    texts = [t.encode('utf-16-le') for t in (domain, user, password, '', '')]
    body = struct.pack('<II', 0, 0x1 | 0x2 | 0x8 | 0x10 | 0x20 | 0x40 | 0x100)
    body += struct.pack('<HHHHH', *(len(t) for t in texts)) + b''.join(t + b'\0\0' for t in texts)
    address = '127.0.0.1\0'.encode('utf-16-le')
    body += struct.pack('<HH', 2, len(address)) + address + struct.pack('<H', 2) + b'\0\0'
    body += b'\0' * 172 + struct.pack('<IIH', 0, 0, 0)
    payload = struct.pack('<HH', 0x40, 0) + body
    head = struct.pack('>BHHB', 0x64, initiator - 1001, channel, 0x70)
    return tpkt(b'\x02\xf0\x80' + head + struct.pack('>H', 0x8000 | len(payload)) + payload)


class Probe:
    """One connection; each method takes it one stage further and raises OSError when the gateway hangs up."""

    def __init__(self, port, source='127.0.0.1', timeout=60):
        self.sock = socket.create_connection(('127.0.0.1', port), timeout, (source, 0))
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.user = 0
        self.channel = 1003
        self.joins = []

    def exactly(self, count):
        data = b''
        while len(data) < count:
            part = self.sock.recv(count - len(data))
            if not part:
                raise ConnectionError('closed')
            data += part
        return data

    def packet(self):
        head = self.exactly(4)
        if head[0] != 3:
            rest = ((head[1] & 0x7F) << 8 | head[2]) - 4 if head[1] & 0x80 else head[1] - 4
            return b'fast' + head + self.exactly(rest)
        return self.exactly(struct.unpack('>H', head[2:])[0] - 4)

    def preamble(self, user='probe'):
        self.sock.sendall(connection_request(user))
        answer = self.packet()
        if answer[1] != 0xD0 or answer[7] != 2:
            raise ConnectionError('the X.224 answer is no confirmation of TLS: %s' % answer.hex())

    def tls(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        self.sock = context.wrap_socket(self.sock, suppress_ragged_eofs=True)

    def connect_initial(self):
        self.sock.sendall(connect_initial())
        answer = self.packet()
        if answer[3:5] != b'\x7f\x66':
            raise ConnectionError('no MCS Connect Response: %s' % answer[:8].hex())
        at = answer.find(struct.pack('<H', 0x0C03))
        self.channel, count = struct.unpack('<HH', answer[at + 4:at + 8])
        self.joins = list(struct.unpack('<%dH' % count, answer[at + 8:at + 8 + 2 * count]))

    def attach(self):
        self.sock.sendall(tpkt(b'\x02\xf0\x80\x04\x01\x00\x01\x00') + tpkt(b'\x02\xf0\x80\x28'))
        answer = self.packet()
        if answer[3] >> 2 != 11 or answer[4] != 0:
            raise ConnectionError('no Attach User Confirm: %s' % answer.hex())
        self.user = struct.unpack('>H', answer[5:7])[0] + 1001

    def join(self):
        for channel in [self.user, self.channel] + self.joins:
            self.sock.sendall(tpkt(b'\x02\xf0\x80\x38' + struct.pack('>HH', self.user - 1001, channel)))
            answer = self.packet()
            if answer[3] >> 2 != 15 or answer[4] != 0:
                raise ConnectionError('no Channel Join Confirm: %s' % answer.hex())

    def info(self, user, password, domain=''):
        self.sock.sendall(client_info(self.user, self.channel, user, password, domain))

    def outcome(self):
        """What the gateway says after the log-in: ('desktop', 0), ('error', code) or ('closed', 0)."""
        error = 0
        while True:
            try:
                packet = self.packet()
            except OSError as problem:
                if isinstance(problem, TimeoutError):
                    return 'timeout', 0
                return ('error', error) if error else ('closed', 0)
            if packet[:4] == b'fast':
                return 'desktop', 0
            if packet[3] >> 2 == 8:  # Disconnect Provider Ultimatum
                return ('error', error) if error else ('closed', 0)
            if packet[3] >> 2 != 26:
                continue
            at = 9
            at += 2 if packet[at] & 0x80 else 1
            body = packet[at:]
            if len(body) >= 6 and body[0:2] == b'\x80\x00':
                continue  # licensing
            kind = struct.unpack('<H', body[2:4])[0] & 0xF
            if kind == 1:
                return 'desktop', 0
            if kind == 7 and len(body) >= 22 and body[14] == 0x2F:
                error = struct.unpack('<I', body[18:22])[0]

    def until(self, stage):
        """Goes on until STAGE's parser is the next to read."""
        if stage == 'preamble':
            return
        self.preamble()
        self.tls()
        if stage == 'connect-initial':
            return
        self.connect_initial()
        if stage == 'domain':
            return
        self.attach()
        self.join()

    def close(self):
        try:
            self.sock.close()
        except OSError:
            pass


def login(port, user, password, source='127.0.0.1', timeout=60):
    probe = Probe(port, source, timeout)
    try:
        probe.until('client-info')
        probe.info(user, password)
        return probe.outcome()
    except TimeoutError:
        return 'timeout', 0
    except OSError:
        return 'closed', 0
    finally:
        probe.close()


def burst(port, count, prefix, password):
    """All connect first, then all log in at the same moment."""
    results = []
    gate = threading.Barrier(count)

    def one(number):
        source = '127.0.%d.%d' % (10 + number // 200, 1 + number % 200)
        began = None
        try:
            probe = Probe(port, source, 120)
            probe.until('client-info')
        except OSError as problem:
            gate.abort()
            results.append(('not even connected: %s' % problem, 0, 0, number))
            return
        try:
            gate.wait(120)
        except threading.BrokenBarrierError:
            pass
        began = time.monotonic()
        try:
            probe.info('%s%03d' % (prefix, number), password)
            kind, code = probe.outcome()
        except OSError:
            kind, code = 'closed', 0
        results.append((kind, code, time.monotonic() - began, number))
        hold.wait()  # a desktop stays taken until everybody has an answer
        probe.close()

    hold = threading.Event()
    threads = [threading.Thread(target=one, args=(n,)) for n in range(1, count + 1)]
    for thread in threads:
        thread.start()
    end = time.monotonic() + 180
    while len(results) < count and time.monotonic() < end:
        time.sleep(0.1)
    counted = {}
    for kind, code, _, _ in results:
        key = kind if kind != 'error' else 'error %d' % code
        counted[key] = counted.get(key, 0) + 1
    if len(results) < count:
        counted['no answer'] = count - len(results)
    for key in sorted(counted):
        print(counted[key], key)
    print('slowest %.1f s' % max([r[2] for r in results] or [0]))
    sys.stdout.flush()
    if sys.stdin and not sys.stdin.closed:
        sys.stdin.read()  # the test looks at the sessions and then closes this end
    hold.set()
    for thread in threads:
        thread.join(10)


def silent(port, seconds):
    """A client that stops at each point of a log-in; prints when each was let go."""
    def nothing(_):
        pass

    def half_request(probe):
        probe.sock.sendall(connection_request('probe')[:9])

    def one_byte_a_second(probe):
        for byte in connection_request('probe'):
            probe.sock.sendall(bytes([byte]))
            time.sleep(1)

    def after_confirm(probe):
        probe.preamble()

    def half_hello(probe):
        probe.preamble()
        probe.sock.sendall(bytes.fromhex('16030100c8010000c40303'))

    def after_tls(probe):
        probe.until('connect-initial')

    def half_initial(probe):
        probe.until('connect-initial')
        probe.sock.sendall(connect_initial()[:60])

    def after_initial(probe):
        probe.until('domain')

    def after_attach(probe):
        probe.until('domain')
        probe.attach()

    def after_join(probe):
        probe.until('client-info')

    def half_info(probe):
        probe.until('client-info')
        probe.sock.sendall(client_info(probe.user, probe.channel, 'probe', 'probe')[:50])

    ways = [nothing, half_request, one_byte_a_second, after_confirm, half_hello, after_tls, half_initial,
            after_initial, after_attach, after_join, half_info]
    lines = []

    def one(way):
        began = time.monotonic()
        try:
            probe = Probe(port, timeout=seconds)
            way(probe)
            probe.sock.settimeout(seconds)
            while probe.sock.recv(4096):
                pass
            word = 'let go'
        except TimeoutError:
            word = 'STILL HELD'
        except OSError:
            word = 'let go'
        lines.append('%s %s after %.1f s' % (way.__name__, word, time.monotonic() - began))

    threads = [threading.Thread(target=one, args=(way,)) for way in ways]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print('\n'.join(sorted(lines)))
    return 1 if any('STILL HELD' in line for line in lines) else 0


def broken(rng, good):
    """One of: noise, a valid message cut short, with bytes changed, or with bytes put in or left out."""
    kind = rng.randrange(4)
    if kind == 0:
        return rng.randbytes(rng.randrange(1, 300))
    if kind == 1:
        return good[:rng.randrange(1, len(good))]
    data = bytearray(good)
    for _ in range(rng.randrange(1, 8)):
        at = rng.randrange(len(data))
        if kind == 2:
            data[at] = rng.randrange(256)
        elif rng.randrange(2):
            del data[at:at + rng.randrange(1, 5)]
        else:
            data[at:at] = rng.randbytes(rng.randrange(1, 5))
        if not data:
            break
    return bytes(data)


def garbage(port, stage, count, seed):
    """Sends COUNT broken strings, each on a connection of its own, and hangs up. True if all could connect."""
    failures = []
    lock = threading.Lock()
    todo = iter(range(count))

    def worker(number):
        rng = random.Random('%d/%s/%d' % (seed, stage, number))
        source = '127.0.66.%d' % (number + 1)
        while True:
            with lock:
                if next(todo, None) is None or len(failures) > 20:
                    return
            try:
                probe = Probe(port, source, 30)
                probe.until(stage)
                good = {'preamble': connection_request('probe'), 'connect-initial': connect_initial(),
                        'domain': tpkt(b'\x02\xf0\x80\x04\x01\x00\x01\x00') + tpkt(b'\x02\xf0\x80\x28') +
                                  tpkt(b'\x02\xf0\x80\x38\x00\x03\x03\xeb')}.get(stage)
                if good is None:
                    good = client_info(probe.user, probe.channel, 'nobody%d' % rng.randrange(99), 'x')
            except OSError as problem:
                failures.append('before the garbage: %s' % problem)
                continue
            try:
                probe.sock.sendall(broken(rng, good))
                if rng.randrange(4) == 0:  # most hang up at once; some wait for what the gateway does
                    select.select([probe.sock], [], [], 0.05)
            except OSError:
                pass
            probe.close()

    threads = [threading.Thread(target=worker, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for line in failures[:5]:
        print(line)
    print('%d sent to %s, %d could not be sent' % (count, stage, len(failures)))
    return 1 if failures else 0


def certificate(port):
    probe = Probe(port)
    probe.preamble()
    probe.tls()
    print(hashlib.sha256(probe.sock.getpeercert(binary_form=True)).hexdigest())


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    verb, port, rest = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
    if verb == 'login':
        kind, code = login(port, *rest)
        print(kind if kind != 'error' else 'error %d' % code)
        return 0
    if verb == 'burst':
        burst(port, int(rest[0]), rest[1], rest[2])
        return 0
    if verb == 'silent':
        return silent(port, float(rest[0]))
    if verb == 'garbage':
        seed = int(rest[2]) if len(rest) > 2 else int.from_bytes(os.urandom(4), 'big')
        print('seed %d' % seed)
        return garbage(port, rest[0], int(rest[1]), seed)
    if verb == 'certificate':
        certificate(port)
        return 0
    sys.exit(__doc__)


sys.exit(main())
