#!/usr/bin/python3
"""The broker's API for tests: one request, or waiting until an answer satisfies a condition.

usage: api.py SOCKET get PATH [EXPRESSION]
       api.py SOCKET call METHOD PATH [JSON]
       api.py SOCKET wait SECONDS PATH EXPRESSION
       api.py SOCKET time SECONDS METHOD PATH JSON PATH EXPRESSION

EXPRESSION is Python over the answer d (the whole JSON), i (its items, [] without any) and s (the HTTP status).
get prints its value (true and false for booleans), or the answer. call prints the answer; exit status 1 for
a status of 400 or more. wait asks again whenever the broker tells an event, and at least every second, since
events may be lost while it restarts; it prints the answer that satisfied, or the last one with exit status 1.
time is call and then wait, and prints the seconds from the one's request to the other's answer.
"""
import json
import select
import socket
import sys
import time


def connect(path, timeout):
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sock.settimeout(timeout)
    sock.connect(path)
    return sock


def read_answer(sock):
    data = b''
    while True:
        part = sock.recv(65536)
        if not part:
            break
        data += part
    head, _, body = data.partition(b'\r\n\r\n')
    if b'transfer-encoding: chunked' in head.lower():
        whole = b''
        while body:
            size, _, body = body.partition(b'\r\n')
            n = int(size or b'0', 16)
            whole += body[:n]
            body = body[n + 2:]
            if n == 0:
                break
        body = whole
    words = head.split(None, 2)
    if len(words) < 2:
        raise ConnectionError('the broker closed the connection without an answer')
    return int(words[1]), body


def request(path, method, target, body=None, timeout=40):
    sock = connect(path, timeout)
    try:
        payload = body.encode() if body is not None else b''
        head = '%s %s HTTP/1.1\r\nHost: carrel\r\nConnection: close\r\n' % (method, target)
        if body is not None:
            head += 'Content-Type: application/json\r\nContent-Length: %d\r\n' % len(payload)
        sock.sendall(head.encode() + b'\r\n' + payload)
        status, answer = read_answer(sock)
    finally:
        sock.close()
    try:
        return status, json.loads(answer) if answer.strip() else {}
    except ValueError:
        return status, {'text': answer.decode(errors='replace')}


def value(expression, status, answer):
    items = answer.get('items', []) if isinstance(answer, dict) else []
    return eval('(%s)' % expression, {'d': answer, 'i': items, 's': status})  # the expression is the test's own


def show(result):
    if isinstance(result, bool):
        print('true' if result else 'false')
    elif isinstance(result, (dict, list)):
        print(json.dumps(result, indent=1))
    else:
        print('' if result is None else result)


class Events:
    """The event stream, only as a bell that rings. It is opened again when the broker comes back."""

    def __init__(self, path):
        self.path = path
        self.sock = None

    def open(self):
        if self.sock is None:
            try:
                self.sock = connect(self.path, 2)
                self.sock.sendall(b'GET /v1/events?follow=1 HTTP/1.1\r\nHost: carrel\r\n\r\n')
            except OSError:
                self.sock = None

    def wait(self, seconds):
        self.open()
        if self.sock is None:
            time.sleep(min(0.2, seconds))  # nobody is there who could ring
            return
        readable, _, _ = select.select([self.sock], [], [], min(1.0, seconds))
        if readable:
            try:
                if not self.sock.recv(65536):
                    raise ConnectionError
            except OSError:
                self.sock.close()
                self.sock = None


def wait(path, seconds, target, expression, began=None):
    end = time.monotonic() + seconds
    events = Events(path)
    if began is not None:
        events.open()
        began()
    last = 'no answer yet'
    while True:
        try:
            status, last = request(path, 'GET', target)
            if value(expression, status, last):
                if began is None:
                    show(last)
                return 0
        except (OSError, LookupError, TypeError, AttributeError) as error:
            last = {'error': str(error), 'answer': last}
        left = end - time.monotonic()
        if left <= 0:
            print('not within %s s: %s of %s; the last answer:' % (seconds, expression, target), file=sys.stderr)
            print(json.dumps(last, indent=1), file=sys.stderr)
            return 1
        events.wait(left)


def measure(path, seconds, method, target, body, seen, expression):
    start = [0.0]

    def began():
        start[0] = time.monotonic()
        status, answer = request(path, method, target, body)
        if status >= 400:
            sys.exit('api.py: %s %s: %s' % (method, target, json.dumps(answer)))

    status = wait(path, seconds, seen, expression, began)
    if status == 0:
        print('%.3f' % (time.monotonic() - start[0]))
    return status


def main():
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    path, verb, rest = sys.argv[1], sys.argv[2], sys.argv[3:]
    if verb == 'wait':
        return wait(path, float(rest[0]), rest[1], rest[2])
    if verb == 'time':
        return measure(path, float(rest[0]), *rest[1:6])
    if verb == 'get':
        status, answer = request(path, 'GET', rest[0])
        show(value(rest[1], status, answer) if len(rest) > 1 else answer)
        return 0
    status, answer = request(path, rest[0], rest[1], rest[2] if len(rest) > 2 else None)
    show(answer)
    return 1 if status >= 400 else 0


if __name__ == '__main__':
    try:
        sys.exit(main())
    except (OSError, LookupError, TypeError) as error:
        sys.exit('api.py: %s: %s' % (' '.join(sys.argv[2:]), error))
