#!/usr/bin/env python3
"""Static pools through the broker's API: machines that answer and stop answering, their certificates, places that
are kept and given up.

usage: broker_machines_test.py BROKER FAKE_VMPOOL
"""
import os
import socket
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'lib'))
import broker_lab  # noqa: E402

LAB = None
WAIT_S = 60
CONFIRM = bytes.fromhex('030000130ed00000123400') + bytes.fromhex('0200080001000000')
FIRST, SECOND = 'aa' * 32, 'bb' * 32


class Machine:
    """Answers X.224 requests with a confirm; stop() and start() are a machine switched off and on."""

    def __init__(self):
        self.port = 0
        self.asked = threading.Semaphore(0)
        self.start()

    def start(self):
        self.listening = socket.create_server(('127.0.0.1', self.port))
        self.port = self.listening.getsockname()[1]
        threading.Thread(target=self.serve, args=(self.listening,), daemon=True).start()

    def serve(self, listening):
        while True:
            try:
                sock = listening.accept()[0]
            except OSError:
                return
            with sock:
                if sock.recv(19):
                    sock.sendall(CONFIRM)
                    self.asked.release()

    def stop(self):
        self.listening.shutdown(socket.SHUT_RDWR)
        self.listening.close()


def pool(name, **members):
    LAB.must(LAB.post('/v1/pools', {'name': name, 'kind': 'static', **members}), 201)


def add(pool_name, name, port, **members):
    return LAB.must(LAB.post('/v1/machines', {'pool': pool_name, 'name': name, 'address': '127.0.0.1', 'port': port,
                                              **members}), 201)


def until(name, state):
    return LAB.wait_until(lambda: (lambda m: m if m['state'] == state else None)(LAB.get(f'/v1/machines/{name}').body),
                          WAIT_S, f'{name} is {state}')


def leave(ticket):
    LAB.must(LAB.report(ticket, 'closed', code='client-closed'), 200)


def log_off(ticket):
    LAB.must(LAB.post(f'/v1/sessions/{ticket["session"]}/logoff'), 202)


def a_machine_that_stops_answering_is_down_until_it_answers():
    machine = Machine()
    pool('probed')
    add('probed', 'flaky', machine.port)
    LAB.add_user('ann', 'probed')
    assert until('flaky', 'up')['failures'] == 0
    machine.stop()
    down = until('flaky', 'down')
    assert down['failures'] >= 2 and down['reason'] == 'connection refused', down
    assert LAB.get('/v1/pools/probed')['failed'] == 1
    refused = LAB.must(LAB.login('ann'), 503)
    assert refused['code'] == 'pool-failed', refused
    machine.start()
    until('flaky', 'up')
    ticket = LAB.must(LAB.login('ann'), 200)
    assert ticket['connect']['address'] == '127.0.0.1' and ticket['connect']['port'] == machine.port, ticket
    assert ticket['connect']['credentials'] == 'user' and 'password' not in ticket['connect'], ticket
    kinds = [e['kind'] for e in LAB.get('/v1/events?limit=1000')['items'] if e['kind'].startswith('machine.')]
    assert kinds == ['machine.added', 'machine.up', 'machine.down', 'machine.up'], kinds
    log_off(ticket)
    machine.stop()


def with_settings(**settings):
    """Runs the test with a broker of its own instead of the common one."""
    def wrap(test):
        def run():
            global LAB
            common = LAB
            with broker_lab.Lab(common.program, common.fake_program, **settings) as LAB:
                test()
            LAB = common
        run.__name__ = test.__name__
        return run
    return wrap


@with_settings(machine_check='1h')
def a_machine_that_a_gateway_did_not_reach_is_asked_at_once():
    machine = Machine()
    pool('suspect')
    add('suspect', 'doubtful', machine.port)
    until('doubtful', 'up')
    LAB.add_user('bea', 'suspect')
    ticket = LAB.must(LAB.login('bea'), 200)
    while machine.asked.acquire(blocking=False):
        pass
    LAB.must(LAB.report(ticket, 'closed', code='guest-unreachable', detail='refused'), 200)
    assert machine.asked.acquire(timeout=WAIT_S), 'it was not asked'
    log_off(ticket)
    machine.stop()


def the_first_certificate_is_remembered_and_another_is_not_taken():
    machine = Machine()
    pool('hall')
    add('hall', 'pc', machine.port, sessions_max=9)
    LAB.add_user('cid', 'hall')
    ticket = LAB.must(LAB.login('cid'), 200)
    assert ticket['connect']['fingerprint'] == '', ticket
    LAB.must(LAB.report(ticket, 'connected', guest_fingerprint='not hex'), 400)
    LAB.must(LAB.report(ticket, 'connected', guest_fingerprint=FIRST), 200)
    assert LAB.get('/v1/machines/pc')['fingerprint'] == FIRST
    leave(ticket)
    ticket = LAB.must(LAB.login('cid'), 200)
    assert ticket['connect']['fingerprint'] == FIRST, ticket
    LAB.must(LAB.report(ticket, 'closed', code='guest-mistrusted'), 200)
    assert until('pc', 'mistrusted')['reason'].startswith('it showed another certificate')
    assert LAB.must(LAB.login('cid'), 503)['code'] == 'pool-failed'
    LAB.must(LAB.patch('/v1/machines/pc', {'fingerprint': SECOND.upper()}), 200)
    until('pc', 'up')
    ticket = LAB.must(LAB.login('cid'), 200)
    assert ticket['connect']['fingerprint'] == SECOND, ticket
    log_off(ticket)
    machine.stop()


def a_disconnected_session_keeps_its_place_for_a_while():
    machine = Machine()
    pool('small')
    add('small', 'desk', machine.port)
    LAB.add_user('dan', 'small')
    LAB.add_user('eve', 'small')
    ticket = LAB.must(LAB.login('dan'), 200)
    LAB.must(LAB.report(ticket, 'connected'), 200)
    assert LAB.must(LAB.login('eve'), 503)['code'] == 'no-desktop'
    leave(ticket)
    again = LAB.must(LAB.login('dan'), 200)
    assert again['session'] == ticket['session'] and again['connect']['desktop'] == 'desk.1', again
    log_off(again)
    log_off(LAB.must(LAB.login('eve'), 200))
    machine.stop()


@with_settings(machine_keep='1s', machine_failures=0)
def and_gives_it_up_then():
    pool('small')
    add('small', 'desk', 1)
    LAB.add_user('dan', 'small')
    LAB.add_user('eve', 'small')
    ticket = LAB.must(LAB.login('dan'), 200)
    LAB.must(LAB.report(ticket, 'connected'), 200)
    leave(ticket)
    LAB.wait_until(lambda: LAB.get('/v1/machines/desk')['sessions'] == 0, WAIT_S, 'the place is given up')
    ended = LAB.get(f'/v1/sessions/{ticket["session"]}')
    assert ended['state'] == 'ended' and ended['end_code'] == 'no-show' and ended['desktop'] == 'desk.1', ended
    log_off(LAB.must(LAB.login('eve'), 200))
    # Nobody listens on that port, and with machine_failures at 0 nobody has looked.
    assert LAB.get('/v1/machines/desk')['state'] == 'unknown'


def what_a_static_pool_cannot_be_is_refused_in_words():
    for body, words in (({'image': 'golden'}, '"image"'), ({'spare': 1}, '"spare"'), ({'memory_mib': 512}, '"memory_mib"'),
                        ({'credentials': 'carrel'}, 'has no account'), ({'balance': 'width'}, 'breadth, depth'),
                        ({'trust': 'none'}, 'first-use, any')):
        answer = LAB.must(LAB.post('/v1/pools', {'name': 'wrong', 'kind': 'static', **body}), 400)
        assert words in answer['detail'], answer
    for member in ('image', 'spare', 'max', 'vcpus', 'memory_mib', 'network', 'placement', 'host_labels', 'apart', 'pattern'):
        answer = LAB.must(LAB.post('/v1/pools', {'name': 'wrong', 'kind': 'static', member: None}), 400)
        assert f'"{member}" is not for static pools' in answer['detail'], answer
    pool('right')
    answer = LAB.must(LAB.patch('/v1/pools/right', {'spare': 1}), 400)
    assert '"spare" is not for static pools' in answer['detail'], answer
    for body, words in (({'address': 'pc.example.org'}, 'Names are not looked up'), ({'address': '10.0.0.300'}, 'IPv4'),
                        ({'address': 'fe80::1%eth0'}, 'IPv6'), ({'address': '10.0.0.3', 'port': 0}, '"port"'),
                        ({'address': '10.0.0.3', 'sessions_max': 0}, '"sessions_max"'),
                        ({'address': '10.0.0.3', 'fingerprint': 'abc'}, 'SHA-256')):
        answer = LAB.must(LAB.post('/v1/machines', {'pool': 'right', **body}), 400)
        assert words in answer['detail'], answer
    LAB.must(LAB.post('/v1/machines', {'pool': 'nowhere', 'address': '10.0.0.3'}), 404)
    first = LAB.must(LAB.post('/v1/machines', {'pool': 'right', 'address': 'FD00:0:0::7', 'port': 3390}), 201)
    assert first['address'] == 'fd00::7' and first['name'] == 'fd00--7-3390', first
    LAB.must(LAB.post('/v1/machines', {'pool': 'right', 'address': 'fd00::7', 'port': 3390, 'name': 'b'}), 409)
    LAB.add_pool('guests', spare=0)
    answer = LAB.must(LAB.post('/v1/machines', {'pool': 'guests', 'address': '10.0.0.3'}), 409)
    assert 'only a static pool has machines' in answer['detail'], answer
    LAB.must(LAB.delete('/v1/pools/right'), 202)
    assert LAB.get('/v1/pools/right').status == 404


if __name__ == '__main__':
    with broker_lab.Lab(*sys.argv[1:3], machine_check='200ms', machine_failures=2) as LAB:
        broker_lab.main([a_machine_that_stops_answering_is_down_until_it_answers,
                         a_machine_that_a_gateway_did_not_reach_is_asked_at_once,
                         the_first_certificate_is_remembered_and_another_is_not_taken,
                         a_disconnected_session_keeps_its_place_for_a_while, and_gives_it_up_then,
                         what_a_static_pool_cannot_be_is_refused_in_words])
