#!/usr/bin/env python3
"""Two hundred people log in at once on a pool of four desktops: four get one each, everybody else is told why.

usage: broker_burst_test.py BROKER FAKE_VMPOOL
"""
import collections
import os
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'lib'))
import broker_lab  # noqa: E402

LAB = None
PEOPLE = 200
DESKTOPS = 4


def four_of_two_hundred_get_a_desktop():
    lab = LAB
    lab.add_pool(spare=4, max=DESKTOPS)
    # Each password is really checked, two at a time; that is what takes the time.
    group = lab.must(lab.post('/v1/groups', {'name': 'all'}), 201)
    lab.must(lab.post('/v1/entitlements', {'group': group['id'], 'pool': 'demo'}), 201)
    gate = threading.Barrier(PEOPLE)
    answers = [None] * PEOPLE

    lab.tell(f'people all secret {PEOPLE}')
    lab.tell(f'make demo {DESKTOPS}')

    def arrive(i):
        gate.wait(60)
        answers[i] = lab.login(f'p{i}', 'secret', address=f'198.51.{i // 100}.{i % 100}', gateway=f'gw{i % 3}',
                               connection=lab.connection(timeout=700))

    threads = [threading.Thread(target=arrive, args=(i,)) for i in range(PEOPLE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(720)
    assert all(answers), 'somebody got no answer'
    winners = [a for a in answers if a.status == 200]
    losers = [a for a in answers if a.status != 200]
    assert len(winners) == DESKTOPS, collections.Counter(a.status for a in answers)
    assert len({a['connect']['desktop'] for a in winners}) == DESKTOPS, 'a desktop was given twice'
    assert len({a['session'] for a in winners}) == DESKTOPS
    for answer in losers:
        assert answer.status == 503 and answer['code'] == 'no-desktop', answer
        assert 'in use' in answer['detail'] and int(answer.headers['Retry-After']) > 0, answer
    pool = lab.get('/v1/pools/demo')
    assert (pool['desktops'], pool['lent'], pool['waiting']) == (DESKTOPS, DESKTOPS, 0), pool
    print(f'    ({len(winners)} got a desktop, {len(losers)} were told why)')


def one_person_from_many_clients_gets_one_desktop():
    lab = LAB
    lab.add_pool('single', spare=0, max=9)
    lab.add_user('solo', 'single')
    lab.tell('make single 9')
    answers = []

    def arrive(i):
        answers.append(lab.login('solo', gateway=f'gw{i}'))

    threads = [threading.Thread(target=arrive, args=(i,)) for i in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert len({a['session'] for a in answers}) == 1 and len({a['connect']['desktop'] for a in answers}) == 1
    assert sorted(a['connection'] for a in answers) == list(range(1, 13)), answers


def who_leaves_in_the_queue_gets_nothing_and_holds_up_nobody():
    lab = LAB
    lab.add_pool('left', spare=0, max=40)
    lab.tell('make left 40')
    for i in range(40):
        lab.must(lab.post('/v1/entitlements', {'user': f'p{i}', 'pool': 'left'}), 201)
    for i in range(40):
        connection = lab.connection()
        connection.request('POST', '/v1/logins', broker_lab.json.dumps(
            {'user': f'p{i}', 'password': 'secret', 'pool': 'left', 'gateway': 'gw1', 'client': {}}),
            {'Content-Type': 'application/json'})
        connection.close()
    # This one stands behind all of them.
    lab.must(lab.login('p0', 'secret', pool='left', connection=lab.connection(timeout=700)), 200)
    lent = lab.get('/v1/pools/left')['lent']
    # One for each password that was being checked when its owner left would be right, too.
    assert lent <= 1 + 4, f'{lent} desktops were given to people who had left'


def a_stop_checks_no_more_passwords_and_everybody_hears_of_it():
    lab = LAB
    connections = []
    for i in range(PEOPLE):
        connection = lab.connection(timeout=700)
        connection.request('POST', '/v1/logins', broker_lab.json.dumps(
            {'user': f'p{i}', 'password': 'secret', 'pool': 'left', 'gateway': 'gw1', 'client': {}}),
            {'Content-Type': 'application/json'})
        connections.append(connection)
    # The first answer shows that the passwords are being checked, and so that the rest stands in the queue.
    connections[0].getresponse().read()
    lab.stop()
    told = 0
    for connection in connections[1:]:
        try:
            answer = connection.getresponse()
        except OSError:  # its request had not been read when the socket was closed
            continue
        told += answer.status == 503 and b'being stopped' in answer.read()
    assert told > PEOPLE // 4, f'only {told} of {PEOPLE} were told'
    lab.start()


if __name__ == '__main__':
    # A slow machine takes long for all the passwords; no claim may lapse meanwhile.
    with broker_lab.Lab(*sys.argv[1:3], claim_hold='30min', wait_limit='30min') as LAB:
        broker_lab.main([four_of_two_hundred_get_a_desktop, one_person_from_many_clients_gets_one_desktop,
                         who_leaves_in_the_queue_gets_nothing_and_holds_up_nobody,
                         a_stop_checks_no_more_passwords_and_everybody_hears_of_it])
