#!/usr/bin/env python3
"""tests/load/stand as a load tool uses it: one line of JSON, log-ins through its gateways, nothing left behind.

usage: stand_test.py STAND BUILD
"""
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import gateway_fakes as fakes  # noqa: E402

STAND, BUILD = sys.argv[1:3]
START_S = 180
WRONG_PASSWORD = 10  # as Set Error Info tells it


def lives(pid):
    """A process that ended and that nobody has waited for yet does not."""
    try:
        with open('/proc/%d/stat' % pid, encoding='ascii') as file:
            return file.read().rpartition(')')[2].split()[0] not in 'ZX'
    except OSError:
        return False


class Stand:
    def __init__(self, *arguments):
        self.process = subprocess.Popen([STAND, '--no-build', '--build', BUILD, *arguments], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.lifeline = self.process.stdin
        self.process.stdin = None  # communicate() would close it
        watchdog = threading.Timer(START_S, self.process.terminate)
        watchdog.start()
        line = self.process.stdout.readline()
        watchdog.cancel()
        assert line, self.process.communicate()[1]
        self.told = json.loads(line)
        self.ports = [int(gateway.rpartition(':')[2]) for gateway in self.told['gateways']]

    def items(self, what):
        done = subprocess.run([self.told['carrelctl'], '--socket', self.told['api'], '--json', *what.split()],
                              stdout=subprocess.PIPE, text=True, check=True)
        answer = json.loads(done.stdout)
        return answer.get('items', answer)

    def finish(self, by_signal):
        if by_signal:
            self.process.send_signal(signal.SIGTERM)
        else:
            self.lifeline.close()
        rest, complaints = self.process.communicate(timeout=START_S)
        self.lifeline.close()
        assert self.process.returncode == 0 and not rest and not complaints, (self.process.returncode, rest, complaints)
        assert not os.path.exists(self.told['directory'])
        for name, pid in self.told['pids'].items():
            assert not lives(pid), name


def certificate(directory):
    pem = os.path.join(directory, 'guest.pem')
    subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days',
                    '30', '-subj', '/CN=guest', '-keyout', pem, '-out', pem + '.crt'], check=True,
                   stderr=subprocess.DEVNULL)
    with open(pem, 'ab') as whole, open(pem + '.crt', 'rb') as half:
        whole.write(half.read())
    return pem


def users_of_the_file_reach_the_guests_with_their_own_passwords(directory):
    guest = fakes.FakeGuest(certificate(directory))
    users = os.path.join(directory, 'users')
    with open(users, 'w', encoding='utf-8') as file:
        file.write('# name:password\nann:pass:word\nbob:büro\n\n')
    stand = Stand('--guest', 'localhost:%d' % guest.port, '--users', users, '--gateways', '2')
    try:
        told = stand.told
        assert told['users'] == 2 and told['users_file'] == users and len(stand.ports) == 2, told
        assert set(told['pids']) == {'broker', 'gateway', 'gateway-2'}, told
        for port, name, password in zip(stand.ports, ('ann', 'bob'), ('pass:word', 'büro')):
            client = fakes.FakeClient(port).login(name, password)
            wire = guest.accept()
            assert (wire.info['user'], wire.info['password']) == (name, password), wire.info
            wire.send(fakes.fast_path(b'picture'))
            assert client.pdu() == fakes.fast_path(b'picture')
            client.send(fakes.fast_path(b'key'))
            assert wire.pdu() == fakes.fast_path(b'key')
            client.close()
        assert fakes.FakeClient(stand.ports[0]).login('ann', 'wrong').refusal()[0] == WRONG_PASSWORD
        assert stand.items('pool show stand')['kind'] == 'static'
    finally:
        stand.finish(by_signal=True)
        guest.close()


def without_anything_given_there_are_a_user_and_a_guest(directory):
    stand = Stand()
    try:
        client = fakes.FakeClient(stand.ports[0]).login(stand.told['user'], stand.told['password'])
        client.pdu()  # the guest's licence or first picture: it was reached
        assert [session['user'] for session in stand.items('session list')] == ['demo']
        with open(stand.told['users_file'], encoding='utf-8') as file:
            assert file.read() == 'demo:%s\n' % stand.told['password']
        client.close()
    finally:
        stand.finish(by_signal=False)


def what_cannot_be_is_told_in_a_sentence(directory):
    users = os.path.join(directory, 'bad')
    with open(users, 'w', encoding='utf-8') as file:
        file.write('ann:word\nnobody\n')
    for arguments, status, words in ((['--users', users], 1, 'bad:2: "user:password" was expected'),
                                     (['--users', users + '-not'], 1, 'No such file'),
                                     (['--guest', 'nowhere'], 2, 'is not HOST:PORT'),
                                     (['--gateways', '0'], 2, 'at least 1'),
                                     (['--port', '65535', '--gateways', '3'], 2, 'below 65536')):
        done = subprocess.run([STAND, '--no-build', '--build', BUILD, *arguments], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
        assert done.returncode == status and words in done.stderr and not done.stdout, (arguments, done)


def a_daemon_that_dies_ends_the_stand(directory):
    stand = Stand()
    os.kill(stand.told['pids']['gateway'], signal.SIGKILL)
    _, complaints = stand.process.communicate(timeout=START_S)
    stand.lifeline.close()
    assert stand.process.returncode == 1 and 'gateway ended' in complaints, complaints
    assert not os.path.exists(stand.told['directory'])


def the_broker_dies_and_comes_back(directory):
    stand = Stand()
    path = os.path.join(stand.told['directory'], 'broker.pid')
    old = stand.told['pids']['broker']
    try:
        client = fakes.FakeClient(stand.ports[0]).login(stand.told['user'], stand.told['password'])
        client.pdu()
        stand.process.send_signal(signal.SIGUSR1)
        end = time.monotonic() + START_S
        while lives(old) or int(open(path, encoding='ascii').read()) == old:
            assert time.monotonic() < end, 'the broker is not started again'
            time.sleep(0.1)
        stand.told['pids']['broker'] = int(open(path, encoding='ascii').read())
        while stand.process.poll() is None and not answers(stand.told['api']):
            assert time.monotonic() < end, 'the broker does not answer'
            time.sleep(0.1)
        assert [session['user'] for session in stand.items('session list')] == ['demo']
        client.close()
    finally:
        stand.finish(by_signal=True)


def answers(path):
    with socket.socket(socket.AF_UNIX) as sock:
        return sock.connect_ex(path) == 0


def what_a_sanitizer_says_is_told_and_is_a_failure(directory):
    stand = Stand()
    with open(os.path.join(stand.told['directory'], 'gateway.log'), 'a', encoding='ascii') as file:
        file.write('==1==ERROR: LeakSanitizer: detected memory leaks\n')
    stand.lifeline.close()
    _, complaints = stand.process.communicate(timeout=START_S)
    assert stand.process.returncode == 1 and 'detected memory leaks' in complaints, complaints
    assert not os.path.exists(stand.told['directory'])


def main():
    tests = (users_of_the_file_reach_the_guests_with_their_own_passwords,
             without_anything_given_there_are_a_user_and_a_guest, what_cannot_be_is_told_in_a_sentence,
             a_daemon_that_dies_ends_the_stand, the_broker_dies_and_comes_back,
             what_a_sanitizer_says_is_told_and_is_a_failure)
    with tempfile.TemporaryDirectory(prefix='carrel-stand-test-') as directory:
        os.environ['TMPDIR'] = directory
        for test in tests:
            test(directory)
            print('%s: passed' % test.__name__, flush=True)
        left = [name for name in os.listdir(directory) if name.startswith(('carrel-stand-', 'notify-'))]
        assert not left, left


main()
