#!/usr/bin/env python3
"""Policies of pools and entitlements: stored, merged, handed to gateways; hours, networks, limits; what was denied.

usage: broker_policy_test.py BROKER FAKE_VMPOOL
"""
import datetime
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'lib'))
import broker_lab  # noqa: E402

LAB = None
DAYS = ('Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun')


def pool(name, **policy):
    LAB.must(LAB.add_pool(name, spare=0, max=5, policy=policy), 201)
    LAB.tell(f'make {name} 3')


def entitle(name, policy, **who):
    return LAB.must(LAB.post('/v1/entitlements', {'pool': name, 'policy': policy, **who}), 201)


def session_of(ticket):
    return LAB.must(LAB.get(f'/v1/sessions/{ticket["session"]}'), 200)


def events(kind, ticket):
    found = LAB.get('/v1/events?limit=10000')['items']
    return [e['text'] for e in found if e['kind'] == kind and e['session'] == ticket['session']]


def a_policy_is_kept_changed_and_taken_back():
    pool('kept', clipboard='off', hours='Mon-Fri 07:00-19:00 Europe/Berlin')
    assert LAB.get('/v1/pools/kept')['policy'] == {'clipboard': 'off', 'hours': 'Mon-Fri 07:00-19:00 Europe/Berlin'}
    changed = LAB.must(LAB.patch('/v1/pools/kept', {'policy': {'drives': 'off', 'clipboard': None}}), 200)
    assert changed['policy'] == {'drives': 'off', 'hours': 'Mon-Fri 07:00-19:00 Europe/Berlin'}, changed
    LAB.must(LAB.patch('/v1/pools/kept', {'spare': 1}), 200)
    LAB.must(LAB.patch('/v1/pools/kept', {'policy': {'hours': 'default'}}), 200)
    assert LAB.get('/v1/pools/kept')['policy'] == {'drives': 'off'}
    LAB.add_user('kate')
    given = entitle('kept', {'idle-limit': '90min'}, user='kate')
    assert given['policy'] == {'idle-limit': '90min'}, given
    changed = LAB.must(LAB.patch(f'/v1/entitlements/{given["id"]}', {'policy': {'usb': 'off'}}), 200)
    assert changed['policy'] == {'idle-limit': '90min', 'usb': 'off'}, changed
    assert LAB.get(f'/v1/entitlements/{given["id"]}')['policy'] == changed['policy']


def what_is_no_policy_is_refused_in_words():
    for policy, words in (({'clipboard': 'on'}, 'one of off'), ({'keyboard': 'off'}, "no key 'keyboard'"),
                          ({'drives': 1}, 'no text'), ({'hours': 'daily 08:00-09:00 Mars/Base'}, "time zone 'Mars/Base'"),
                          ({'networks': '10.0.0.0/40'}, 'networks such as'), ([], '')):
        answer = LAB.patch('/v1/pools/kept', {'policy': policy})
        assert answer.status == 400 and words in answer['detail'], answer
    assert LAB.get('/v1/pools/kept')['policy'] == {'drives': 'off'}
    assert LAB.patch('/v1/entitlements/e-0000000000000000', {'policy': {}}).status == 404


def an_entitlement_is_over_the_pool_and_the_users_own_over_the_groups():
    pool('merged', clipboard='off', drives='off', printers='off')
    LAB.add_user('mia')
    for group in ('staff', 'editors'):
        LAB.must(LAB.post('/v1/groups', {'name': group}), 201)
        LAB.must(LAB.put(f'/v1/groups/{group}/members/mia'), 204)
    entitle('merged', {'clipboard': 'to-guest', 'usb': 'off'}, group='staff')
    entitle('merged', {'clipboard': 'from-guest', 'drives': 'on'}, group='editors')
    own = entitle('merged', {'usb': 'on', 'idle-limit': '1h'}, user='mia')
    ticket = LAB.must(LAB.login('mia'), 200)
    assert ticket['connect']['policy'] == {'clipboard': 'both', 'drives': 'on', 'printers': 'off', 'usb': 'on',
                                           'idle-limit': '1h'}, ticket
    # Without a word of anybody nothing is said.
    LAB.must(LAB.delete(f'/v1/entitlements/{own["id"]}'), 204)
    again = LAB.must(LAB.login('mia'), 200)
    assert again['connect']['policy'] == {'clipboard': 'both', 'drives': 'on', 'printers': 'off', 'usb': 'off'}, again
    pool('silent')
    LAB.add_user('sam', 'silent')
    assert LAB.must(LAB.login('sam'), 200)['connect']['policy'] == {}


def hours_and_networks_are_refused_in_words():
    LAB.add_user('hal', 'silent')
    yesterday = DAYS[(datetime.datetime.now(datetime.timezone.utc).weekday() + 4) % 7]
    LAB.must(LAB.patch('/v1/pools/silent', {'policy': {'hours': f'{yesterday} 08:00-20:00 UTC'}}), 200)
    answer = LAB.must(LAB.login('hal'), 403)
    assert answer['code'] == 'outside-hours' and f'{yesterday} 08:00-20:00 UTC' in answer['detail'], answer
    LAB.must(LAB.patch('/v1/pools/silent', {'policy': {'hours': 'any', 'networks': '10.0.0.0/8,2001:db8::/32'}}), 200)
    answer = LAB.must(LAB.login('hal', address='192.0.2.9'), 403)
    assert answer['code'] == 'outside-networks' and '192.0.2.9' in answer['detail'], answer
    LAB.must(LAB.login('hal', address='2001:db8::9'), 200)
    # Sessions that live are held to it when their users come again.
    assert LAB.must(LAB.login('hal', address='192.0.2.9'), 403)['code'] == 'outside-networks'


def of_several_pools_one_that_is_open_is_chosen():
    pool('away', networks='203.0.113.0/24')
    pool('home', networks='192.0.2.0/24')
    LAB.add_user('ida', 'away')
    LAB.must(LAB.post('/v1/entitlements', {'user': 'ida', 'pool': 'home'}), 201)
    assert LAB.must(LAB.login('ida', address='192.0.2.5'), 200)['pool'] == 'home'
    assert LAB.must(LAB.login('ida', pool='away', address='192.0.2.5'), 403)['code'] == 'outside-networks'
    assert LAB.must(LAB.login('ida', address='198.51.100.1'), 403)['code'] == 'outside-networks'


def what_was_denied_stands_in_the_record():
    pool('denies', clipboard='off')
    LAB.add_user('dora', 'denies')
    ticket = LAB.must(LAB.login('dora'), 200)
    assert session_of(ticket)['denied'] is None
    LAB.must(LAB.report(ticket, 'connected', denied='clipboard-to-guest clipboard-from-guest'), 200)
    LAB.must(LAB.report(ticket, 'denied', denied='clipboard-to-guest clipboard-from-guest usb'), 200)
    assert session_of(ticket)['state'] == 'active'
    LAB.must(LAB.report(ticket, 'closed', denied='usb clipboard-to-guest'), 200)
    assert session_of(ticket)['denied'] == 'clipboard-to-guest clipboard-from-guest usb'
    told = events('session.denied', ticket)
    assert len(told) == 2 and told[0].endswith(': clipboard-to-guest clipboard-from-guest.'), told
    assert told[1].endswith(': usb.'), told


def a_session_ends_when_its_time_is_over():
    pool('short', **{'session-limit': '3s', 'session-warning': '2s'})
    LAB.add_user('sue', 'short')
    ticket = LAB.must(LAB.login('sue'), 200)
    LAB.must(LAB.report(ticket, 'connected'), 200)
    assert session_of(ticket)['ends'] > session_of(ticket)['created']
    ended = LAB.wait_until(lambda: (s := session_of(ticket))['state'] == 'ended' and s, 60, 'the session ends')
    assert ended['end_code'] == 'session-limit', ended
    assert len(events('session.warned', ticket)) == 1
    orders = LAB.get('/v1/gateways/gw1/orders?after=0&wait=0')['items']
    ours = [o for o in orders if o['session'] == ticket['session']]
    assert [(o['verb'], o['code']) for o in ours] == [('message', ''), ('close', 'session-limit')], orders
    assert 'The time of your session is over in' in ours[0]['text'] and 'second' in ours[0]['text'], ours


def a_session_is_warned_twice_and_not_again_at_a_new_log_in():
    pool('long', **{'session-limit': '95s', 'session-warning': '94s'})
    LAB.add_user('lou', 'long')
    ticket = LAB.must(LAB.login('lou'), 200)
    LAB.must(LAB.report(ticket, 'connected'), 200)
    LAB.wait_until(lambda: events('session.warned', ticket), 60, 'the first warning')
    ticket = LAB.must(LAB.login('lou'), 200)
    LAB.must(LAB.report(ticket, 'connected'), 200)
    LAB.wait_until(lambda: len(events('session.warned', ticket)) == 2, 120, 'the second warning')
    texts = [o['text'] for o in LAB.get('/v1/gateways/gw1/orders?after=0&wait=0')['items']
             if o['session'] == ticket['session'] and o['verb'] == 'message']
    assert len(texts) == 2 and 'in 2 minutes' in texts[0] and 'in 1 minute.' in texts[1], texts


def a_disconnected_session_is_kept_so_long():
    pool('left', **{'disconnect-limit': '1s'})
    LAB.add_user('leo', 'left')
    ticket = LAB.must(LAB.login('leo'), 200)
    LAB.must(LAB.report(ticket, 'connected'), 200)
    LAB.must(LAB.report(ticket, 'closed'), 200)
    ended = LAB.wait_until(lambda: (s := session_of(ticket))['state'] == 'ended' and s, 60, 'the session ends')
    assert ended['end_code'] == 'disconnect-limit', ended


def main():
    global LAB
    with broker_lab.Lab(sys.argv[1], sys.argv[2]) as LAB:
        broker_lab.main([a_policy_is_kept_changed_and_taken_back, what_is_no_policy_is_refused_in_words,
                         an_entitlement_is_over_the_pool_and_the_users_own_over_the_groups,
                         hours_and_networks_are_refused_in_words, of_several_pools_one_that_is_open_is_chosen,
                         what_was_denied_stands_in_the_record, a_session_ends_when_its_time_is_over,
                         a_session_is_warned_twice_and_not_again_at_a_new_log_in,
                         a_disconnected_session_is_kept_so_long])


main()
