#!/usr/bin/env python3
"""What comes from outside: bad, oversized and slow requests, many connections, callers without a role.

usage: broker_input_test.py BROKER FAKE_VMPOOL
"""
import json
import os
import select
import socket
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'lib'))
import broker_lab  # noqa: E402

LAB = None


def raw(data, timeout=20):
    """Sends bytes as they are; what came back until the broker closed, or nothing more came."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sock.settimeout(timeout)
    sock.connect(LAB.socket)
    try:
        sock.sendall(data)
    except OSError:
        pass
    answer = b''
    try:
        while b'\r\n\r\n' not in answer or b'HTTP/1.1 100' in answer[:20]:
            part = sock.recv(65536)
            if not part:
                break
            answer += part
    except OSError:
        pass
    sock.close()
    return answer


def names_and_values_are_checked():
    lab = LAB
    bad = [
        ('/v1/users', {'name': ''}), ('/v1/users', {'name': 'a b'}), ('/v1/users', {'name': '-a'}),
        ('/v1/users', {'name': 'x' * 65}), ('/v1/users', {'name': 5}), ('/v1/users', {'name': None}),
        ('/v1/users', {'name': 'ok', 'password': ''}), ('/v1/users', {'name': 'ok', 'password': 'x' * 513}),
        ('/v1/users', {'name': 'ok', 'full_name': 'a\nb'}), ('/v1/users', {'name': 'ok', 'groups': [1]}),
        ('/v1/users', {'name': 'ok', 'groups': 'staff'}),
        ('/v1/groups', {'name': 'a@b'}), ('/v1/images', {'name': 'i', 'source': 'relative.qcow2'}),
        ('/v1/images', {'name': 'i', 'source': '/a', 'kernel': '/k'}), ('/v1/hosts', {'name': 'h', 'uri': 'nothing'}),
        ('/v1/pools', {'name': 'p', 'image': 'i', 'kind': 'static'}),
        ('/v1/pools', {'name': 'p', 'image': 'i', 'spare': -1}), ('/v1/pools', {'name': 'p', 'image': 'i', 'spare': 1.5}),
        ('/v1/pools', {'name': 'p', 'image': 'i', 'spare': True}),
        ('/v1/pools', {'name': 'p', 'image': 'i', 'spare': 11}), ('/v1/pools', {'name': 'p', 'image': 'i', 'vcpus': 0}),
        ('/v1/pools', {'name': 'p', 'image': 'i', 'pattern': 'nonumber'}),
        ('/v1/pools', {'name': 'p', 'image': 'i', 'pattern': '%d-%d'}),
        ('/v1/pools', {'name': 'p', 'image': 'i', 'pattern': '%s%d'}),
        ('/v1/entitlements', {'pool': 'p'}), ('/v1/entitlements', {'pool': 'p', 'user': 'a', 'group': 'b'}),
    ]
    for path, body in bad:
        answer = lab.must(lab.post(path, body), 400)
        assert answer['code'] == 'bad-request' and len(answer['detail']) > 15, answer
    lab.must(lab.post('/v1/users', raw=b'{"name":"a","name":"b"}'), 400)
    lab.must(lab.post('/v1/users', raw=b'{"name":"a\\u0000b"}'), 400)
    lab.must(lab.post('/v1/users', raw=b'{"name":"\xff"}'), 400)
    lab.must(lab.post('/v1/users', raw=b'[' * 60000), 400)
    for path in ('/v1/users?x=1', '/v1/sessions?limit=x', '/v1/sessions?limit=-1', '/v1/sessions?state=odd',
                 '/v1/desktops?state=odd', '/v1/events?after=99999999999999999999', '/v1/orders/x',
                 '/v1/events?follow=2', '/v1/users?' + 'a' * 500 + '=1'):
        lab.must(lab.get(path), 400)
    for path in ('/', '/v1', '/v1/', '/v2/users', '/v1/users/', '/v1/users/a/b', '/v1/users/a%2Fb',
                 '/v1/users/..%2f..%2fetc', '/v1/users/%00', '/v1/users/' + 'x' * 300):
        lab.must(lab.get(path), 404)
    lab.must(lab.post('/v1/pools/nothing/retry', {'a': 1}), 400)
    assert lab.get('/v1/users')['items'] == []


def a_name_that_is_taken_is_409():
    lab = LAB
    lab.must(lab.post('/v1/users', {'name': 'Twice'}), 201)
    answer = lab.must(lab.post('/v1/users', {'name': 'twice'}), 409)
    assert answer['code'] == 'exists' and 'twice' in answer['detail'], answer
    lab.must(lab.delete('/v1/users/TWICE'), 204)
    lab.must(lab.delete('/v1/users/twice'), 404)


def bytes_that_are_no_http_get_no_further():
    for data in (b'\0' * 100, b'GET\r\n\r\n', b'\x16\x03\x01\x02\x00\x01\x00\x01\xfc', b'GET / HTTP/9.9\r\n\r\n',
                 b'GET /v1/healthz HTTP/1.1\r\nContent-Length: -5\r\n\r\n',
                 b'POST /v1/users HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
                 b'GET /' + b'a' * 100000 + b' HTTP/1.1\r\n\r\n',
                 b'GET /v1/healthz HTTP/1.1\r\nHost: x\r\nX: ' + b'b' * 100000 + b'\r\n\r\n'):
        answer = raw(data, 2)
        assert b' 200 ' not in answer[:20], answer[:200]
    LAB.must(LAB.get('/v1/healthz'), 200)


def a_large_body_is_413_however_it_comes():
    lab = LAB
    big = json.dumps({'name': 'x' * 70000}).encode()
    answer = lab.must(lab.post('/v1/users', raw=big), 413)
    assert answer['code'] == 'too-large' and '65536' in answer['detail'], answer

    def pieces():
        for at in range(0, len(big), 1000):
            yield big[at:at + 1000]
    connection = lab.connection()
    connection.request('POST', '/v1/users', pieces(), {'Content-Type': 'application/json'}, encode_chunked=True)
    response = connection.getresponse()
    assert response.status == 413, response.status
    answer = raw(b'POST /v1/users HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n'
                 b'Content-Length: 99999999999\r\n\r\n')
    assert answer.startswith(b'HTTP/1.1 413 '), answer[:100]
    # A heartbeat names all sessions, so it may be longer.
    sessions = [{'session': f's-{i:016d}', 'connection': 1} for i in range(5000)]
    answer = lab.heartbeat(sessions=sessions)
    assert len(answer['stale']) == 5000 and answer['stale'][0]['code'] == 'session-ended', answer['stale'][:2]


def a_pipelined_and_a_kept_alive_connection_work():
    connection = LAB.connection()
    for _ in range(50):
        LAB.must(LAB.get('/v1/status', connection=connection), 200)
        LAB.must(LAB.post('/v1/users', {'odd': 1}, connection=connection), 400)
        LAB.must(LAB.call('HEAD', '/v1/users', connection=connection), 200)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sock.settimeout(20)
    sock.connect(LAB.socket)
    sock.sendall(b'GET /v1/users HTTP/1.1\r\nHost: x\r\n\r\n' * 20)
    answer = b''
    while answer.count(b'HTTP/1.1 200') < 20 or not answer.endswith(b'}\n'):
        part = sock.recv(65536)
        assert part, answer
        answer += part
    sock.close()


def slow_clients_are_cut_and_others_served_meanwhile():
    lab = broker_lab.Lab(LAB.program, LAB.fake_program, request_timeout='2s')
    with lab:
        slow = []
        for begin in (b'', b'GET /v1/he', b'POST /v1/users HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n'
                      b'Content-Length: 100\r\n\r\n{'):
            sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            sock.connect(lab.socket)
            sock.sendall(begin)
            slow.append(sock)
        begun = time.monotonic()
        open_socks = list(slow)
        while open_socks:
            assert time.monotonic() - begun < 15, 'a slow client was not cut'
            lab.must(lab.get('/v1/status'), 200)
            # A byte now and then does not help: the limit is for the request as a whole.
            readable, _, _ = select.select(open_socks, [], [], 0.2)
            for sock in open_socks:
                if sock in readable:
                    assert not sock.recv(1000).startswith(b'HTTP/1.1 2')
                    open_socks.remove(sock)
                    break
                try:
                    sock.send(b'x')
                except OSError:
                    pass
        assert time.monotonic() - begun >= 1.5


def three_hundred_connections_are_served_side_by_side():
    connections = [LAB.connection() for _ in range(300)]
    for connection in connections:
        connection.connect()
    for connection in connections:
        connection.request('GET', '/v1/users')
    for connection in connections:
        response = connection.getresponse()
        assert response.status == 200
        response.read()
    for connection in connections:
        LAB.must(LAB.get('/v1/status', connection=connection), 200)
        connection.close()


def connections_past_the_limit_are_closed_and_places_come_back():
    lab = broker_lab.Lab(LAB.program, LAB.fake_program, max_connections=20)
    with lab:
        held = []
        for _ in range(20):
            connection = lab.connection()
            lab.must(lab.get('/v1/healthz', connection=connection), 200)
            held.append(connection)
        try:
            lab.get('/v1/healthz')
            raise AssertionError('a connection too many was served')
        except (ConnectionError, broker_lab.http.client.RemoteDisconnected):
            pass
        for connection in held:
            connection.close()
        lab.wait_until(lab.answers, 10, 'places are free again')


def a_waiting_client_that_leaves_frees_its_connection():
    lab = broker_lab.Lab(LAB.program, LAB.fake_program, max_connections=20)
    with lab:
        lab.heartbeat()
        for _ in range(5):
            waiting = []
            for _ in range(18):
                connection = lab.connection()
                connection.request('GET', '/v1/gateways/gw1/orders?wait=25')
                waiting.append(connection)
            stream = lab.connection()
            stream.request('GET', '/v1/events?follow=1&after=0')
            assert stream.getresponse().status == 200
            for connection in waiting + [stream]:
                connection.close()
            lab.wait_until(lab.answers, 10, 'the places of those who left are free')


def as_user(uid, work):
    """Runs WORK in a process of that uid; what it printed as JSON."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.setgroups([])
            os.setgid(uid)
            os.setuid(uid)
            os.write(writer, json.dumps(work()).encode())
            status = 0
        finally:
            os._exit(status)
    os.close(writer)
    with os.fdopen(reader) as file:
        text = file.read()
    _, status = os.waitpid(child, 0)
    assert status == 0, f'the process of uid {uid} failed'
    return json.loads(text)


def roles_are_known_by_uid():
    if os.geteuid() != 0:
        print('    (left out: needs root)')
        return
    lab = LAB
    nobody = 65534

    def ask():
        result = {}
        for method, path in (('GET', '/v1/healthz'), ('GET', '/v1/openapi.json'), ('GET', '/v1/users'),
                             ('POST', '/v1/logins'), ('GET', '/v1/gateways/gw1/orders')):
            answer = lab.call(method, path, {} if method == 'POST' else None)
            result[f'{method} {path}'] = [answer.status, answer.body.get('detail', '')]
        return result

    def statuses(answers):
        return [status for status, _ in answers.values()]

    answers = as_user(nobody, ask)
    assert statuses(answers) == [200, 200, 403, 403, 403], answers
    assert 'admin' in answers['GET /v1/users'][1] and str(nobody) in answers['GET /v1/users'][1], answers
    assert 'gateway' in answers['POST /v1/logins'][1], answers
    lab.write_config(gateways='root, nobody')
    reloads = lab.read_log().count('read again')
    lab.process.send_signal(broker_lab.signal.SIGHUP)
    lab.wait_until(lambda: lab.read_log().count('read again') > reloads, 20, 'the configuration was read again')
    assert statuses(as_user(nobody, ask)) == [200, 200, 403, 400, 200]
    lab.write_config(gateways='root', admins='nobody')
    lab.process.send_signal(broker_lab.signal.SIGHUP)
    lab.wait_until(lambda: lab.read_log().count('read again') > reloads + 1, 20, 'and once more')
    assert statuses(as_user(nobody, ask)) == [200, 200, 200, 403, 403]
    # A bad file changes nothing.
    lab.write_config(gateways='nobody', nonsense='1')
    lab.process.send_signal(broker_lab.signal.SIGHUP)
    lab.wait_until(lambda: 'nonsense' in lab.read_log(), 20, 'the bad file was refused')
    assert statuses(as_user(nobody, ask)) == [200, 200, 200, 403, 403]


def strangers_cannot_take_all_connections():
    if os.geteuid() != 0:
        print('    (left out: needs root)')
        return
    lab = broker_lab.Lab(LAB.program, LAB.fake_program)
    with lab:
        def crowd():
            served = 0
            held = []
            for _ in range(60):
                connection = lab.connection()
                held.append(connection)
                try:
                    served += lab.get('/v1/healthz', connection=connection).status == 200
                except (ConnectionError, broker_lab.http.client.RemoteDisconnected):
                    pass
            return served
        assert as_user(65534, crowd) == 32
        lab.must(lab.get('/v1/status'), 200)


def a_second_broker_does_not_take_the_socket():
    second = broker_lab.subprocess.run([LAB.program, '--config', LAB.config], capture_output=True, text=True,
                                       timeout=60, check=False)
    assert second.returncode == 1 and 'another broker answers' in second.stderr, second
    LAB.must(LAB.get('/v1/healthz'), 200)


if __name__ == '__main__':
    with broker_lab.Lab(*sys.argv[1:3]) as LAB:
        broker_lab.main([names_and_values_are_checked, a_name_that_is_taken_is_409,
                         bytes_that_are_no_http_get_no_further, a_large_body_is_413_however_it_comes,
                         a_pipelined_and_a_kept_alive_connection_work,
                         slow_clients_are_cut_and_others_served_meanwhile,
                         three_hundred_connections_are_served_side_by_side,
                         connections_past_the_limit_are_closed_and_places_come_back,
                         a_waiting_client_that_leaves_frees_its_connection,
                         strangers_cannot_take_all_connections, a_second_broker_does_not_take_the_socket,
                         roles_are_known_by_uid])
