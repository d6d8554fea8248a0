"""A vmpool with many desktops on many hosts, all of them libvirt's test driver: the domains stand in the files that
the hosts' URIs name, with the marks of this installation, so that vmpool adopts them at its start as it would adopt
guests of QEMU. The rows of the desktops are written into the store before it starts. For figures that do not depend
on guests: what a pass reads and drives, CPU time, memory.
"""
import contextlib
import hashlib
import os
import re
import sqlite3
import subprocess
import time
import uuid

import broker_lab

WAIT_S = 600
POOLS = 5
IMAGE = 'i-0000000000000001'
NODE = """<node>
  <cpu><mhz>2000</mhz><model>i686</model><active>64</active><nodes>1</nodes><sockets>4</sockets><cores>16</cores>
    <threads>1</threads></cpu>
  <memory>1073741824</memory>
{domains}</node>
"""
DOMAIN = """<domain type='test'>
    <name>{name}</name><uuid>{uuid}</uuid>
    <metadata><carrel:desktop xmlns:carrel='urn:carrel:desktop:1' installation='{installation}' id='{id}'
      epoch='1'/></metadata>
    <memory unit='MiB'>64</memory><vcpu>1</vcpu><os><type arch='i686'>hvm</type></os>
    <devices><disk type='file' device='disk'><source file='{dir}/desktops/{id}.qcow2'/>
      <target dev='vda' bus='virtio'/></disk></devices>
  </domain>
"""
TEMPLATE = """<domain type='test'>
  <name>${name}</name><uuid>${uuid}</uuid>${metadata}<memory unit='MiB'>${memory_mib}</memory><vcpu>${vcpus}</vcpu>
  <os><type arch='i686'>hvm</type>${boot}</os>
  <devices><disk type='file' device='disk'><source file='${disk}'/><target dev='vda' bus='virtio'/></disk></devices>
</domain>
"""


def cpu_s(pid):
    """CPU time of all threads of the process, also of those that have ended, in seconds."""
    return time.clock_gettime((~pid << 3) | 2)


def own_cpu_s(pid):
    """... of the loop's and the store's thread: without those of the hosts, where libvirt's driver works."""
    def thread(name):
        with open(f'/proc/{pid}/task/{name}/schedstat', encoding='ascii') as file:
            return int(file.read().split()[0]) / 1e9
    main, second = sorted((int(name) for name in os.listdir(f'/proc/{pid}/task')))[:2]
    return thread(main) + thread(second)


def memory_kib(pid):
    with open(f'/proc/{pid}/smaps_rollup', encoding='ascii') as file:
        return int(re.search(r'^Pss:\s+(\d+)', file.read(), re.M).group(1))


class ScaleLab(broker_lab.Lab):
    """COUNT desktops on HOSTS hosts; LEVEL is the log's."""

    def __init__(self, broker, vmpool, count, hosts, level='info'):
        super().__init__(broker, log_level=level, claim_hold='600s')
        self.vmpool_program = vmpool
        self.vmpool = None
        self.count, self.hosts = count, hosts
        os.mkdir(f'{self.dir}/desktops')
        os.mkdir(f'{self.dir}/domains')
        with open(f'{self.dir}/domain.xml', 'w', encoding='utf-8') as file:
            file.write(TEMPLATE)
        with open(self.config, 'a', encoding='utf-8') as file:
            file.write(f'[vmpool]\nimage_dir = {self.dir}/images\nname = one\n'
                       f'desktop_dir = {self.dir}/desktops\ngolden_dir = {self.dir}/golden\n'
                       f'template = {self.dir}/domain.xml\nvirt = qemu\n')

    def __enter__(self):
        super().__enter__()
        self.fill()
        return self

    def __exit__(self, kind, value, trace):
        try:
            if self.vmpool and self.vmpool.poll() is None:
                self.stop_vmpool()
        finally:
            if kind:
                print(self.vmpool_log()[-5000:])
            super().__exit__(kind, value, trace)

    # --- the rows and the domains -----------------------------------------------------------------------------

    def installation(self):
        with open(f'{self.dir}/store.key', 'rb') as file:
            key = file.read()
        if len(key) != 32:
            key = bytes.fromhex(key.decode('ascii').strip())
        return hashlib.blake2b(b'carrel installation\0', digest_size=16, key=key).hexdigest()

    def insert(self, db, table, **values):
        """Columns that are not named and have no default get 0 or an empty text."""
        values.setdefault('created_ms', int(time.time() * 1000))
        for _, name, kind, needed, default, _ in db.execute(f'PRAGMA table_info({table})'):
            if needed and default is None and name not in values:
                values[name] = '' if kind == 'TEXT' else 0
        names = ', '.join(values)
        db.execute(f'INSERT INTO {table} ({names}) VALUES ({", ".join("?" * len(values))})', tuple(values.values()))

    def fill(self):
        now_ms = int(time.time() * 1000)
        domains = [[] for _ in range(self.hosts)]
        installation = self.installation()
        with contextlib.closing(sqlite3.connect(f'{self.dir}/store.db', timeout=30)) as db:
            self.insert(db, 'images', id=IMAGE, name='golden', state='ready', path=f'{self.dir}/none.qcow2',
                        format='qcow2', version=1)
            for p in range(POOLS):
                mine = len(range(p, self.count, POOLS))
                self.insert(db, 'pools', id=f'p-{p:016}', name=f'pool{p}', kind='floating', credentials='prompt',
                            image_id=IMAGE, spare=mine, max_desktops=mine, vcpus=1, memory_mib=64,
                            network='user', pattern=f'p{p}-%d', enabled=1)
            for h in range(self.hosts):
                self.insert(db, 'hosts', id=f'h-{h:016}', name=f'host{h}', uri=f'test://{self.dir}/node{h}.xml',
                            state='unknown', virt='qemu')
            for i in range(self.count):
                host = i % self.hosts
                desktop = {'id': f'd-{i:016}', 'uuid': str(uuid.uuid4()), 'name': f'p{i % POOLS}-{i // POOLS + 1}'}
                self.insert(db, 'desktops', **desktop, pool_id=f'p-{i % POOLS:016}', kind='floating', state='ready',
                            host_id=f'h-{host:016}', image_id=IMAGE, percent=100,
                            state_since_ms=now_ms - 600000, address='127.0.0.1', port=20000 + i, attempts=1,
                            fingerprint='0' * 64, disk=f'{self.dir}/desktops/d-{i:016}.qcow2')
                # In files of their own: the driver's time for a large file rises faster than the file.
                with open(f'{self.dir}/domains/d-{i:016}.xml', 'w', encoding='utf-8') as file:
                    file.write(DOMAIN.format(**desktop, installation=installation, dir=self.dir))
                domains[host].append(f"  <domain file='{self.dir}/domains/d-{i:016}.xml'/>\n")
            db.commit()
        for h in range(self.hosts):
            with open(f'{self.dir}/node{h}.xml', 'w', encoding='utf-8') as file:
                file.write(NODE.format(domains=''.join(domains[h])))

    # --- vmpool -----------------------------------------------------------------------------------------------

    def start_vmpool(self):
        """Until every host was looked through and nothing goes on any more; the CPU seconds that it took."""
        with open(f'{self.dir}/vmpool.log', 'ab') as log:
            self.vmpool = subprocess.Popen([self.vmpool_program, '--config', self.config], stderr=log)
        # On one processor, so that the hosts' threads do not slow each other down, the more the more there is to do.
        os.sched_setaffinity(self.vmpool.pid, {min(os.sched_getaffinity(0))})
        self.wait_until(self.all_hosts_are_up, WAIT_S, 'all hosts are up')
        return self.settle()

    def all_hosts_are_up(self):
        assert self.vmpool.poll() is None, f'vmpool ended with {self.vmpool.returncode}:\n{self.vmpool_log()[-5000:]}'
        with contextlib.closing(sqlite3.connect(f'file:{self.dir}/store.db?mode=ro', uri=True, timeout=30)) as db:
            seen = db.execute("SELECT COUNT(*) FROM hosts WHERE state = 'up' AND storage <> ''").fetchone()[0]
        return seen == self.hosts

    def settle(self):
        """Waits until vmpool's CPU time hardly grows; what it is then."""
        last = cpu_s(self.vmpool.pid)
        calm = 0
        for _ in range(WAIT_S):
            time.sleep(1)
            now = cpu_s(self.vmpool.pid)
            calm = calm + 1 if now - last < 0.02 else 0
            last = now
            if calm == 3:
                return now
        raise AssertionError('vmpool does not come to rest')

    def stop_vmpool(self):
        self.vmpool.terminate()
        status = self.vmpool.wait(WAIT_S)
        assert status == 0, f'vmpool ended with {status}:\n{self.vmpool_log()[-5000:]}'

    def vmpool_log(self):
        with open(f'{self.dir}/vmpool.log', encoding='utf-8', errors='replace') as file:
            return file.read()

    def passes(self, offset=0):
        """(rows read, steps taken) of each pass in the log behind OFFSET; with level='debug'."""
        found = re.findall(r'pass \d+: (\d+) rows of desktops were read, (\d+) steps', self.vmpool_log()[offset:])
        return [(int(rows), int(steps)) for rows, steps in found]

    def states(self):
        with contextlib.closing(sqlite3.connect(f'file:{self.dir}/store.db?mode=ro', uri=True, timeout=30)) as db:
            return dict(db.execute('SELECT state, COUNT(*) FROM desktops GROUP BY state').fetchall())

    # --- claims -----------------------------------------------------------------------------------------------

    def claim_many(self, count):
        """Of a log-in that claims (the password's hash is most of it): the shortest, and the CPU seconds of the broker
        and of vmpool for one."""
        for n in range(count):
            self.add_user(f'claimer{n}', f'pool{n % POOLS}')
        self.settle()
        before, broker_before, times = cpu_s(self.vmpool.pid), cpu_s(self.process.pid), []
        for n in range(count):
            began = time.monotonic()
            self.must(self.login(f'claimer{n}', pool=f'pool{n % POOLS}'), 200)
            times.append(time.monotonic() - began)
        broker_s = cpu_s(self.process.pid) - broker_before
        self.settle()
        return min(times), broker_s / count, (cpu_s(self.vmpool.pid) - before) / count
