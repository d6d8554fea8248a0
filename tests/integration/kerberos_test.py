#!/usr/bin/env python3
"""Log-ins with a Kerberos ticket: a real KDC on loopback in a temporary folder, kinit, and xfreerdp 3 with the ticket cache
instead of a password, through a gateway and a broker with a keytab, to the fake guest of gateway_fakes.py.

usage: kerberos_test.py CARREL_BROKER CARREL_GATEWAY FAKE_VMPOOL TICKET_CLIENT [unittest options]
"""
import base64
import glob
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import unittest

import nla_test
from gateway_fakes import PATIENCE_S, wait_until
from gateway_test import fingerprint
from nla_test import broker_lab

REALM, OTHER = 'CARREL.TEST', 'OTHER.TEST'
FAKE_VMPOOL = TICKET_CLIENT = ''
PASSWORD = 'of the KDC alone'


def tool(name):
    return shutil.which(name, path=os.environ['PATH'] + ':/usr/sbin:/sbin')


def at(offset, environment):
    """The environment of a process whose clock is off by so much."""
    library, = glob.glob('/usr/lib/*/faketime/libfaketime.so.1')
    return {**environment, 'LD_PRELOAD': library, 'FAKETIME': offset, 'FAKETIME_DONT_FAKE_MONOTONIC': '1'}


class Cache:
    """A ticket cache as a file (MIT's FILE, version 4), of which the times can be changed: not those inside of the tickets."""

    def __init__(self, path):
        self.path = path
        with open(path, 'rb') as file:
            self.bytes = bytearray(file.read())

    def u32(self, at_byte):
        return struct.unpack_from('>I', self.bytes, at_byte)[0]

    def skip_data(self, at_byte):
        return at_byte + 4 + self.u32(at_byte)

    def skip_principal(self, at_byte):
        count, at_byte = self.u32(at_byte + 4), at_byte + 8
        for _ in range(count + 1):
            at_byte = self.skip_data(at_byte)
        return at_byte

    def lengthen(self, seconds):
        at_byte = self.skip_principal(4 + struct.unpack_from('>H', self.bytes, 2)[0])
        while at_byte < len(self.bytes):
            at_byte = self.skip_data(self.skip_principal(self.skip_principal(at_byte)) + 2)
            struct.pack_into('>I', self.bytes, at_byte + 8, self.u32(at_byte + 8) + seconds)
            at_byte += 16 + 1 + 4
            for _ in range(2):  # addresses, authorization data
                count, at_byte = self.u32(at_byte), at_byte + 4
                for _ in range(count):
                    at_byte = self.skip_data(at_byte + 2)
            at_byte = self.skip_data(self.skip_data(at_byte))
        with open(self.path, 'wb') as file:
            file.write(self.bytes)


def free_port():
    """One that is free for TCP and for UDP: a KDC listens on both."""
    while True:
        with socket.socket() as tcp, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            tcp.bind(('127.0.0.1', 0))
            try:
                udp.bind(tcp.getsockname())
                return tcp.getsockname()[1]
            except OSError:
                pass


class Kdc:
    """Two realms, one process; ended by its handle."""

    def __init__(self, folder):
        self.folder = folder
        self.port = free_port()
        self.write('krb5.conf', f'''[libdefaults]
 default_realm = {REALM}
 dns_lookup_kdc = false
 dns_lookup_realm = false
 dns_canonicalize_hostname = false
 rdns = false
 udp_preference_limit = 1
 clockskew = 300
[realms]
 {REALM} = {{
  kdc = 127.0.0.1:{self.port}
 }}
 {OTHER} = {{
  kdc = 127.0.0.1:{self.port}
 }}
[capaths]
 {OTHER} = {{
  {REALM} = .
 }}
[domain_realm]
 localhost = {REALM}
''')
        realms = ''.join(f'''
 {realm} = {{
  database_name = {folder}/{realm}
  key_stash_file = {folder}/{realm}.stash
  acl_file = {folder}/acl
  max_life = 1h
 }}''' for realm in (REALM, OTHER))
        self.write('kdc.conf', f'''[kdcdefaults]
 kdc_listen = 127.0.0.1:{self.port}
 kdc_tcp_listen = 127.0.0.1:{self.port}
[realms]{realms}
[logging]
 kdc = FILE:{folder}/kdc.log
''')
        self.environment = {**os.environ, 'KRB5_CONFIG': folder + '/krb5.conf', 'KRB5_KDC_PROFILE': folder + '/kdc.conf',
                            'KRB5CCNAME': 'FILE:' + folder + '/cache'}
        for realm in (REALM, OTHER):
            self.run('kdb5_util', '-r', realm, 'create', '-s', '-P', 'master')
            self.admin(realm, f'addprinc -pw "between the realms" krbtgt/{REALM}@{OTHER}')
        for principal in ('anna', 'stranger', 'anna/admin'):
            self.admin(REALM, f'addprinc -pw "{PASSWORD}" {principal}')
        self.admin(OTHER, f'addprinc -pw "{PASSWORD}" anna')
        for service in ('TERMSRV', 'HTTP'):
            self.admin(REALM, f'addprinc -randkey {service}/localhost')
        self.keytab = folder + '/krb5.keytab'
        self.admin(REALM, f'ktadd -k {self.keytab} TERMSRV/localhost')
        self.admin(REALM, f'ktadd -k {folder}/other.keytab HTTP/localhost')
        self.start(self.environment)

    def start(self, environment):
        self.process = subprocess.Popen([tool('krb5kdc'), '-n', '-r', REALM, '-r', OTHER, '-P', self.folder + '/pid'],
                                        env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        wait_until(self.answers, 'the KDC listens')

    def answers(self):
        if self.process.poll() is not None:
            with open(self.folder + '/kdc.log', encoding='utf-8') as log:
                raise AssertionError('the KDC ended: ' + log.read())
        try:
            socket.create_connection(('127.0.0.1', self.port)).close()
            return True
        except ConnectionRefusedError:
            return False

    def close(self):
        self.process.terminate()
        self.process.wait()

    def write(self, name, text):
        with open(os.path.join(self.folder, name), 'w', encoding='ascii') as file:
            file.write(text)

    def run(self, *command, text=None, environment=None):
        done = subprocess.run([tool(command[0]), *command[1:]], env=environment or self.environment, input=text, text=True,
                              capture_output=True, timeout=PATIENCE_S, check=False)
        assert done.returncode == 0, (command, done.stdout, done.stderr)
        return done.stdout

    def admin(self, realm, query):
        self.run('kadmin.local', '-r', realm, '-q', query)

    def ticket(self, principal, offset=None):
        """The environment of a client that has tickets for this principal and the gateway, and no password."""
        cache = os.path.join(self.folder, 'cache-' + principal.replace('/', '-'))
        environment = {**self.environment, 'KRB5CCNAME': 'FILE:' + cache}
        then = at(offset, environment) if offset else environment
        self.run('kinit', principal, text=PASSWORD + '\n', environment=then)
        self.run('kvno', '-q', 'TERMSRV/localhost@' + REALM, environment=then)
        return environment

    def old_ticket(self, principal):
        """One that ended an hour ago, in a cache that says that it has not."""
        self.close()
        self.start(at('-2h', self.environment))
        try:
            environment = self.ticket(principal, '-2h')
        finally:
            self.close()
            self.start(self.environment)
        Cache(environment['KRB5CCNAME'].removeprefix('FILE:')).lengthen(4 * 3600)
        return environment


class Case(nla_test.Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        folder = tempfile.TemporaryDirectory(prefix='carrel-kdc-')
        cls.addClassCleanup(folder.cleanup)
        cls.kdc = Kdc(folder.name)
        cls.addClassCleanup(cls.kdc.close)

    def setUp(self):
        self.settings = {'kerberos_keytab': self.kdc.keytab, 'kerberos_realm': REALM, **type(self).settings}
        os.environ['KRB5_CONFIG'] = self.kdc.folder + '/krb5.conf'
        self.addCleanup(os.environ.pop, 'KRB5_CONFIG')
        super().setUp()
        self.lab.fake_program = FAKE_VMPOOL
        self.lab.add_pool('own', spare=0, max=9)
        self.lab.tell(f'guest own {self.guest.port} {fingerprint(self.guest_pem)}')

    def add(self, name, *pools):
        """A user without a password."""
        self.lab.must(self.lab.post('/v1/users', {'name': name}), 201)
        for pool in pools:
            self.lab.must(self.lab.post('/v1/entitlements', {'pool': pool, 'user': name}), 201)

    def reload(self, **settings):
        self.lab.write_config(**settings)
        self.lab.process.send_signal(signal.SIGHUP)
        self.lab.wait_until(lambda: 'The configuration was read again' in self.lab.read_log(), PATIENCE_S, 'the reload')

    def start_with(self, environment, user, realm=REALM, host='localhost', password='unused', typed=None):
        """xfreerdp asks for a password unless it is given one, though it then uses the ticket: it gets one that opens nothing."""
        environment = {**environment, 'DISPLAY': self.display.name, 'HOME': self.home, 'LANG': 'C.UTF-8'}
        process = subprocess.Popen(['xfreerdp3', f'/v:{host}:{self.gateway.port}', '/cert:ignore', '/size:640x480', '/sec:nla',
                                    '/log-filters:com.freerdp.core.nla:DEBUG', f'/u:{user}', f'/d:{realm}'] + ([f'/p:{password}'] if password else []),
                                   env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                   text=True, errors='replace')
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.terminate)
        process.stdin.write(typed or '')
        process.stdin.close()
        return process

    def status_with(self, environment, user, **more):
        process = self.start_with(environment, user, **more)
        said = process.stdout.read()
        return process.wait(PATIENCE_S), said

    def ticket_refused(self, words, environment, user='anna', **more):
        status, said = self.status_with(environment, user, **more)
        self.assertNotEqual(status, 0, said)
        log = self.lab.read_log()
        self.assertRegex(log, r'A log-in of .* was refused: ticket-refused: ' + words, said[-3000:] + log[-3000:])
        self.gateway.wait_log('code=ticket-refused')
        return said

    def let_in_by_ticket(self, environment, user='anna', name='anna', **more):
        since = len(self.gateway.lines)
        process = self.start_with(environment, user, **more)
        wire = self.guest.accept()
        self.assertIn('tls -> nla', ''.join(self.gateway.lines[since:]))
        session, = [s for s in self.lab.get('/v1/sessions')['items'] if s['user'] == name]
        self.assertEqual(session['pool'], 'own')
        # The guest is opened with credentials of Carrel's own, whatever the client delegated.
        self.assertNotIn(wire.info['password'], ('', 'unused', PASSWORD))
        process.terminate()
        process.wait()
        wire.close()
        self.gateway.wait_log(r'The session ended\.', since)


class Ticket(Case):
    def test_it_logs_in_without_a_password(self):
        self.add('anna', 'own')
        self.assertFalse(self.lab.get('/v1/users/anna')['has_password'])
        self.let_in_by_ticket(self.kdc.ticket('anna'))
        # And comes back to the same desktop with the same ticket.
        self.let_in_by_ticket(self.kdc.ticket('anna'))
        self.assertTrue(self.lab.get('/v1/users/anna')['last_login'])

    def test_a_password_goes_on_beside_it(self):
        self.let_in('xfreerdp3', '/sec:nla', '/auth-pkg-list:ntlm,!kerberos', way='nla')
        self.refused(nla_test.LOGON_FAILURE, 'xfreerdp3', '/sec:nla', '/auth-pkg-list:ntlm,!kerberos', password='wrong')
        self.let_in('xfreerdp3', '/sec:tls', way='mcs')

    def test_a_stranger_with_a_good_ticket_is_nobody(self):
        self.ticket_refused('there is no user stranger', self.kdc.ticket('stranger'), user='stranger')
        self.ticket_refused('there is no user anna/admin', self.kdc.ticket('anna/admin'), user='anna/admin')

    def test_a_disabled_user_is_told_so(self):
        self.add('anna', 'own')
        self.lab.must(self.lab.patch('/v1/users/anna', {'disabled': True}), 200)
        status, said = self.status_with(self.kdc.ticket('anna'), 'anna')
        self.assertEqual(status, nla_test.ACCOUNT_DISABLED, said[-3000:])

    def test_another_realm_is_refused_until_it_is_let_in(self):
        self.add('anna', 'own')
        environment = self.kdc.ticket(f'anna@{OTHER}')
        self.ticket_refused(f'anna@{OTHER} is of another realm than broker.kerberos_realm', environment, realm=OTHER)
        self.reload(kerberos_other_realms='on')
        self.ticket_refused(f'there is no user anna@{OTHER}', environment, realm=OTHER)
        self.add(f'anna@{OTHER}', 'own')
        self.let_in_by_ticket(environment, realm=OTHER, name=f'anna@{OTHER}')

    def test_a_ticket_that_has_expired_is_refused(self):
        self.add('anna', 'own')
        self.ticket_refused('Ticket expired', self.kdc.old_ticket('anna'))
        self.let_in_by_ticket(self.kdc.ticket('anna'))

    def test_a_client_whose_clock_is_wrong_is_told_so(self):
        self.add('anna', 'own')
        said = self.ticket_refused('Clock skew too great', at('+20m', self.kdc.ticket('anna')))
        self.assertIn('0xc0000133', said.lower())

    def test_a_pool_that_wants_the_users_own_password_says_so(self):
        self.add('anna', 'p')
        status, said = self.status_with(self.kdc.ticket('anna'), 'anna', password='', typed='\n')
        self.assertNotEqual(status, 0, said)
        self.gateway.wait_log(r'code=needs-password')

    def test_a_key_that_the_keytab_has_not_is_named(self):
        self.add('anna', 'own')
        self.reload(kerberos_keytab=self.kdc.folder + '/other.keytab')
        self.ticket_refused(r'.*TERMSRV/localhost@' + REALM, self.kdc.ticket('anna'))

    def test_a_keytab_that_is_spoilt_later_changes_nothing(self):
        self.add('anna', 'own')
        self.reload(kerberos_keytab='/nowhere/krb5.keytab')
        self.assertIn('Kerberos stays as it was: broker.kerberos_keytab /nowhere/krb5.keytab cannot be used',
                      self.lab.read_log())
        self.let_in_by_ticket(self.kdc.ticket('anna'))


class Alone(Case):
    """Without NT hashes, whoever offers NLA needs a ticket."""
    settings = {'nla': 'off'}

    def test_a_ticket_is_enough_and_a_password_is_for_tls(self):
        self.gateway.wait_log('The broker can do NLA')
        self.add('anna', 'own')
        self.let_in_by_ticket(self.kdc.ticket('anna'))
        self.refused(nla_test.LOGON_FAILURE, 'xfreerdp3', '/sec:nla', '/auth-pkg-list:ntlm,!kerberos')
        self.let_in('xfreerdp3', '/sec:tls', way='mcs')


def der(tag, body):
    length = bytes([len(body)]) if len(body) < 0x80 else b'\x82' + struct.pack('>H', len(body))
    return bytes([tag]) + length + body


class Token(Case):
    """What the broker says of a client's first token, given to it as a gateway would."""

    def token(self, service):
        text = self.kdc.run(TICKET_CLIENT, f'{service}/localhost@{REALM}', environment=self.kdc.ticket('anna'))
        negotiation = der(0x30, der(0x30, der(0xa0, der(0x04, base64.b64decode(text)))))
        return der(0x30, der(0xa0, b'\x02\x01\x06') + der(0xa1, negotiation))

    def begin(self, message):
        body = {'gateway': 'gw1', 'client': {'address': '192.0.2.1'}, 'key': base64.b64encode(bytes(65)).decode(),
                'token': base64.b64encode(message).decode()}
        return self.lab.must(self.lab.post('/v1/nla', body), 200)

    def test_a_token_that_somebody_copied_is_good_once(self):
        self.add('anna', 'own')
        message = self.token('TERMSRV')
        self.assertEqual(self.begin(message)['state'], 'more')
        again = self.begin(message)
        self.assertEqual((again['state'], again['code']), ('refused', 'ticket-refused'))
        self.assertIn('refused: ticket-refused: Request is a replay', self.lab.read_log())
        self.assertEqual(self.begin(self.token('TERMSRV'))['state'], 'more')

    def test_a_token_for_another_service_is_refused(self):
        """Or whoever got one for a web site could log in with it."""
        self.add('anna', 'own')
        self.reload(kerberos_keytab=self.kdc.folder + '/other.keytab')
        self.assertEqual(self.begin(self.token('HTTP'))['code'], 'ticket-refused')
        self.assertIn('the ticket is for another service than TERMSRV', self.lab.read_log())


class Words(unittest.TestCase):
    """A keytab that cannot be used ends the start, in words."""

    def refused(self, **settings):
        lab = broker_lab.Lab(nla_test.BROKER, **settings)
        try:
            run = subprocess.run([nla_test.BROKER, '--config', lab.config], stderr=subprocess.PIPE, text=True,
                                 timeout=PATIENCE_S, check=False, env={**os.environ, 'ASAN_OPTIONS': 'detect_leaks=0'})
            self.assertEqual(run.returncode, 1)
            return run.stderr
        finally:
            shutil.rmtree(lab.dir)

    def test_a_keytab_that_is_not_there_or_has_no_realm(self):
        self.assertRegex(self.refused(kerberos_keytab='/nowhere/krb5.keytab', kerberos_realm=REALM),
                         'broker.kerberos_keytab /nowhere/krb5.keytab cannot be used: .*not found')
        self.assertIn('broker.kerberos_keytab is set, and broker.kerberos_realm is not',
                      self.refused(kerberos_keytab='/nowhere/krb5.keytab'))


if __name__ == '__main__':
    nla_test.BROKER, nla_test.GATEWAY, FAKE_VMPOOL, TICKET_CLIENT = sys.argv[1:5]
    unittest.main(argv=sys.argv[:1] + sys.argv[5:], warnings='ignore')
