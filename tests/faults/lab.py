"""A broker, a carrel-vmpool and a libvirtd of their own, with real QEMU and a guest of the tests' own (guest.c) that is
ready a few seconds after its start and does what it is told over its RDP port. Everything lies in one temporary
folder and in a network namespace. Beside our guests stand a domain and files of somebody else, which nothing may touch.

Needs root (a private libvirtd) and the guest image of vmpool/image/build, for its kernel.
"""
import base64
import contextlib
import fcntl
import gzip
import hashlib
import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time

REPO = os.path.realpath(os.path.join(os.path.dirname(__file__), '..', '..'))
sys.path.insert(0, f'{REPO}/tests/lib')
import broker_lab  # noqa: E402

WAIT_S = int(os.environ.get('FAULTS_WAIT_S', '240'))  # generous: guests are emulated, and the machine may have other things to do
FOREIGN = """<domain type='qemu'>
  <name>{name}</name><memory unit='MiB'>32</memory><vcpu>1</vcpu>
  <os><type arch='x86_64' machine='q35'>hvm</type></os>
  <devices><controller type='usb' model='none'/><memballoon model='none'/>
    <disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='{disk}'/>
      <target dev='vda' bus='virtio'/></disk>
    <video><model type='none'/></video></devices>
</domain>
"""


class Libvirtd:
    """One host."""

    def __init__(self, folder):
        self.dir = folder
        self.uri = self.run('uri').strip()

    def run(self, command, *options):
        result = subprocess.run([f'{REPO}/config/private-libvirtd', command, *options, self.dir], capture_output=True,
                                text=True, check=False, timeout=120)
        assert result.returncode == 0, f'private-libvirtd {command}: {result.stderr}'
        return result.stdout

    def start(self, *options):
        self.run('start', *options)

    def kill(self):
        self.run('kill')

    def stop(self):
        self.run('stop')

    def pid(self):
        with open(f'{self.dir}/run/libvirtd.pid', encoding='ascii') as file:
            return int(file.read())

    def virsh(self, *words):
        result = subprocess.run(['virsh', '-q', '-c', self.uri, *words], capture_output=True, text=True, check=False,
                                timeout=120)
        assert result.returncode == 0, f'virsh {words}: {result.stderr}'
        return result.stdout

    def domains(self):
        return sorted(self.virsh('list', '--all', '--name').split())


def cpio_member(name, mode, data):
    """One file in the format that the kernel unpacks ("newc")."""
    head = '070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x' % (
        0, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0)
    text = head.encode() + name.encode() + b'\0'
    text += b'\0' * (-len(text) % 4) + data
    return text + b'\0' * (-len(text) % 4)


def unpacked_kernel(kernel):
    """The ELF file in a Debian kernel: QEMU starts it as it is, and the guest need not unpack it, which takes a third of
    its start where all is emulated."""
    for magic, command in ((b'\x28\xb5\x2f\xfd', ['zstd', '-dcq']), (b'\xfd7zXZ\0', ['xz', '-dc'])):
        at = kernel.find(magic)
        found = subprocess.run(command, input=kernel[at:], capture_output=True, check=False).stdout if at > 0 else b''
        if found.startswith(b'\x7fELF'):
            return found
    return kernel


class FaultsLab(broker_lab.Lab):
    WAIT_S = WAIT_S

    def __init__(self, build, image, settings=()):
        super().__init__(f'{build}/broker/carrel-broker', claim_hold='900s', wait_limit='900s', gateway_lease='900s')
        self.build, self.image_source = build, image
        self.vmpool_program = f'{build}/vmpool/carrel-vmpool'
        self.vmpool = None
        self.held = {}
        self.settings_of_vmpool = {
            'image_dir': f'{self.dir}/images', 'desktop_dir': f'{self.dir}/desktops', 'golden_dir': f'{self.dir}/golden',
            'name': 'one', 'lease': '300s', 'template': f'{self.dir}/domain.xml', 'virt': 'qemu',
            'port_range': '21000-21999', 'parallel_boots': '10', 'clone_timeout': '300s', 'boot_timeout': '900s',
            'logoff_grace': '100ms', 'retry_pause': '100ms', 'retry_pause_max': '500ms',
            'failure_limit': '3', 'sweep': '1s', 'host_timeout': '600s', 'disk_reserve': '1MiB', 'keepalive': '2s',
            **dict(settings)}
        os.mkdir(f'{self.dir}/golden')
        os.mkdir(f'{self.dir}/desktops')
        subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=256m', 'tmpfs', f'{self.dir}/desktops'], check=True)
        os.mkdir(f'{self.dir}/emulator')
        shutil.copy(f'{build}/tests/faults/fault_emulator', f'{self.dir}/emulator/qemu')
        self.make_images()
        self.make_template()
        self.write_settings()
        self.host = Libvirtd(f'{self.dir}/libvirt')

    # --- what is made before anything starts ------------------------------------------------------------------

    def make_images(self):
        """Folders to import, which differ in the kernel's command line: how the guest begins."""
        subprocess.run(['openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=guest', '-days', '30',
                        '-keyout', f'{self.dir}/key.pem', '-out', f'{self.dir}/cert.pem'], check=True, capture_output=True)
        with open(f'{self.dir}/cert.pem', 'rb') as file:
            certificate = base64.b64encode(file.read())
        with open(f'{self.build}/tests/faults/fault_guest', 'rb') as file:
            init = file.read()
        with open(f'{self.image_source}/initrd.img', 'rb') as file:
            initrd = file.read()
        # A second archive behind the first: the kernel unpacks both, and the later file of a name stays.
        initrd += b'\0' * (-len(initrd) % 4) + gzip.compress(
            cpio_member('certificate', 0o100644, certificate) + cpio_member('init', 0o100755, init) +
            cpio_member('TRAILER!!!', 0, b''), 1)
        with open(f'{self.image_source}/vmlinuz', 'rb') as file:
            kernel = unpacked_kernel(file.read())
        for name, words in (('quick', ''), ('silent', 'rdp=off'), ('mute', 'agent=off')):
            folder = f'{self.dir}/source-{name}'
            os.mkdir(folder)
            with open(f'{folder}/vmlinux', 'wb') as file:
                file.write(kernel)
            with open(f'{folder}/initrd.img', 'wb') as file:
                file.write(initrd)
            with open(f'{folder}/disk.raw', 'wb') as file:
                file.write(b'carrel golden disk\n' * 200000)
                file.truncate(64 << 20)
            subprocess.run(['qemu-img', 'convert', '-f', 'raw', '-O', 'qcow2', f'{folder}/disk.raw',
                            f'{folder}/disk.qcow2'], check=True)
            os.unlink(f'{folder}/disk.raw')
            with open(f'{folder}/image.json', 'w', encoding='utf-8') as file:
                json.dump({'name': name, 'os': 'test', 'disk': 'disk.qcow2', 'kernel': 'vmlinux', 'initrd': 'initrd.img',
                           'cmdline': f'console=ttyS0 quiet mitigations=off no_timer_check nokaslr panic=-1 {words}',
                           'guest_user': 'desktop', 'session_hook': True}, file)

    def make_template(self):
        with open(f'{REPO}/config/domain.xml', encoding='utf-8') as file:
            text = file.read()
        text = text.replace('<devices>', f'<devices>\n    <emulator>{self.dir}/emulator/qemu</emulator>', 1)
        with open(f'{self.dir}/domain.xml', 'w', encoding='utf-8') as file:
            file.write(text)

    def write_settings(self, **changes):
        self.settings_of_vmpool.update(changes)
        self.write_config()
        with open(self.config, 'a', encoding='utf-8') as file:
            file.write('[vmpool]\n' + ''.join(f'{k} = {v}\n' for k, v in self.settings_of_vmpool.items()))

    def set(self, **changes):
        """Settings of vmpool, changed while it runs."""
        self.write_settings(**changes)
        self.vmpool.send_signal(signal.SIGHUP)

    # --- processes --------------------------------------------------------------------------------------------

    def start_vmpool(self):
        with open(f'{self.dir}/vmpool.log', 'ab') as log:
            self.vmpool = subprocess.Popen([self.vmpool_program, '--config', self.config], stderr=log,
                                           env=os.environ | self.clock_environment())

    def clock_environment(self):
        """Its wall clock can be set (mishaps.set_clock): clock.c is loaded into it. What the sanitizer keeps of freed
        memory is bounded, so that it does not look like a leak."""
        preload = f'{self.build}/tests/faults/libfault_clock.so'
        options = os.environ.get('ASAN_OPTIONS', '')
        return {'LD_PRELOAD': preload, 'FAULT_CLOCK': f'{self.dir}/clock',
                'ASAN_OPTIONS': f'{options}:verify_asan_link_order=0:quarantine_size_mb=8'.lstrip(':')}

    def kill_vmpool(self):
        self.vmpool.kill()
        self.vmpool.wait()
        self.vmpool = None

    def wait_until(self, condition, seconds, what):
        """Nothing is waited for that a vmpool was to do which has ended."""
        def holds():
            status = self.vmpool.poll() if self.vmpool else None
            assert status is None, f'vmpool ended with {status}, while it was waited for this: {what}'
            return condition()
        return super().wait_until(holds, seconds, what)

    def stop_vmpool(self):
        self.vmpool.send_signal(signal.SIGTERM)
        status = self.vmpool.wait(WAIT_S)
        assert status == 0, f'vmpool ended with {status}'

    def vmpool_log(self):
        with open(f'{self.dir}/vmpool.log', encoding='utf-8', errors='replace') as file:
            return file.read()

    def start_all(self):
        self.host.start()
        self.start_vmpool()
        self.must(self.post('/v1/hosts', {'name': 'here', 'uri': self.host.uri}), 201)
        self.place_foreigners()
        for name in ('quick', 'silent', 'mute'):
            self.must(self.post('/v1/images', {'name': name, 'source': f'{self.dir}/source-{name}'}), 202)
        for name in ('quick', 'silent', 'mute'):
            image = self.wait_until(lambda n=name: [i for i in [self.get(f'/v1/images/{n}').body]
                                                    if i['state'] in ('ready', 'failed')], WAIT_S, f'image {name}')[0]
            assert image['state'] == 'ready', image
        self.wait_host('up')

    def crash_libvirtd(self):
        """It is killed, and started again when vmpool has seen it."""
        self.host.kill()
        self.wait_host('down')
        self.host.start()
        self.wait_host('up')

    def wait_host(self, state, name='here'):
        self.wait_until(lambda: self.get(f'/v1/hosts/{name}')['state'] == state, WAIT_S, f'host {name} is {state}')

    def __exit__(self, kind, value, trace):
        try:
            for name in list(self.held):
                self.let_start(name)
            if self.vmpool and self.vmpool.poll() is None:
                self.vmpool.send_signal(signal.SIGCONT)
                if kind:
                    self.kill_vmpool()
                else:
                    self.stop_vmpool()
        finally:
            for pid in self.guest_processes().values():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)
            self.host.stop()
            if kind:
                print(self.vmpool_log()[-30000:], file=sys.stderr)
                for name in sorted(os.listdir(f'{self.dir}/desktops')):
                    if '.serial.log' in name:
                        with open(f'{self.dir}/desktops/{name}', encoding='utf-8', errors='replace') as file:
                            print(f'{name}: {file.read()[-300:]}', file=sys.stderr)
            subprocess.run(['umount', '--lazy', f'{self.dir}/desktops'], check=False)
            super().__exit__(kind, value, trace)

    # --- guests -----------------------------------------------------------------------------------------------

    def hold(self, pool):
        """Guests of POOL that are started from now on wait before their first instruction."""
        file = open(f'{self.dir}/emulator/hold-{pool}', 'w', encoding='ascii')
        fcntl.flock(file, fcntl.LOCK_EX)
        self.held[pool] = file

    def let_start(self, pool):
        file = self.held.pop(pool, None)
        if file:
            os.unlink(f'{self.dir}/emulator/hold-{pool}')
            file.close()

    def refuse(self, pool):
        """Guests of POOL do not start until this is taken back."""
        with open(f'{self.dir}/emulator/fail-{pool}', 'w', encoding='ascii'):
            pass

    def permit(self, pool):
        os.unlink(f'{self.dir}/emulator/fail-{pool}')

    def guest_processes(self):
        """UUID -> process id, of everything in this network namespace that is QEMU or is to become it."""
        found = {}
        mine = os.readlink('/proc/self/ns/net')
        for pid in filter(str.isdigit, os.listdir('/proc')):
            with contextlib.suppress(OSError):
                if os.readlink(f'/proc/{pid}/ns/net') != mine:
                    continue
                with open(f'/proc/{pid}/cmdline', 'rb') as file:
                    words = file.read().split(b'\0')
                if b'-uuid' in words:
                    found[words[words.index(b'-uuid') + 1].decode()] = int(pid)
        return found

    def qemu_of(self, desktop):
        return self.guest_processes().get(self.column_of(desktop, 'uuid'))

    def column_of(self, desktop, name):
        """What the API does not tell of a desktop."""
        with contextlib.closing(sqlite3.connect(f'file:{self.dir}/store.db?mode=ro', uri=True, timeout=60)) as db:
            row = db.execute(f'SELECT {name} FROM desktops WHERE id = ?', (desktop['id'],)).fetchone()
        return row[0] if row else None

    def tell_guest(self, desktop, line, patience_s=20):
        """A command to the guest; its answer."""
        with socket.create_connection((desktop['address'] or '127.0.0.1', desktop['port']), timeout=patience_s) as s:
            s.sendall(line.encode() + b'\n')
            answer = b''
            while not answer.endswith(b'\n'):
                more = s.recv(4096)
                if not more:
                    raise ConnectionError(f'{line}: the guest closed the connection')
                answer += more
        return answer.decode().strip()

    def must_tell(self, desktop, line):
        def told():
            try:
                return self.tell_guest(desktop, line)
            except OSError:
                return None
        answer = self.wait_until(told, WAIT_S, f'the guest of {desktop["name"]} obeys {line}')
        assert answer == 'ok', f'{line}: {answer}'

    def answer_again(self, desktops):
        """Silent guests that boot are told to answer."""
        for desktop in desktops:
            if desktop['state'] == 'booting' and desktop['port']:
                with contextlib.suppress(OSError):
                    self.tell_guest(desktop, 'rdp on', 2)

    # --- what is seen -----------------------------------------------------------------------------------------

    def desktops(self, pool=None):
        return self.get('/v1/desktops' + (f'?pool={pool}' if pool else ''))['items']

    def wait_desktop(self, pool, condition, what, seconds=WAIT_S, answering=False):
        """The first desktop of POOL for which CONDITION holds."""
        seen = []

        def holds():
            seen[:] = self.desktops(pool)
            if answering:
                self.answer_again(seen)
            return [d for d in seen if condition(d)]
        try:
            return self.wait_until(holds, seconds, f'{pool}: {what}')[0]
        except AssertionError as error:
            states = [(d['name'], d['state'], d.get('reason')) for d in seen]
            raise AssertionError(f'{error}; it has {states}, {self.get(f"/v1/pools/{pool}").body}') from None

    @staticmethod
    def state_of(desktop):
        """With how it rests, as fault_states prints it."""
        return desktop['state'] + (f'/{desktop["rest"]}' if desktop['rest'] else '')

    def wait_state(self, pool, state, **more):
        return self.wait_desktop(pool, lambda d: self.state_of(d) == state, f'a desktop is {state}', **more)

    def rest(self, pool, how):
        """What becomes of desktops of POOL whose users are away for 10 s: keep, stop or suspend."""
        self.must(self.patch(f'/v1/pools/{pool}/power', {'idle': how, 'idle_after_s': 10}), 200)

    def wait_gone(self, desktop):
        self.wait_until(lambda: self.get(f'/v1/desktops/{desktop["id"]}').status == 404, WAIT_S,
                        f'desktop {desktop["name"]} ({desktop["id"]}) is gone')

    def wait_session_end(self, ticket, *codes):
        session = self.wait_until(
            lambda: [s for s in [self.get(f'/v1/sessions/{ticket["session"]}').body] if s['state'] == 'ended'], WAIT_S,
            f'session {ticket["session"]} has ended')[0]
        assert session['end_code'] in codes, session

    def make_pool(self, name, **members):
        self.must(self.post('/v1/pools', {'name': name, 'image': 'quick', 'spare': 1, 'max': 1, 'memory_mib': 128,
                                          'vcpus': 1, 'credentials': 'carrel', **members}), 201)

    def delete_pool(self, name):
        for session in self.get(f'/v1/sessions?pool={name}')['items']:
            self.post(f'/v1/sessions/{session["id"]}/logoff')
        self.wait_until(lambda: not self.get(f'/v1/sessions?pool={name}')['items'], WAIT_S, f'nobody is on pool {name}')
        self.must(self.delete(f'/v1/pools/{name}'), 202)

    def wait_pool_gone(self, name):
        self.wait_until(lambda: self.get(f'/v1/pools/{name}').status == 404, WAIT_S, f'pool {name} is gone')

    # --- somebody else's --------------------------------------------------------------------------------------

    def place_foreigners(self):
        """A domain with the name that a pool's first guest would have, one with another, a disk and a text file."""
        for name in ('ready-1', 'somebody'):
            disk = f'{self.dir}/desktops/{name}.qcow2'
            subprocess.run(['qemu-img', 'create', '-q', '-f', 'qcow2', disk, '8M'], check=True)
            with open(f'{self.dir}/{name}.xml', 'w', encoding='utf-8') as file:
                file.write(FOREIGN.format(name=name, disk=disk))
            self.host.virsh('create', '--paused', f'{self.dir}/{name}.xml')
        with open(f'{self.dir}/desktops/notes.txt', 'w', encoding='ascii') as file:
            file.write('not ours\n')
        self.foreign = self.look_at_foreigners()

    def look_at_foreigners(self):
        files = {}
        for name in ('ready-1.qcow2', 'somebody.qcow2', 'notes.txt'):
            path = f'{self.dir}/desktops/{name}'
            with open(path, 'rb') as file:
                files[name] = (os.stat(path).st_ino, hashlib.sha256(file.read()).hexdigest())
        running = {}
        for name in ('ready-1', 'somebody'):
            uuid = self.host.virsh('domuuid', name).strip()
            running[name] = (uuid, self.host.virsh('domstate', name).strip(), self.guest_processes().get(uuid))
        return files, running

    def foreigners_are_untouched(self):
        now = self.look_at_foreigners()
        assert now == self.foreign, f'somebody else\'s was touched: {self.foreign} became {now}'

    def nothing_is_left(self):
        """No pools any more: neither domains nor processes, disks or storage of ours, but the mark of the directory."""
        def left():
            ours = {'domains': [d for d in self.host.domains() if d not in ('ready-1', 'somebody')],
                    'processes': [u for u in self.guest_processes() if u not in [r[0] for r in self.foreign[1].values()]],
                    'files': [f for f in os.listdir(f'{self.dir}/desktops')
                              if f not in self.foreign[0] and not f.startswith('carrel-storage.') and
                              not f.endswith(('.serial.log.failed', '.lock'))],
                    'golden': [f for _, _, files in os.walk(f'{self.dir}/golden') for f in files]}
            return {k: v for k, v in ours.items() if v}
        seen = {}

        def clean():
            seen.clear()
            seen.update(left())
            return not seen
        try:
            self.wait_until(clean, 60, 'nothing is left')
        except AssertionError:
            raise AssertionError(f'left behind: {seen}') from None
        self.foreigners_are_untouched()
