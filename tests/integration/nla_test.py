#!/usr/bin/env python3
"""Log-ins by NLA with real clients: xfreerdp 3 and, where it is installed, xfreerdp 2, through a gateway and a
broker, to a guest of Python's standard library that wants the user's own credentials (gateway_fakes.py).

usage: nla_test.py CARREL_BROKER CARREL_GATEWAY [unittest options]
"""
import base64
import os
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import unittest

from gateway_fakes import PATIENCE_S, FakeClient, FakeGuest, Gateway, wait_until

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'lib'))
import broker_lab  # noqa: E402

BROKER = GATEWAY = ''
PASSWORD = 'correct hörse'
CLIENTS = [c for c in ('xfreerdp3', 'xfreerdp') if shutil.which(c)]
# What xfreerdp ends with (client/X11/xfreerdp.h): of a wrong password, of a disabled and of a locked account, of a
# password that expired.
LOGON_FAILURE, ACCOUNT_DISABLED, ACCOUNT_LOCKED_OUT, NEGOTIATION = 134, 151, 135, 133
PASSWORD_EXPIRED, PASSWORD_MUST_CHANGE = 148, 149


def certificate(folder):
    gateway = Gateway(GATEWAY, folder, os.path.join(folder, 'none.sock'))
    assert gateway.stop() == 0
    return os.path.join(folder, 'state', 'self-signed-ecdsa.pem')


class Display:
    """An X server without a screen, on a number that it finds itself."""

    def __init__(self):
        read, write = os.pipe()
        self.process = subprocess.Popen(['Xvfb', '-displayfd', str(write), '-nolisten', 'tcp', '-noreset'],
                                        pass_fds=(write,), stderr=subprocess.DEVNULL)
        os.close(write)
        with os.fdopen(read) as pipe:
            self.name = ':' + pipe.readline().strip()

    def close(self):
        self.process.terminate()
        self.process.wait()


class Case(unittest.TestCase):
    settings = {}
    keys = {}

    @classmethod
    def setUpClass(cls):
        cls.display = Display()
        cls.addClassCleanup(cls.display.close)
        cls.shared = tempfile.TemporaryDirectory(prefix='carrel-nla-')
        cls.addClassCleanup(cls.shared.cleanup)
        cls.guest_pem = certificate(cls.shared.name)

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix='carrel-nla-')
        self.addCleanup(folder.cleanup)
        self.home = folder.name
        self.guest = FakeGuest(self.guest_pem)
        self.addCleanup(self.guest.close)
        self.lab = broker_lab.Lab(BROKER, password_memory='8MiB', login_pause='1s', login_pause_max='30s',
                                  **{'nla': 'on', **self.settings})
        self.enterContext(self.lab)
        self.lab.must(self.lab.post('/v1/pools', {'name': 'p', 'kind': 'static', 'credentials': 'user'}), 201)
        self.lab.must(self.lab.post('/v1/machines', {'pool': 'p', 'address': '127.0.0.1', 'port': self.guest.port,
                                                     'sessions_max': 50}), 201)
        self.lab.add_user('alice', 'p', PASSWORD)
        self.gateway = Gateway(GATEWAY, folder.name, self.lab.socket, **self.keys)
        self.addCleanup(lambda: self.assertEqual(self.gateway.stop(), 0, self.gateway.log_text()[-4000:]))
        self.lab.wait_until(lambda: [g for g in self.lab.get('/v1/gateways')['items'] if g['up']], PATIENCE_S,
                            'the heartbeat')
        self.gateway.wait_log(r'The broker can do NLA' if self.lab.settings['nla'] == 'on' else r'Ready\.')

    def start(self, client, *options, user='alice', password=PASSWORD, port=None):
        environment = {**os.environ, 'DISPLAY': self.display.name, 'HOME': self.home, 'LANG': 'C.UTF-8'}
        process = subprocess.Popen(
            [client, f'/v:127.0.0.1:{port or self.gateway.port}', f'/u:{user}', f'/p:{password}', '/cert:ignore', '/size:640x480',
             *options], env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            text=True, errors='replace')
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.terminate)
        return process

    def status(self, client, *options, **more):
        process = self.start(client, *options, **more)
        _, words = process.communicate(timeout=PATIENCE_S)
        return process.returncode, words

    def refused(self, expected, client, *options, **more):
        status, words = self.status(client, *options, **more)
        self.assertEqual(status, expected, words[-3000:] + self.gateway.log_text()[-3000:])

    def let_in(self, client, *options, way, **more):
        """The guest got what the client delegated, or typed."""
        since = len(self.gateway.lines)
        process = self.start(client, *options, **more)
        wire = self.guest.accept()
        self.assertEqual(wire.info['user'], 'alice')
        self.assertEqual(wire.info['password'], PASSWORD)
        self.assertIn('tls -> ' + way, ''.join(self.gateway.lines[since:]))
        process.terminate()
        process.wait()
        wire.close()
        self.gateway.wait_log(r'The session ended\.', since)


class Nla(Case):
    def test_the_right_password_reaches_the_guest(self):
        for client in CLIENTS:
            with self.subTest(client=client):
                self.let_in(client, '/sec:nla', way='nla')
                self.let_in(client, way='nla')
                self.let_in(client, '/sec:tls', way='mcs')
        self.assertNotIn(PASSWORD, self.gateway.log_text() + self.lab.read_log())

    def test_a_wrong_password_is_told_as_one(self):
        for client in CLIENTS:
            self.refused(LOGON_FAILURE, client, '/sec:nla', password='wrong')
            self.refused(LOGON_FAILURE, client, '/sec:nla', user='nobody')
        refusals = [e for e in self.lab.get('/v1/events?limit=1000')['items'] if e['kind'] == 'login.refused']
        self.assertEqual(len(refusals), 2 * len(CLIENTS))

    def test_a_disabled_account_is_told_after_the_right_password_only(self):
        self.lab.must(self.lab.patch('/v1/users/alice', {'disabled': True}), 200)
        self.refused(ACCOUNT_DISABLED, 'xfreerdp3', '/sec:nla')
        self.refused(LOGON_FAILURE, 'xfreerdp3', '/sec:nla', password='wrong')

    def test_guesses_bring_pauses(self):
        self.lab.write_config(login_tries=1, login_pause='30s')
        self.lab.stop()
        self.lab.start()
        for expected in (LOGON_FAILURE, LOGON_FAILURE, ACCOUNT_LOCKED_OUT):
            self.refused(expected, 'xfreerdp3', '/sec:nla', password='wrong')
        self.refused(ACCOUNT_LOCKED_OUT, 'xfreerdp3', '/sec:nla')

    def test_a_new_password_replaces_the_hash(self):
        self.lab.must(self.lab.patch('/v1/users/alice', {'password': 'another one'}), 200)
        self.refused(LOGON_FAILURE, 'xfreerdp3', '/sec:nla')
        self.lab.must(self.lab.patch('/v1/users/alice', {'password': PASSWORD}), 200)
        self.let_in('xfreerdp3', '/sec:nla', way='nla')

    def test_a_client_that_leaves_in_the_middle_costs_nothing(self):
        client = FakeClient(self.gateway.port)
        client.preamble(protocols=3)
        client.tls()
        client.send(bytes.fromhex('3082'))  # the beginning of a TSRequest
        client.close()
        self.gateway.wait_log(r'state=nla .*code=client-closed')

    def test_bytes_that_are_no_credssp_end_the_session(self):
        client = FakeClient(self.gateway.port)
        client.preamble(protocols=3)
        client.tls()
        client.send(b'\x03\x00\x00\x08\x02\xf0\x80\x04')  # MCS without NLA
        self.gateway.wait_log(r'state=nla .*code=client-protocol')
        client.close()


class Front:
    """A gateway as far as NLA: passes one client's CredSSP on to the broker, which is told whether it CAN_ASK."""

    def __init__(self, lab, pem, can_ask):
        self.lab, self.can_ask = lab, can_ask
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(pem)
        pem_key = subprocess.run(['openssl', 'x509', '-in', pem, '-noout', '-pubkey'], check=True, capture_output=True).stdout
        spki = subprocess.run(['openssl', 'pkey', '-pubin', '-outform', 'DER'], input=pem_key, check=True,
                              capture_output=True).stdout
        self.key = base64.b64encode(spki[-65:]).decode()  # the point of a key on P-256
        self.listening = socket.create_server(('127.0.0.1', 0))
        self.listening.settimeout(PATIENCE_S)
        self.port = self.listening.getsockname()[1]

    @staticmethod
    def exactly(conn, n):
        data = b''
        while len(data) < n:
            more = conn.recv(n - len(data))
            assert more, 'the client left'
            data += more
        return data

    def message(self, conn):
        head = self.exactly(conn, 2)
        if head[1] & 0x80:
            head += self.exactly(conn, head[1] & 0x7f)
            return head + self.exactly(conn, int.from_bytes(head[2:], 'big'))
        return head + self.exactly(conn, head[1])

    def serve(self):
        """The broker's last answer."""
        conn, _ = self.listening.accept()
        conn.settimeout(PATIENCE_S)
        head = self.exactly(conn, 4)
        self.exactly(conn, int.from_bytes(head[2:], 'big') - 4)
        conn.sendall(bytes.fromhex('030000130ed00000123400' '0200080002000000'))  # PROTOCOL_HYBRID
        with self.context.wrap_socket(conn, server_side=True) as tls:
            body = {'gateway': 'front', 'client': {'address': '192.0.2.7'}, 'key': self.key}
            if self.can_ask:
                body['can_ask'] = True
            path = '/v1/nla'
            while True:
                body['token'] = base64.b64encode(self.message(tls)).decode()
                answer = self.lab.must(self.lab.post(path, body), 200)
                tls.sendall(base64.b64decode(answer['token']))
                if answer['state'] != 'more':
                    return answer
                path, body = f'/v1/nla/{answer["exchange"]}', {}

    def close(self):
        self.listening.close()


class Asked(Case):
    """The broker's side of what an NLA log-in is asked, whatever gateway there is."""

    def through(self, can_ask, **more):
        front = Front(self.lab, self.guest_pem, can_ask)
        self.addCleanup(front.close)
        process = self.start('xfreerdp3', '/sec:nla', port=front.port, **more)
        answer = front.serve()
        if answer['state'] == 'done':
            process.kill()  # there is nothing behind NLA; nobody reads what it has to say about that
        return process, answer

    def told(self, expected, code, **more):
        process, answer = self.through(False, **more)
        self.assertEqual((answer['state'], answer['code']), ('refused', code))
        _, words = process.communicate(timeout=PATIENCE_S)
        self.assertEqual(process.returncode, expected, words[-2000:])

    def login(self, **what):
        return self.lab.post('/v1/logins', {'gateway': 'front', 'client': {'address': '192.0.2.7'}, **what})

    def test_an_expired_password_is_told_as_such_by_a_gateway_that_cannot_ask(self):
        self.lab.must(self.lab.patch('/v1/users/alice', {'must_change_password': True}), 200)
        self.told(PASSWORD_MUST_CHANGE, 'password-expired')
        self.told(LOGON_FAILURE, 'wrong-password', password='wrong')
        self.lab.must(self.lab.patch('/v1/users/alice', {'must_change_password': False}), 200)
        self.lab.write_config(password_max_age='1ms')
        self.lab.stop()
        self.lab.start()
        self.told(PASSWORD_EXPIRED, 'password-expired')
        self.lab.must(self.lab.patch('/v1/users/alice', {'disabled': True}), 200)
        self.told(ACCOUNT_DISABLED, 'account-disabled')

    def test_an_expired_password_is_changed_behind_nla(self):
        self.lab.must(self.lab.patch('/v1/users/alice', {'must_change_password': True}), 200)
        _, answer = self.through(True)
        self.assertEqual(answer['state'], 'done')
        question = self.lab.must(self.login(nla=answer['exchange'], can_ask=True), 200)['question']
        self.assertEqual(question['ask'], 'new-password')
        ticket = self.lab.must(self.login(question=question['id'], new_password='another one'), 200)
        # What the guest gets is what holds now.
        self.assertEqual(ticket['delegated'], {'user': 'alice', 'domain': '', 'password': 'another one'})
        self.told(LOGON_FAILURE, 'wrong-password')
        _, answer = self.through(True, password='another one')
        self.assertEqual(answer['state'], 'done')

    def test_a_proof_of_a_password_that_was_replaced_since_is_none(self):
        _, answer = self.through(True)
        self.lab.must(self.lab.patch('/v1/users/alice', {'password': 'another one'}), 200)
        self.assertEqual(self.lab.must(self.login(nla=answer['exchange']), 401)['code'], 'wrong-password')

    def test_a_code_is_asked_for_behind_nla(self):
        self.lab.must(self.lab.post('/v1/users/alice/otp'), 201)
        _, answer = self.through(True)
        question = self.lab.must(self.login(nla=answer['exchange'], can_ask=True), 200)['question']
        self.assertEqual((question['ask'], question['bad']), ('code', False))
        self.lab.must(self.login(nla=answer['exchange'], can_ask=True), 408)  # a proof is good once
        question = self.lab.must(self.login(question=question['id'], code='12345'), 200)['question']
        self.assertEqual((question['ask'], question['bad']), ('code', True))
        _, answer = self.through(False)
        self.assertEqual(self.lab.must(self.login(nla=answer['exchange']), 403)['code'], 'code-needed')


class Kept(Case):
    settings = {'nla': 'off'}

    def test_the_hash_is_made_at_a_log_in_in_tls_mode(self):
        self.let_in('xfreerdp3', way='mcs')  # by default: the broker cannot do NLA
        self.lab.write_config(nla='on')
        self.lab.stop()
        self.lab.start()
        self.gateway.wait_log(r'The broker can do NLA')
        self.refused(LOGON_FAILURE, 'xfreerdp3', '/sec:nla')
        self.let_in('xfreerdp3', '/sec:tls', way='mcs')
        self.let_in('xfreerdp3', '/sec:nla', way='nla')


class Only(Case):
    keys = {'security': 'nla'}

    def test_a_client_without_nla_is_refused(self):
        self.refused(NEGOTIATION, 'xfreerdp3', '/sec:tls')
        self.gateway.wait_log(r'code=client-security .*without NLA')
        self.let_in('xfreerdp3', way='nla')


class Never(Case):
    keys = {'security': 'tls'}

    def test_a_client_gets_tls(self):
        self.let_in('xfreerdp3', way='mcs')


class Shadow:
    """A guest that insists on NLA: freerdp-shadow on the display of the test, with one user."""

    def __init__(self, folder, display, user, password):
        sam = os.path.join(folder, 'SAM')
        digest = subprocess.run(['openssl', 'dgst', '-md4', '-provider', 'legacy', '-provider', 'default'], check=True,
                                input=password.encode('utf-16-le'), capture_output=True).stdout.split()[-1].decode()
        with open(sam, 'w', encoding='ascii') as file:
            file.write(f'{user}:::{digest}:::\n')
        os.chmod(sam, 0o600)
        with socket.create_server(('127.0.0.1', 0)) as probe:
            self.port = probe.getsockname()[1]
        self.process = subprocess.Popen(
            ['freerdp-shadow-cli3', f'/port:{self.port}', '/bind-address:127.0.0.1', '/sec:nla', f'/sam-file:{sam}'],
            env={**os.environ, 'DISPLAY': display, 'HOME': folder}, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        wait_until(self.answers, 'freerdp-shadow listens')

    def answers(self):
        try:
            socket.create_connection(('127.0.0.1', self.port)).close()
            return True
        except ConnectionRefusedError:
            return False

    def close(self):
        self.process.terminate()
        self.process.wait()


@unittest.skipUnless(shutil.which('freerdp-shadow-cli3'), 'freerdp-shadow is not installed')
class Back(Case):
    """A guest that insists on NLA gets it, whatever the client speaks."""

    def lead_to(self, password):
        shadow = Shadow(self.home, self.display.name, 'alice', password)
        self.addCleanup(shadow.close)
        machine = self.lab.get('/v1/machines')['items'][0]
        self.lab.must(self.lab.delete(f'/v1/machines/{machine["id"]}'), 204)
        self.lab.must(self.lab.post('/v1/machines', {'pool': 'p', 'address': '127.0.0.1', 'port': shadow.port,
                                                     'sessions_max': 50}), 201)

    def pool(self, security):
        self.lab.must(self.lab.patch('/v1/pools/p', {'guest_security': security}), 200)

    def reaches(self, *options):
        since = len(self.gateway.lines)
        process = self.start('xfreerdp3', *options)
        self.gateway.wait_log(r'The session reached its desktop\..* user=alice', since)
        process.terminate()
        process.wait()
        self.gateway.wait_log(r'The session ended\. .*state=relaying', since)

    def test_the_credentials_that_were_typed_or_delegated_open_it(self):
        self.lead_to(PASSWORD)
        for security in ('auto', 'nla'):
            self.pool(security)
            self.reaches('/sec:nla')
            self.reaches('/sec:tls')

    def test_a_pool_that_takes_tls_only_does_not_use_it(self):
        self.lead_to(PASSWORD)
        self.pool('tls')
        self.start('xfreerdp3')
        self.gateway.wait_log(r'code=guest-protocol .*refused what was offered with code 5')

    def test_a_pool_that_takes_nla_only_does_not_use_a_guest_without_it(self):
        self.pool('nla')
        self.start('xfreerdp3')
        self.gateway.wait_log(r'code=guest-protocol .*the guest chose protocol 0x1')

    def test_a_guest_with_another_password_says_so(self):
        self.lead_to('another')
        self.start('xfreerdp3')
        self.gateway.wait_log(r'code=guest-protocol .*does not take the credentials: NTSTATUS 0x')
        self.assertNotIn(PASSWORD, self.gateway.log_text())


if __name__ == '__main__':
    BROKER, GATEWAY = sys.argv[1:3]
    unittest.main(argv=sys.argv[:1] + sys.argv[3:], warnings='ignore')
