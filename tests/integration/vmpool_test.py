#!/usr/bin/env python3
"""carrel-vmpool with a broker and libvirt's test driver: domains and storage volumes exist in vmpool's own memory
only, so that clones, starts and ends are real calls without guests. The test answers on the guests' RDP ports.
What the driver does not have (an agent, virtio ports) is tested with real guests, end to end.

usage: vmpool_test.py BROKER VMPOOL
"""
import contextlib
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'lib'))
import broker_lab  # noqa: E402

LAB = None
WAIT_S = 120  # generous: several builds and tests may share the machine
PORTS = 500

TEMPLATE = """<domain type='test'>
  <name>${name}</name>
  <uuid>${uuid}</uuid>
  ${metadata}
  <memory unit='MiB'>${memory_mib}</memory>
  <vcpu>${vcpus}</vcpu>
  <os><type arch='i686'>hvm</type>${boot}</os>
  <devices>
    <disk type='file' device='disk'><source file='${disk}'/><target dev='vda' bus='virtio'/></disk>
  </devices>
</domain>
"""


NODE = """<node>
  <cpu><mhz>2000</mhz><model>i686</model><active>4</active><nodes>1</nodes><sockets>1</sockets><cores>4</cores>
    <threads>1</threads></cpu>
  <memory>4194304</memory>
</node>
"""


class Answering:
    """Answers X.224 connection requests on the ports of guests, as xrdp does."""

    def __init__(self):
        self.ports = {}

    def open(self, port):
        if port in self.ports:
            return
        listener = socket.create_server(('127.0.0.1', port))
        self.ports[port] = listener
        threading.Thread(target=self.serve, args=(listener,), daemon=True).start()

    def close(self, port):
        listener = self.ports.pop(port, None)
        if listener:
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()

    def serve(self, listener):
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            with client:
                if client.recv(64)[5:6] == b'\xe0':
                    client.sendall(bytes((3, 0, 0, 19, 14, 0xd0, 0, 0, 0x12, 0x34, 0, 2, 0, 8, 0, 1, 0, 0, 0)))


def claim_ports():
    """The first of PORTS ports that are this lab's alone while the returned socket lives. Below those that outgoing
    connections are given: vmpool's guests are not real, so whatever takes their ports between its look and the test's
    answer takes them unseen."""
    for first in range(10000, 20000, PORTS):
        claim = socket.socket(socket.AF_UNIX)
        try:
            claim.bind(f'\0carrel-test-ports-{first}')
            return claim, first
        except OSError:
            claim.close()
    raise AssertionError('other tests have all ports')


class VmpoolLab(broker_lab.Lab):
    def __init__(self, broker, vmpool, lease='3s'):
        super().__init__(broker, claim_hold='60s')
        self.vmpool_program = vmpool
        self.vmpool = self.second = None
        self.guests = Answering()
        self.answering = True
        self.claim, first = claim_ports()
        self.template = f'{self.dir}/domain.xml'
        self.write_template(TEMPLATE)
        with open(self.config, 'a', encoding='utf-8') as file:
            file.write(f'[vmpool]\nimage_dir = {self.dir}/images\ndesktop_dir = {self.dir}/desktops\n'
                       f'golden_dir = {self.dir}/golden\ndata_dir = {self.dir}/data\n'
                       f'template = {self.template}\nvirt = qemu\nport_range = {first}-{first + PORTS - 1}\n'
                       'boot_timeout = 40s\nlogoff_grace = 100ms\nretry_pause = 100ms\nfailure_limit = 3\n'
                       f'sweep = 500ms\nlease = {lease}\nname = one\n')

    def write_template(self, text):
        with open(self.template, 'w', encoding='utf-8') as file:
            file.write(text)

    def start_vmpool(self):
        with open(f'{self.dir}/vmpool.log', 'ab') as log:
            self.vmpool = subprocess.Popen([self.vmpool_program, '--config', self.config], stderr=log)

    def start_second(self):
        """Another vmpool on the same store; no guests live in common, as the test driver keeps them in memory."""
        with open(self.config, encoding='utf-8') as file:
            text = file.read()
        with open(f'{self.dir}/second.conf', 'w', encoding='utf-8') as file:
            file.write(text.replace('\nname = one\n', '\nname = two\n'))
        with open(f'{self.dir}/second.log', 'ab') as log:
            self.second = subprocess.Popen([self.vmpool_program, '--config', f'{self.dir}/second.conf'], stderr=log)

    def second_log(self):
        with open(f'{self.dir}/second.log', encoding='utf-8', errors='replace') as file:
            return file.read()

    def lease(self, name):
        with contextlib.closing(sqlite3.connect(f'file:{self.dir}/store.db?mode=ro', uri=True)) as db:
            return db.execute('SELECT owner, epoch FROM leases WHERE name = ?', (name,)).fetchone()

    def kill_vmpool(self):
        self.vmpool.send_signal(signal.SIGKILL)
        self.vmpool.wait()

    def stop_vmpool(self):
        self.vmpool.send_signal(signal.SIGTERM)
        status = self.vmpool.wait(WAIT_S)
        assert status == 0, f'vmpool ended with {status}'

    def vmpool_log(self):
        with open(f'{self.dir}/vmpool.log', encoding='utf-8', errors='replace') as file:
            return file.read()

    def desktops(self, pool):
        items = self.get(f'/v1/desktops?pool={pool}')['items']
        for desktop in items:
            if self.answering and desktop['state'] == 'booting' and desktop['port']:
                self.guests.open(desktop['port'])
        return items

    def wait_desktops(self, pool, condition, what):
        """CONDITION over the list of the pool's desktops; guests that boot are answered for meanwhile."""
        def holds():
            assert self.vmpool.poll() is None, f'vmpool ended with {self.vmpool.returncode}'
            items = self.desktops(pool)
            return [items] if condition(items) else None
        return self.wait_until(holds, WAIT_S, what)[0]

    def wait_ready(self, pool, count=1):
        def ready(items):
            return sum(d['state'] == 'ready' for d in items) == count and len(items) >= count
        return self.wait_desktops(pool, ready, f'{count} desktops of {pool} are ready')

    def wait_order(self, number, state):
        order = self.wait_until(lambda: [o for o in [self.get(f'/v1/orders/{number}').body] if o['state'] != 'open'],
                                WAIT_S, f'order {number} is carried out')[0]
        assert order['state'] == state, order
        return order

    def connect_user(self, user, pool):
        ticket = self.must(self.login(user, pool=pool), 200)
        self.must(self.report(ticket, 'connected'), 200)
        return ticket

    def __exit__(self, kind, value, trace):
        try:
            if self.second and self.second.poll() is None:
                self.second.kill()
                self.second.wait()
            if self.vmpool and self.vmpool.poll() is None:
                if kind:
                    self.kill_vmpool()
                else:
                    self.stop_vmpool()
        finally:
            if kind:
                print(self.vmpool_log()[-20000:], file=sys.stderr)
            self.claim.close()
            super().__exit__(kind, value, trace)


def a_bad_template_is_refused_with_line_and_reason():
    LAB.write_template(TEMPLATE.replace('${vcpus}', '${cpus}'))
    LAB.start_vmpool()
    assert LAB.vmpool.wait(WAIT_S) == 1
    assert 'domain.xml:6: unknown placeholder ${cpus}' in LAB.vmpool_log(), LAB.vmpool_log()
    LAB.write_template(TEMPLATE)
    LAB.start_vmpool()


def a_host_is_seen_with_its_size():
    with open(f'{LAB.dir}/node.xml', 'w', encoding='utf-8') as file:
        file.write(NODE)
    LAB.must(LAB.post('/v1/hosts', {'name': 'test', 'uri': f'test://{LAB.dir}/node.xml'}), 201)
    host = LAB.wait_until(lambda: [h for h in [LAB.get('/v1/hosts/test').body] if h['state'] == 'up'], WAIT_S,
                          'the host is up')[0]
    assert host['vcpus'] and host['memory_mib'] and host['libvirt'], host
    LAB.must(LAB.post('/v1/hosts', {'name': 'nowhere', 'uri': 'qemu+unix:///system?socket=/nonexistent/sock'}), 201)
    host = LAB.wait_until(lambda: [h for h in [LAB.get('/v1/hosts/nowhere').body] if h['state'] == 'down'], WAIT_S,
                          'the other host is down')[0]
    assert '/nonexistent/sock' in host['reason'], host


def two_hosts_share_a_pool_until_one_is_drained_and_then_cleared():
    LAB.must(LAB.post('/v1/hosts', {'name': 'second', 'uri': f'test://{LAB.dir}/node.xml', 'labels': 'rack=b'}), 201)
    LAB.must(LAB.patch('/v1/hosts/test', {'labels': 'rack=a'}), 200)
    LAB.wait_until(lambda: LAB.get('/v1/hosts/second')['state'] == 'up', WAIT_S, 'the second host is up')
    LAB.must(LAB.post('/v1/pools', {'name': 'both', 'image': 'golden', 'spare': 4, 'max': 6, 'memory_mib': 64,
                                    'credentials': 'prompt', 'apart': 'rack', 'placement': 'pack'}), 201)
    hosts = sorted(d['host'] for d in LAB.wait_ready('both', 4))
    assert hosts == ['second', 'second', 'test', 'test'], hosts
    used = LAB.get('/v1/hosts/second')
    assert (used['desktops'], used['memory_used_mib'], used['vcpus_used']) == (2, 128, 4), used
    LAB.add_user('cyd', 'both')
    ticket = LAB.connect_user('cyd', 'both')
    lent = [d for d in LAB.desktops('both') if d['state'] == 'in_use'][0]
    other = {'test': 'second', 'second': 'test'}[lent['host']]
    LAB.must(LAB.patch(f'/v1/hosts/{lent["host"]}', {'mode': 'draining'}), 200)
    LAB.wait_desktops('both', lambda items: sorted((d['state'], d['host']) for d in items) ==
                      sorted([('in_use', lent['host'])] + [('ready', other)] * 4), 'free desktops moved, hers stays')
    LAB.must(LAB.patch(f'/v1/hosts/{lent["host"]}', {'mode': 'maintenance'}), 200)
    session = LAB.wait_until(
        lambda: [s for s in [LAB.get(f'/v1/sessions/{ticket["session"]}').body] if s['state'] == 'ended'], WAIT_S,
        'her session has ended')[0]
    assert session['end_code'] == 'host-maintenance', session
    orders = LAB.must(LAB.get('/v1/gateways/gw1/orders?wait=5'), 200)
    assert 'host-maintenance' in [o['code'] for o in orders['items']], orders
    LAB.wait_until(lambda: not LAB.get(f'/v1/hosts/{lent["host"]}')['desktops'], WAIT_S, 'the host is clear')
    LAB.must(LAB.patch(f'/v1/hosts/{lent["host"]}', {'mode': 'active'}), 200)
    LAB.must(LAB.patch('/v1/pools/both', {'host_labels': '!rack=a !rack=b', 'spare': 5}), 200)
    LAB.wait_until(lambda: 'labels' in (LAB.get('/v1/pools/both')['reason'] or ''), WAIT_S,
                   'the pool says what it lacks')
    LAB.must(LAB.delete('/v1/pools/both'), 202)
    LAB.wait_until(lambda: LAB.get('/v1/pools/both').status == 404, WAIT_S, 'the pool is gone')
    LAB.must(LAB.delete('/v1/hosts/second'), 204)


def a_host_is_given_up():
    LAB.must(LAB.delete('/v1/hosts/nowhere'), 204)


def wait_image(name):
    return LAB.wait_until(
        lambda: [i for i in [LAB.get(f'/v1/images/{name}').body] if i['state'] in ('ready', 'failed')], WAIT_S,
        f'image {name} is ready or failed')[0]


def only_disks_become_images():
    bad = {'text': 'not a disk\n' * 1000, 'empty': ''}
    for name, content in bad.items():
        path = f'{LAB.dir}/{name}.raw'
        with open(path, 'w', encoding='utf-8') as file:
            file.write(content)
        LAB.must(LAB.post('/v1/images', {'name': name, 'source': path}), 202)
        image = wait_image(name)
        assert image['state'] == 'failed' and image['reason'], image
    LAB.must(LAB.post('/v1/images', {'name': 'missing', 'source': '/nonexistent/disk.qcow2'}), 202)
    assert '/nonexistent/disk.qcow2' in wait_image('missing')['reason']
    # A backing file somewhere else would make a secret of the machine part of every guest.
    os.mkdir(f'{LAB.dir}/in')
    subprocess.run(['qemu-img', 'create', '-q', '-f', 'qcow2', f'{LAB.dir}/base.qcow2', '8M'], check=True)
    subprocess.run(['qemu-img', 'create', '-q', '-f', 'qcow2', '-F', 'qcow2', '-b', f'{LAB.dir}/base.qcow2',
                    f'{LAB.dir}/in/top.qcow2'], check=True)
    LAB.must(LAB.post('/v1/images', {'name': 'outside', 'source': f'{LAB.dir}/in/top.qcow2'}), 202)
    image = wait_image('outside')
    assert image['state'] == 'failed' and 'outside' in image['reason'], image
    left = [name for name in os.listdir(f'{LAB.dir}/images') if name != 'probe.initrd' and not name.startswith('carrel-seen-by-')]
    assert not left, left


def a_disk_becomes_an_image_and_its_chain_one_file():
    subprocess.run(['qemu-img', 'create', '-q', '-f', 'qcow2', '-F', 'qcow2', '-b', f'{LAB.dir}/base.qcow2',
                    f'{LAB.dir}/top.qcow2'], check=True)
    LAB.must(LAB.post('/v1/images', {'name': 'golden', 'source': f'{LAB.dir}/top.qcow2', 'guest_user': 'desktop'}), 202)
    image = wait_image('golden')
    assert image['state'] == 'ready' and image['virtual_size_bytes'] == 8 << 20, image
    disk = f'{LAB.dir}/images/{image["id"]}/disk.qcow2'
    info = subprocess.run(['qemu-img', 'info', disk], check=True, capture_output=True, text=True).stdout
    assert 'backing file' not in info, info


def a_pool_keeps_its_spare_ready():
    LAB.must(LAB.post('/v1/pools', {'name': 'demo', 'image': 'golden', 'spare': 2, 'max': 3, 'memory_mib': 64,
                                    'credentials': 'prompt'}), 201)
    LAB.add_user('amy', 'demo')
    LAB.add_user('bob', 'demo')
    names = {d['name'] for d in LAB.wait_ready('demo', 2)}
    assert names == {'demo-1', 'demo-2'}, names


def a_log_off_recycles_and_a_new_desktop_comes():
    ticket = LAB.connect_user('amy', 'demo')
    used = LAB.get(f'/v1/sessions/{ticket["session"]}')['desktop']
    identity = LAB.get(f'/v1/desktops/{used}')['id']
    LAB.wait_ready('demo', 2)  # the spare is made up for while she works
    LAB.must(LAB.post(f'/v1/sessions/{ticket["session"]}/logoff'), 202)
    LAB.wait_desktops('demo', lambda items: all(d['id'] != identity for d in items), 'the used desktop is gone')
    LAB.wait_desktops('demo', lambda items: [d['state'] for d in items] == ['ready', 'ready'], 'two are ready again')


def nobody_beyond_the_maximum_and_the_next_one_waits_for_a_new_guest():
    LAB.must(LAB.patch('/v1/pools/demo', {'spare': 0, 'max': 1}), 200)
    LAB.wait_desktops('demo', lambda items: len(items) <= 1, 'spare desktops are given back')
    LAB.must(LAB.patch('/v1/pools/demo', {'spare': 0, 'max': 2}), 200)
    LAB.wait_desktops('demo', lambda items: not items, 'no desktop is left')
    ticket = LAB.must(LAB.login('bob', pool='demo'), 202)

    def led_there():
        LAB.desktops('demo')
        answer = LAB.get(f'/v1/sessions/{ticket["session"]}/ticket?connection={ticket["connection"]}&wait=1')
        return answer['state'] == 'ready'
    LAB.wait_until(led_there, WAIT_S, 'the demand brings a desktop')
    LAB.must(LAB.post(f'/v1/sessions/{ticket["session"]}/logoff'), 202)
    LAB.must(LAB.patch('/v1/pools/demo', {'spare': 1, 'max': 3}), 200)


def a_kill_loses_no_row_and_a_guest_that_is_gone_ends_its_session():
    LAB.wait_ready('demo', 1)
    ticket = LAB.connect_user('amy', 'demo')
    LAB.kill_vmpool()  # the test driver's guests go with it
    LAB.start_vmpool()
    session = LAB.wait_until(
        lambda: [s for s in [LAB.get(f'/v1/sessions/{ticket["session"]}').body] if s['state'] == 'ended'], WAIT_S,
        'her session has ended')[0]
    assert session['end_code'] == 'guest-failed', session
    LAB.wait_ready('demo', 1)


def maintenance_keeps_a_desktop_away_and_release_makes_it_anew():
    desktop = [d for d in LAB.wait_ready('demo', 1) if d['state'] == 'ready'][0]
    order = LAB.must(LAB.post(f'/v1/desktops/{desktop["id"]}/maintenance'), 202)['order']
    LAB.wait_order(order, 'done')
    assert LAB.get(f'/v1/desktops/{desktop["id"]}')['state'] == 'maintenance'
    LAB.wait_ready('demo', 1)
    order = LAB.must(LAB.post(f'/v1/desktops/{desktop["id"]}/release'), 202)['order']
    LAB.wait_order(order, 'done')
    LAB.wait_desktops('demo', lambda items: all(d['id'] != desktop['id'] for d in items), 'it is made anew')


def a_lent_desktop_is_not_taken_into_maintenance():
    ticket = LAB.connect_user('amy', 'demo')
    desktop = LAB.get(f'/v1/sessions/{ticket["session"]}')['desktop']
    LAB.must(LAB.post(f'/v1/desktops/{desktop}/maintenance'), 409)
    assert LAB.get(f'/v1/desktops/{desktop}')['state'] == 'in_use'
    LAB.must(LAB.post(f'/v1/sessions/{ticket["session"]}/logoff'), 202)


def a_restart_boots_the_same_desktop_again():
    desktop = [d for d in LAB.wait_ready('demo', 1) if d['state'] == 'ready'][0]
    order = LAB.must(LAB.post(f'/v1/desktops/{desktop["id"]}/restart'), 202)['order']
    LAB.wait_order(order, 'done')
    LAB.wait_desktops('demo', lambda items: any(d['id'] == desktop['id'] and d['state'] == 'ready' for d in items),
                      'the same desktop is ready again')


def a_desktop_that_does_not_answer_is_replaced_when_the_broker_asks():
    LAB.wait_ready('demo', 1)
    ticket = LAB.must(LAB.login('amy', pool='demo'), 200)
    port = ticket['connect']['port']
    LAB.answering = False
    LAB.guests.close(port)
    LAB.must(LAB.report(ticket, 'closed', code='guest-unreachable', detail='no answer'), 200)
    desktop = ticket['connect']['desktop']
    before = LAB.get(f'/v1/desktops/{desktop}')
    identity = before['id'] if before.status == 200 else None
    LAB.wait_until(lambda: all(d['id'] != identity or d['state'] in ('failed', 'recycling')
                               for d in LAB.desktops('demo')), WAIT_S, 'the dead desktop is taken away')
    LAB.answering = True
    LAB.wait_ready('demo', 1)


def an_instant_pool_says_why_it_cannot_be_and_makes_linked_clones():
    LAB.must(LAB.post('/v1/pools', {'name': 'forks', 'image': 'golden', 'spare': 1, 'max': 2, 'memory_mib': 64,
                                    'credentials': 'prompt', 'provision': 'instant'}), 201)
    LAB.wait_ready('forks', 1)
    note = LAB.wait_until(lambda: LAB.get('/v1/pools/forks')['provision_note'], WAIT_S, 'the pool says it')
    assert note == 'Linked clones are made on host test: its hypervisor is not QEMU', note
    events = [e for e in LAB.get('/v1/events?limit=500')['items'] if e['kind'] == 'pool.fallback']
    assert [e['text'] for e in events] == [f'Pool forks: {note}'], events
    LAB.must(LAB.patch('/v1/pools/forks', {'provision': 'linked'}), 200)
    LAB.wait_until(lambda: not LAB.get('/v1/pools/forks')['provision_note'], WAIT_S, 'nothing is missing now')
    for refused in ({'warm': True}, {'provision': 'cloned'}):
        LAB.must(LAB.patch('/v1/pools/forks', refused), 400)
    refused = LAB.must(LAB.post('/v1/pools', {'name': 'kept', 'image': 'golden', 'kind': 'dedicated', 'spare': 0,
                                              'max': 1, 'provision': 'instant'}), 400)
    assert 'floating pools only' in str(refused.body), refused.body
    LAB.must(LAB.delete('/v1/pools/forks'), 202)
    LAB.wait_until(lambda: LAB.get('/v1/pools/forks').status == 404, WAIT_S, 'the pool is gone')


def dedicated_desktops_stay_their_users():
    LAB.must(LAB.post('/v1/pools', {'name': 'own', 'image': 'golden', 'kind': 'dedicated', 'spare': 0, 'max': 2,
                                    'memory_mib': 64, 'credentials': 'prompt'}), 201)
    LAB.must(LAB.post('/v1/entitlements', {'user': 'bob', 'pool': 'own'}), 201)
    ticket = LAB.must(LAB.login('bob', pool='own'), 202)

    def led_there():
        LAB.desktops('own')
        answer = LAB.get(f'/v1/sessions/{ticket["session"]}/ticket?connection={ticket["connection"]}&wait=1')
        return answer['state'] == 'ready'
    LAB.wait_until(led_there, WAIT_S, 'his desktop is made')
    LAB.must(LAB.report(ticket, 'connected'), 200)
    identity = LAB.desktops('own')[0]['id']
    LAB.must(LAB.post(f'/v1/sessions/{ticket["session"]}/logoff'), 202)
    LAB.wait_desktops('own', lambda items: [(d['id'], d['state'], d['owner']) for d in items] ==
                      [(identity, 'ready', 'bob')], 'his desktop waits for him')
    # Its guest is lost with the process; the desktop is started again and keeps its disk and its owner.
    LAB.kill_vmpool()
    LAB.start_vmpool()
    LAB.wait_desktops('own', lambda items: any(d['state'] != 'ready' for d in items), 'its end is seen')
    LAB.wait_desktops('own', lambda items: [(d['id'], d['state'], d['owner']) for d in items] ==
                      [(identity, 'ready', 'bob')], 'his desktop is there again')


def failures_pause_and_then_stop_a_pool_with_the_reason():
    LAB.must(LAB.post('/v1/images', {'name': 'nobody', 'source': f'{LAB.dir}/base.qcow2'}), 202)
    assert wait_image('nobody')['state'] == 'ready'
    LAB.must(LAB.post('/v1/pools', {'name': 'broken', 'image': 'nobody', 'spare': 2, 'max': 4, 'memory_mib': 64,
                                    'credentials': 'carrel'}), 201)
    pool = LAB.wait_until(lambda: [p for p in [LAB.get('/v1/pools/broken').body] if p['failures']], WAIT_S,
                          'a failure is counted')[0]
    assert 'guest user' in pool['reason'], pool
    pool = LAB.wait_until(lambda: [p for p in [LAB.get('/v1/pools/broken').body] if p['stopped']], WAIT_S * 3,
                          'the pool has stopped')[0]
    assert pool['failures'] == 3 and pool['reason'], pool
    assert not LAB.must(LAB.post('/v1/pools/broken/retry'), 200)['stopped']


def a_boot_that_is_late_says_what_is_missing():
    """The guests of these hosts answer on their RDP ports, but have no agent."""
    LAB.must(LAB.post('/v1/pools', {'name': 'mute', 'image': 'golden', 'spare': 1, 'max': 1, 'memory_mib': 64,
                                    'credentials': 'carrel'}), 201)
    LAB.wait_desktops('mute', lambda items: any(d['state'] == 'failed' for d in items), 'the boot is given up')
    reason = LAB.get('/v1/pools/mute')['reason']
    assert 'answers on its RDP port, but its agent' in reason, reason
    LAB.must(LAB.delete('/v1/pools/mute'), 202)
    LAB.wait_until(lambda: LAB.get('/v1/pools/mute').status == 404, WAIT_S, 'the pool is gone')


def a_deleted_pool_goes_with_its_desktops_and_then_its_image():
    for name in ('demo', 'own', 'broken'):
        for session in LAB.get(f'/v1/sessions?pool={name}')['items']:
            LAB.must(LAB.post(f'/v1/sessions/{session["id"]}/logoff'), 202)
        LAB.must(LAB.delete(f'/v1/pools/{name}'), 202)
    LAB.wait_until(lambda: not LAB.get('/v1/pools')['items'], WAIT_S, 'the pools are gone')
    assert not LAB.get('/v1/desktops')['items']
    identity = LAB.get('/v1/images/golden')['id']
    LAB.must(LAB.delete('/v1/images/golden'), 202)
    LAB.wait_until(lambda: LAB.get('/v1/images/golden').status == 404, WAIT_S, 'the image is gone')
    assert not os.path.exists(f'{LAB.dir}/images/{identity}')


def a_stopped_vmpool_loses_its_host_and_does_nothing_on_it_when_it_goes_on():
    LAB.must(LAB.post('/v1/images', {'name': 'again', 'source': f'{LAB.dir}/base.qcow2', 'guest_user': 'desktop'}), 202)
    assert wait_image('again')['state'] == 'ready'
    LAB.must(LAB.post('/v1/pools', {'name': 'lease', 'image': 'again', 'spare': 2, 'max': 4, 'memory_mib': 64,
                                    'credentials': 'prompt'}), 201)
    first = {d['id'] for d in LAB.wait_ready('lease', 2)}
    host = f'host:{LAB.get("/v1/hosts/test")["id"]}'
    owner, epoch = LAB.lease(host)
    assert owner == 'one' and LAB.lease('pools')[0] == 'one', (owner, LAB.lease('pools'))
    LAB.start_second()
    LAB.wait_until(lambda: LAB.lease('vmpool:two'), WAIT_S, 'the second vmpool lives')
    LAB.vmpool.send_signal(signal.SIGSTOP)
    LAB.wait_until(lambda: LAB.lease(host) == ('two', epoch + 1) and LAB.lease('pools')[0] == 'two', WAIT_S,
                   'the second vmpool has taken over')
    # It made the pool whole on its own (empty) host; that is how the store is now.
    before = {d['id'] for d in LAB.wait_desktops(
        'lease', lambda items: [d['state'] for d in items] == ['ready'] * 2 and not first & {d['id'] for d in items},
        'the pool is whole again')}
    seen = len(LAB.vmpool_log())
    LAB.vmpool.send_signal(signal.SIGCONT)
    LAB.wait_until(lambda: 'taken it over' in LAB.vmpool_log()[seen:] or 'has run out' in LAB.vmpool_log()[seen:],
                   WAIT_S, 'the first one knows')
    # What it is told now is carried out by the second one alone.
    LAB.must(LAB.patch('/v1/pools/lease', {'spare': 3}), 200)
    after = {d['id'] for d in LAB.wait_ready('lease', 3)}
    assert before <= after, (before, after)
    assert LAB.lease(host) == ('two', epoch + 1), LAB.lease(host)
    late = LAB.vmpool_log()[seen:]
    for word in ('removing', 'answers on', 'failed while', 'taken, epoch'):
        assert word not in late, late


def a_killed_vmpool_is_followed_by_the_other():
    LAB.second.kill()
    LAB.second.wait()
    host = f'host:{LAB.get("/v1/hosts/test")["id"]}'
    LAB.wait_until(lambda: LAB.lease(host)[0] == 'one' and LAB.lease('pools')[0] == 'one', WAIT_S,
                   'the first one has taken over')
    LAB.wait_ready('lease', 3)


def one_that_ends_well_gives_its_leases_back_at_once():
    LAB.start_second()
    LAB.wait_until(lambda: LAB.second_log().count('vmpool:two: taken') == 2, WAIT_S, 'it lives again')
    LAB.second.send_signal(signal.SIGTERM)
    assert LAB.second.wait(WAIT_S) == 0, LAB.second_log()
    LAB.must(LAB.delete('/v1/pools/lease'), 202)
    LAB.wait_until(lambda: LAB.get('/v1/pools/lease').status == 404, WAIT_S, 'the pool is gone')


def reload_keeps_the_former_template_when_the_new_one_is_bad():
    LAB.write_template('<domain>')
    LAB.vmpool.send_signal(signal.SIGHUP)
    LAB.wait_until(lambda: 'the former template stays' in LAB.vmpool_log(), WAIT_S, 'the bad template is refused')


TESTS = [a_bad_template_is_refused_with_line_and_reason, a_host_is_seen_with_its_size, only_disks_become_images,
         a_disk_becomes_an_image_and_its_chain_one_file, a_host_is_given_up,
         two_hosts_share_a_pool_until_one_is_drained_and_then_cleared, a_pool_keeps_its_spare_ready,
         a_log_off_recycles_and_a_new_desktop_comes, nobody_beyond_the_maximum_and_the_next_one_waits_for_a_new_guest,
         a_kill_loses_no_row_and_a_guest_that_is_gone_ends_its_session,
         maintenance_keeps_a_desktop_away_and_release_makes_it_anew, a_lent_desktop_is_not_taken_into_maintenance,
         a_restart_boots_the_same_desktop_again, a_desktop_that_does_not_answer_is_replaced_when_the_broker_asks,
         an_instant_pool_says_why_it_cannot_be_and_makes_linked_clones,
         dedicated_desktops_stay_their_users, failures_pause_and_then_stop_a_pool_with_the_reason,
         a_boot_that_is_late_says_what_is_missing, a_deleted_pool_goes_with_its_desktops_and_then_its_image,
         a_stopped_vmpool_loses_its_host_and_does_nothing_on_it_when_it_goes_on,
         a_killed_vmpool_is_followed_by_the_other, one_that_ends_well_gives_its_leases_back_at_once,
         reload_keeps_the_former_template_when_the_new_one_is_bad]

if __name__ == '__main__':
    with VmpoolLab(sys.argv[1], sys.argv[2]) as LAB:
        broker_lab.main(TESTS)
