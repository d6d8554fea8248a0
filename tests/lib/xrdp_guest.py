"""A guest without a machine around it: xrdp with Xorg, for tests that run in namespaces of their own.

arguments() brings a test there: processes, mounts and network are private, so that xrdp's fixed paths and ports, the guest's
user and all that is started are gone when the test ends, however it ends. It needs root.
"""
import hashlib
import os
import random
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time

NEEDED = ('xrdp', 'xrdp-sesman', 'openssl', 'unshare')
PATIENCE_S = 120
GUEST_USER, GUEST_UID, GUEST_PORT = 'desktop', 64242, 33890
DISPLAYS = range(1000, 50000)


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
    """SESSION: what a session runs, as a shell has it. SETTINGS: more lines for [Globals] of xrdp.ini."""

    def __init__(self, folder, user=GUEST_USER, uid=GUEST_UID, port=GUEST_PORT, sesman_port=3350, session='exec sleep infinity',
                 settings=''):
        self.folder, self.user, self.uid, self.port = folder, user, uid, port
        self.sesman_port, self.session, self.globals = sesman_port, session, settings
        # The locks of X servers are everybody's, and are taken long after this, when a session begins: two guests that
        # begin side by side must not think of the same display.
        self.display = random.choice([n for n in DISPLAYS if not os.path.exists(f'/tmp/.X{n}-lock')])
        self.home = os.path.join(folder, 'home')
        os.mkdir(self.home)
        os.chown(self.home, uid, uid)
        os.chmod(folder, 0o755)
        self.users()
        self.settings()
        # X servers leave keyboards for themselves in the last one, by the number of their display.
        for path in ('/run/xrdp', '/tmp/.X11-unix', '/var/lib/xkb'):
            os.makedirs(path, exist_ok=True)
            run('mount', '-t', 'tmpfs', '-o', 'mode=1777', 'none', path)
        self.log = open(os.path.join(folder, 'xrdp.out'), 'ab')
        self.processes = [subprocess.Popen([program, '--nodaemon'], stdout=self.log, stderr=self.log)
                          for program in ('xrdp-sesman', 'xrdp')]
        wait_until(self.answers, 'xrdp listens')

    def cover(self, path, text):
        """TEXT in place of the file at PATH, in these mounts alone."""
        private = os.path.join(self.folder, os.path.basename(path))
        with open(private, 'w', encoding='utf-8') as file:
            file.write(text)
        shutil.copymode(path, private)
        run('mount', '--bind', private, path)

    def users(self):
        for path, line in (('/etc/passwd', f'{self.user}:x:{self.uid}:{self.uid}::{self.home}:/bin/bash'),
                           ('/etc/group', f'{self.user}:x:{self.uid}:'), ('/etc/shadow', '')):
            with open(path, encoding='utf-8') as file:
                self.cover(path, file.read().rstrip('\n') + '\n' + line + '\n')

    def set_password(self, password):
        hashed = subprocess.run(['openssl', 'passwd', '-6', '-stdin'], input=password, text=True, capture_output=True,
                                check=True).stdout.strip()
        with open('/etc/shadow', 'a', encoding='utf-8') as file:  # the private one
            file.write(f'{self.user}:{hashed}:19000:0:99999:7:::\n')

    def settings(self):
        self.certificate = os.path.join(self.folder, 'guest.pem')
        key = os.path.join(self.folder, 'guest.key')
        run('openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', key, '-out', self.certificate,
            '-subj', '/CN=guest', '-days', '2', stderr=subprocess.DEVNULL)
        self.cover('/etc/xrdp/xrdp.ini', f'''[Globals]
ini_version=1
fork=true
port=tcp://127.0.0.1:{self.port}
security_layer=tls
certificate={self.certificate}
key_file={key}
allow_channels=true
max_bpp=32
use_fastpath=both
{self.globals}
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
ListenPort={self.sesman_port}
EnableUserWindowManager=false
DefaultWindowManager={self.folder}/session
[Security]
AllowRootLogin=false
MaxLoginRetry=4
[Sessions]
X11DisplayOffset={self.display}
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
            file.write(f'#!/bin/sh\n{self.session}\n')
        os.chmod(session, 0o755)

    def answers(self):
        with socket.socket() as sock:
            return sock.connect_ex(('127.0.0.1', self.port)) == 0

    def fingerprint(self):
        with open(self.certificate, encoding='ascii') as file:
            return hashlib.sha256(ssl.PEM_cert_to_DER_cert(file.read())).hexdigest()

    def environment(self):
        return {'PATH': os.environ['PATH'], 'DISPLAY': f':{self.display}',
                'XAUTHORITY': os.path.join(self.home, '.Xauthority')}

    def channels(self):
        """The names of the channels that the newest client was heard to ask for."""
        with open(os.path.join(self.folder, 'xrdp.log'), encoding='utf-8', errors='replace') as file:
            newest = file.read().rsplit('connection received', 1)[-1]
        return re.findall(r'Adding channel: name (\w+)', newest)

    def reads(self, path):
        """As the session's user: a drive is mounted for nobody else. None where there is no such file."""
        done = subprocess.run(['cat', os.path.join(self.home, path)], user=self.uid, group=self.uid, extra_groups=[],
                              capture_output=True, text=True, check=False)
        return done.stdout if done.returncode == 0 else None

    def logs(self, *more):
        for name in ('xrdp.out', 'xrdp.log', 'sesman.log', *more):
            with open(os.path.join(self.folder, name), encoding='utf-8', errors='replace') as file:
                print(f'--- {name}\n{file.read()[-4000:]}', file=sys.stderr)
        for base, _, names in os.walk(self.home):
            for name in names:
                if 'chansrv' in name:
                    with open(os.path.join(base, name), encoding='utf-8', errors='replace') as file:
                        print(f'--- {name}\n{file.read()[-6000:]}', file=sys.stderr)


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


def arguments():
    """The arguments of a test that is in its namespaces already; the others are brought there, and end with it."""
    given = [os.path.abspath(p) if os.path.exists(p) else p for p in sys.argv[1:]]
    if os.environ.pop('CARREL_TEST_INSIDE', None):
        assert os.getpid() == 1, 'this is not a process namespace of its own'
        run('ip', 'link', 'set', 'lo', 'up')
        return given
    sys.exit(subprocess.run(['unshare', '--mount', '--net', '--pid', '--fork', '--kill-child', '--mount-proc', sys.executable,
                             os.path.abspath(sys.argv[0]), *given], env={**os.environ, 'CARREL_TEST_INSIDE': '1'}, check=False).returncode)
