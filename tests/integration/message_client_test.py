#!/usr/bin/env python3
"""Messages on the screens of real clients: each client, in each colour depth, in front of each kind of guest that this
machine has (xrdp, FreeRDP's shadow server with bitmaps and with the graphics pipeline).

usage: message_client_test.py GATEWAY BROKER FAKE_VMPOOL [PICTURES]

The proof is the client's screen: the banner's colours are where they belong, and after it has gone the picture is the
one from before. PICTURES is a folder in which they are kept. Everything runs in namespaces of its own, as in
policy_client_test.py; exits with 77 (skipped) without root, or where a program is missing.
"""
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'lib'))
import broker_lab  # noqa: E402
import gateway_fakes  # noqa: E402
import policy_client_test as rig  # noqa: E402
import xrdp_guest  # noqa: E402

NEEDED = (*rig.NEEDED, 'xfreerdp', 'freerdp-shadow-cli3', 'import', 'compare', 'convert', 'xdotool', 'display')
POOL, USER, PASSWORD = 'hall', 'anna', 'correct horse'
SHADOW_PORT = 33891
TEXT = 'The desktops are switched off at 18:00. Please save your work. Größe, 日本: ✓'
WIDTH, HEIGHT = 1024, 700
SECONDS = 25  # long enough for a picture of it on a machine that has much to do


class Pictured(rig.Guest):
    """xrdp whose session shows a picture with fine lines, and takes the mouse into account."""

    def settings(self):
        super().settings()
        with open(os.path.join(self.folder, 'session'), 'w', encoding='utf-8') as file:
            file.write('#!/bin/sh\ncd\nconvert -size 1024x700 plasma:blue-tomato wall.png\n'
                       'display -window root wall.png\nexec xev -root -event button >clicks 2>&1\n')


class Shadow:
    """FreeRDP's server in front of an X server of its own. It shows what that shows."""

    def __init__(self, folder, *options):
        self.folder = folder
        self.log = open(os.path.join(folder, 'shadow.out'), 'ab')
        read, write = os.pipe()
        self.screen = subprocess.Popen(['Xvfb', '-displayfd', str(write), '-screen', '0', f'{WIDTH}x{HEIGHT}x24',
                                        '-nolisten', 'tcp', '-noreset'], pass_fds=[write], stderr=self.log)
        os.close(write)
        with os.fdopen(read, encoding='ascii') as pipe:
            display = f':{pipe.readline().strip()}'
        self.environment = {'PATH': os.environ['PATH'], 'DISPLAY': display, 'HOME': folder, 'TMPDIR': folder}
        rig.run('convert', '-size', f'{WIDTH}x{HEIGHT}', 'plasma:green-gold', f'{folder}/wall.png')
        # Its status says nothing: the picture is looked at.
        subprocess.run(['display', '-window', 'root', f'{folder}/wall.png'], env=self.environment, check=False)
        self.process = subprocess.Popen(['freerdp-shadow-cli3', f'/port:{SHADOW_PORT}', '/sec:tls', '-auth', '/log-level:WARN',
                                         *options], stdout=self.log, stderr=self.log, env=self.environment)
        rig.wait_until(self.answers, 'the shadow server listens')

    @staticmethod
    def answers():
        with socket.socket() as sock:
            return sock.connect_ex(('127.0.0.1', SHADOW_PORT)) == 0

    def stop(self):
        for process in (self.process, self.screen):
            process.kill()
            process.wait()


def xfreerdp3(folder, port, *arguments):
    return rig.Client(folder, ['xfreerdp3', '/args-from:stdin'],
                      [f'/v:127.0.0.1:{port}', f'/u:{USER}', f'/p:{PASSWORD}', '/cert:ignore', f'/size:{WIDTH}x{HEIGHT}',
                       '/log-level:WARN', *arguments])


def xfreerdp2(folder, port, *arguments):
    return rig.Client(folder, ['xfreerdp', '/from-stdin:force', f'/v:127.0.0.1:{port}', f'/u:{USER}', '/d:', '/cert:ignore', f'/size:{WIDTH}x{HEIGHT}',
                               '/log-level:WARN', *arguments], [PASSWORD])


def rdesktop(folder, port, *arguments):
    return rig.Client(folder, ['rdesktop', '-u', USER, '-p', '-', '-g', f'{WIDTH}x{HEIGHT}', *arguments, f'127.0.0.1:{port}'],
                      [PASSWORD, 'yes'])


class Hall:
    """Broker, gateway and a static pool of one machine."""

    def __init__(self, lab, gateway, folder, pictures):
        self.lab, self.gateway, self.folder, self.pictures = lab, gateway, folder, pictures
        self.machines = self.clicks = 0

    def machine(self, port):
        """The pool's one machine is the RDP server at PORT from here on."""
        for old in self.lab.get(f'/v1/machines?pool={POOL}')['items']:
            self.lab.must(self.lab.delete(f'/v1/machines/{old["name"]}'), 204)
        self.machines += 1
        self.lab.must(self.lab.post('/v1/machines', {'pool': POOL, 'name': f'pc-{self.machines}', 'address': '127.0.0.1',
                                                     'port': port, 'sessions_max': 5}), 201)

    def session(self):
        items = self.lab.get(f'/v1/sessions?user={USER}')['items']
        return items[0] if items else None

    def end(self):
        session = self.session()
        if session:
            self.lab.must(self.lab.post(f'/v1/sessions/{session["id"]}/logoff'), 202)

    def picture(self, client, name):
        """The client's part of its screen."""
        path = os.path.join(self.pictures, f'{name}.png')
        subprocess.run(['import', '-window', 'root', '-crop', f'{WIDTH}x{HEIGHT}+0+0', '+repage', path], check=True,
                       env=client.environment)
        return path

    def connect(self, program, *arguments):
        client = program(self.folder, self.gateway.port, *arguments)
        rig.wait_until(lambda: client.process.poll() is not None or
                       (s := self.session()) and s['state'] == 'active', 'the client reaches the guest')
        assert client.process.poll() is None, 'the client ended'
        return client

    def say(self, text=TEXT, seconds=600):
        return self.lab.must(self.lab.post(f'/v1/sessions/{self.session()["id"]}/message',
                                           {'text': text, 'seconds': seconds}), 202)

    def events(self, kind):
        return [e for e in self.lab.get('/v1/events?limit=1000')['items']
                if e['kind'] == kind and e['session'] == self.session()['id']]


HALL = None


def difference(first, second, part=None):
    """0: the same; 1: black against white."""
    crop = ['-extract', part] if part else []
    done = subprocess.run(['compare', '-metric', 'RMSE', *crop, first, second, 'null:'], stderr=subprocess.PIPE, text=True,
                          check=False)
    return float(re.search(r'\(([0-9.e+-]+)\)', done.stderr)[1])


def colours(path):
    return int(subprocess.run(['identify', '-format', '%k', path], check=True, capture_output=True, text=True).stdout)


def brightness(path, part):
    return float(subprocess.run(['convert', path, '-crop', part, '+repage', '-colorspace', 'Gray', '-format', '%[fx:mean]',
                                 'info:'], check=True, capture_output=True, text=True).stdout)


# Where the banner is at 100 % on a screen of that size: 600 wide, at the upper edge; a part of it without letters.
BANNER, PAPER = '600x60+212+16', '590x6+217+20'


def settled(client, name):
    """The picture, once it is the guest's and stays as it is."""
    def look():
        first = HALL.picture(client, name)
        shutil.copy(first, first + '.old')
        if colours(first) < 500:
            return None
        rig.time.sleep(0.5)
        return difference(HALL.picture(client, name), first + '.old') == 0 and first
    path = rig.wait_until(look, f'{name}: the guest\'s picture is there')
    os.unlink(path + '.old')
    return path


def press(client, x, y):
    subprocess.run(['xdotool', 'mousemove', str(x), str(y), 'sleep', '0.3', 'click', '1'], check=True, env=client.environment)


def is_up(path, before):
    return brightness(path, PAPER) > 0.97 and difference(path, before, BANNER) > 0.1


def shown_and_gone(name, program, *arguments, click=False):
    """It goes by a click, or by itself, which takes its time."""
    client = HALL.connect(program, *arguments)
    before = settled(client, f'{name}-1-before')
    HALL.say(seconds=600 if click else SECONDS)
    rig.wait_until(lambda: is_up(HALL.picture(client, f'{name}-2-banner'), before), f'{name}: the banner is seen')
    rig.wait_until(lambda: HALL.events('session.message'), 'the event')
    if click:
        press(client, 500, 40)
    rig.wait_until(lambda: difference(HALL.picture(client, f'{name}-3-after'), before, BANNER) < 0.002,
                   f'{name}: the picture is as before')
    assert client.process.poll() is None, f'{name}: the client ended'
    if click == 'counted':
        # One that is not on the banner reaches the guest. The guest's session may be one that an earlier client had.
        HALL.clicks += 1
        y = 400 + HALL.clicks
        press(client, 500, y)
        rig.wait_until(lambda: f'root:(500,{y})' in HALL.guest.reads('clicks'), f'{name}: a click reaches the guest')
        assert 'root:(500,40)' not in HALL.guest.reads('clicks'), HALL.guest.reads('clicks')
    client.stop()
    HALL.end()
    print('passed', name, flush=True)


CLIENTS = [('xfreerdp3-32', xfreerdp3, '/bpp:32'), ('xfreerdp3-24', xfreerdp3, '/bpp:24'), ('xfreerdp3-16', xfreerdp3, '/bpp:16'),
           ('xfreerdp2-32', xfreerdp2, '/bpp:32'), ('xfreerdp2-16', xfreerdp2, '/bpp:16'),
           ('rdesktop-32', rdesktop, '-a', '32'), ('rdesktop-24', rdesktop, '-a', '24'), ('rdesktop-16', rdesktop, '-a', '16'),
           ('rdesktop-15', rdesktop, '-a', '15')]


def each_client_in_front_of_xrdp():
    HALL.machine(rig.GUEST_PORT)
    for number, (name, program, *arguments) in enumerate(CLIENTS):
        shown_and_gone(f'xrdp-{name}', program, *arguments, click=number % 3 and 'counted')


def each_client_in_front_of_a_shadow_server():
    shadow = Shadow(HALL.folder)
    HALL.machine(SHADOW_PORT)
    for name, program, *arguments in CLIENTS[:1] + CLIENTS[3:4]:
        shown_and_gone(f'shadow-{name}', program, *arguments, '-gfx', click=True)
        shown_and_gone(f'shadow-gfx-{name}', program, *arguments, '/gfx')
    shadow.stop()


def a_session_in_the_lobby_is_shown_it_there():
    lab = HALL.lab
    lab.add_pool('slow', spare=0, max=1)
    lab.add_user('ben', 'slow', PASSWORD)
    lab.tell('start slow')
    client = rig.Client(HALL.folder, ['xfreerdp3', '/args-from:stdin'],
                        [f'/v:127.0.0.1:{HALL.gateway.port}', '/u:ben', f'/p:{PASSWORD}', '/cert:ignore',
                         f'/size:{WIDTH}x{HEIGHT}', '/log-level:WARN'])
    rig.wait_until(lambda: brightness(HALL.picture(client, 'lobby-xfreerdp3-1-before'), '100x100+462+330') > 0.6,
                   'the lobby is shown')
    session = lab.get('/v1/sessions?user=ben')['items'][0]
    lab.must(lab.post(f'/v1/sessions/{session["id"]}/message', {'text': TEXT, 'seconds': SECONDS}), 202)
    rig.wait_until(lambda: brightness(HALL.picture(client, 'lobby-xfreerdp3-2-banner'), PAPER) > 0.97, 'the message')
    rig.wait_until(lambda: brightness(HALL.picture(client, 'lobby-xfreerdp3-3-after'), PAPER) < 0.5, 'it has gone')
    client.stop()


TESTS = [each_client_in_front_of_xrdp, each_client_in_front_of_a_shadow_server,
         a_session_in_the_lobby_is_shown_it_there]


def inside(gateway_binary, broker_binary, fake_binary, pictures=None):
    global HALL
    assert os.getpid() == 1, 'this is not a process namespace of its own'
    rig.run('ip', 'link', 'set', 'lo', 'up')
    folder = tempfile.mkdtemp(prefix='carrel-message-')
    pictures = pictures or os.path.join(folder, 'pictures')
    os.makedirs(pictures, exist_ok=True)
    try:
        guest = Pictured(folder)
        open(os.path.join(folder, 'client.log'), 'ab').close()
        guest.set_password(PASSWORD)
        with broker_lab.Lab(broker_binary, fake_binary, machine_check='60s') as lab:
            lab.must(lab.post('/v1/pools', {'name': POOL, 'kind': 'static', 'credentials': 'user'}), 201)
            lab.add_user(USER, POOL, PASSWORD)
            with open('/etc/passwd', 'a', encoding='utf-8') as file:  # the private one: the guest knows the user by name
                file.write(f'{USER}:x:{xrdp_guest.GUEST_UID}:{xrdp_guest.GUEST_UID}::{guest.home}:/bin/bash\n')
            with open('/etc/shadow', encoding='utf-8') as file:
                hashed = re.search(rf'^{xrdp_guest.GUEST_USER}:([^:]+):', file.read(), re.M)[1]
            with open('/etc/shadow', 'a', encoding='utf-8') as file:
                file.write(f'{USER}:{hashed}:19000:0:99999:7:::\n')
            gateway = gateway_fakes.Gateway(gateway_binary, folder, lab.socket)
            HALL = Hall(lab, gateway, folder, pictures)
            HALL.guest = guest
            try:
                only = os.environ.get('CARREL_ONLY')
                broker_lab.main([t for t in TESTS if not only or only in t.__name__])
            except BaseException:
                guest.logs('client.log')
                print(gateway.log_text()[-8000:], file=sys.stderr)
                raise
            assert gateway.stop() == 0, gateway.log_text()[-4000:]
    finally:
        rig.end_all(folder)


def main():
    if os.environ.pop('CARREL_MESSAGE_INSIDE', None):
        inside(*sys.argv[1:5])
        return 0
    missing = [program for program in NEEDED if not shutil.which(program)]
    if os.getuid() != 0 or missing:
        print('skipped:', 'it needs root' if os.getuid() else f'{missing} are not installed')
        return rig.SKIPPED
    return subprocess.run(['unshare', '--mount', '--net', '--pid', '--fork', '--kill-child', '--mount-proc', sys.executable,
                           os.path.abspath(__file__), *(os.path.abspath(p) for p in sys.argv[1:5])],
                          env={**os.environ, 'CARREL_MESSAGE_INSIDE': '1'}, check=False).returncode


if __name__ == '__main__':
    sys.exit(main())
