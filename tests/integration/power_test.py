#!/usr/bin/env python3
"""When the desktops of a pool run: carrelctl, a broker and a vmpool with libvirt's test driver, by rules around the
present minute. vmpool's sweep is so far away that what happens in time was told by a timer or a wake-up.

usage: power_test.py BROKER VMPOOL CARRELCTL
"""
import calendar
import contextlib
import glob
import os
import sqlite3
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'lib'))
import broker_lab  # noqa: E402
import vmpool_test  # noqa: E402

LAB = None
CTL = None
WAIT_S = vmpool_test.WAIT_S
MINUTE_S = 60
SLOTS = 7 * 24 * 4


def ctl(*words, status=0):
    return LAB.ctl(CTL, *words, status=status)


def clock(at_s):
    return time.strftime('%H:%M', time.gmtime(at_s))


def events(kind):
    return [e for e in LAB.get('/v1/events?limit=1000')['items'] if e['kind'] == kind]


def wait_event(kind, words):
    def holds():
        return [e for e in events(kind) if words in e['text']]
    return LAB.wait_until(holds, WAIT_S, f'the event {kind}: {words}')[-1]


def wait_one(pool, condition, what):
    return LAB.wait_desktops(pool, lambda items: len(items) == 1 and condition(items[0]), what)[0]


class PowerLab(vmpool_test.VmpoolLab):
    def __init__(self, broker, vmpool):
        super().__init__(broker, vmpool)
        with open(self.config, encoding='utf-8') as file:
            text = file.read()
        with open(self.config, 'w', encoding='utf-8') as file:
            file.write(text.replace('sweep = 500ms', 'sweep = 10min').replace('lease = 3s', 'lease = 60s'))
        os.makedirs(f'{self.dir}/desktops', exist_ok=True)  # where the driver writes a guest's memory

    def rows(self, sql):
        with contextlib.closing(sqlite3.connect(f'file:{self.dir}/store.db?mode=ro', uri=True, timeout=60)) as db:
            return db.execute(sql).fetchall()

    def wait_answering(self, user, pool):
        """A log-in that waits; the ticket when it has a desktop."""
        ticket = self.must(self.login(user, pool=pool), 202)

        def has_desktop():
            assert self.vmpool.poll() is None, f'vmpool ended with {self.vmpool.returncode}'
            self.desktops(pool)
            answer = self.get(f'/v1/sessions/{ticket["session"]}/ticket?connection={ticket["connection"]}')
            return [answer] if answer.status == 200 else None
        return self.wait_until(has_desktop, WAIT_S, f'{user} has a desktop')[0]


def a_rule_that_holds_now_counts_at_once():
    LAB.start_vmpool()
    with open(f'{LAB.dir}/node.xml', 'w', encoding='utf-8') as file:
        file.write(vmpool_test.NODE)
    LAB.must(LAB.post('/v1/hosts', {'name': 'test', 'uri': f'test://{LAB.dir}/node.xml'}), 201)
    subprocess.run(['qemu-img', 'create', '-q', '-f', 'qcow2', f'{LAB.dir}/8.qcow2', '8M'], check=True)
    ctl('image', 'import', 'golden', f'{LAB.dir}/8.qcow2')
    ctl('pool', 'create', 'office', '--image', 'golden', '--spare', '0', '--max', '4', '--memory', '64MiB',
        '--credentials', 'prompt')
    ctl('pool', 'power', 'office', '--zone', 'UTC')
    now_s = time.time()
    ctl('pool', 'schedule', 'add', 'office', '--days', 'daily', '--from', clock(now_s - MINUTE_S), '--to',
        clock(now_s + 3600), '--spare', '2')
    LAB.wait_ready('office', 2)
    wait_event('pool.schedule', 'says 2')
    said = ctl('pool', 'show', 'office')
    assert f'2: schedule daily {clock(now_s - MINUTE_S)}-{clock(now_s + 3600)} says 2; until' in said, said
    assert 'clocks of UTC' in said and '2 ready' in said, said
    listed = ctl('pool', 'schedule', 'list', 'office', '--no-headings').split()
    assert listed[:3] == ['1', 'daily', clock(now_s - MINUTE_S)] and listed[-2:] == ['2', 'ready'], listed


def its_end_and_another_ones_beginning_are_met_to_the_minute():
    now_s = time.time()
    begins_s = (int(now_s) // MINUTE_S + 1) * MINUTE_S
    begins_s += MINUTE_S if begins_s - now_s < 10 else 0
    before = len(events('pool.schedule'))
    ctl('pool', 'schedule', 'add', 'office', '--days', 'daily', '--from', clock(begins_s), '--to',
        clock(begins_s + 2 * 3600), '--spare', '3')
    until = LAB.wait_until(lambda: LAB.get('/v1/pools/office/power')['until'], WAIT_S, 'vmpool knows the rule')
    LAB.wait_until(lambda: LAB.get('/v1/pools/office/power')['now_spare'] == 3, WAIT_S, 'the rule holds')
    told = events('pool.schedule')[before:]
    assert len(told) == 1 and 'says 3' in told[0]['text'], told
    at_s = calendar.timegm(time.strptime(told[0]['at'][:19], '%Y-%m-%dT%H:%M:%S'))
    assert at_s >= begins_s, (told, begins_s, until)
    assert at_s < begins_s + MINUTE_S, 'it was a minute late: nothing but the next wake-up told of it'
    LAB.wait_ready('office', 3)


def rules_go_by_their_number():
    ctl('pool', 'schedule', 'remove', 'office', '2')
    LAB.wait_ready('office', 2)
    ctl('pool', 'schedule', 'remove', 'office', '1')
    LAB.wait_desktops('office', lambda items: not items, 'nothing is left')
    assert 'has no rule 1' in ctl('pool', 'schedule', 'remove', 'office', '1', status=3)


def with_on_connect_a_log_in_starts_a_desktop():
    ctl('pool', 'set', 'office', '--spare', '2')
    LAB.wait_ready('office', 2)
    ctl('pool', 'power', 'office', '--mode', 'on-connect')
    LAB.wait_desktops('office', lambda items: not items, 'nothing stands ready')
    LAB.add_user('ann', 'office')
    ticket = LAB.wait_answering('ann', 'office')
    LAB.must(LAB.report(ticket, 'connected'), 200)


def off_leaves_who_is_in_and_refuses_who_comes():
    ctl('pool', 'power', 'office', '--mode', 'off')
    wait_event('pool.schedule', 'says off')
    LAB.add_user('bob', 'office')
    refused = LAB.must(LAB.login('bob', pool='office'), 403)
    assert refused['code'] == 'outside-hours', refused
    session = LAB.get('/v1/sessions?user=ann')['items'][0]
    assert session['state'] == 'active', session
    assert LAB.login('ann', pool='office').status == 200  # back to hers
    LAB.must(LAB.post(f'/v1/sessions/{session["id"]}/logoff'), 202)
    LAB.wait_desktops('office', lambda items: not items, 'it is not made anew')


def always_on_fills_the_pool():
    ctl('pool', 'power', 'office', '--mode', 'always-on')
    LAB.wait_ready('office', 4)
    ctl('pool', 'power', 'office', '--mode', 'spare')
    LAB.wait_ready('office', 2)


def what_was_usual_is_started_before_its_time():
    week = int((time.time() / 86400 + 3) // 7)
    with contextlib.closing(sqlite3.connect(f'{LAB.dir}/store.db', timeout=60)) as db:
        pool = db.execute("SELECT id FROM pools WHERE name = 'office'").fetchone()[0]
        # Each quarter of the week: three in the last two weeks, and one odd week before.
        db.execute('DELETE FROM pool_usage WHERE pool_id = ?', (pool,))
        db.executemany('INSERT INTO pool_usage (pool_id, slot, week, peak_0, peak_1, peak_2, peak_3, peak_4)'
                       ' VALUES (?, ?, ?, 0, 3, 3, 4, -1)', [(pool, slot, week) for slot in range(SLOTS)])
        db.commit()
    ctl('pool', 'power', 'office', '--autoscale', 'on')
    LAB.wait_ready('office', 3)
    said = ctl('pool', 'show', 'office')
    assert '3: the pool itself says 2, usual demand at ' in said and ' says 3' in said, said
    LAB.connect_user('ann', 'office')
    # Who came is one of the usual three; two more stand ready, as the pool itself wants.
    LAB.wait_ready('office', 2)
    assert len(LAB.desktops('office')) == 3, LAB.desktops('office')


def how_many_were_in_use_is_written():
    slot = int((time.time() + 3 * 86400) % (7 * 86400) // 900)
    peaks = LAB.rows('SELECT slot, peak_0 FROM pool_usage ORDER BY peak_0 DESC')
    assert (slot in [s for s, _ in peaks]) and peaks[0][1] <= 1, peaks[:3]
    ctl('pool', 'power', 'office', '--autoscale', 'off')
    LAB.wait_ready('office', 2)
    ctl('pool', 'delete', 'office', '--yes', status=4)
    session = LAB.get('/v1/sessions?user=ann')['items'][0]
    LAB.must(LAB.post(f'/v1/sessions/{session["id"]}/logoff'), 202)
    LAB.wait_until(lambda: not LAB.get('/v1/sessions?user=ann')['items'], WAIT_S, 'she is gone')
    ctl('pool', 'delete', 'office', '--yes')
    LAB.wait_until(lambda: LAB.get('/v1/pools/office').status == 404, WAIT_S, 'the pool is gone')
    assert not LAB.rows('SELECT 1 FROM pool_usage') and not LAB.rows('SELECT 1 FROM pool_power')


def a_desktop_whose_user_is_away_is_suspended():
    ctl('pool', 'create', 'own', '--image', 'golden', '--kind', 'dedicated', '--spare', '1', '--max', '1', '--memory',
        '64MiB', '--credentials', 'prompt')
    LAB.wait_ready('own', 1)
    LAB.add_user('eve', 'own')
    ticket = LAB.connect_user('eve', 'own')
    ctl('pool', 'power', 'own', '--idle', 'suspend', '--idle-after', '10s')
    LAB.must(LAB.report(ticket, 'closed', code='client-closed'), 200)
    desktop = wait_one('own', lambda d: d['rest'] == 'suspended', 'it is suspended')
    assert desktop['state'] == 'stopped' and desktop['owner'] == 'eve', desktop
    session = LAB.get(f'/v1/sessions/{ticket["session"]}')
    assert (session['state'], session['end_code']) == ('ended', 'disconnect-limit'), session
    assert 'suspended' in ctl('desktop', 'list')
    assert glob.glob(f'{LAB.dir}/desktops/{desktop["id"]}-*.save')
    assert wait_event('desktop.suspended', desktop['name'])['user'] == 'eve'
    assert 'after 0 min their desktops are suspended' in ctl('pool', 'power', 'own')


def her_next_log_in_wakes_it():
    before = wait_one('own', lambda d: True, 'it')
    ticket = LAB.wait_answering('eve', 'own')
    LAB.must(LAB.report(ticket, 'connected'), 200)
    after = wait_one('own', lambda d: d['state'] == 'in_use', 'she has it')
    assert (after['id'], after['port'], after['rest']) == (before['id'], before['port'], None), after
    assert f'desktop {after["name"]}: goes on with the memory' in LAB.vmpool_log()
    assert not events('desktop.cold')


def it_is_suspended_after_a_log_off_too_and_survives_the_end_of_vmpool():
    session = LAB.get('/v1/sessions?user=eve')['items'][0]
    LAB.must(LAB.post(f'/v1/sessions/{session["id"]}/logoff'), 202)
    wait_one('own', lambda d: d['rest'] == 'suspended', 'it is suspended')
    LAB.kill_vmpool()
    LAB.start_vmpool()
    went = LAB.vmpool_log().count('goes on with the memory')
    ticket = LAB.wait_answering('eve', 'own')
    LAB.must(LAB.report(ticket, 'connected'), 200)
    assert LAB.vmpool_log().count('goes on with the memory') == went + 1


def memory_that_is_of_no_use_is_said_and_it_starts_anew():
    session = LAB.get('/v1/sessions?user=eve')['items'][0]
    LAB.must(LAB.post(f'/v1/sessions/{session["id"]}/logoff'), 202)
    wait_one('own', lambda d: d['rest'] == 'suspended', 'it is suspended')
    for path in glob.glob(f'{LAB.dir}/desktops/*.save'):
        os.truncate(path, 0)
    ticket = LAB.wait_answering('eve', 'own')
    LAB.must(LAB.report(ticket, 'connected'), 200)
    assert 'what was open on it is lost' in wait_event('desktop.cold', 'own-1')['text']


def it_can_be_shut_down_instead():
    ctl('pool', 'power', 'own', '--idle', 'stop')
    session = LAB.get('/v1/sessions?user=eve')['items'][0]
    LAB.must(LAB.post(f'/v1/sessions/{session["id"]}/logoff'), 202)
    wait_one('own', lambda d: d['state'] == 'stopped' and not d['rest'], 'it is off')
    ticket = LAB.wait_answering('eve', 'own')
    LAB.must(LAB.report(ticket, 'connected'), 200)
    assert len(events('desktop.cold')) == 1
    LAB.must(LAB.post(f'/v1/sessions/{ticket["session"]}/logoff'), 202)
    wait_one('own', lambda d: d['state'] == 'stopped' and not d['rest'], 'it is off again')
    ctl('pool', 'power', 'own', '--mode', 'always-on')
    wait_one('own', lambda d: d['state'] == 'ready', 'always-on starts it')


def what_cannot_be_is_refused_in_words():
    assert "is dedicated: each user has a desktop already" in ctl('pool', 'power', 'own', '--autoscale', 'on', status=4)
    ctl('pool', 'create', 'float', '--image', 'golden', '--spare', '0', '--max', '2', '--memory', '64MiB',
        '--credentials', 'prompt')
    assert 'only dedicated ones can be' in ctl('pool', 'power', 'float', '--idle', 'stop', status=4)
    assert 'no time zone "Mars/Crater"' in ctl('pool', 'power', 'float', '--zone', 'Mars/Crater', status=2)
    rule = ['pool', 'schedule', 'add', 'float', '--days', 'mon-fri', '--from', '07:30']
    assert 'needs --days, --from and --to' in ctl(*rule, '--spare', '1', status=2)
    assert 'either --spare N or --mode' in ctl(*rule, '--to', '18:00', status=2)
    assert 'has 2 desktops at most' in ctl(*rule, '--to', '18:00', '--spare', '3', status=4)
    assert 'is not understood' in ctl(*rule, '--to', '7:30 pm', '--spare', '1', status=2)
    assert 'is not understood' in ctl(*rule, '--to', '07:30', '--spare', '1', status=2)
    ctl('pool', 'create', 'hall', '--kind', 'static')
    assert 'neither starts nor stops' in ctl('pool', 'power', 'hall', '--mode', 'off', status=4)
    assert 'wants add, list or remove' in ctl('pool', 'schedule', 'show', 'float', status=2)


TESTS = [a_rule_that_holds_now_counts_at_once, its_end_and_another_ones_beginning_are_met_to_the_minute,
         rules_go_by_their_number, with_on_connect_a_log_in_starts_a_desktop,
         off_leaves_who_is_in_and_refuses_who_comes, always_on_fills_the_pool,
         what_was_usual_is_started_before_its_time, how_many_were_in_use_is_written,
         a_desktop_whose_user_is_away_is_suspended, her_next_log_in_wakes_it,
         it_is_suspended_after_a_log_off_too_and_survives_the_end_of_vmpool,
         memory_that_is_of_no_use_is_said_and_it_starts_anew, it_can_be_shut_down_instead,
         what_cannot_be_is_refused_in_words]

if __name__ == '__main__':
    CTL = sys.argv[3]
    with PowerLab(sys.argv[1], sys.argv[2]) as LAB:
        broker_lab.main(TESTS)
