#!/usr/bin/env python3
"""Desktops are looked after: one that does not answer is replaced or reported, one is taken out for inspection. A
broker and a vmpool with libvirt's test driver, carrelctl; the test answers on the guests' RDP ports, or does not.

usage: upkeep_test.py BROKER VMPOOL CARRELCTL
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
CTL = None
WAIT_S = vmpool_test.WAIT_S


def ctl(*words, status=0):
    return LAB.ctl(CTL, *words, status=status)


def events(kind):
    return [e for e in LAB.get('/v1/events?limit=1000')['items'] if e['kind'] == kind]


def desktop(key):
    return LAB.get(f'/v1/desktops/{key}').body


def wait_desktop(key, condition, what):
    return LAB.wait_until(lambda: [d for d in [desktop(key)] if condition(d)], WAIT_S, what)[0]


class UpkeepLab(vmpool_test.VmpoolLab):
    def __init__(self, broker, vmpool):
        super().__init__(broker, vmpool)
        with open(self.config, 'a', encoding='utf-8') as file:
            file.write('health_check = 200ms\nhealth_failures = 3\nhealth_time = 1s\nhealth_rate = 100\n'
                       'failed_logs = 2\n')
        self.replace('lease', '60s')  # a busy machine may let vmpool wait for long
        self.replace('level', 'debug')

    def replace(self, key, value):
        with open(self.config, encoding='utf-8') as file:
            lines = [f'{key} = {value}' if line.startswith(f'{key} =') else line for line in file.read().splitlines()]
        with open(self.config, 'w', encoding='utf-8') as file:
            file.write('\n'.join(lines) + '\n')

    def set_key(self, key, value):
        """Changes the configuration and waits until vmpool has read it."""
        self.replace(key, value)
        said = 'The configuration was read again'
        seen = self.vmpool_log().count(said)
        self.vmpool.send_signal(signal.SIGHUP)
        self.wait_until(lambda: self.vmpool_log().count(said) > seen, WAIT_S, 'it is reloaded')


def a_pool_stands():
    with open(f'{LAB.dir}/node.xml', 'w', encoding='utf-8') as file:
        file.write(vmpool_test.NODE)
    LAB.start_vmpool()
    LAB.must(LAB.post('/v1/hosts', {'name': 'test', 'uri': f'test://{LAB.dir}/node.xml'}), 201)
    subprocess.run(['qemu-img', 'create', '-q', '-f', 'qcow2', f'{LAB.dir}/disk.qcow2', '8M'], check=True)
    LAB.must(LAB.post('/v1/images', {'name': 'golden', 'source': f'{LAB.dir}/disk.qcow2', 'guest_user': 'desktop'}),
             202)
    LAB.must(LAB.post('/v1/pools', {'name': 'demo', 'image': 'golden', 'spare': 3, 'max': 6, 'memory_mib': 64,
                                    'credentials': 'prompt'}), 201)
    LAB.add_user('amy', 'demo')
    LAB.wait_ready('demo', 3)


def a_free_desktop_that_does_not_answer_is_replaced():
    """What its guest said at the end is kept, without what would harm a terminal."""
    silent = LAB.wait_ready('demo', 3)[0]
    with open(f'{LAB.dir}/desktops/{silent["name"]}.serial.log', 'wb') as file:
        file.write(b'early\n' * 20000 + b'\x1b[31mKernel panic\x1b[0m\r\n\xff---[ end ]---\r\n')
    LAB.guests.close(silent['port'])
    LAB.wait_until(lambda: LAB.get(f'/v1/desktops/{silent["id"]}').status == 404, WAIT_S, 'it is replaced')
    LAB.wait_ready('demo', 3)
    failed = [e for e in events('desktop.failed') if e['object'] == silent['id']]
    assert len(failed) == 1 and 'does not answer, 3 probes failed' in failed[0]['text'], failed
    kept = LAB.get('/v1/pools/demo/failures')['items']
    assert [k['desktop'] for k in kept] == [silent['name']] and kept[0]['cut'], kept
    assert kept[0]['last_words'].endswith('early\nKernel panic\n?---[ end ]---'), kept
    log = LAB.get(f'/v1/desktops/{silent["name"]}/log').body
    assert log['failed'] and 60000 < len(log['text']) <= 65536 and 'does not answer' in log['reason'], log['reason']
    assert 'Kernel panic' in ctl('pool', 'show', 'demo')


def one_that_somebody_is_on_is_reported_once_and_stays():
    ticket = LAB.connect_user('amy', 'demo')
    name = LAB.get(f'/v1/sessions/{ticket["session"]}')['desktop']
    mine = desktop(name)
    LAB.wait_ready('demo', 3)
    LAB.guests.close(mine['port'])
    seen = wait_desktop(name, lambda d: d['health'], 'it is reported')
    assert seen['state'] == 'in_use' and seen['health_since'], seen
    assert 'Not well since' in ctl('desktop', 'show', name), ctl('desktop', 'show', name)
    # It goes on to be asked, and nothing more is told.
    LAB.wait_until(lambda: LAB.vmpool_log().count(f'{name}: a probe failed') >= 6, WAIT_S, 'it is asked again')
    told = [e for e in events('desktop.unwell') if e['object'] == mine['id']]
    assert len(told) == 1 and 'amy' in told[0]['text'], told
    assert desktop(name)['state'] == 'in_use'
    LAB.guests.open(mine['port'])
    wait_desktop(name, lambda d: not d['health'] and not d['health_since'], 'it is well again')
    assert len([e for e in events('desktop.well') if e['object'] == mine['id']]) == 1
    LAB.must(LAB.post(f'/v1/sessions/{ticket["session"]}/logoff'), 202)
    LAB.wait_until(lambda: LAB.get(f'/v1/desktops/{mine["id"]}').status == 404, WAIT_S, 'it is recycled')


def when_nobody_answers_it_is_the_host_and_nobody_is_replaced():
    before = LAB.wait_ready('demo', 3)
    for item in before:
        LAB.guests.close(item['port'])
    LAB.wait_until(lambda: events('host.unwell'), WAIT_S, 'the host is told of')
    for item in before:
        LAB.wait_until(lambda item=item: LAB.vmpool_log().count(f'{item["name"]}: a probe failed') >= 8, WAIT_S,
                       'each is asked again')
    assert {d['id'] for d in LAB.get('/v1/desktops?pool=demo')['items']} == {d['id'] for d in before}
    for item in before:
        LAB.guests.open(item['port'])
    LAB.wait_until(lambda: events('host.well'), WAIT_S, 'they answer again')
    assert len(events('host.unwell')) == 1 and '3 desktops' in events('host.unwell')[0]['text'], events('host.unwell')


def a_pool_whose_guests_all_go_silent_is_not_made_anew_for_ever():
    """Three an hour of so small a pool; one was replaced above."""
    for _ in range(2):
        silent = LAB.wait_ready('demo', 3)[0]
        LAB.guests.close(silent['port'])
        LAB.wait_until(lambda s=silent: LAB.get(f'/v1/desktops/{s["id"]}').status == 404, WAIT_S, 'it is replaced')
    silent = LAB.wait_ready('demo', 3)[0]
    LAB.guests.close(silent['port'])
    wait_desktop(silent['id'], lambda d: d['health'], 'it is reported only')
    LAB.wait_until(lambda: events('pool.unwell'), WAIT_S, 'the pool says why')
    assert desktop(silent['id'])['state'] == 'ready'
    LAB.guests.open(silent['port'])
    wait_desktop(silent['id'], lambda d: not d['health'], 'it is well again')


def nobody_is_asked_when_it_is_off():
    LAB.set_key('health_check', '0s')
    LAB.wait_ready('demo', 3)
    silent = LAB.desktops('demo')[0]
    LAB.guests.close(silent['port'])
    offset = LAB.vmpool_log().count('a probe failed')
    LAB.wait_until(lambda: len(LAB.vmpool_log().split('The configuration was read again')[-1].split('pass ')) > 6,
                   WAIT_S, 'some passes')
    assert LAB.vmpool_log().count('a probe failed') <= offset + 1
    LAB.guests.open(silent['port'])
    LAB.set_key('health_check', '200ms')


def a_detached_desktop_is_made_up_for_and_can_be_looked_into():
    LAB.must(LAB.patch('/v1/pools/demo', {'max': 3}), 200)
    before = LAB.wait_ready('demo', 3)
    taken = before[0]
    ctl('desktop', 'detach', taken['name'], '--reason', 'black screen', '--wait')
    seen = desktop(taken['id'])
    assert (seen['state'], seen['reason']) == ('maintenance', 'black screen'), seen
    # The pool is full without it, and makes another one all the same; nobody asks the detached one.
    LAB.wait_desktops('demo', lambda items: [d['state'] for d in items if d['id'] != taken['id']] == ['ready'] * 3,
                      'three others are ready')
    LAB.guests.close(taken['port'])
    with open(f'{LAB.dir}/desktops/{taken["name"]}.serial.log', 'w', encoding='utf-8') as file:
        file.write('said to the serial port\n')
    assert 'said to the serial port' in ctl('desktop', 'log', taken['name'])
    assert desktop(taken['id'])['state'] == 'maintenance' and not desktop(taken['id'])['health']
    ctl('desktop', 'attach', taken['name'], '--wait')
    LAB.wait_until(lambda: LAB.get(f'/v1/desktops/{taken["id"]}').status == 404, WAIT_S, 'it is made anew')
    LAB.wait_ready('demo', 3)
    LAB.must(LAB.patch('/v1/pools/demo', {'max': 6}), 200)


def snapshots_are_of_dedicated_desktops_and_one_that_fails_leaves_everything_as_it_was():
    """The test driver has no files, so that the copy fails."""
    floating = LAB.wait_ready('demo', 3)[0]
    said = ctl('desktop', 'snapshot', 'create', floating['name'], 'one', '--yes', status=4)
    assert 'made anew after each log-off' in said, said
    LAB.must(LAB.post('/v1/pools', {'name': 'own', 'kind': 'dedicated', 'image': 'golden', 'spare': 1, 'max': 1,
                                    'memory_mib': 64, 'credentials': 'prompt'}), 201)
    LAB.add_user('dora', 'own')
    LAB.wait_ready('own')
    ticket = LAB.connect_user('dora', 'own')
    name = LAB.get(f'/v1/sessions/{ticket["session"]}')['desktop']
    assert 'log it off first' in ctl('desktop', 'snapshot', 'create', name, 'one', '--yes', status=4)
    said = ctl('desktop', 'snapshot', 'create', name, 'one', '--yes', '--force', '--wait', '--timeout', '2min', status=1)
    assert 'it failed' in said, said
    session = LAB.get(f'/v1/sessions/{ticket["session"]}')
    assert (session['state'], session['end_code']) == ('ended', 'admin-logoff'), session
    LAB.wait_ready('own')
    assert LAB.get(f'/v1/desktops/{name}/snapshots')['items'] == []
    ctl('desktop', 'snapshot', 'restore', name, 'one', '--yes', '--wait', status=1)


def what_is_open_on_a_suspended_desktop_is_lost_by_order_only():
    ctl('pool', 'power', 'own', '--mode', 'on-connect', '--idle', 'suspend', '--idle-after', '10s')
    name = LAB.wait_desktops('own', lambda items: [d['rest'] for d in items] == ['suspended'], 'it is suspended')[0]['name']
    said = ctl('desktop', 'snapshot', 'create', name, 'two', '--yes', '--wait', status=1)
    assert 'what is open on it would be lost' in said, said
    assert (desktop(name)['state'], desktop(name)['rest']) == ('stopped', 'suspended'), desktop(name)
    ctl('desktop', 'snapshot', 'create', name, 'two', '--yes', '--force', '--wait', status=1)
    wait_desktop(name, lambda d: (d['state'], d['rest']) == ('stopped', None), 'it is off, as before')
    ctl('pool', 'delete', 'own', '--yes')
    LAB.wait_until(lambda: LAB.get('/v1/pools/own').status == 404, WAIT_S, 'the pool is gone')


TESTS = [a_pool_stands, a_free_desktop_that_does_not_answer_is_replaced,
         one_that_somebody_is_on_is_reported_once_and_stays,
         when_nobody_answers_it_is_the_host_and_nobody_is_replaced,
         a_pool_whose_guests_all_go_silent_is_not_made_anew_for_ever, nobody_is_asked_when_it_is_off,
         a_detached_desktop_is_made_up_for_and_can_be_looked_into,
         snapshots_are_of_dedicated_desktops_and_one_that_fails_leaves_everything_as_it_was,
         what_is_open_on_a_suspended_desktop_is_lost_by_order_only]

if __name__ == '__main__':
    CTL = sys.argv[3]
    with UpkeepLab(sys.argv[1], sys.argv[2]) as LAB:
        broker_lab.main(TESTS)
