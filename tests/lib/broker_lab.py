"""A broker of its own in a temporary folder, for integration tests: started, asked over its unix socket, killed
and started again, ended. Every answer is held against the OpenAPI document, whatever the test is about.
"""
import http.client
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse

import openapi

START_S = 60  # generous: several builds and tests may share the machine


class Connection(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__('localhost', timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Answer:
    def __init__(self, status, headers, body, content_type):
        self.status = status
        self.headers = headers
        self.body = body
        self.content_type = content_type

    def __getitem__(self, name):
        return self.body[name]

    def __repr__(self):
        return f'{self.status} {self.body}'


class Lab:
    def __init__(self, broker, fake=None, log_level='info', **settings):
        """SETTINGS are members of [broker]: login_tries=3."""
        self.log_level = log_level
        self.program = broker
        self.fake_program = fake
        self.dir = tempfile.mkdtemp(prefix='carrel-broker-')
        os.chmod(self.dir, 0o755)
        self.socket = os.path.join(self.dir, 'api')
        self.config = os.path.join(self.dir, 'carrel.conf')
        self.settings = {'gateways': 'root', **settings}
        self.process = None
        self.fake = None
        self.document = None
        self.write_config()

    def write_config(self, **settings):
        self.settings.update(settings)
        with open(self.config, 'w', encoding='utf-8') as file:
            file.write(f'[store]\npath = {self.dir}/store.db\nkey_file = {self.dir}/store.key\n'
                       f'[log]\nlevel = {self.log_level}\n[broker]\nsocket = {self.socket}\n')
            for name, value in self.settings.items():
                file.write(f'{name} = {value}\n')

    # --- processes --------------------------------------------------------------------------------------------

    def start(self):
        self.log = open(os.path.join(self.dir, 'broker.log'), 'ab')
        self.process = subprocess.Popen([self.program, '--config', self.config], stderr=self.log)
        self.wait_until(self.answers, START_S, 'the broker answers')
        if not self.document:
            self.document = openapi.Document(self.get('/v1/openapi.json').body)

    def answers(self):
        if self.process.poll() is not None:
            raise AssertionError(f'the broker ended with {self.process.returncode}:\n{self.read_log()}')
        try:
            connection = Connection(self.socket, 5)
            connection.request('GET', '/v1/readyz')
            return connection.getresponse().status == 200
        except OSError:
            return False

    def read_log(self):
        with open(os.path.join(self.dir, 'broker.log'), encoding='utf-8', errors='replace') as file:
            return file.read()

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        """A proper end: status 0, which a leak or a fault found by a sanitizer would spoil."""
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(START_S)
        assert status == 0, f'the broker ended with {status}:\n{self.read_log()}'

    def tell(self, command):
        """A command to the vmpool without guests; its answer's words behind ok."""
        if not self.fake:
            self.fake = subprocess.Popen(
                [self.fake_program, f'{self.dir}/store.db', f'{self.dir}/store.key'],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.fake.stdin.write(command + '\n')
        self.fake.stdin.flush()
        answer = self.fake.stdout.readline().split()
        assert answer and answer[0] == 'ok', f'{command}: {answer}'
        return answer[1:]

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, kind, value, trace):
        try:
            if self.fake:
                self.fake.stdin.close()
                status = self.fake.wait(START_S)
                assert status == 0 or kind, f'fake_vmpool ended with {status}'
            if self.process.poll() is None:
                if kind:
                    self.kill()
                else:
                    self.stop()
        finally:
            if kind:
                print(self.read_log()[-20000:], file=sys.stderr)
            shutil.rmtree(self.dir, ignore_errors=True)

    # --- requests ---------------------------------------------------------------------------------------------

    def connection(self, timeout=60):
        return Connection(self.socket, timeout)

    def call(self, method, path, body=None, connection=None, raw=None, headers=None, check=True):
        connection = connection or self.connection()
        data = raw if raw is not None else json.dumps(body).encode() if body is not None else None
        head = {'Content-Type': 'application/json'} if data is not None else {}
        head.update(headers or {})
        connection.request(method, urllib.parse.quote(path, safe='/?=&%'), data, head)
        response = connection.getresponse()
        text = response.read()
        kind = response.headers.get('Content-Type', '')
        answer = Answer(response.status, response.headers, json.loads(text) if text else None, kind)
        if check and self.document:
            self.check(method, path.split('?')[0], answer)
        return answer

    def check(self, method, path, answer):
        """Is the answer one that the document has?"""
        what = f'{method} {path}: {answer}'
        if answer.status >= 400:
            if method == 'HEAD':
                return
            assert answer.content_type == 'application/problem+json', what
            faults = self.document.faults({'$ref': '#/components/schemas/Problem'}, answer.body)
            assert not faults and answer.body['status'] == answer.status, f'{what}: {faults}'
        operation = self.document.find('GET' if method == 'HEAD' else method, path)
        if not operation:
            assert answer.status in (400, 404, 405, 413, 503), what
            return
        documented = operation['responses'].get(str(answer.status))
        assert documented, f'{what}: this status is not documented'
        documented = self.document.resolve(documented)
        content = documented.get('content')
        if method == 'HEAD' or not content:
            assert answer.body is None, what
            return
        assert answer.content_type in content, what
        faults = self.document.faults(content[answer.content_type]['schema'], answer.body)
        assert not faults, f'{what}: {faults}'

    def get(self, path, **more):
        return self.call('GET', path, **more)

    def post(self, path, body=None, **more):
        return self.call('POST', path, body, **more)

    def put(self, path, body=None, **more):
        return self.call('PUT', path, body, **more)

    def patch(self, path, body=None, **more):
        return self.call('PATCH', path, body, **more)

    def delete(self, path, **more):
        return self.call('DELETE', path, **more)

    def must(self, answer, status):
        assert answer.status == status, answer
        return answer

    # --- what tests need often --------------------------------------------------------------------------------

    def add_pool(self, name='demo', **members):
        if self.get('/v1/images/golden').status == 404:
            self.must(self.post('/v1/images', {'name': 'golden', 'source': '/nowhere/golden.qcow2'}), 202)
            self.must(self.post('/v1/hosts', {'name': 'fake', 'uri': 'test:///default'}), 201)
            self.tell('image golden')
        return self.must(self.post('/v1/pools', {'name': name, 'image': 'golden', **members}), 201)

    def add_user(self, name, pool=None, password='correct horse'):
        self.must(self.post('/v1/users', {'name': name, 'password': password}), 201)
        if pool:
            self.must(self.post('/v1/entitlements', {'user': name, 'pool': pool}), 201)

    def login(self, user, password='correct horse', gateway='gw1', address='192.0.2.1', pool=None,
              reconnect=None, boot=None, **more):
        body = {'user': user, 'password': password, 'gateway': gateway, 'client': {'address': address}}
        if pool:
            body['pool'] = pool
        if boot:
            body['boot_id'] = boot
        if reconnect:
            body['reconnect'] = reconnect
        return self.post('/v1/logins', body, **more)

    def report(self, ticket, state, gateway='gw1', **more):
        """One alone. The answer's status is that of the report, where the request was understood."""
        answer = self.post(f'/v1/gateways/{gateway}/reports', {'reports': [
            {'session': ticket['session'], 'connection': ticket['connection'], 'state': state, **more}]})
        if answer.status == 200:
            item, = answer['items']
            answer.status, answer.body = item['status'], item
        return answer

    def heartbeat(self, name='gw1', boot='boot-1', sessions=(), started='2025-01-01T12:00:00.000Z', **more):
        return self.must(self.put(f'/v1/gateways/{name}', {
            'boot_id': boot, 'address': '127.0.0.1:3389', 'fingerprint': '', 'version': '0', 'sessions': list(sessions),
            'started': started, **more}), 200)

    def ctl(self, program, *words, status=0):
        """What carrelctl says, on both of its streams."""
        done = subprocess.run([program, '--socket', self.socket, *words], capture_output=True, text=True, timeout=300,
                              check=False)
        assert done.returncode == status, f'{words}: {done.returncode} {done.stdout}{done.stderr}'
        return done.stdout + done.stderr

    def wait_until(self, condition, seconds, what):
        """For conditions that no event tells of. Returns the condition's value."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            value = condition()
            if value:
                return value
            select.select([], [], [], 0.05)
        raise AssertionError(f'not within {seconds} s: {what}')


def main(tests):
    """Runs the tests in turn; the first failure ends the program, with the broker's log."""
    for test in tests:
        print(f'  {test.__name__} ...', flush=True)
        begun = time.monotonic()
        test()
        print(f'  {test.__name__}: passed ({time.monotonic() - begun:.1f} s)', flush=True)
    print(f'{os.path.basename(sys.argv[0])}: {len(tests)} tests passed')
