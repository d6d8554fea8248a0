#!/usr/bin/env python3
"""Policies between a real client and a real guest: xfreerdp3, carrel-gateway, carrel-broker and xrdp on this machine.

usage: policy_client_test.py GATEWAY BROKER FAKE_VMPOOL

Everything runs in namespaces of its own (processes, mounts, network): xrdp's fixed paths and ports, the guest's user
and all that is started are gone when the test ends, however it ends. Needs root; exits with 77 (skipped) without it, or
where a program is missing.
"""
import hashlib
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'lib'))
import broker_lab  # noqa: E402
import gateway_fakes  # noqa: E402

NEEDED = ('xrdp', 'xrdp-sesman', 'xfreerdp3', 'rdesktop', 'Xvfb', 'xclip', 'openssl', 'unshare')
SKIPPED = 77
PATIENCE_S = 120
IDLE_STATUS = 3  # xfreerdp3's for the idle timeout
POOL, USER, PASSWORD = 'demo', 'anna', 'correct horse'
GUEST_USER, GUEST_UID, GUEST_PORT, GUEST_DISPLAY = 'desktop', 64242, 33890, 4710


def wait_until(condition, what):
    """X servers and other processes tell nobody what they have done, so this looks again and again."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.1)
    raise AssertionError(f'waited in vain: {what}')


def run(*command, **more):
    subprocess.run(command, check=True, **more)


class Guest:
    """xrdp with the private copies of what it finds at fixed paths."""

    def __init__(self, folder):
        self.folder = folder
        self.home = os.path.join(folder, 'home')
        os.mkdir(self.home)
        os.chown(self.home, GUEST_UID, GUEST_UID)
        os.chmod(folder, 0o755)
        self.users()
        self.settings()
        for path in ('/run/xrdp', '/tmp/.X11-unix'):
            os.makedirs(path, exist_ok=True)
            run('mount', '-t', 'tmpfs', '-o', 'mode=1777', 'none', path)
        self.log = open(os.path.join(folder, 'xrdp.out'), 'ab')
        self.processes = [subprocess.Popen([program, '--nodaemon'], stdout=self.log, stderr=self.log)
                          for program in ('xrdp-sesman', 'xrdp')]
        wait_until(self.answers, 'xrdp listens')

    def cover(self, path, text):
        """TEXT in place of the file at PATH, in this test's mounts alone."""
        private = os.path.join(self.folder, os.path.basename(path))
        with open(private, 'w', encoding='utf-8') as file:
            file.write(text)
        shutil.copymode(path, private)
        run('mount', '--bind', private, path)

    def users(self):
        for path, line in (('/etc/passwd', f'{GUEST_USER}:x:{GUEST_UID}:{GUEST_UID}::{self.home}:/bin/bash'),
                           ('/etc/group', f'{GUEST_USER}:x:{GUEST_UID}:'), ('/etc/shadow', '')):
            with open(path, encoding='utf-8') as file:
                self.cover(path, file.read().rstrip('\n') + '\n' + line + '\n')

    def set_password(self, password):
        hashed = subprocess.run(['openssl', 'passwd', '-6', '-stdin'], input=password, text=True, capture_output=True,
                                check=True).stdout.strip()
        with open('/etc/shadow', 'a', encoding='utf-8') as file:  # the private one
            file.write(f'{GUEST_USER}:{hashed}:19000:0:99999:7:::\n')

    def settings(self):
        self.certificate = os.path.join(self.folder, 'guest.pem')
        key = os.path.join(self.folder, 'guest.key')
        run('openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', key, '-out', self.certificate,
            '-subj', '/CN=guest', '-days', '2', stderr=subprocess.DEVNULL)
        self.cover('/etc/xrdp/xrdp.ini', f'''[Globals]
ini_version=1
fork=true
port=tcp://127.0.0.1:{GUEST_PORT}
security_layer=tls
certificate={self.certificate}
key_file={key}
allow_channels=true
max_bpp=32
use_fastpath=both
[Logging]
LogFile={self.folder}/xrdp.log
LogLevel=DEBUG
EnableSyslog=false
[Channels]
rdpdr=true
rdpsnd=true
drdynvc=true
cliprdr=true
[Xorg]
name=Xorg
lib=libxup.so
username=ask
password=ask
ip=127.0.0.1
port=-1
code=20
''')
        self.cover('/etc/xrdp/sesman.ini', f'''[Globals]
ListenAddress=127.0.0.1
ListenPort=3350
EnableUserWindowManager=false
DefaultWindowManager={self.folder}/session
[Security]
AllowRootLogin=false
MaxLoginRetry=4
[Sessions]
X11DisplayOffset={GUEST_DISPLAY}
MaxSessions=5
KillDisconnected=false
[Logging]
LogFile={self.folder}/sesman.log
LogLevel=INFO
EnableSyslog=false
[Xorg]
param=/usr/lib/xorg/Xorg
param=-config
param=xrdp/xorg.conf
param=-noreset
param=-nolisten
param=tcp
param=-logfile
param=/dev/null
[Chansrv]
FuseMountName=drives
FileUmask=077
[ChansrvLogging]
LogLevel=INFO
EnableSyslog=false
[SessionVariables]
''')
        session = os.path.join(self.folder, 'session')
        with open(session, 'w', encoding='utf-8') as file:
            file.write('#!/bin/sh\nexec sleep infinity\n')
        os.chmod(session, 0o755)

    def answers(self):
        with socket.socket() as sock:
            return sock.connect_ex(('127.0.0.1', GUEST_PORT)) == 0

    def fingerprint(self):
        with open(self.certificate, encoding='ascii') as file:
            return hashlib.sha256(ssl.PEM_cert_to_DER_cert(file.read())).hexdigest()

    def environment(self):
        return {'PATH': os.environ['PATH'], 'DISPLAY': f':{GUEST_DISPLAY}',
                'XAUTHORITY': os.path.join(self.home, '.Xauthority')}

    def channels(self):
        """The names of the channels that the newest client was heard to ask for."""
        with open(os.path.join(self.folder, 'xrdp.log'), encoding='utf-8', errors='replace') as file:
            newest = file.read().rsplit('connection received', 1)[-1]
        return re.findall(r'Adding channel: name (\w+)', newest)

    def reads(self, path):
        """As the session's user: a drive is mounted for nobody else. None where there is no such file."""
        done = subprocess.run(['cat', os.path.join(self.home, path)], user=GUEST_UID, group=GUEST_UID, extra_groups=[],
                              capture_output=True, text=True, check=False)
        return done.stdout if done.returncode == 0 else None

    def logs(self):
        for name in ('xrdp.out', 'xrdp.log', 'sesman.log', 'client.log'):
            with open(os.path.join(self.folder, name), encoding='utf-8', errors='replace') as file:
                print(f'--- {name}\n{file.read()[-4000:]}', file=sys.stderr)
        for base, _, names in os.walk(self.home):
            for name in names:
                if 'chansrv' in name:
                    with open(os.path.join(base, name), encoding='utf-8', errors='replace') as file:
                        print(f'--- {name}\n{file.read()[-6000:]}', file=sys.stderr)


class Client:
    """A real client on a screen of its own."""

    def __init__(self, folder, command, words):
        """WORDS go to its standard input: a password stands in no list of processes."""
        self.log = open(os.path.join(folder, 'client.log'), 'ab')
        read, write = os.pipe()
        self.screen = subprocess.Popen(['Xvfb', '-displayfd', str(write), '-screen', '0', '1100x800x24', '-nolisten', 'tcp'],
                                       pass_fds=[write], stderr=self.log)
        os.close(write)
        with os.fdopen(read, encoding='ascii') as pipe:
            number = pipe.readline().strip()
        self.environment = {'PATH': os.environ['PATH'], 'DISPLAY': f':{number}', 'HOME': folder, 'TMPDIR': folder}
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=self.log, stderr=self.log,
                                        env=self.environment, text=True)
        self.process.stdin.write('\n'.join(words) + '\n')
        self.process.stdin.close()

    def stop(self):
        for process in (self.process, self.screen):
            if process.poll() is None:
                process.terminate()
                process.wait(PATIENCE_S)


def freerdp(folder, port, *arguments):
    return Client(folder, ['xfreerdp3', '/args-from:stdin'],
                  [f'/v:127.0.0.1:{port}', f'/u:{USER}', f'/p:{PASSWORD}', '/cert:ignore', '/size:800x600', *arguments])


def rdesktop(folder, port, *arguments):
    """xfreerdp 3.10 does not come as far as offering its drives to xrdp 0.9; rdesktop does."""
    return Client(folder, ['rdesktop', '-u', USER, '-p', '-', '-g', '800x600', '-a', '24', *arguments, f'127.0.0.1:{port}'],
                  [PASSWORD, 'yes'])


def copy(environment, text):
    """xclip keeps the selection in a process of its own until somebody else takes it."""
    run('xclip', '-selection', 'clipboard', '-i', input=text, text=True, env=environment,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def pasted(environment):
    try:
        return subprocess.run(['xclip', '-selection', 'clipboard', '-t', 'UTF8_STRING', '-o'], env=environment, text=True, timeout=20,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False).stdout
    except subprocess.TimeoutExpired:
        return ''


class House:
    """Broker, gateway and guest; connect() is one visit under a policy."""

    def __init__(self, lab, gateway, guest, folder):
        self.lab, self.gateway, self.guest, self.folder = lab, gateway, guest, folder
        self.visits = 0

    def connect(self, policy, *arguments, program=freerdp):
        every = {key: policy.get(key) for key in ('clipboard', 'files', 'drives', 'printers', 'ports', 'smartcards',
                                                  'audio-out', 'idle-limit', 'deny-channels')}
        self.lab.must(self.lab.patch(f'/v1/pools/{POOL}', {'policy': every}), 200)
        self.visits += 1
        client = program(self.folder, self.gateway.port, *arguments)
        wait_until(lambda: self.active() or client.process.poll() is not None, 'the client reaches the guest')
        assert client.process.poll() is None, 'the client ended'
        return client

    def session(self):
        items = self.lab.get(f'/v1/sessions?user={USER}')['items']
        return items[0] if items else None

    def active(self):
        session = self.session()
        return session and session['state'] == 'active' and session['connection'] == self.visits

    def leave(self, client):
        client.stop()
        wait_until(lambda: self.session()['state'] == 'disconnected', 'the session is disconnected')

    def told(self, word):
        return word in (self.session()['denied'] or '').split()

    def carried(self, source, target, text):
        """Copied again and again: a client that has just connected, or a screen that came late, misses the first."""
        def there():
            copy(source, text)
            return any(pasted(target) == text or time.sleep(0.2) for _ in range(10))
        wait_until(there, f'{text!r} comes through')

    def goes_to_guest(self, client, text):
        self.carried(client.environment, self.guest.environment(), text)

    def comes_from_guest(self, client, text):
        self.carried(self.guest.environment(), client.environment, text)


HOUSE = None


def without_a_policy_the_clipboard_goes_both_ways():
    client = HOUSE.connect({}, '+clipboard')
    HOUSE.goes_to_guest(client, 'from the client, at first')
    HOUSE.comes_from_guest(client, 'from the guest, at first')
    assert HOUSE.session()['denied'] is None, HOUSE.session()
    HOUSE.leave(client)


def to_guest_only():
    client = HOUSE.connect({'clipboard': 'to-guest'}, '+clipboard')
    HOUSE.goes_to_guest(client, 'may come in')
    copy(HOUSE.guest.environment(), 'must stay in')
    wait_until(lambda: HOUSE.told('clipboard-from-guest'), 'the record says what was denied')
    # The client still has its own, and the way into the guest works on.
    assert pasted(client.environment) == 'may come in'
    HOUSE.goes_to_guest(client, 'may come in, too')
    HOUSE.leave(client)


def from_guest_only():
    client = HOUSE.connect({'clipboard': 'from-guest'}, '+clipboard')
    HOUSE.comes_from_guest(client, 'may go out')
    copy(client.environment, 'must stay out')
    wait_until(lambda: HOUSE.told('clipboard-to-guest'), 'the record says what was denied')
    assert pasted(HOUSE.guest.environment()) == 'may go out'
    HOUSE.comes_from_guest(client, 'may go out, too')
    HOUSE.leave(client)


def no_clipboard():
    client = HOUSE.connect({'clipboard': 'off'}, '+clipboard')
    assert HOUSE.told('clipboard-to-guest') and HOUSE.told('clipboard-from-guest')
    assert 'cliprdr' not in HOUSE.guest.channels() and 'rdpdr' in HOUSE.guest.channels()
    copy(client.environment, 'stays outside')
    copy(HOUSE.guest.environment(), 'stays inside')
    assert pasted(client.environment) == 'stays outside'
    assert pasted(HOUSE.guest.environment()) == 'stays inside'
    HOUSE.leave(client)


def shared(folder):
    """A drive that the client offers, and the options for it."""
    drive = os.path.join(folder, 'drive')
    os.makedirs(drive, exist_ok=True)
    with open(os.path.join(drive, 'hello'), 'w', encoding='ascii') as file:
        file.write('hello from the client')
    return '-r', f'disk:share={drive}'


def a_drive_is_there_without_a_policy():
    client = HOUSE.connect({}, *shared(HOUSE.folder), program=rdesktop)
    wait_until(lambda: HOUSE.guest.reads('drives/share/hello') == 'hello from the client', 'the drive is in the guest')
    HOUSE.leave(client)


def a_drive_is_taken_out_of_the_list_of_devices():
    client = HOUSE.connect({'drives': 'off'}, *shared(HOUSE.folder), program=rdesktop)
    wait_until(lambda: HOUSE.told('drives'), 'the record says what was denied')
    assert 'rdpdr' in HOUSE.guest.channels()
    assert HOUSE.guest.reads('drives/share/hello') is None
    HOUSE.leave(client)


def without_any_device_the_channel_is_not_there():
    client = HOUSE.connect({'drives': 'off', 'printers': 'off', 'ports': 'off', 'smartcards': 'off'}, *shared(HOUSE.folder), program=rdesktop)
    assert HOUSE.told('smartcards')
    assert 'rdpdr' not in HOUSE.guest.channels()
    HOUSE.leave(client)


def sound_is_denied_and_a_channel_by_name():
    client = HOUSE.connect({'audio-out': 'off', 'deny-channels': 'DRDYNVC'}, '/sound:sys:fake')
    assert HOUSE.told('audio-out') and HOUSE.told('channel:DRDYNVC'), HOUSE.session()
    assert not {'rdpsnd', 'drdynvc'} & set(HOUSE.guest.channels()), HOUSE.guest.channels()
    HOUSE.leave(client)


def a_client_without_input_is_told_so():
    client = HOUSE.connect({'idle-limit': '2s'})
    status = client.process.wait(PATIENCE_S)
    wait_until(lambda: HOUSE.session()['state'] == 'disconnected', 'the session is disconnected')
    assert HOUSE.session()['end_code'] == 'idle-limit', HOUSE.session()
    assert status == IDLE_STATUS, status
    client.stop()


TESTS = [without_a_policy_the_clipboard_goes_both_ways, to_guest_only, from_guest_only, no_clipboard,
         a_drive_is_there_without_a_policy, a_drive_is_taken_out_of_the_list_of_devices,
         without_any_device_the_channel_is_not_there, sound_is_denied_and_a_channel_by_name,
         a_client_without_input_is_told_so]


def inside(gateway_binary, broker_binary, fake_binary):
    global HOUSE
    assert os.getpid() == 1, 'this is not a process namespace of its own'
    run('ip', 'link', 'set', 'lo', 'up')
    folder = tempfile.mkdtemp(prefix='carrel-policy-')
    guest = gateway = None
    try:
        guest = Guest(folder)
        with broker_lab.Lab(broker_binary, fake_binary) as lab:
            lab.add_pool(POOL, spare=0, max=1)
            lab.add_user(USER, POOL, PASSWORD)
            name = lab.tell(f'guest {POOL} {GUEST_PORT} {guest.fingerprint()}')[1]
            guest.set_password(f'password-of-{name}')
            gateway = gateway_fakes.Gateway(gateway_binary, folder, lab.socket)
            HOUSE = House(lab, gateway, guest, folder)
            try:
                broker_lab.main(TESTS)
            except BaseException:
                guest.logs()
                print(gateway.log_text()[-8000:], file=sys.stderr)
                raise
            assert gateway.stop() == 0, gateway.log_text()[-4000:]
    finally:
        end_all(folder)


def end_all(folder):
    """Ends what is left in this namespace, so that X servers leave no lock files behind. The clients' and the guest's
    own file systems are let go first: a process that waits for one which nobody serves any more cannot be ended."""
    with open('/proc/self/mounts', encoding='utf-8') as file:
        mounted = [line.split()[1] for line in file if line.split()[1].startswith(folder + '/')]
    for path in mounted:
        run('umount', '--lazy', '--force', path)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.kill(-1, number)
        except ProcessLookupError:
            break
        end = time.monotonic() + 20
        while time.monotonic() < end:
            try:
                if os.waitpid(-1, os.WNOHANG) == (0, 0):
                    time.sleep(0.05)
            except ChildProcessError:
                break
    shutil.rmtree(folder, ignore_errors=True)


def main():
    if os.environ.pop('CARREL_POLICY_INSIDE', None):
        inside(*sys.argv[1:4])
        return 0
    missing = [program for program in NEEDED if not shutil.which(program)]
    if os.getuid() != 0 or missing:
        print('skipped:', 'it needs root' if os.getuid() else f'{missing} are not installed')
        return SKIPPED
    return subprocess.run(['unshare', '--mount', '--net', '--pid', '--fork', '--kill-child', '--mount-proc', sys.executable,
                           os.path.abspath(__file__), *(os.path.abspath(p) for p in sys.argv[1:4])],
                          env={**os.environ, 'CARREL_POLICY_INSIDE': '1'}, check=False).returncode


sys.exit(main())
