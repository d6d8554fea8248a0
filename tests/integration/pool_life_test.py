#!/usr/bin/env python3
"""What pools do at the log-off and how much they may have: carrelctl, a broker and a vmpool with libvirt's test driver.
The test answers on the guests' RDP ports.

usage: pool_life_test.py BROKER VMPOOL CARRELCTL
"""
import os
import signal
import subprocess
import sys

sys.path.insert(0, os.path.dirname(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'lib'))
import broker_lab  # noqa: E402
import roll_test  # noqa: E402
import vmpool_test  # noqa: E402

LAB = None
WAIT_S = vmpool_test.WAIT_S


class LifeLab(roll_test.RollLab):
    def __init__(self, *programs):
        # The driver's guests go with the connection, and a machine that is busy elsewhere must not end it.
        super().__init__(*programs, lease='2min')
        os.makedirs(f'{self.dir}/desktops', exist_ok=True)  # where the driver writes a guest's memory


def ctl(*words, status=0):
    return roll_test.ctl(*words, status=status)


def events(kind):
    return [e['text'] for e in LAB.get('/v1/events?limit=500')['items'] if e['kind'] == kind]


def log_in(user, pool):
    """Until USER is led to a desktop; its row."""
    ticket = LAB.login(user, pool=pool)
    assert ticket.status in (200, 202), ticket.body

    def led_there():
        LAB.desktops(pool)
        answer = LAB.get(f'/v1/sessions/{ticket["session"]}/ticket?connection={ticket["connection"]}&wait=1')
        return answer['state'] == 'ready'
    LAB.wait_until(led_there, WAIT_S, f'{user} is led to a desktop')
    LAB.must(LAB.report(ticket, 'connected'), 200)
    name = LAB.get(f'/v1/sessions/{ticket["session"]}')['desktop']
    return ticket, LAB.get(f'/v1/desktops/{name}').body


def log_off(ticket):
    LAB.must(LAB.post(f'/v1/sessions/{ticket["session"]}/logoff'), 202)
    LAB.wait_until(lambda: LAB.get(f'/v1/sessions/{ticket["session"]}')['state'] == 'ended', WAIT_S, 'the session ends')


def wait_gone(pool, desktop):
    LAB.wait_desktops(pool, lambda items: all(d['id'] != desktop['id'] for d in items), 'the desktop goes')


def two_hosts_and_two_versions():
    LAB.start_vmpool()
    with open(f'{LAB.dir}/node.xml', 'w', encoding='utf-8') as file:
        file.write(vmpool_test.NODE)
    for name in ('one', 'two'):
        LAB.must(LAB.post('/v1/hosts', {'name': name, 'uri': f'test://{LAB.dir}/node.xml'}), 201)
    for size in (8, 12):
        subprocess.run(['qemu-img', 'create', '-q', '-f', 'qcow2', f'{LAB.dir}/{size}.qcow2', f'{size}M'], check=True)
    ctl('image', 'import', 'golden', f'{LAB.dir}/8.qcow2')
    for user in ('amy', 'bob', 'cyd'):
        LAB.add_user(user)


def create(name, *options, users=('amy', 'bob')):
    ctl('pool', 'create', name, '--image', 'golden@1', '--memory', '64MiB', '--credentials', 'prompt', *options)
    for user in users:
        LAB.must(LAB.post('/v1/entitlements', {'user': user, 'pool': name}), 201)


def delete(name):
    for session in LAB.get(f'/v1/sessions?pool={name}')['items']:
        log_off({'session': session['id']})
    ctl('pool', 'delete', name, '--yes')
    LAB.wait_until(lambda: LAB.get(f'/v1/pools/{name}').status == 404, WAIT_S, f'pool {name} is gone')


# --- log-off ------------------------------------------------------------------------------------------------


def a_kept_desktop_comes_back_to_its_user_only():
    create('kept', '--logoff', 'keep', '--spare', '1', '--max', '3')
    LAB.wait_ready('kept', 1)
    ticket, hers = log_in('amy', 'kept')
    log_off(ticket)
    desktop = LAB.get(f'/v1/desktops/{hers["name"]}').body
    assert (desktop['id'], desktop['state'], desktop['owner']) == (hers['id'], 'disconnected', 'amy'), desktop
    assert desktop['kept_since'] and not desktop['session'], desktop
    assert 'is kept for user amy' in events('desktop.kept')[-1], events('desktop.kept')
    assert 'Kept since' in ctl('desktop', 'show', hers['name'])
    other, his = log_in('bob', 'kept')
    assert his['id'] != hers['id'], his
    ticket, again = log_in('amy', 'kept')
    assert again['id'] == hers['id'] and not again['kept_since'], again
    # It outlives vmpool's end as every lent one does; where its guest is gone it is of no use and recycled.
    log_off(ticket)
    log_off(other)
    LAB.kill_vmpool()
    LAB.start_vmpool()
    wait_gone('kept', hers)
    assert 'the desktop is kept for its user' in ctl('pool', 'show', 'kept')
    delete('kept')


def who_comes_back_in_time_cancels_the_recycling():
    create('later', '--logoff-after', '30min', '--spare', '1', '--max', '3')
    LAB.wait_ready('later', 1)
    ticket, hers = log_in('amy', 'later')
    log_off(ticket)
    assert '30 min later' in ctl('pool', 'show', 'later')
    ticket, again = log_in('amy', 'later')
    assert again['id'] == hers['id'], again
    log_off(ticket)
    ctl('pool', 'set', 'later', '--logoff-after', '1s')  # holds for what is kept already, too
    wait_gone('later', hers)
    LAB.wait_ready('later', 1)
    ticket, again = log_in('amy', 'later')
    assert again['id'] != hers['id'], again
    delete('later')


def a_dedicated_desktop_goes_with_the_log_off():
    create('gone', '--kind', 'dedicated', '--logoff', 'delete', '--spare', '0', '--max', '3')
    ticket, hers = log_in('amy', 'gone')
    log_off(ticket)
    wait_gone('gone', hers)
    ticket, again = log_in('amy', 'gone')
    assert again['id'] != hers['id'], again
    delete('gone')


def a_dedicated_desktop_gets_a_new_disk_and_stays_its_users():
    create('fresh', '--kind', 'dedicated', '--logoff', 'recycle', '--spare', '0', '--max', '3')
    ticket, hers = log_in('amy', 'fresh')
    starts = hers['attempts']
    log_off(ticket)
    LAB.wait_desktops('fresh', lambda items: [(d['id'], d['state'], d['owner']) for d in items] ==
                      [(hers['id'], 'ready', 'amy')] and items[0]['attempts'] > starts, 'it is ready with a new disk')
    assert 'gets a new disk' in LAB.vmpool_log()
    ticket, again = log_in('amy', 'fresh')
    assert again['id'] == hers['id'], again
    delete('fresh')


def what_cannot_be_is_refused_in_words():
    assert 'must be "recycle" or "keep"' in ctl('pool', 'create', 'x', '--image', 'golden', '--logoff', 'delete', status=2)
    assert 'kept without an end' in ctl('pool', 'create', 'x', '--image', 'golden', '--logoff', 'keep', '--logoff-after',
                                        '5min', status=2)
    assert 'not for static pools' in ctl('pool', 'create', 'x', '--kind', 'static', '--host-max', '1', status=2)


# --- limits -------------------------------------------------------------------------------------------------


def limits_are_told_to_who_is_refused():
    create('small', '--sessions', '1', '--spare', '1', '--max', '3', users=('amy', 'bob', 'cyd'))
    LAB.wait_ready('small', 1)
    ticket, _ = log_in('amy', 'small')
    refused = LAB.login('bob', pool='small')
    assert (refused.status, refused['code']) == (503, 'pool-sessions'), refused.body
    assert 'It has 1 of at most 1.' in refused['detail'], refused.body
    assert 'pool-sessions' in str(events('login.refused')[-1]), events('login.refused')
    LAB.must(LAB.login('amy', pool='small'), 200)  # her own session is no second one
    ctl('pool', 'set', 'small', '--sessions', '0', '--queue', '1', '--max', '3', '--spare', '0')
    LAB.wait_desktops('small', lambda items: len(items) == 1, 'only hers is there')
    LAB.answering = False
    LAB.must(LAB.login('bob', pool='small'), 202)
    refused = LAB.login('cyd', pool='small')
    assert (refused.status, refused['code']) == (503, 'pool-waiting'), refused.body
    assert '1 of at most 1 wait.' in refused['detail'], refused.body
    LAB.answering = True
    delete('small')


# --- quotas -------------------------------------------------------------------------------------------------


def hosts_take_no_more_than_their_quotas():
    create('spread', '--host-max', '2', '--spare', '6', '--max', '6')
    LAB.wait_ready('spread', 4)
    assert sorted(d['host'] for d in LAB.desktops('spread')) == ['one', 'one', 'two', 'two']
    reason = LAB.wait_until(lambda: LAB.get('/v1/pools/spread')['reason'], WAIT_S, 'the pool says what it lacks')
    assert 'as many of its desktops as one host may have' in reason, reason
    ctl('host', 'set', 'one', '--max-desktops', '3')
    ctl('pool', 'set', 'spread', '--host-max', '0')
    LAB.wait_ready('spread', 6)
    assert sorted(d['host'] for d in LAB.desktops('spread')) == ['one'] * 3 + ['two'] * 3
    ctl('host', 'set', 'two', '--max-desktops', '3')
    ctl('pool', 'set', 'spread', '--spare', '7', '--max', '7')
    LAB.wait_until(lambda: 'as many desktops as it may have' in (LAB.get('/v1/pools/spread')['reason'] or ''), WAIT_S,
                   'the pool says that the hosts are full')
    assert 'Desktops at most' in ctl('host', 'show', 'two')
    ctl('host', 'set', 'one', '--max-desktops', '0')
    LAB.wait_ready('spread', 7)
    ctl('host', 'set', 'two', '--max-desktops', '0')
    delete('spread')


# --- a dedicated pool's roll --------------------------------------------------------------------------------


def a_dedicated_pool_is_rolled_with_its_owners():
    create('own', '--kind', 'dedicated', '--spare', '0', '--max', '2')
    ticket, hers = log_in('amy', 'own')
    log_off(ticket)
    his_ticket, his = log_in('bob', 'own')
    ctl('image', 'publish', 'golden', f'{LAB.dir}/12.qcow2')
    said = ctl('pool', 'roll', 'own', '--image', 'golden@2', status=4)
    assert 'what their users changed on 2 desktops of pool own would be lost' in said, said
    ctl('pool', 'roll', 'own', '--image', 'golden@2', '--discard')
    versions = roll_test.versions

    def hers_is_new():
        LAB.desktops('own')
        return versions()[hers['name']] == ('ready', 2)
    LAB.wait_until(hers_is_new, WAIT_S, 'hers, on which nobody is, has the new version')
    assert LAB.get(f'/v1/desktops/{hers["name"]}')['owner'] == 'amy'
    assert versions()[his['name']] == ('in_use', 1), versions()
    assert LAB.get(f'/v1/sessions/{his_ticket["session"]}')['state'] == 'active'
    assert LAB.get('/v1/pools/own/roll')['old_in_use'] == 1
    log_off(his_ticket)

    def done():
        LAB.desktops('own')
        return LAB.get('/v1/pools/own/roll')['phase'] == 'done'
    LAB.wait_until(done, WAIT_S, 'the roll is done')
    LAB.wait_desktops('own', lambda items: sorted((d['id'], d['state'], d['owner']) for d in items) ==
                      sorted([(hers['id'], 'ready', 'amy'), (his['id'], 'ready', 'bob')]), 'both are there')
    assert {v for _, v in versions().values()} == {2}, versions()
    assert 'would be lost' in ctl('pool', 'roll', 'own', '--back', status=4)
    delete('own')


# --- desktops that rest -------------------------------------------------------------------------------------


def a_stopped_desktop_gets_its_new_disk_in_time():
    create('idle', '--kind', 'dedicated', '--logoff', 'recycle', '--logoff-after', '1h', '--spare', '0', '--max', '2')
    ticket, hers = log_in('amy', 'idle')
    ctl('pool', 'power', 'idle', '--idle', 'stop', '--idle-after', '10s')
    log_off(ticket)
    LAB.wait_desktops('idle', lambda items: [(d['state'], d['rest']) for d in items] == [('stopped', None)],
                      'nobody is on it, so it is stopped')
    assert LAB.get(f'/v1/desktops/{hers["name"]}')['kept_since'], 'it is kept'
    said = f'desktop {hers["name"]} gets a new disk'
    assert said not in LAB.vmpool_log()
    ctl('pool', 'set', 'idle', '--logoff-after', '1s')
    LAB.wait_desktops('idle', lambda items: [(d['id'], d['state'], d['owner']) for d in items] ==
                      [(hers['id'], 'ready', 'amy')] and items[0]['attempts'] > hers['attempts'],
                      'it is started for its new disk')
    assert said in LAB.vmpool_log()
    LAB.wait_desktops('idle', lambda items: items[0]['state'] == 'stopped', 'it rests again')
    delete('idle')


def what_is_open_on_a_suspended_desktop_outlives_policies_and_rolls():
    create('open', '--kind', 'dedicated', '--logoff', 'recycle', '--spare', '0', '--max', '2')
    ticket, hers = log_in('amy', 'open')
    ctl('pool', 'power', 'open', '--idle', 'suspend', '--idle-after', '10s')
    LAB.must(LAB.report(ticket, 'closed', code='client-closed'), 200)
    LAB.wait_desktops('open', lambda items: items[0]['rest'] == 'suspended', 'it is suspended')
    assert not LAB.get(f'/v1/desktops/{hers["name"]}')['kept_since'], 'she has not logged off'
    ctl('pool', 'roll', 'open', '--image', 'golden@2')
    versions = roll_test.versions

    def rolls():
        LAB.desktops('open')
        return LAB.get('/v1/pools/open/roll')['phase'] == 'rolling'
    LAB.wait_until(rolls, WAIT_S, 'one of the new version stands')
    assert versions()[hers['name']] == ('stopped', 1), versions()
    assert LAB.get('/v1/pools/open/roll')['old_in_use'] == 1
    ticket, again = log_in('amy', 'open')
    assert again['id'] == hers['id'] and versions()[hers['name']] == ('in_use', 1), again
    assert f'desktop {hers["name"]}: goes on with the memory' in LAB.vmpool_log()
    log_off(ticket)

    def done():
        LAB.desktops('open')
        return LAB.get('/v1/pools/open/roll')['phase'] == 'done'
    LAB.wait_until(done, WAIT_S, 'hers follows when she has logged off')
    assert versions()[hers['name']][1] == 2, versions()
    delete('open')


def a_pool_on_hosts_of_two_vmpools_is_rolled_and_shrinks():
    """Whoever sizes pools decides on desktops whose hosts the other one drives."""
    LAB.start_second()
    hosts = [f'host:{LAB.get(f"/v1/hosts/{name}")["id"]}' for name in ('one', 'two')]
    LAB.wait_until(lambda: sorted(LAB.lease(host)[0] for host in hosts) == ['one', 'two'], WAIT_S, 'each has a host')
    LAB.wait_until(lambda: [h['state'] for h in LAB.get('/v1/hosts')['items']] == ['up', 'up'], WAIT_S, 'both are up')
    create('wide', '--placement', 'spread', '--spare', '4', '--max', '4')
    LAB.wait_ready('wide', 4)
    assert sorted(d['host'] for d in LAB.desktops('wide')) == ['one', 'one', 'two', 'two']
    ctl('pool', 'set', 'wide', '--spare', '0')
    LAB.wait_desktops('wide', lambda items: not items, 'nothing is left on either host')
    delete('wide')
    create('owned', '--kind', 'dedicated', '--placement', 'spread', '--spare', '0', '--max', '3', users=('amy', 'bob'))
    for user in ('amy', 'bob'):
        log_off(log_in(user, 'owned')[0])
    assert sorted(d['host'] for d in LAB.desktops('owned')) == ['one', 'two'], LAB.desktops('owned')
    ctl('pool', 'roll', 'owned', '--image', 'golden@2', '--discard')

    def done():
        LAB.desktops('owned')
        return LAB.get('/v1/pools/owned/roll')['phase'] == 'done'
    LAB.wait_until(done, WAIT_S, 'the roll is done')
    LAB.wait_desktops('owned', lambda items: [version for _, version in roll_test.versions().values()] == [2, 2],
                      'both have the new version, and the one that was tried first is gone')
    delete('owned')
    LAB.second.send_signal(signal.SIGTERM)
    assert LAB.second.wait(WAIT_S) == 0, LAB.second_log()


# --- data disks: what the driver can do of them -------------------------------------------------------------


def who_cannot_have_their_data_disk_is_told_so():
    create('data', '--data-disk', '1GiB', '--data-disk-mount', '/data', '--spare', '1', '--max', '2')
    assert '1 GiB, at /data' in ctl('pool', 'show', 'data')
    LAB.wait_ready('data', 1)
    ticket = LAB.must(LAB.login('amy', pool='data'), 202)  # her desktop is there, and her disk is not
    assert 'data disk' in ticket['message'], ticket.body

    # The driver has no agent that could mount it: after a minute she is told, and nobody else gets that desktop.
    def refused():
        return LAB.get(f'/v1/sessions/{ticket["session"]}/ticket?connection={ticket["connection"]}&wait=1').status == 410
    LAB.wait_until(refused, WAIT_S, 'her session ends')
    session = LAB.get(f'/v1/sessions/{ticket["session"]}')
    assert session['end_code'] == 'data-disk' and "agent does not answer" in session['end_detail'], session
    disk = LAB.get('/v1/data-disks?user=amy')['items'][0]
    assert disk['pool'] == 'data' and 'agent does not answer' in disk['reason'], disk
    LAB.wait_until(lambda: LAB.get(f'/v1/data-disks/{disk["id"]}')['state'] == 'free', WAIT_S, 'it is given back')
    assert 'Last failure' in ctl('data-disk', 'show', disk['id'])
    assert 'have to be deleted first' in ctl('pool', 'delete', 'data', '--yes', status=4)
    ctl('data-disk', 'delete', disk['id'], '--yes')
    LAB.wait_until(lambda: not LAB.get('/v1/data-disks')['items'], WAIT_S, 'it is gone')
    delete('data')


def all_of_a_users_sessions_are_limited():
    with open(LAB.config, encoding='utf-8') as file:
        text = file.read()
    with open(LAB.config, 'w', encoding='utf-8') as file:
        file.write(text.replace('[broker]\n', '[broker]\nuser_sessions = 1\n', 1))
    LAB.stop()
    LAB.start()
    create('first', '--spare', '1', '--max', '2')
    create('second', '--spare', '0', '--max', '2')
    LAB.wait_ready('first', 1)
    log_in('amy', 'first')
    refused = LAB.login('amy', pool='second')
    assert (refused.status, refused['code']) == (409, 'user-sessions'), refused.body
    assert 'You have 1 of at most 1.' in refused['detail'], refused.body
    delete('first')
    delete('second')


TESTS = [two_hosts_and_two_versions, a_kept_desktop_comes_back_to_its_user_only,
         who_comes_back_in_time_cancels_the_recycling, a_dedicated_desktop_goes_with_the_log_off,
         a_dedicated_desktop_gets_a_new_disk_and_stays_its_users, what_cannot_be_is_refused_in_words,
         limits_are_told_to_who_is_refused, hosts_take_no_more_than_their_quotas,
         a_dedicated_pool_is_rolled_with_its_owners, a_stopped_desktop_gets_its_new_disk_in_time,
         what_is_open_on_a_suspended_desktop_outlives_policies_and_rolls,
         a_pool_on_hosts_of_two_vmpools_is_rolled_and_shrinks, who_cannot_have_their_data_disk_is_told_so,
         all_of_a_users_sessions_are_limited]

if __name__ == '__main__':
    roll_test.CTL = sys.argv[3]
    with LifeLab(sys.argv[1], sys.argv[2]) as LAB:
        roll_test.LAB = LAB
        broker_lab.main(TESTS)
