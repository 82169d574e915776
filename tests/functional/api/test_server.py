# SPDX-License-Identifier: Apache-2.0
"""The API over real HTTP and an in-process bus."""

import threading
import time
from concurrent import futures

import pytest

from nova_vnc import exception, objects
from nova_vnc.api import factory, server
from tests.fixtures.polling import wait_until
from tests.functional.api.api import CONSOLES, CREATE, UUID, read_all

MAX_BODY_BYTES = 114688      # the default of [oslo_middleware]max_request_body_size
GLOBAL_ID = 'req-8f3c0f0e-6d0e-4d0c-9b0a-0123456789ab'


def test_a_console(api, cloud):
    answer = api.create_console(token='alice:a11ce', headers={'X-OpenStack-Request-ID': GLOBAL_ID})
    assert answer.status == 200
    (token, info), = cloud.authorized.items()
    assert answer.json()['remote_console']['url'].endswith(token)
    assert (info.host, info.port, info.instance_uuid) == ('192.0.2.7', '5901', UUID)
    assert {(ctxt.request_id, ctxt.global_request_id, ctxt.user_id) for _, ctxt in cloud.requests} == {
        (answer.headers['X-OpenStack-Request-ID'], GLOBAL_ID, 'alice')}


def test_a_console_of_old(api, cloud):
    answer = api.send('POST', f'/v2.1/servers/{UUID}/action', {'os-getVNCConsole': {'type': 'novnc'}}, version='2.1')
    assert answer.status == 200
    assert set(answer.json()['console']) == {'type', 'url'}


@pytest.mark.parametrize(('method', 'path', 'status'), [
    ('GET', '/', 200), ('GET', '/v2.1', 200), ('GET', '/v2.1/servers', 200), ('HEAD', '/v2.1/servers', 200),
    ('GET', '/v2.1/servers/detail?name=web', 200), ('GET', f'/v2.1/servers/{UUID}', 200),
    ('GET', '/v2.1/servers/nosuch', 404), ('GET', '/nosuch', 404), ('DELETE', '/v2.1/servers', 405),
    ('GET', '/v2.1/os-console-auth-tokens/x', 404)])
def test_other_urls(api, cloud, method, path, status):
    answer = api.send(method, path)
    assert answer.status == status
    assert answer.headers['Content-Type'] == 'application/json'
    assert answer.headers['X-Compute-Request-ID']
    assert bool(answer.body) is (method != 'HEAD')


@pytest.mark.parametrize(('method', 'status'), [('GET', 200), ('HEAD', 204)])
def test_a_load_balancer_asks_whether_it_lives(api, method, status):
    assert api.send(method, '/healthcheck', token='').status == status


def test_failures_of_the_other_services_are_told_apart(api, cloud):
    cloud.stopped.add(UUID)
    assert api.create_console().status == 409
    cloud.without_vnc.add(UUID)
    assert api.create_console().status == 400
    del cloud.instances[UUID]
    assert api.create_console().status == 404
    cloud.failure = RuntimeError('a secret')
    answer = api.create_console()
    assert answer.status in (500, 503)
    assert b'secret' not in answer.body


def test_many_users_at_once(api, cloud):
    with futures.ThreadPoolExecutor(40) as pool:
        answers = list(pool.map(lambda _: api.create_console(), range(80)))
    assert {answer.status for answer in answers} == {200}
    urls = {answer.json()['remote_console']['url'] for answer in answers}
    assert len(urls) == len(cloud.authorized) == 80


def test_a_user_whose_context_is_not_his_neighbours(api, cloud):
    def ask(number):
        user = f'user{number}'
        answer = api.send('GET', '/v2.1/servers', token=f'{user}:project{number}')
        return user, answer.headers['X-OpenStack-Request-ID']

    with futures.ThreadPoolExecutor(16) as pool:
        asked = set(pool.map(ask, range(64)))
    assert {(ctxt.user_id, ctxt.request_id) for _, ctxt in cloud.requests} == asked


# -- when the others are away

@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(factory, 'REQUEST_TIMEOUT_S', 0.5)


def test_nobody_on_the_bus(impatient, api):
    answer = api.create_console()
    assert answer.status == 503
    fault = answer.json()['serviceUnavailable']
    assert fault['message'].startswith('The console service is not available at the moment. Try again in a minute.')
    assert answer.headers['X-OpenStack-Request-ID'] in fault['message']
    assert api.send('GET', '/v2.1').status == 200


def test_a_host_that_is_silent(impatient, api, cloud):
    cloud.instances[UUID] = objects.InstanceRecord(UUID, 1, 'x', 'x', 'host-without-compute')
    answer = api.create_console()
    assert answer.status == 503
    assert answer.json()['serviceUnavailable']['message'].startswith('The compute host of this server does not answer')
    assert b'host-without-compute' not in answer.body


def test_the_patience_of_a_user_is_respected():
    assert factory.REQUEST_TIMEOUT_S < 10


# -- what does not keep the rules

def test_a_body_that_is_too_long_is_refused_in_json(api):
    answer = api.send('POST', CONSOLES, b' ' * (MAX_BODY_BYTES + 1))
    assert answer.status == 413
    assert answer.json()['overLimit']['code'] == 413


def test_a_body_that_is_much_too_long_is_not_even_read(api):
    with api.connect() as sock:
        sock.sendall(f'POST {CONSOLES} HTTP/1.1\r\nHost: x\r\nContent-Length: {10 ** 12}\r\n\r\n'.encode())
        assert b' 413 ' in read_all(sock).splitlines()[0]


def test_chunked_bodies(api, cloud):
    assert api.send('POST', CONSOLES, iter([b'{"remote_console": {"protocol": "vnc",', b' "type": "novnc"}}']),
                    headers={'Content-Type': 'application/json'}).status == 200
    pieces = [b' ' * 10_000] * (MAX_BODY_BYTES // 10_000 + 1)
    assert api.send('POST', CONSOLES, iter(pieces)).status == 413


@pytest.mark.parametrize('junk', [b'\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', b'RFB 003.008\n\r\n\r\n',
                                  b'GET / HTTP/1.1\r\nno colon\r\n\r\n', b'GET /' + b'x' * 200_000,
                                  b'GET / HTTP/1.1\r\nX: ' + b'x' * 200_000,
                                  b'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n',
                                  b'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n'])
def test_garbage(api, junk):
    with api.connect() as sock:
        try:
            sock.sendall(junk)
            sock.shutdown(1)
            answer = read_all(sock)
        except OSError:     # it has closed while we still sent
            answer = b''
    assert b'Traceback' not in answer
    assert not answer or int(answer.split()[1]) in (400, 405, 413, 414)
    assert api.send('GET', '/v2.1').status == 200


def test_connections_that_say_nothing_take_no_place(api, bus):
    silent = [api.connect() for _ in range(2 * bus.conf.api.threads)]
    started = time.monotonic()
    try:
        assert api.send('GET', '/v2.1').status == 200
        assert time.monotonic() - started < server.CLIENT_TIMEOUT_S / 2
    finally:
        for sock in silent:
            sock.close()


def test_a_header_that_comes_byte_by_byte_gets_no_more_time(api, monkeypatch):
    monkeypatch.setattr(server, 'CLIENT_TIMEOUT_S', 1)
    with api.connect() as sock:
        sock.settimeout(0.05)
        sock.sendall(b'GET / HTTP/1.1\r\nX: ')
        started = time.monotonic()
        answer = b''
        while not answer and time.monotonic() - started < 10:
            try:
                sock.send(b'x')
                answer = sock.recv(4096)
            except TimeoutError:
                pass
    assert b' 408 ' in answer.splitlines()[0]


def test_a_length_below_zero(api):
    with api.connect() as sock:
        sock.sendall(f'POST {CONSOLES} HTTP/1.1\r\nHost: x\r\nX-Auth-Token: a:b\r\nContent-Length: -4\r\n'
                     'OpenStack-API-Version: compute 2.6\r\nContent-Type: application/json\r\n\r\n'.encode())
        assert b' 400 ' in read_all(sock).splitlines()[0]


def test_a_connection_serves_one_request(api):
    with api.connect() as sock:
        sock.sendall(b'GET / HTTP/1.1\r\nHost: x\r\n\r\n')
        head = read_all(sock).partition(b'\r\n\r\n')[0].lower()
    assert b'connection: close' in head


# -- its life

def test_a_port_that_is_taken(api, bus):
    bus.conf.set_override('osapi_compute_listen_port', api.service.port)
    with pytest.raises(exception.ConfigurationError) as caught:
        factory.build_service(bus.conf, bus.transport).start(pytest.fail)
    assert f'127.0.0.1:{api.service.port}' in caught.value.message
    assert '[DEFAULT]osapi_compute_listen_port' in caught.value.message
    assert 'in use' in caught.value.message
    assert '\n' not in caught.value.message


@pytest.mark.parametrize('address', ['', '192.0.2.1', 'nosuch.invalid'])
def test_an_address_that_is_not_ours(bus, address):
    bus.conf.set_override('osapi_compute_listen', address)
    with pytest.raises(exception.ConfigurationError) as caught:
        factory.build_service(bus.conf, bus.transport).start(pytest.fail)
    assert '[DEFAULT]osapi_compute_listen' in caught.value.message


class Slow:
    """Holds requests up until it is told to let them go."""

    def __init__(self, cloud):
        self.arrived, self.released = threading.Event(), threading.Event()
        record = cloud.record

        def slow_record(method, ctxt):
            self.arrived.set()
            self.released.wait(30)
            record(method, ctxt)
        cloud.record = slow_record


def test_requests_under_way_are_answered_before_it_stops(api, cloud):
    slow = Slow(cloud)
    with futures.ThreadPoolExecutor(2) as pool:
        asked = pool.submit(api.send, 'GET', f'/v2.1/servers/{UUID}')
        assert slow.arrived.wait(10)
        stopping = pool.submit(api.service.stop, threading.Event())
        wait_until(lambda: refuses(api), 10, 'the port to close')
        assert not stopping.done()
        slow.released.set()
        assert asked.result(30).status == 200
        stopping.result(30)


def refuses(api):
    try:
        api.connect().close()
    except OSError:
        return True
    return False


def test_in_a_hurry_it_waits_for_nobody(api, cloud):
    slow = Slow(cloud)
    hurry = threading.Event()
    with futures.ThreadPoolExecutor(2) as pool:
        pool.submit(api.send, 'GET', f'/v2.1/servers/{UUID}')
        assert slow.arrived.wait(10)
        stopping = pool.submit(api.service.stop, hurry)
        hurry.set()
        started = time.monotonic()
        stopping.result(30)
        assert time.monotonic() - started < 10     # the request would be held up for 30
        slow.released.set()


def test_no_token_in_the_log(api, cloud, caplog):
    caplog.set_level('DEBUG')
    secret = 'b7a1c0de-5ec4-4e70-8000-000000000000'
    cloud.checks[secret] = objects.TokenCheck(objects.ConnectInfo(secret, 'novnc', 'h', '5900', UUID))
    assert api.send('GET', f'/v2.1/os-console-auth-tokens/{secret}', token=secret).status == 200
    assert api.send('GET', f'/v2.1/servers?token={secret}', version='2.1', token=secret).status == 200
    assert api.send('POST', CONSOLES, CREATE, token=secret).status == 200
    token, = cloud.authorized
    own_lines = [record.getMessage() for record in caplog.records if record.name.startswith('nova_vnc')]
    assert any('/os-console-auth-tokens/***' in line for line in own_lines)
    assert not [line for line in own_lines if secret in line or token in line]
