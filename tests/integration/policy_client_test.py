#!/usr/bin/env python3
"""Policies between a real client and a real guest: xfreerdp3, carrel-gateway, carrel-broker and xrdp on this machine.

usage: policy_client_test.py GATEWAY BROKER FAKE_VMPOOL

Everything runs in namespaces of its own (processes, mounts, network): xrdp's fixed paths and ports, the guest's user
and all that is started are gone when the test ends, however it ends. Needs root; exits with 77 (skipped) without it, or
where a program is missing.
"""
import os
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'lib'))
import broker_lab  # noqa: E402
import gateway_fakes  # noqa: E402
import xrdp_guest  # noqa: E402
from xrdp_guest import GUEST_PORT, PATIENCE_S, Guest, end_all, run, wait_until  # noqa: E402

NEEDED = ('xrdp', 'xrdp-sesman', 'xfreerdp3', 'rdesktop', 'Xvfb', 'xclip', 'openssl', 'unshare')
SKIPPED = 77
IDLE_STATUS = 3  # xfreerdp3's for the idle timeout
POOL, USER, PASSWORD = 'demo', 'anna', 'correct horse'


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
                guest.logs('client.log')
                print(gateway.log_text()[-8000:], file=sys.stderr)
                raise
            assert gateway.stop() == 0, gateway.log_text()[-4000:]
    finally:
        end_all(folder)


def main():
    missing = [program for program in NEEDED if not shutil.which(program)]
    if os.getuid() != 0 or missing:
        print('skipped:', 'it needs root' if os.getuid() else f'{missing} are not installed')
        return SKIPPED
    inside(*xrdp_guest.arguments())
    return 0


if __name__ == "__main__":
    sys.exit(main())
