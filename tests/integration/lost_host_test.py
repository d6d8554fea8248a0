#!/usr/bin/env python3
"""Dedicated desktops whose host does not answer: with libvirt's test driver, where a host is lost by giving it a URI that
leads nowhere. Two of the hosts have one storage for their desktops' disks: a mark that vmpool finds on both.

usage: lost_host_test.py BROKER VMPOOL
"""
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'lib'))
import broker_lab  # noqa: E402
import vmpool_test  # noqa: E402

LAB = None
WAIT_S = vmpool_test.WAIT_S
NOWHERE = 'qemu+unix:///system?socket=/nonexistent/sock'
MARK = 'v-0123456789abcdef'
POOL = """  <pool type='dir'><name>carrel-desktops</name><target><path>{dir}/desktops</path></target>
    <volume type='file'><name>carrel-storage.{mark}</name><key>{name}</key><capacity>512</capacity>
      <target><path>{dir}/desktops/carrel-storage.{mark}</path><format type='raw'/></target></volume></pool>
"""


class LostHostLab(vmpool_test.VmpoolLab):
    def __init__(self, broker, vmpool):
        super().__init__(broker, vmpool, lease='60s')  # leases are not its matter
        with open(self.config, 'a', encoding='utf-8') as file:
            file.write('host_timeout = 1s\n')

    def host(self, name, shared, labels=''):
        pool = POOL.format(dir=self.dir, mark=MARK, name=name) if shared else ''
        with open(f'{self.dir}/{name}.xml', 'w', encoding='utf-8') as file:
            file.write(vmpool_test.NODE.replace('</node>', f'{pool}</node>'))
        self.must(self.post('/v1/hosts', {'name': name, 'uri': f'test://{self.dir}/{name}.xml', 'labels': labels}), 201)
        return self.wait_host(name, lambda h: h['state'] == 'up' and h['desktop_storage'])

    def wait_host(self, name, condition):
        return self.wait_until(lambda: [h for h in [self.get(f'/v1/hosts/{name}').body] if condition(h)], WAIT_S,
                               f'host {name} is as it should be')[0]

    def wait_own(self, condition, what):
        return self.wait_desktops('own', lambda items: len(items) == 1 and condition(items[0]), what)[0]

    def lose(self, name, port):
        self.guests.close(port)
        self.must(self.patch(f'/v1/hosts/{name}', {'uri': NOWHERE}), 200)
        self.wait_host(name, lambda h: h['state'] == 'down')

    def find(self, name):
        self.must(self.patch(f'/v1/hosts/{name}', {'uri': f'test://{self.dir}/{name}.xml'}), 200)
        self.wait_host(name, lambda h: h['state'] == 'up')

    def ticket(self, ticket):
        return self.get(f'/v1/sessions/{ticket["session"]}/ticket?connection={ticket["connection"]}')

    def moves(self):
        return [e['text'] for e in self.get('/v1/events?limit=500')['items'] if e['kind'] == 'desktop.moved']


def hosts_that_see_the_same_disks_are_known():
    LAB.start_vmpool()
    north = LAB.host('north', shared=True, labels='home')
    west = LAB.host('west', shared=False, labels='home')
    assert north['desktop_storage'] == MARK and west['desktop_storage'] not in ('', MARK), (north, west)


def a_desktop_whose_disk_no_other_host_has_waits_and_says_so():
    subprocess.run(['qemu-img', 'create', '-q', '-f', 'qcow2', f'{LAB.dir}/base.qcow2', '8M'], check=True)
    LAB.must(LAB.post('/v1/images', {'name': 'golden', 'source': f'{LAB.dir}/base.qcow2'}), 202)
    LAB.wait_until(lambda: LAB.get('/v1/images/golden')['state'] == 'ready', WAIT_S, 'the image is ready')
    LAB.must(LAB.patch('/v1/hosts/west', {'mode': 'draining'}), 200)
    LAB.must(LAB.post('/v1/pools', {'name': 'own', 'image': 'golden', 'kind': 'dedicated', 'spare': 1, 'max': 1,
                                    'memory_mib': 64, 'credentials': 'prompt', 'host_labels': 'home'}), 201)
    LAB.add_user('ann', 'own')
    LAB.wait_ready('own')
    LAB.must(LAB.patch('/v1/hosts/west', {'mode': 'active'}), 200)
    ticket = LAB.connect_user('ann', 'own')
    LAB.own = LAB.desktops('own')[0]
    LAB.lose('north', LAB.own['port'])
    stopped = LAB.wait_own(lambda d: d['state'] == 'stopped' and 'no other' in (d['reason'] or ''), 'it waits')
    assert stopped['reason'] == 'host north does not answer, and no other host has its disk: it starts again when ' \
        'the host is back', stopped
    assert LAB.get(f'/v1/sessions/{ticket["session"]}')['end_code'] == 'host-lost'
    LAB.waiting = LAB.must(LAB.login('ann', pool='own'), 202)
    assert LAB.waiting['host_away'] and 'does not answer' in LAB.waiting['message'], LAB.waiting
    assert not LAB.moves()


def it_starts_on_another_host_as_soon_as_one_has_its_disk():
    LAB.host('south', shared=True, labels='home')
    moved = LAB.wait_own(lambda d: d['host'] == 'south' and d['state'] in ('ready', 'claimed'), 'it is on south')
    assert (moved['id'], moved['owner']) == (LAB.own['id'], 'ann'), moved
    LAB.wait_until(lambda: LAB.ticket(LAB.waiting)['state'] == 'ready', WAIT_S, 'she is led there')
    LAB.must(LAB.report(LAB.waiting, 'connected'), 200)
    assert len(LAB.moves()) == 1 and 'it starts on host south' in LAB.moves()[0], LAB.moves()


def the_host_that_comes_back_leaves_it_there():
    LAB.find('north')
    LAB.wait_until(lambda: LAB.vmpool_log().count('host north: looked through') >= 2, WAIT_S, 'north is looked through')
    assert LAB.desktops('own')[0]['host'] == 'south' and LAB.desktops('own')[0]['state'] == 'in_use'


def maintenance_moves_it_without_its_user_losing_it():
    LAB.must(LAB.patch('/v1/hosts/south', {'mode': 'maintenance'}), 200)
    moved = LAB.wait_own(lambda d: d['host'] == 'north' and d['state'] == 'ready', 'it is on north')
    assert (moved['id'], moved['owner']) == (LAB.own['id'], 'ann'), moved
    LAB.must(LAB.delete('/v1/hosts/south'), 204)


def a_host_with_storage_of_its_own_is_waited_for():
    LAB.must(LAB.post(f'/v1/desktops/{LAB.own["name"]}/recycle'), 202)
    LAB.wait_desktops('own', lambda items: all(d['id'] != LAB.own['id'] for d in items), 'hers is gone')
    LAB.must(LAB.patch('/v1/hosts/north', {'mode': 'draining'}), 200)
    LAB.wait_own(lambda d: d['state'] == 'ready' and d['host'] == 'west', 'a new one is on west')
    LAB.must(LAB.patch('/v1/hosts/north', {'mode': 'active'}), 200)
    LAB.connect_user('ann', 'own')
    own = LAB.desktops('own')[0]
    LAB.lose('west', own['port'])
    LAB.wait_own(lambda d: d['state'] == 'stopped' and 'no other' in (d['reason'] or ''), 'it waits for west')
    LAB.find('west')
    LAB.wait_own(lambda d: d['id'] == own['id'] and d['state'] == 'ready' and d['host'] == 'west', 'it is back')


TESTS = [hosts_that_see_the_same_disks_are_known, a_desktop_whose_disk_no_other_host_has_waits_and_says_so,
         it_starts_on_another_host_as_soon_as_one_has_its_disk, the_host_that_comes_back_leaves_it_there,
         maintenance_moves_it_without_its_user_losing_it, a_host_with_storage_of_its_own_is_waited_for]

if __name__ == '__main__':
    with LostHostLab(sys.argv[1], sys.argv[2]) as LAB:
        broker_lab.main(TESTS)
