#!/usr/bin/env python3
"""What was acknowledged survives kill -9 of the broker in the middle of a burst; requests that wait at its end
are answered.

usage: broker_crash_test.py BROKER FAKE_VMPOOL
"""
import os
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'lib'))
import broker_lab  # noqa: E402

LAB = None
ROUNDS = 3
WRITERS = 8


class Writer(threading.Thread):
    """Makes users until the broker is gone; remembers which were acknowledged."""

    def __init__(self, lab, prefix):
        super().__init__(daemon=True)
        self.lab, self.prefix, self.acknowledged = lab, prefix, []
        self.tried = 0

    def run(self):
        connection = self.lab.connection()
        try:
            while True:
                name = f'{self.prefix}-{self.tried}'
                self.tried += 1
                answer = self.lab.post('/v1/users', {'name': name}, connection=connection, check=False)
                if answer.status == 201:
                    self.acknowledged.append(name)
        except (OSError, broker_lab.http.client.HTTPException):
            pass


def acknowledged_users_survive_kill_9():
    lab = LAB
    acknowledged = set()
    for turn in range(ROUNDS):
        writers = [Writer(lab, f'w{turn}-{i}') for i in range(WRITERS)]
        for writer in writers:
            writer.start()
        lab.wait_until(lambda: sum(len(w.acknowledged) for w in writers) >= 60, 60, 'a burst is under way')
        lab.kill()
        for writer in writers:
            writer.join(30)
            assert not writer.is_alive()
            acknowledged.update(writer.acknowledged)
        assert os.path.exists(lab.socket), 'kill -9 leaves the socket, which the next start must clear'
        lab.start()
        there = {u['name'] for u in lab.must(lab.get('/v1/users'), 200)['items']}
        assert acknowledged <= there, acknowledged - there
    print(f'    ({len(acknowledged)} acknowledged, all there)')


def a_session_and_its_claim_survive_kill_9():
    lab = LAB
    lab.add_pool(spare=0, max=2)
    lab.add_user('kay', 'demo')
    lab.tell('make demo 1')
    ticket = lab.must(lab.login('kay'), 200)
    lab.must(lab.report(ticket, 'connected'), 200)
    listed = [{'session': ticket['session'], 'connection': 1}]
    lab.kill()
    lab.start()
    assert lab.heartbeat(sessions=listed)['stale'] == []
    assert lab.get(f'/v1/sessions/{ticket["session"]}')['state'] == 'active'
    again = lab.must(lab.login('kay'), 200)
    assert again['session'] == ticket['session'] and again['connect'] == ticket['connect'], again


def a_broker_that_stops_answers_who_waits():
    lab = LAB
    lab.add_user('max', 'demo')
    lab.heartbeat()
    last = max(o['number'] for o in lab.get('/v1/gateways/gw1/orders')['items'])
    waiting = [lab.connection() for _ in range(10)]
    for connection in waiting:
        connection.request('GET', f'/v1/gateways/gw1/orders?wait=25&after={last}')
    stream = lab.connection()
    stream.request('GET', '/v1/events?follow=1')
    response = stream.getresponse()
    # Who asked before these two was read before them.
    for _ in range(2):
        lab.get('/v1/gateways')
    begun = time.monotonic()
    lab.stop()
    answers = [connection.getresponse().status for connection in waiting]
    assert time.monotonic() - begun < 15, 'the end took as long as the longest wait'
    assert response.read().strip() == b''
    assert set(answers) <= {200, 503}, answers
    assert not os.path.exists(lab.socket)
    lab.start()


if __name__ == '__main__':
    with broker_lab.Lab(*sys.argv[1:3]) as LAB:
        broker_lab.main([acknowledged_users_survive_kill_9, a_session_and_its_claim_survive_kill_9,
                         a_broker_that_stops_answers_who_waits])
