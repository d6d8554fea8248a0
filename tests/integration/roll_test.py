#!/usr/bin/env python3
"""A pool is rolled to another version of its image: carrelctl, a broker and a vmpool with libvirt's test driver. The
test answers on the RDP ports of guests whose version it lets work.

usage: roll_test.py BROKER VMPOOL CARRELCTL
"""
import contextlib
import os
import signal
import sqlite3
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


def versions():
    """The state and the version of each desktop, by its name."""
    ids = {i['id']: i['version'] for i in LAB.get('/v1/images')['items']}
    rows = LAB.rows('SELECT name, state, image_id FROM desktops')
    return {name: (state, ids[image]) for name, state, image in rows}


def wait_roll(condition, what):
    def holds():
        assert LAB.vmpool.poll() is None, f'vmpool ended with {LAB.vmpool.returncode}'
        LAB.desktops('office')  # answers for guests that boot
        roll = LAB.get('/v1/pools/office/roll').body
        return [roll] if condition(roll) else None
    return LAB.wait_until(holds, WAIT_S, what)[0]


def events(kind):
    return [e['text'] for e in LAB.get('/v1/events?limit=500')['items'] if e['kind'] == kind]


class RollLab(vmpool_test.VmpoolLab):
    def break_starts(self, broken):
        """Whether guests that are started from now on fail at once."""
        self.write_template(vmpool_test.TEMPLATE.replace("type='test'", "type='nosuch'") if broken
                            else vmpool_test.TEMPLATE)
        said = 'The configuration was read again'
        seen = self.vmpool_log().count(said)
        self.vmpool.send_signal(signal.SIGHUP)
        self.wait_until(lambda: self.vmpool_log().count(said) > seen, WAIT_S, 'it is reloaded')

    def rows(self, sql):
        with contextlib.closing(sqlite3.connect(f'file:{self.dir}/store.db?mode=ro', uri=True, timeout=60)) as db:
            return db.execute(sql).fetchall()


def an_image_gets_versions():
    LAB.start_vmpool()
    with open(f'{LAB.dir}/node.xml', 'w', encoding='utf-8') as file:
        file.write(vmpool_test.NODE)
    LAB.must(LAB.post('/v1/hosts', {'name': 'test', 'uri': f'test://{LAB.dir}/node.xml'}), 201)
    for size in (8, 12, 16):
        subprocess.run(['qemu-img', 'create', '-q', '-f', 'qcow2', f'{LAB.dir}/{size}.qcow2', f'{size}M'], check=True)
    assert 'image golden is ready' in ctl('image', 'import', 'golden', f'{LAB.dir}/8.qcow2')
    assert 'already' in ctl('image', 'import', 'golden', f'{LAB.dir}/12.qcow2', status=4)
    assert 'image golden@2 is ready' in ctl('image', 'publish', 'golden', f'{LAB.dir}/12.qcow2')
    listed = ctl('image', 'list', '--columns', 'name,version', '--no-headings').split()
    assert listed == ['golden', '1', 'golden', '2'], listed
    assert LAB.get('/v1/images/golden@1')['virtual_size_bytes'] == 8 << 20
    assert LAB.get('/v1/images/golden')['virtual_size_bytes'] == 12 << 20


def a_canary_goes_first_and_a_user_is_left_alone():
    ctl('pool', 'create', 'office', '--image', 'golden@1', '--spare', '2', '--max', '5', '--memory', '64MiB',
        '--credentials', 'prompt', '--provision', 'instant')
    LAB.wait_ready('office', 2)
    # No guest can be forked here: those of either version are linked clones, and the roll does not wait for others.
    assert 'Linked clones are made on host test' in LAB.get('/v1/pools/office')['provision_note']
    LAB.add_user('ann', 'office')
    ticket = LAB.connect_user('ann', 'office')
    LAB.wait_ready('office', 2)
    hers = LAB.get(f'/v1/sessions/{ticket["session"]}')['desktop']
    LAB.answering = False  # the canary does not come up yet
    ctl('pool', 'roll', 'office', '--image', 'golden@2', '--max-unavailable', '50%', '--failures', '2')
    LAB.wait_until(lambda: 2 in [v for _, v in versions().values()], WAIT_S, 'the canary is made')
    assert sorted(v for s, v in versions().values()) == [1, 1, 1, 2], versions()
    assert LAB.get('/v1/pools/office')['image_version'] == 1
    said = ctl('pool', 'show', 'office')
    assert 'to golden@2: canary' in said and '1 of 4 desktops have it, 1 users' in said, said
    LAB.answering = True
    roll = wait_roll(lambda r: r['phase'] == 'rolling' and r['renewed'] == 2 and r['desktops'] == 3, 'only hers is old')
    assert roll['old_in_use'] == 1, roll
    assert versions()[hers] == ('in_use', 1), versions()
    assert LAB.get(f'/v1/sessions/{ticket["session"]}')['state'] == 'active'
    LAB.must(LAB.post(f'/v1/sessions/{ticket["session"]}/logoff'), 202)
    wait_roll(lambda r: r['phase'] == 'done', 'it is done when she has logged off')
    LAB.wait_ready('office', 2)
    assert {v for _, v in versions().values()} == {2}, versions()
    assert 'done' in ctl('pool', 'roll', 'office', '--status')
    assert not events('pool.roll-warning')


def the_first_failures_stop_it_and_the_pool_stays_as_it_is():
    ctl('image', 'publish', 'golden', f'{LAB.dir}/16.qcow2')
    before = {name for name, (state, _) in versions().items() if state == 'ready'}
    LAB.break_starts(True)
    ctl('pool', 'roll', 'office', '--image', 'golden', '--failures', '2')
    roll = wait_roll(lambda r: r['phase'] == 'stopped', 'it stops')
    assert roll['failures'] == 2 and 'desktops failed' in roll['reason'], roll
    LAB.break_starts(False)
    pool = LAB.get('/v1/pools/office')
    assert (pool['image_version'], pool['ready'], pool['stopped'], pool['failures']) == (2, 2, False, 0), pool
    assert {name for name, (state, v) in versions().items() if state == 'ready' and v == 2} == before, versions()
    assert 'stopped after failures' in ctl('pool', 'show', 'office')
    assert 'golden@3 has stopped' in events('pool.roll-stopped')[-1], events('pool.roll-stopped')


def it_goes_on_after_a_kill_and_back_again():
    LAB.answering = False  # it stays where it is
    ctl('pool', 'roll', 'office', '--resume')
    wait_roll(lambda r: r['phase'] == 'canary', 'it goes on')
    ctl('pool', 'roll', 'office', '--pause')
    LAB.kill_vmpool()
    LAB.start_vmpool()
    assert wait_roll(lambda r: True, 'the roll')['paused']
    LAB.answering = True
    ctl('pool', 'roll', 'office', '--resume')
    wait_roll(lambda r: r['phase'] == 'done', 'it is done')
    LAB.wait_ready('office', 2)
    assert {v for _, v in versions().values()} == {3}, versions()
    ctl('pool', 'roll', 'office', '--back')
    wait_roll(lambda r: r['phase'] == 'done' and r['to'] == 'golden@2', 'it is back')
    LAB.wait_ready('office', 2)
    assert {v for _, v in versions().values()} == {2}, versions()


def who_stays_is_warned_and_then_logged_off_with_force():
    LAB.add_user('bob', 'office')
    ticket = LAB.connect_user('bob', 'office')
    LAB.wait_ready('office', 2)
    ctl('pool', 'roll', 'office', '--image', 'golden@3', '--force-after', '2s')
    wait_roll(lambda r: r['phase'] == 'done', 'it is done')
    session = LAB.get(f'/v1/sessions/{ticket["session"]}')
    assert (session['state'], session['end_code']) == ('ended', 'admin-logoff'), session
    assert '1 users of pool office' in events('pool.roll-warning')[-1], events('pool.roll-warning')


def old_versions_go_when_nothing_refers_to_them():
    LAB.wait_ready('office', 2)
    assert 'uses the image' in ctl('image', 'delete', 'golden@3', '--yes', status=4)
    said = ctl('image', 'prune', 'golden')
    assert 'golden@1 is being deleted' in said and 'golden@2 is being deleted' in said, said
    LAB.wait_until(lambda: [i['version'] for i in LAB.get('/v1/images')['items']] == [3], WAIT_S, 'they are gone')
    assert 'has no old version' in ctl('image', 'prune', 'golden')
    assert 'is gone' in ctl('pool', 'roll', 'office', '--back', status=4)


def what_cannot_be_is_refused_in_words():
    assert 'has image golden@3 already' in ctl('pool', 'roll', 'office', '--image', 'golden@3', status=4)
    assert 'no image "golden@9"' in ctl('pool', 'roll', 'office', '--image', 'golden@9', status=3)
    assert 'exclude each other' in ctl('pool', 'roll', 'office', '--pause', '--back', status=2)
    assert "1% to 100%" in ctl('pool', 'roll', 'office', '--image', 'golden', '--max-unavailable', 'half', status=2)
    assert "22:00" in ctl('pool', 'roll', 'office', '--image', 'golden', '--at', 'tonight', status=2)


def they_go_by_themselves_where_the_settings_say_so():
    with open(LAB.config, 'a', encoding='utf-8') as file:
        file.write('keep_versions = 1\n')
    LAB.break_starts(False)  # reads the settings again
    ctl('image', 'publish', 'golden', f'{LAB.dir}/8.qcow2')
    assert sorted(i['version'] for i in LAB.get('/v1/images')['items']) == [3, 4]
    ctl('pool', 'roll', 'office', '--image', 'golden')
    wait_roll(lambda r: r['phase'] == 'done', 'it is done')
    LAB.wait_until(lambda: [i['version'] for i in LAB.get('/v1/images')['items']] == [4], WAIT_S, 'the old one is gone')


TESTS = [an_image_gets_versions, a_canary_goes_first_and_a_user_is_left_alone,
         the_first_failures_stop_it_and_the_pool_stays_as_it_is, it_goes_on_after_a_kill_and_back_again,
         who_stays_is_warned_and_then_logged_off_with_force, old_versions_go_when_nothing_refers_to_them,
         what_cannot_be_is_refused_in_words, they_go_by_themselves_where_the_settings_say_so]

if __name__ == '__main__':
    CTL = sys.argv[3]
    with RollLab(sys.argv[1], sys.argv[2]) as LAB:
        broker_lab.main(TESTS)
