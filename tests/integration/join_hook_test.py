#!/usr/bin/env python3
"""The join hook: with libvirt's test driver, as guests answer as soon as the test lets them.

usage: join_hook_test.py BROKER VMPOOL
"""
import os
import signal
import subprocess
import sys

sys.path.insert(0, os.path.dirname(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'lib'))
import broker_lab  # noqa: E402
import vmpool_test  # noqa: E402

LAB = None
WAIT_S = vmpool_test.WAIT_S


class JoinLab(vmpool_test.VmpoolLab):
    def __init__(self, broker, vmpool):
        super().__init__(broker, vmpool, lease='60s')  # leases are not its matter
        with open(self.config, 'a', encoding='utf-8') as file:
            file.write(f'join_hook = {self.dir}/hook\njoin_timeout = 300s\n')

    def hook(self, text):
        """Renamed to its place, so that none runs half of it."""
        with open(os.open(f'{self.dir}/hook.new', os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o755), 'w',
                  encoding='ascii') as file:
            file.write(f'#!/bin/sh\ncd {self.dir}\n{text}\n')
        os.rename(f'{self.dir}/hook.new', f'{self.dir}/hook')

    def wait_file(self, name):
        path = f'{self.dir}/{name}'
        self.wait_until(lambda: (self.desktops('office'), os.path.exists(path))[1], WAIT_S, f'{name} is there')
        with open(path, encoding='ascii') as file:
            return file.read()

    def wait_failed(self, words):
        def holds():
            self.desktops('office')
            reason = self.get('/v1/pools/office')['reason'] or ''
            return [reason] if words in reason else None
        return self.wait_until(holds, WAIT_S, f'the pool says "{words}"')[0]

    def retry(self):
        self.must(self.post('/v1/pools/office/retry'), 200)


def nobody_gets_a_desktop_before_its_hook_is_done():
    with open(f'{LAB.dir}/node.xml', 'w', encoding='utf-8') as file:
        file.write(vmpool_test.NODE)
    LAB.hook('env | grep ^CARREL >told.new; mv told.new told\nwhile [ ! -e go ]; do sleep 0.05; done')
    LAB.start_vmpool()
    LAB.must(LAB.post('/v1/hosts', {'name': 'test', 'uri': f'test://{LAB.dir}/node.xml'}), 201)
    subprocess.run(['qemu-img', 'create', '-q', '-f', 'qcow2', f'{LAB.dir}/base.qcow2', '8M'], check=True)
    LAB.must(LAB.post('/v1/images', {'name': 'golden', 'source': f'{LAB.dir}/base.qcow2', 'os': 'debian-13'}), 202)
    LAB.wait_until(lambda: LAB.get('/v1/images/golden')['state'] == 'ready', WAIT_S, 'the image is ready')
    LAB.must(LAB.post('/v1/pools', {'name': 'office', 'image': 'golden', 'spare': 1, 'max': 1, 'memory_mib': 64,
                                    'credentials': 'prompt'}), 201)
    told = dict(line.split('=', 1) for line in LAB.wait_file('told').splitlines())
    desktop = LAB.desktops('office')[0]
    assert desktop['state'] == 'booting', desktop
    assert told['CARREL_DESKTOP'] == desktop['name'] and told['CARREL_DESKTOP_ID'] == desktop['id'], told
    assert told['CARREL_ADDRESS'] == '127.0.0.1' and told['CARREL_PORT'] == str(desktop['port']), told
    assert (told['CARREL_POOL'], told['CARREL_HOST'], told['CARREL_IMAGE'], told['CARREL_OS']) == \
        ('office', 'test', 'golden', 'debian-13'), told
    with open(f'{LAB.dir}/go', 'w', encoding='ascii'):
        pass
    LAB.wait_ready('office')


def a_hook_that_fails_is_quoted():
    LAB.hook('echo first; echo "the domain controller is away" >&2; exit 3')
    LAB.must(LAB.post(f'/v1/desktops/{LAB.desktops("office")[0]["name"]}/recycle'), 202)
    reason = LAB.wait_failed('status 3')
    assert reason.endswith('/hook failed with status 3: the domain controller is away'), reason
    events = [e['text'] for e in LAB.get('/v1/events?limit=500')['items'] if e['kind'] == 'desktop.failed']
    assert 'the domain controller is away' in events[-1], events


def one_that_takes_too_long_is_ended_with_its_children():
    LAB.hook('echo $$ >>pids\nsleep 1000')
    with open(LAB.config, encoding='utf-8') as file:
        text = file.read()
    with open(LAB.config, 'w', encoding='utf-8') as file:
        file.write(text.replace('join_timeout = 300s', 'join_timeout = 500ms'))
    LAB.vmpool.send_signal(signal.SIGHUP)
    LAB.wait_until(lambda: 'The configuration was read again' in LAB.vmpool_log(), WAIT_S, 'it is reloaded')
    LAB.retry()
    LAB.wait_failed('was ended after')
    with open(f'{LAB.dir}/pids', encoding='ascii') as file:
        groups = {int(line) for line in file.read().split()}

    def all_gone():
        return not any(alive(group) for group in groups)
    LAB.wait_until(all_gone, WAIT_S, 'its children are gone')


def alive(group):
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def one_that_is_not_there_is_named():
    os.unlink(f'{LAB.dir}/hook')
    LAB.retry()
    LAB.wait_failed('no such file or directory')


def vmpool_ends_while_one_runs():
    LAB.hook('touch running; sleep 1000')
    with open(LAB.config, encoding='utf-8') as file:
        text = file.read()
    with open(LAB.config, 'w', encoding='utf-8') as file:
        file.write(text.replace('join_timeout = 500ms', 'join_timeout = 300s'))
    LAB.vmpool.send_signal(signal.SIGHUP)
    LAB.retry()
    LAB.wait_file('running')
    LAB.stop_vmpool()
    LAB.hook('exit 0')
    LAB.start_vmpool()
    LAB.wait_ready('office')


TESTS = [nobody_gets_a_desktop_before_its_hook_is_done, a_hook_that_fails_is_quoted,
         one_that_takes_too_long_is_ended_with_its_children, one_that_is_not_there_is_named,
         vmpool_ends_while_one_runs]

if __name__ == '__main__':
    with JoinLab(sys.argv[1], sys.argv[2]) as LAB:
        broker_lab.main(TESTS)
