# SPDX-License-Identifier: Apache-2.0
"""Whoever fills the proxy with connections fills it for himself."""

import contextlib
import itertools
import logging
import select
import threading
import time

import pytest

from nova_vnc.novncproxy.refusal import Refusal
from nova_vnc.novncproxy.registry import SessionRegistry
from tests.fixtures.connections import receive_until_eof, receive_up_to
from tests.fixtures.polling import wait_until
from tests.fixtures.rfb_client import RFBClient
from tests.functional.novncproxy.rig import build_request, build_upgrade, echo, parse_response
from tests.functional.novncproxy.test_refusals import refuse_browser

LIMIT = 50
# What an honest user may wait on a busy machine; who fills the proxy holds it for ten seconds.
SOON_S = 5


def check_a_user_gets_in(rig, token=None):
    begin = time.monotonic()
    assert rig.get('/vnc.html').status == 200
    stream = rig.open_console(token or rig.console(echo), origin=rig.origin)
    RFBClient(stream.read, stream.write).connect()
    stream.client.close()
    assert time.monotonic() - begin < SOON_S


def send_from(rig, source, request):
    """Return a connection that sends a request and then nothing. It may be that the proxy does not want it."""
    sock = rig.connect(source)
    with contextlib.suppress(ConnectionError):
        sock.sendall(request)
    return sock


def hold_consoles(rig, source, tokens, **headers):
    """Open a WebSocket with each token and say nothing in the RFB handshake; return once they are open, or refused."""
    socks = [send_from(rig, source, build_upgrade('/?token=' + token, **headers)) for token in tokens]
    for sock in socks:
        with contextlib.suppress(ConnectionError):
            sock.recv(1)


def read_answer(sock):
    """Read the answer to a request for vnc.html, and leave the connection open."""
    assert receive_up_to(sock, b'</title>').startswith(b'HTTP/1.1 200 ')


def is_open(sock):
    return not select.select([sock], [], [], 0)[0]


class TestSilentHoldersOfOneLink:

    @pytest.mark.parametrize('source', ['127.0.0.1', '127.0.0.2'])
    @pytest.mark.parametrize('is_browser', [True, False])
    def test_users_get_in_at_once_and_again(self, rig, source, is_browser):
        rig.start(max_pending_connections=LIMIT)
        token = rig.console(echo)
        headers = {'Origin': rig.origin} if is_browser else {}
        for _ in range(3):
            hold_consoles(rig, source, LIMIT * [token], **headers)
            check_a_user_gets_in(rig)
            check_a_user_gets_in(rig, token)

    def test_even_where_a_link_may_hold_all(self, rig):
        rig.start(max_pending_connections=LIMIT, max_pending_per_token=0, max_pending_per_instance=0)
        token = rig.console(echo)
        for _ in range(2):
            for _ in range(LIMIT):
                hold_consoles(rig, '127.0.0.2', [token])
            assert len(rig.proxy._pending) == LIMIT
            check_a_user_gets_in(rig)

    def test_with_many_links_for_one_vm(self, rig):
        rig.start(max_pending_per_instance=10)
        server = rig.vnc_server(echo)
        for _ in range(2):
            hold_consoles(rig, '127.0.0.1', [rig.grant(server.host, server.port) for _ in range(20)])
            check_a_user_gets_in(rig, rig.grant(server.host, server.port))
        assert len(rig.proxy._pending) <= 12


class TestBusyKeepAlive:

    @pytest.mark.parametrize('source', ['127.0.0.1', '127.0.0.2'])
    def test_stays_whatever_silent_ones_come(self, rig, source):
        rig.start(max_pending_connections=LIMIT)
        busy = rig.connect()
        for _ in range(4):
            busy.sendall(build_request('/vnc.html'))
            read_answer(busy)
            for _ in range(LIMIT + 10):
                rig.connect(source)
        busy.sendall(build_request('/vnc.html'))
        read_answer(busy)

    def test_stays_among_many_addresses_of_one_connection_each(self, rig):
        rig.start(max_pending_connections=LIMIT)
        busy = rig.connect()
        for last in range(2, 4 * LIMIT):
            rig.connect(f'127.0.0.{last}')
            if last % 20 == 0:
                busy.sendall(build_request('/vnc.html'))
                read_answer(busy)


@pytest.mark.parametrize('source', ['127.0.0.1', '127.0.0.2'])
@pytest.mark.parametrize('request_of', [
    lambda rig: b'',
    lambda rig: b'GET /vnc.html HTTP/1.1\r\nHost: a\r\n',
    lambda rig: build_request('/vnc.html'),
    lambda rig: build_request('/large.bin'),
    lambda rig: build_upgrade('/?token=unknown', Origin=rig.origin),
], ids=['silent', 'slow header', 'idle', 'slow reader', 'refused'])
def test_thousands_from_one_address(rig, web, request_of, source):
    """More than three times as many as there are places, while users come and go."""
    (web / 'large.bin').write_bytes(bytes(16 << 20))
    rig.start(max_pending_connections=2 * LIMIT, max_pending_per_address=LIMIT)
    request = request_of(rig)
    for _ in range(3):
        for _ in range(LIMIT + 10):
            send_from(rig, source, request)
        check_a_user_gets_in(rig)
    wait_until(lambda: len(rig.proxy._pending) <= LIMIT + 2, 10, 'the limit of one address')


def test_a_slow_header_is_not_a_sign_of_life(rig):
    """Who sends a byte now and then goes before him who sends requests."""
    rig.start(max_pending_connections=10)
    slow = [send_from(rig, '127.0.0.1', b'GET /vnc.html HTTP/1.1\r\n') for _ in range(9)]
    busy = rig.connect()
    for _ in range(5):
        for sock in slow:
            with contextlib.suppress(OSError):
                sock.sendall(b'X')
        busy.sendall(build_request('/vnc.html'))
        read_answer(busy)
        slow += [send_from(rig, '127.0.0.1', b'GET') for _ in range(5)]
    wait_until(lambda: sum(map(is_open, slow)) <= 10, 10, 'the displaced ones to be closed')


class Stuck:
    """A VNC server that says nothing until it may."""

    def __init__(self):
        self.may_go_on = threading.Event()
        self.connections = itertools.count()
        self.connected = 0

    def __call__(self, sock):
        self.connected = next(self.connections) + 1
        self.may_go_on.wait(20)
        echo(sock)


class TestTooManySetUpsForAVMThatIsStuck:

    @pytest.fixture
    def stuck(self):
        stuck = Stuck()
        yield stuck
        stuck.may_go_on.set()

    def test_a_program(self, rig, stuck):
        token = rig.start(max_pending_per_token=2).console(stuck)
        for _ in range(2):
            rig.connect().sendall(build_upgrade('/?token=' + token))
        wait_until(lambda: stuck.connected == 2, 10, 'both to be under way')
        response = rig.send_raw(build_upgrade('/?token=' + token))
        assert response.status == 429
        assert response.headers['retry-after']
        assert response.body.decode().startswith(Refusal.BUSY.text)
        check_a_user_gets_in(rig)

    def test_a_browser(self, rig, stuck):
        server = rig.start(max_pending_per_instance=2).vnc_server(stuck)
        for _ in range(2):
            rig.connect().sendall(build_upgrade('/?token=' + rig.grant(server.host, server.port)))
        wait_until(lambda: stuck.connected == 2, 10, 'both to be under way')
        assert refuse_browser(rig, '/?token=' + rig.grant(server.host, server.port)) == (4429, Refusal.BUSY.text)

    def test_it_works_again_when_they_are_done(self, rig, stuck):
        token = rig.start(max_pending_per_token=1).console(stuck)
        first = rig.connect()
        first.sendall(build_upgrade('/?token=' + token))
        wait_until(lambda: stuck.connected == 1, 10, 'the first one to be under way')
        assert rig.send_raw(build_upgrade('/?token=' + token)).status == 429
        stuck.may_go_on.set()
        first.recv(1)
        check_a_user_gets_in(rig, token)


def test_one_line_for_each_kind_of_flood(rig, caplog):
    rig.start(max_pending_connections=20, max_pending_per_address=10, max_pending_per_token=2)
    token = rig.console(echo)
    with caplog.at_level(logging.WARNING):
        for source in ('127.0.0.2', '127.0.0.3', '127.0.0.4'):
            for _ in range(20):
                rig.connect(source)
        for _ in range(20):
            send_from(rig, '127.0.0.4', build_upgrade('/?token=' + token))
        check_a_user_gets_in(rig)
    lines = [record.getMessage() for record in caplog.records]
    assert sorted({line.partition(' ')[0] for line in lines}) == [
        '[novncproxy]max_pending_connections', '[novncproxy]max_pending_per_address',
        '[novncproxy]max_pending_per_token']
    assert len(lines) == 3


def test_who_is_displaced_with_a_header_half_sent_reads_why(rig):
    rig.start(max_pending_connections=1)
    sock = send_from(rig, '127.0.0.1', b'GET /vnc.html HTTP/1.1\r\nHost: a\r\n')
    wait_until(lambda: len(rig.proxy._pending) == 1, 10, 'the first one')
    assert rig.get('/vnc.html').status == 200
    assert parse_response(receive_until_eof(sock)).status == 429


def test_who_has_a_console_keeps_it_when_the_next_one_is_asked_for_at_once(rig, monkeypatch):
    """A client that has read ServerInit may be faster than the thread that hands its session to the relay."""
    token = rig.start(max_pending_per_token=1).console(echo)
    open_session = SessionRegistry.open

    def open_late(*args, **kwargs):
        time.sleep(0.05)
        open_session(*args, **kwargs)
    monkeypatch.setattr(SessionRegistry, 'open', open_late)
    streams = []
    for _ in range(10):
        stream = rig.open_console(token)
        RFBClient(stream.read, stream.write).connect()
        streams.append(stream)
    for stream in streams:
        stream.write(b'x')
        while stream.read_exactly(1) != b'x':
            pass    # what RFBClient has sent
        stream.client.close()
