#!/usr/bin/env python3
"""What log-ins ask people: one-time codes, a new password for one that expired, which of several pools.

usage: broker_question_test.py BROKER FAKE_VMPOOL
"""
import base64
import datetime
import hashlib
import hmac
import os
import sqlite3
import struct
import sys
import threading
import time
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'lib'))
import broker_lab  # noqa: E402

LAB = None
PASSWORD = 'correct horse'
DAYS = ('Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun')
FAR_DAY = DAYS[(datetime.datetime.now(datetime.timezone.utc).weekday() + 4) % 7]


def code(secret, later=0):
    """RFC 6238, LATER steps from now: codes of now and of the next step are good for longer than any test waits."""
    counter = int(time.time()) // 30 + later
    digest = hmac.new(base64.b32decode(secret), struct.pack('>Q', counter), hashlib.sha1).digest()
    at = digest[-1] & 15
    return f'{(struct.unpack(">I", digest[at:at + 4])[0] & 0x7fffffff) % 1000000:06}'


def wrong_code(secret):
    """None of those that could count before the test is over."""
    good = {code(secret, step) for step in range(-2, 20)}
    return next(c for c in ('123456', '654321', '111111') if c not in good)


def begin(user, password=PASSWORD, **more):
    body = {'user': user, 'password': password, 'gateway': 'gw1', 'client': {'address': '192.0.2.1'}, 'can_ask': True,
            **more}
    return LAB.post('/v1/logins', body)


def asked(answer, ask, bad=False):
    LAB.must(answer, 200)
    assert answer.body.get('state') == 'question', answer
    question = answer['question']
    assert question['ask'] == ask and question['bad'] is bad, answer
    assert 100 <= question['expires_in_s'] <= 120, answer
    return question


def reply(question, gateway='gw1', address='192.0.2.1', **what):
    return LAB.post('/v1/logins', {'question': question['id'], 'gateway': gateway, 'client': {'address': address}, **what})


def refused(answer, status, code_, words=''):
    LAB.must(answer, status)
    assert answer['code'] == code_ and words in answer['detail'], answer


def in_pool(answer, pool):
    assert answer.status in (200, 202) and answer.body.get('session') and answer['pool'] == pool, answer
    return answer


def enrol(user):
    secret = LAB.must(LAB.post(f'/v1/users/{user}/otp'), 201)
    uri = urllib.parse.urlsplit(secret['uri'])
    query = urllib.parse.parse_qs(uri.query)
    assert (uri.scheme, uri.netloc, uri.path) == ('otpauth', 'totp', f'/Carrel:{user}'), secret
    assert query == {'secret': [secret['secret']], 'issuer': ['Carrel'], 'algorithm': ['SHA1'], 'digits': ['6'],
                     'period': ['30']}, secret
    assert len(base64.b32decode(secret['secret'])) == 20
    return secret['secret']


def person(name, pool='demo', **more):
    LAB.add_user(name, pool, **more)
    return name


def events(user, kind):
    return [e['text'] for e in LAB.get('/v1/events?limit=10000')['items'] if e['user'] == user and e['kind'] == kind]


def stored(column, table='otp_secrets'):
    with sqlite3.connect(f'file:{LAB.dir}/store.db?mode=ro', uri=True) as db:
        return [row[0] for row in db.execute(f'SELECT {column} FROM {table}')]


# --- one-time codes --------------------------------------------------------------------------------------------


def a_code_is_asked_for_and_opens():
    person('cora')
    in_pool(begin('cora'), 'demo')
    secret = enrol('cora')
    assert LAB.get('/v1/users/cora')['otp'] is True
    question = asked(begin('cora'), 'code')
    assert 'digits' in question['text'], question
    in_pool(reply(question, code=code(secret)), 'demo')
    # Blanks as apps show them.
    six = code(secret, 1)
    in_pool(reply(asked(begin('cora'), 'code'), code=six[:3] + ' ' + six[3:]), 'demo')


def a_code_is_good_once_whoever_shows_it():
    secret = enrol(person('olga'))
    six = code(secret)
    in_pool(reply(asked(begin('olga'), 'code'), code=six), 'demo')
    again = asked(reply(asked(begin('olga'), 'code'), code=six), 'code', bad=True)
    assert 'used before' in again['text'], again
    # Whoever looks over a shoulder has two questions open at once: one of them gets in.
    secret = enrol(person('otto'))
    questions = [asked(begin('otto'), 'code') for _ in range(2)]
    answers = [reply(q, code=code(secret)) for q in questions]
    in_pool(answers[0], 'demo')
    asked(answers[1], 'code', bad=True)
    # A later one that was taken makes those before it worthless.
    secret = enrol(person('oda'))
    in_pool(reply(asked(begin('oda'), 'code'), code=code(secret, 1)), 'demo')
    asked(reply(asked(begin('oda'), 'code'), code=code(secret)), 'code', bad=True)


def at_once_a_code_opens_one_door():
    secret = enrol(person('omar'))
    questions = [asked(begin('omar'), 'code') for _ in range(6)]
    six, answers = code(secret), []
    threads = [threading.Thread(target=lambda q=q: answers.append(reply(q, code=six, address='192.0.2.1')))
               for q in questions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum('session' in a.body and a.status in (200, 202) for a in answers) == 1, answers


def a_wrong_code_is_asked_for_again_and_counts():
    secret = enrol(person('wilma'))
    question = asked(begin('wilma'), 'code')
    for typed in ('abc', '1234567', '', '12345', wrong_code(secret)):
        new = asked(reply(question, code=typed), 'code', bad=True)
        assert new['id'] != question['id'] and 'not right' in new['text'], new
        question = new
    refusals = events('wilma', 'login.refused')
    assert len(refusals) == 5 and all('(wrong-code)' in text for text in refusals), refusals
    in_pool(reply(question, code=code(secret)), 'demo')


def guesses_of_codes_bring_pauses_that_the_password_does_not_wipe_out():
    LAB.stop()
    LAB.write_config(login_tries=3, login_pause='300s', login_pause_max='300s')
    LAB.start()
    try:
        secret = enrol(person('gus'))
        wrong = wrong_code(secret)
        for i in range(3):
            asked(reply(asked(begin('gus', client={'address': f'203.0.113.{i}'}), 'code'), code=wrong,
                        address=f'203.0.113.{i}'), 'code', bad=True)
        question = asked(begin('gus', client={'address': '203.0.113.9'}), 'code')
        waiting = asked(begin('gus', client={'address': '203.0.113.10'}), 'code')
        answer = reply(question, code=wrong, address='203.0.113.9')
        refused(answer, 429, 'too-many-tries', 'Try again in')
        assert int(answer.headers['Retry-After']) > 200, answer.headers
        refused(reply(waiting, code=code(secret), address='203.0.113.10'), 429, 'too-many-tries')
        refused(begin('gus', client={'address': '203.0.113.11'}), 429, 'too-many-tries')
    finally:
        LAB.stop()
        LAB.write_config(login_tries=1000, login_pause='1s', login_pause_max='1s')
        LAB.start()


def a_gateway_that_cannot_ask_is_told_so():
    enrol(person('nils'))
    refused(LAB.login('nils'), 403, 'code-needed', 'one-time code')
    refused(begin('nils', can_ask=False), 403, 'code-needed')
    refused(LAB.login('nils', password='wrong'), 401, 'wrong-password')
    assert '(code-needed)' in events('nils', 'login.refused')[0]


def codes_can_be_taken_back_and_set_up_anew():
    secret = enrol(person('rita'))
    answer = LAB.must(LAB.post('/v1/users/rita/otp'), 409)
    assert 'already' in answer['detail'], answer
    question = asked(begin('rita'), 'code')
    LAB.must(LAB.delete('/v1/users/rita/otp'), 204)
    LAB.must(LAB.delete('/v1/users/rita/otp'), 404)
    assert LAB.get('/v1/users/rita')['otp'] is False
    in_pool(begin('rita'), 'demo')
    in_pool(reply(question, code='000000'), 'demo')  # asked before: nothing is asked for any more
    assert enrol('rita') != secret
    asked(reply(asked(begin('rita'), 'code'), code=code(secret)), 'code', bad=True)
    texts = [e['text'] for e in LAB.get('/v1/events?limit=10000')['items'] if e['kind'].startswith('admin.otp.')]
    assert sum('of user rita ' in text for text in texts) == 3, texts
    LAB.must(LAB.delete('/v1/users/rita'), 409)  # a session lives


def secrets_are_sealed():
    secret = enrol(person('sara'))
    raw = base64.b32decode(secret)
    assert stored('sealed') and all(raw not in bytes(b) and secret.encode() not in bytes(b) for b in stored('sealed'))
    with open(f'{LAB.dir}/store.db', 'rb') as file:
        assert raw not in file.read()
    assert secret not in LAB.read_log()


def what_is_required_or_off():
    enrolled, none = person('ria'), person('ron')
    secret = enrol(enrolled)
    for mode in ('required', 'off', 'optional'):
        LAB.stop()
        LAB.write_config(otp=mode)
        LAB.start()
        if mode == 'required':
            refused(begin(none), 403, 'code-not-set-up', 'administrator')
            refused(begin(none, password='wrong'), 401, 'wrong-password')
            in_pool(reply(asked(begin(enrolled), 'code'), code=code(secret)), 'demo')
        elif mode == 'off':
            in_pool(begin(enrolled), 'demo')
            assert 'broker.otp' in LAB.must(LAB.post(f'/v1/users/{none}/otp'), 409)['detail']
        else:
            in_pool(begin(none), 'demo')
            asked(begin(enrolled), 'code')


# --- questions -------------------------------------------------------------------------------------------------


def a_question_is_good_once():
    secret = enrol(person('qing'))
    question = asked(begin('qing'), 'code')
    in_pool(reply(question, code=code(secret)), 'demo')
    refused(reply(question, code=code(secret, 1)), 408, 'client-timeout', 'lapsed')
    question = asked(begin('qing'), 'code')
    asked(reply(question, code='0'), 'code', bad=True)
    refused(reply(question, code=code(secret, 1)), 408, 'client-timeout', 'lapsed')
    refused(reply({'id': 'q-0000000000000000'}, code='123456'), 408, 'client-timeout', 'Connect again')


def a_question_is_its_gateways_and_its_clients():
    secret = enrol(person('quinn'))
    question = asked(begin('quinn'), 'code')
    refused(reply(question, gateway='gw2', code=code(secret)), 408, 'client-timeout')
    refused(reply(question, address='192.0.2.2', code=code(secret)), 408, 'client-timeout')
    in_pool(reply(question, code=code(secret)), 'demo')  # theirs did it no harm


def an_answer_fits_its_question():
    secret = enrol(person('abel'))
    question = asked(begin('abel'), 'code')
    for what in ({}, {'code': '1', 'pool': 'demo'}, {'code': '1', 'user': 'abel'}, {'code': '1', 'password': 'x'},
                 {'code': 1}, {'code': '1' * 100}, {'code': '1', 'nla': 'x-0000000000000000'}, {'code': '1', 'can_ask': True}):
        refused(reply(question, **what), 400, 'bad-request')
    refused(reply(question, pool='demo'), 400, 'bad-request', 'something else')
    refused(reply(question, new_password='another one'), 400, 'bad-request', 'something else')
    refused(LAB.post('/v1/logins', {'code': '123456', 'user': 'abel', 'password': 'x', 'gateway': 'gw1', 'client': {}}),
            400, 'bad-request')
    in_pool(reply(question, code=code(secret)), 'demo')


def a_broker_that_was_killed_has_forgotten_its_questions_and_not_its_codes():
    secret = enrol(person('kim'))
    question = asked(begin('kim'), 'code')
    six = code(secret)
    in_pool(reply(asked(begin('kim'), 'code'), code=six), 'demo')
    LAB.kill()
    LAB.start()
    refused(reply(question, code=code(secret, 1)), 408, 'client-timeout')
    asked(reply(asked(begin('kim'), 'code'), code=six), 'code', bad=True)
    in_pool(reply(asked(begin('kim'), 'code'), code=code(secret, 1)), 'demo')


def a_disabled_user_gets_no_further():
    for name, what in (('dora', 'code'), ('dean', 'password'), ('dick', 'pool')):
        LAB.add_user(name, 'demo')
        secret = None
        if what == 'code':
            secret = enrol(name)
        elif what == 'password':
            LAB.must(LAB.patch(f'/v1/users/{name}', {'must_change_password': True}), 200)
        else:
            LAB.must(LAB.post('/v1/entitlements', {'user': name, 'pool': 'other'}), 201)
        question = begin(name)['question']
        LAB.must(LAB.patch(f'/v1/users/{name}', {'disabled': True}), 200)
        given = {'code': {'code': secret and code(secret)}, 'password': {'new_password': 'brand new one'},
                 'pool': {'pool': 'other'}}[what]
        refused(reply(question, **given), 403, 'account-disabled')
    LAB.must(LAB.patch('/v1/users/dean', {'disabled': False}), 200)
    refused(LAB.login('dean', password='brand new one'), 401, 'wrong-password')


# --- passwords -------------------------------------------------------------------------------------------------


def an_expired_password_is_changed():
    person('petra')
    user = LAB.must(LAB.patch('/v1/users/petra', {'must_change_password': True}), 200)
    assert user['must_change_password'] is True, user
    refused(LAB.login('petra'), 403, 'password-expired', 'cannot be done here')
    refused(begin('petra', password='wrong'), 401, 'wrong-password')
    question = asked(begin('petra'), 'new-password')
    assert 'has to be changed' in question['text'] and '8 characters' in question['text'], question
    for typed, words in (('short', 'at least 8 characters'), ('päßwört', 'at least 8 characters'), ('', 'not be empty'),
                         (PASSWORD, 'the same as the present one')):
        question = asked(reply(question, new_password=typed), 'new-password', bad=True)
        assert words in question['text'] and 'Choose another' in question['text'], question
    in_pool(reply(question, new_password='a battery staple'), 'demo')
    refused(begin('petra'), 401, 'wrong-password')
    in_pool(begin('petra', password='a battery staple'), 'demo')
    after = LAB.get('/v1/users/petra')
    assert after['must_change_password'] is False and after['password_set'] > user['password_set'], after
    assert events('petra', 'password.changed') == ['User petra chose a new password, from 192.0.2.1.']
    assert len([t for t in events('petra', 'login.refused') if '(password-refused)' in t]) == 4
    assert 'a battery staple' not in LAB.read_log()


def the_users_name_is_no_password():
    person('leopoldine')
    LAB.must(LAB.patch('/v1/users/leopoldine', {'must_change_password': True}), 200)
    question = asked(reply(asked(begin('leopoldine'), 'new-password'), new_password='Leopoldine'), 'new-password', bad=True)
    assert 'the name of its user' in question['text'], question


def a_password_grows_old():
    for name in ('alma', 'anton'):
        person(name)
    LAB.stop()
    LAB.write_config(password_max_age='90d')
    day_ms = 24 * 60 * 60 * 1000
    with sqlite3.connect(f'{LAB.dir}/store.db') as db:
        for name, days in (('alma', 91), ('anton', 89)):
            db.execute('UPDATE users SET password_ms = password_ms - ? WHERE name = ?', (days * day_ms, name))
    LAB.start()
    try:
        in_pool(begin('anton'), 'demo')
        question = asked(begin('alma'), 'new-password')
        assert 'has expired' in question['text'], question
        in_pool(reply(question, new_password='a battery staple'), 'demo')
        refused(begin('alma'), 401, 'wrong-password')
        in_pool(begin('alma', password='a battery staple'), 'demo')
    finally:
        LAB.stop()
        LAB.write_config(password_max_age='0s')
        LAB.start()


def what_an_administrator_set_meanwhile_stays():
    """Whoever was asked knew the old password, and that may be why there is a new one."""
    person('mick')
    several('mona', 'demo', 'other')
    LAB.must(LAB.patch('/v1/users/mick', {'must_change_password': True}), 200)
    secret = enrol(person('milo'))
    questions = [asked(begin('mick'), 'new-password'), asked(begin('mona'), 'pool'), asked(begin('milo'), 'code')]
    for name in ('mick', 'mona', 'milo'):
        LAB.must(LAB.patch(f'/v1/users/{name}', {'password': 'set by the desk', 'must_change_password': name == 'mick'}), 200)
    for question, given in zip(questions, ({'new_password': 'chosen too late'}, {'pool': 'other'}, {'code': code(secret)})):
        refused(reply(question, **given), 408, 'client-timeout', 'changed meanwhile')
    refused(begin('mick', password='chosen too late'), 401, 'wrong-password')
    question = asked(begin('mick', password='set by the desk'), 'new-password')
    in_pool(reply(question, new_password='chosen in time'), 'demo')


def administrators_obey_the_rule():
    refused(LAB.post('/v1/users', {'name': 'tiny', 'password': 'short'}), 400, 'password-refused', 'at least 8 characters')
    refused(LAB.post('/v1/users', {'name': 'Rumpelstilz', 'password': 'rumpelstilz'}), 400, 'password-refused', 'name')
    assert LAB.get('/v1/users/tiny').status == 404
    person('tom')
    for password, words in (('short', 'at least 8'), (PASSWORD, 'the same as the present one')):
        refused(LAB.patch('/v1/users/tom', {'password': password, 'full_name': 'T'}), 400, 'password-refused', words)
    assert LAB.get('/v1/users/tom')['full_name'] == ''
    in_pool(begin('tom'), 'demo')
    # A new one need not be changed, unless that is said too.
    LAB.must(LAB.patch('/v1/users/tom', {'must_change_password': True}), 200)
    assert LAB.must(LAB.patch('/v1/users/tom', {'password': 'brand new one'}), 200)['must_change_password'] is False
    LAB.must(LAB.patch('/v1/users/tom', {'password': 'first of a day', 'must_change_password': True}), 200)
    asked(begin('tom', password='first of a day'), 'new-password')
    user = LAB.must(LAB.post('/v1/users', {'name': 'tina', 'password': PASSWORD, 'must_change_password': True}), 201)
    assert user['must_change_password'] and user['password_set'] == user['created'], user
    assert LAB.must(LAB.post('/v1/users', {'name': 'tab'}), 201)['password_set'] is None


# --- pools -----------------------------------------------------------------------------------------------------


def several(name, *pools):
    LAB.add_user(name)
    for pool in pools:
        LAB.must(LAB.post('/v1/entitlements', {'user': name, 'pool': pool}), 201)


def of_several_pools_one_is_chosen():
    LAB.must(LAB.patch('/v1/pools/other', {'description': 'Für Übungen'}), 200)
    several('paul', 'demo', 'other', 'shut', 'night', 'far')
    question = asked(begin('paul'), 'pool')
    pools = {p['name']: p for p in question['pools']}
    assert [p['name'] for p in question['pools']] == ['demo', 'far', 'night', 'other', 'shut'], question
    assert {n for n, p in pools.items() if p['state'] == 'open'} == {'demo', 'other'}, question
    assert all((p['state'] == 'open') == (p['reason'] == '') for p in pools.values()), question
    assert pools['other']['description'] == 'Für Übungen' and pools['demo']['description'] == '', question
    assert pools['shut']['reason'] == 'The pool is closed at the moment.', question
    assert 'not open at this time' in pools['night']['reason'] and 'It is open' in pools['night']['reason'], question
    assert 'from this network' in pools['far']['reason'], question
    assert not any(p['current'] for p in pools.values()), question
    assert pools['other']['ready'] == LAB.get('/v1/pools/other')['ready'], question
    in_pool(reply(question, pool='other'), 'other')
    # Who has a session goes there, and is not asked.
    in_pool(begin('paul'), 'other')


def a_closed_pool_or_another_cannot_be_chosen():
    several('pia', 'demo', 'other', 'shut', 'night')
    for pool, status, code_ in (('shut', 409, 'pool-disabled'), ('night', 403, 'outside-hours'), ('far', 403, 'not-entitled'),
                                ('none', 404, 'no-such-pool')):
        refused(reply(asked(begin('pia'), 'pool'), pool=pool), status, code_)


def nobody_is_asked_without_need():
    several('pit', 'demo', 'other')
    in_pool(LAB.login('pit'), 'demo')  # a gateway that cannot ask
    several('pam', 'demo', 'other')
    in_pool(begin('pam', pool='other'), 'other')
    several('per', 'demo', 'shut', 'night')
    in_pool(begin('per'), 'demo')
    several('pip', 'shut', 'night')
    refused(begin('pip'), 403, 'outside-hours')
    several('pop')
    refused(begin('pop'), 403, 'not-entitled')


def whose_session_is_in_a_closed_pool_sees_it():
    several('pim', 'lent', 'demo')
    in_pool(begin('pim', pool='lent'), 'lent')
    LAB.must(LAB.patch('/v1/pools/lent', {'enabled': False}), 200)
    in_pool(begin('pim'), 'lent')  # a closed pool keeps its sessions
    LAB.must(LAB.patch('/v1/pools/lent', {'policy': {'networks': '198.51.100.0/24'}}), 200)
    pools = {p['name']: p for p in asked(begin('pim'), 'pool')['pools']}
    assert pools['lent']['state'] == 'closed' and pools['lent']['current'], pools
    assert pools['demo']['state'] == 'open' and not pools['demo']['current'], pools


def everything_is_asked_in_order():
    several('evi', 'demo', 'other')
    secret = enrol('evi')
    LAB.must(LAB.patch('/v1/users/evi', {'must_change_password': True}), 200)
    question = asked(begin('evi'), 'code')
    question = asked(reply(question, code='1'), 'code', bad=True)
    question = asked(reply(question, code=code(secret)), 'new-password')
    question = asked(reply(question, new_password='x'), 'new-password', bad=True)
    question = asked(reply(question, new_password='a battery staple'), 'pool')
    in_pool(reply(question, pool='other', boot_id='b-1'), 'other')
    session = LAB.get('/v1/sessions?user=evi')['items'][0]
    assert session['client_address'] == '192.0.2.1' and session['gateway'] == 'gw1', session


def who_comes_back_by_cookie_is_asked_nothing():
    person('coby')
    ticket = in_pool(begin('coby'), 'demo')
    verifier = 'ab' * 16
    LAB.must(LAB.report(ticket.body, 'connected', reconnect=hashlib.sha256(verifier.encode()).hexdigest()), 200)
    LAB.must(LAB.report(ticket.body, 'closed', code='client-closed'), 200)
    enrol('coby')
    LAB.must(LAB.patch('/v1/users/coby', {'must_change_password': True}), 200)
    again = begin('coby', password='', reconnect=verifier)
    assert in_pool(again, 'demo')['session'] == ticket['session'], again


if __name__ == '__main__':
    with broker_lab.Lab(*sys.argv[1:3], login_tries=1000, login_pause='1s', login_pause_max='1s', nla='on',
                        password_memory='8MiB') as LAB:
        for name, members in (('demo', {}), ('far', {'policy': {'networks': '198.51.100.0/24'}}), ('lent', {}),
                              ('night', {'policy': {'hours': f'{FAR_DAY} 08:00-20:00 UTC'}}), ('other', {}), ('shut', {'enabled': False})):
            LAB.add_pool(name, spare=0, max=100, **members)
            LAB.tell(f'make {name} 60')
        broker_lab.main([
            a_code_is_asked_for_and_opens, a_code_is_good_once_whoever_shows_it, at_once_a_code_opens_one_door,
            a_wrong_code_is_asked_for_again_and_counts,
            guesses_of_codes_bring_pauses_that_the_password_does_not_wipe_out, a_gateway_that_cannot_ask_is_told_so,
            codes_can_be_taken_back_and_set_up_anew, secrets_are_sealed, what_is_required_or_off, a_question_is_good_once,
            a_question_is_its_gateways_and_its_clients, an_answer_fits_its_question,
            a_broker_that_was_killed_has_forgotten_its_questions_and_not_its_codes, a_disabled_user_gets_no_further,
            an_expired_password_is_changed, the_users_name_is_no_password, a_password_grows_old,
            what_an_administrator_set_meanwhile_stays, administrators_obey_the_rule, of_several_pools_one_is_chosen,
            a_closed_pool_or_another_cannot_be_chosen, nobody_is_asked_without_need,
            whose_session_is_in_a_closed_pool_sees_it, everything_is_asked_in_order,
            who_comes_back_by_cookie_is_asked_nothing])
