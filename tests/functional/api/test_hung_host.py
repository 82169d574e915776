# SPDX-License-Identifier: Apache-2.0
"""A compute host that never answers, and those who want something else meanwhile."""

import contextlib
import threading
import time
from concurrent import futures

import pytest
import webob

from nova_vnc import objects
from nova_vnc.api import factory
from tests.fixtures.polling import wait_until
from tests.functional.api.api import CREATE, UUID

PATIENCE_S = 4.0
HUNG = [f'8a2f3f5e-0000-4000-8000-0000000001{number:02}' for number in range(8)]
HUNG_HOST = 'host-that-hangs'


@pytest.fixture
def patience(monkeypatch):
    # Of nine seconds; what is measured against it is a fraction of one.
    monkeypatch.setattr(factory, 'REQUEST_TIMEOUT_S', PATIENCE_S)


@pytest.fixture
def hung(patience, api, cloud):
    """Nobody answers on its queue. One VM of it for each of eight projects."""
    for number, uuid in enumerate(HUNG):
        cloud.instances[uuid] = objects.InstanceRecord(uuid, 100 + number, f'i-{number}', f'vm-{number}', HUNG_HOST,
                                                       f'project{number}')
    return api


def open_console(api, uuid, token):
    started = time.monotonic()
    answer = api.send('POST', f'/v2.1/servers/{uuid}/remote-consoles', CREATE, token=token)
    return answer, time.monotonic() - started


@contextlib.contextmanager
def crowd(api, users, of_each):
    """Let users ask for the consoles of their VMs; yield their answers to be."""
    with futures.ThreadPoolExecutor(len(users) * of_each) as pool:
        asked = [pool.submit(open_console, api, uuid, token) for uuid, token in users for _ in range(of_each)]
        yield asked


def count(cloud, method):
    return sum(name == method for name, _ in list(cloud.requests))


ONE_PROJECT = [(HUNG[0], 'user:project0')]
EIGHT_PROJECTS = [(uuid, f'user:project{number}') for number, uuid in enumerate(HUNG)]


@pytest.mark.parametrize(('users', 'of_each'), [(ONE_PROJECT, 32), (EIGHT_PROJECTS, 8)])
def test_others_do_not_notice(hung, cloud, users, of_each):
    api = hung
    with crowd(api, users, of_each) as asked:
        wait_until(lambda: count(cloud, 'get_instance') >= len(users) * of_each, 10, 'the crowd to be there')
        for _ in range(3):
            started = time.monotonic()
            assert api.send('GET', '/v2.1/servers', token='alice:a11ce').status == 200
            assert time.monotonic() - started < 1
            answer, took_s = open_console(api, UUID, 'alice:a11ce')
            assert answer.status == 200
            assert took_s < 1
            started = time.monotonic()
            assert api.send('GET', '/v2.1').status == 200
            assert time.monotonic() - started < 1
        assert not all(future.done() for future in asked)     # or nobody was in anybody's way
    for future in asked:
        answer, took_s = future.result()
        assert answer.status == 503
        assert answer.headers['Retry-After']
        assert took_s < PATIENCE_S + 2
    assert HUNG_HOST.encode() not in answer.body


def test_the_next_ones_are_answered_at_once(hung, cloud):
    first, took_s = open_console(hung, HUNG[0], 'user:project0')
    assert first.status == 503
    assert PATIENCE_S / 2 < took_s < PATIENCE_S + 1
    for uuid, token in EIGHT_PROJECTS:      # one after the other: each of them could be the one that tries again
        answer, took_s = open_console(hung, uuid, token)
        assert answer.status == 503
        assert took_s < 1


def test_a_host_that_has_stopped_reporting_is_answered_for_at_once(hung, cloud):
    cloud.silent_hosts.add(HUNG_HOST)
    answer, took_s = open_console(hung, HUNG[0], 'user:project0')
    assert answer.status == 503
    assert took_s < 1
    assert answer.json()['serviceUnavailable']['message'].startswith('The compute host of this server does not answer')


def test_one_budget_for_all_calls_of_a_request(hung, cloud):
    """consoleauth takes most of the time, and the host gets what is left of it."""
    record, released = cloud.record, threading.Event()

    def slow_record(method, ctxt):
        if method == 'get_instance':
            released.wait(PATIENCE_S * 3 / 4)
        record(method, ctxt)

    cloud.record = slow_record
    answer, took_s = open_console(hung, HUNG[0], 'user:project0')
    assert answer.status == 503
    assert took_s < PATIENCE_S + 1


def test_a_ceiling_of_the_operators_own_server(bus, cloud, patience):
    """Fewer threads, as under another WSGI server: fewer may wait, the others are refused at once."""
    bus.conf.set_override('threads', 8, 'api')
    cloud.instances[HUNG[0]] = objects.InstanceRecord(HUNG[0], 100, 'i', 'vm', HUNG_HOST, 'project0')
    app = factory.build_app(bus.conf, factory.build_caller(bus.conf, bus.transport))

    def ask(_):
        request = webob.Request.blank(f'/v2.1/servers/{HUNG[0]}/remote-consoles', method='POST', headers={
            'X-Auth-Token': 'user:project0', 'X-OpenStack-Nova-API-Version': '2.6'})
        request.json = CREATE
        started = time.monotonic()
        response = request.get_response(app)
        return response.status_int, time.monotonic() - started

    with futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, range(8)))
    assert {status for status, _ in answers} == {503}
    waited = [took_s for _, took_s in answers if took_s > PATIENCE_S / 2]
    assert 1 <= len(waited) <= 3
