# SPDX-License-Identifier: Apache-2.0
"""How many sessions there may be, and how many guesses: what one too many is told, and that the others go on."""

import contextlib
import os
import re
import socket
import sys
import threading
import types
import uuid

import psutil
import pytest
import requests
import websocket

from nova_vnc.novncproxy.refusal import Refusal
from tests.fixtures.backend import concurrency_backend
from tests.fixtures.connections import receive_until_eof
from tests.fixtures.polling import wait_until
from tests.fixtures.process import ExternalProcess
from tests.fixtures.rfb_client import RFBClient
from tests.functional.novncproxy.rig import (
    TIMEOUT_S,
    VNCServerStandIn,
    WebSocketClient,
    build_upgrade,
    echo,
    parse_response,
)
from tests.functional.novncproxy.test_load_balancer import BALANCER, CLIENT
from tests.functional.novncproxy.test_load_balancer import ask as ask_from
from tests.functional.novncproxy.test_load_balancer import open_console as open_from
from tests.functional.novncproxy.test_refusals import refuse_both, refuse_browser
from tests.functional.novncproxy.test_tls import Tls, ca  # noqa: F401 - a fixture

# What is left of it are 14 sessions, and 4 connections that are none.
FILES = 132
SESSIONS, PENDING = 14, 4


def connect(rig, token):
    stream = rig.open_console(token)
    RFBClient(stream.read, stream.write).connect()
    return stream


def check_works(stream):
    stream.write(b'keys')
    data = b''
    while b'keys' not in data:
        piece = stream.read(4096)
        assert piece, stream.close_frame
        data += piece


def sessions_of(rig):
    return len(rig.proxy._parts.registry.places)


def leave(rig, stream):
    open_before = sessions_of(rig)
    stream.client.close()
    wait_until(lambda: sessions_of(rig) < open_before, TIMEOUT_S, 'the end of the session')


def another_link(rig, server, number=1):
    """Return a link for the VM with that number."""
    return rig.grant(server.host, server.port, instance_uuid=f'6f1c2a3e-93d5-4b8e-8a4c-{number:012d}')


@pytest.fixture
def server(rig):
    return rig.vnc_server(echo)


class TestProcess:

    def test_one_too_many(self, rig, server, caplog):
        rig.start(max_sessions=2)
        streams = [connect(rig, another_link(rig, server, number)) for number in range(2)]
        assert refuse_both(rig, '/?token=' + another_link(rig, server, 3)) == (503, Refusal.FULL.text)
        lines = [record.getMessage() for record in caplog.records if '[novncproxy]' in record.getMessage()]
        assert [line.partition(' is reached')[0] for line in lines] == ['[novncproxy]max_sessions']
        for stream in streams:
            check_works(stream)
        leave(rig, streams[0])
        check_works(connect(rig, another_link(rig, server, 3)))

    def test_programs_are_told_when_to_come_again(self, rig, server):
        rig.start(max_sessions=1)
        connect(rig, another_link(rig, server))
        response = rig.send_raw(build_upgrade('/?token=' + another_link(rig, server, 2)))
        assert response.status == 503
        assert int(response.headers['retry-after']) > 0

    def test_a_set_up_that_fails_keeps_no_place(self, rig):
        rig.start(max_sessions=1)
        broken = rig.vnc_server(lambda sock: sock.sendall(b'HTTP/1.1 400 no RFB\r\n'))
        for _ in range(3):
            assert refuse_both(rig, '/?token=' + rig.grant(broken.host, broken.port))[0] == 502
        check_works(connect(rig, rig.console()))

    def test_a_client_that_leaves_in_the_handshake_keeps_no_place(self, rig):
        rig.start(max_sessions=1)
        sock = rig.connect()
        sock.sendall(build_upgrade('/?token=' + rig.console()))
        sock.recv(1)
        sock.close()
        wait_until(lambda: sessions_of(rig) == 0, TIMEOUT_S, 'the place to be free')
        check_works(connect(rig, rig.console()))

    def test_over_tls(self, rig, server, ca, tmp_path):  # noqa: F811 - the fixture
        tls = Tls(rig, ca, tmp_path).start(max_sessions=1)
        token = rig.grant(server.host, server.port, access_url='https://127.0.0.1/vnc_auto.html')
        stream = tls.open_console(token)
        RFBClient(stream.read, stream.write).connect()
        sock = tls.connect()
        sock.sendall(build_upgrade('/?token=' + token))
        assert parse_response(receive_until_eof(sock)).status == 503
        check_works(stream)


def test_one_address_too_many(rig, server, caplog):
    rig.start(max_sessions_per_address=2, trusted_proxies=['127.0.0.8/29'])
    links = [another_link(rig, server, number) for number in range(4)]
    stream = connect(rig, links[0])
    connect(rig, links[1])
    assert refuse_both(rig, '/?token=' + links[2]) == (429, Refusal.ADDRESS_FULL.text)
    assert '[novncproxy]max_sessions_per_address is reached' in caplog.text
    for number in range(2):     # of a load balancer the client counts
        open_from(rig, BALANCER, build_upgrade('/?token=' + links[number], X_Forwarded_For=CLIENT))
    response = ask_from(rig, BALANCER, build_upgrade('/?token=' + links[3], X_Forwarded_For=CLIENT))
    assert response.status == 429
    assert response.headers['retry-after']
    open_from(rig, BALANCER, build_upgrade('/?token=' + links[3], X_Forwarded_For='198.51.100.8'))
    for number in range(2):     # of IPv6 its /64
        open_from(rig, BALANCER, build_upgrade('/?token=' + links[number], X_Forwarded_For=f'2001:db8::{number}'))
    assert ask_from(rig, BALANCER, build_upgrade('/?token=' + links[3], X_Forwarded_For='2001:db8::9')).status == 429
    check_works(stream)


class TestOneVM:

    def test_another_link_is_told(self, rig, server, caplog):
        rig.start(max_sessions_per_instance=1)
        stream = connect(rig, another_link(rig, server))
        assert refuse_both(rig, '/?token=' + another_link(rig, server)) == (429, Refusal.INSTANCE_FULL.text)
        assert '[novncproxy]max_sessions_per_instance is reached' in caplog.text
        check_works(stream)
        connect(rig, another_link(rig, server, 2))

    def test_who_loads_the_page_again_gets_in(self, rig, server):
        """Also while the proxy has not noticed yet that the old connection is gone."""
        rig.start(max_sessions_per_instance=1)
        token = another_link(rig, server)
        old = connect(rig, token)
        for _ in range(5):
            new = connect(rig, token)
            check_works(new)
            code, reason = old.read_to_close()[1]
            assert code == 4429
            assert 'again' in reason
            old = new
        old.client.close()
        wait_until(lambda: sessions_of(rig) == 0, TIMEOUT_S, 'all places to be free')

    def test_who_asks_for_a_new_link_while_the_old_session_ends_gets_in(self, rig, server):
        rig.start(max_sessions_per_instance=1)
        rig.proxy._parts.registry.places._wait_s = TIMEOUT_S
        old = connect(rig, another_link(rig, server))
        timer = threading.Timer(0.3, old.client.close)
        timer.start()
        check_works(connect(rig, another_link(rig, server)))
        timer.join()


class TestGuesser:

    @pytest.fixture
    def clock(self, rig):
        """Start the proxy with a clock that stands still."""
        rig.start(max_failed_tokens_per_address=1, trusted_proxies=['127.0.0.8/29'])
        clock = types.SimpleNamespace(now=0.0)
        rig.proxy._parts.failed_tokens._clock = lambda: clock.now
        return clock

    def guess(self, rig, times=15, **headers):
        """Return the statuses that guesses by way of a load balancer get, each of them once."""
        return {ask_from(rig, BALANCER, build_upgrade(f'/?token={uuid.uuid4()}', **headers)).status
                for _ in range(times)}

    def test_is_stopped_and_nobody_is_asked(self, rig, clock, caplog):
        assert self.guess(rig, X_Forwarded_For=CLIENT) == {401, 429}
        assert self.guess(rig, X_Forwarded_For=CLIENT) == {429}
        assert rig.consoleauth.asked == 10
        clock.now += 1
        assert self.guess(rig, X_Forwarded_For=CLIENT) == {401, 429}
        assert rig.consoleauth.asked == 11
        lines = [record.getMessage() for record in caplog.records if '[novncproxy]' in record.getMessage()]
        assert len(lines) == 1
        assert lines[0].startswith('[novncproxy]max_failed_tokens_per_address is reached')
        assert lines[0].endswith(CLIENT)

    def test_reads_why(self, rig, clock):
        ends = [refuse_browser(rig, f'/?token=guess-{number}') for number in range(11)]
        assert ends[-1] == (4429, Refusal.GUESSED.text)
        response = rig.send_raw(build_upgrade('/?token=guess'))
        assert response.status == 429
        assert response.headers['retry-after']

    def test_others_elsewhere_notice_nothing(self, rig, clock):
        assert 429 in self.guess(rig, X_Forwarded_For=CLIENT)
        assert self.guess(rig, 1, X_Forwarded_For='198.51.100.8') == {401}
        assert 429 in self.guess(rig, X_Forwarded_For='2001:db8::1')
        assert self.guess(rig, 1, X_Forwarded_For='2001:db8::2') == {429}
        assert self.guess(rig, 1, X_Forwarded_For='2001:db8:0:1::1') == {401}
        check_works(connect(rig, rig.console()))

    def test_others_at_his_address_keep_their_links(self, rig, clock):
        seen, new = rig.console(), rig.console()
        open_from(rig, BALANCER, build_upgrade('/?token=' + seen, X_Forwarded_For=CLIENT))
        self.guess(rig, X_Forwarded_For=CLIENT)
        open_from(rig, BALANCER, build_upgrade('/?token=' + seen, X_Forwarded_For=CLIENT))
        assert ask_from(rig, BALANCER, build_upgrade('/?token=' + new, X_Forwarded_For=CLIENT)).status == 429
        clock.now += 1  # for moments only
        open_from(rig, BALANCER, build_upgrade('/?token=' + new, X_Forwarded_For=CLIENT))

    def test_a_crowd_with_valid_links_is_none(self, rig, server, clock):
        for number in range(30):
            connect(rig, another_link(rig, server, number))
        assert sessions_of(rig) == 30


class Limited:
    """A proxy in a process of its own, its VNC server, and those who look."""

    def __init__(self, process, stack):
        self.process = process
        self.stack = stack
        self.port = int(process.wait_for_line(r'^serving (\d+)$', 60)[1])
        self.measured = psutil.Process(process.pid)

    def connect(self, number):
        client = websocket.WebSocket()
        client.settimeout(TIMEOUT_S)
        self.stack.callback(client.shutdown)
        client.connect(f'ws://127.0.0.1:{self.port}/?token=valid-{number}', suppress_origin=True)
        stream = WebSocketClient(client)
        RFBClient(stream.read, stream.write).connect()
        return stream

    def status(self, token):
        with pytest.raises(websocket.WebSocketBadStatusException) as caught:
            websocket.create_connection(f'ws://127.0.0.1:{self.port}/?token={token}', timeout=TIMEOUT_S,
                                        suppress_origin=True)
        return caught.value.status_code

    def strangers(self, count):
        for _ in range(count):
            with contextlib.suppress(OSError):
                self.stack.enter_context(socket.create_connection(('127.0.0.1', self.port), timeout=TIMEOUT_S))

    def page(self):
        with contextlib.suppress(requests.RequestException):
            return requests.get(f'http://127.0.0.1:{self.port}/vnc.html', timeout=TIMEOUT_S).status_code


@pytest.fixture
def limited(web, tmp_path):
    with contextlib.ExitStack() as stack:
        server = VNCServerStandIn(echo)
        stack.callback(server.close)

        def start(*options, files=FILES):
            argv = [sys.executable, '-m', 'tests.functional.novncproxy.limited_proxy', concurrency_backend(), str(web),
                    str(files), str(server.port), *options]
            process = ExternalProcess(argv, tmp_path, name='limited', environment={
                'PYTHONPATH': os.pathsep.join(sys.path)})
            return Limited(stack.enter_context(process), stack)
        yield start


@pytest.mark.timeout(200)
def test_at_the_limit_of_open_files_sessions_go_on_and_new_ones_are_told(limited):
    proxy = limited()
    assert f'for {SESSIONS} sessions and {PENDING} connections that are none yet' in proxy.process.output()
    streams = [proxy.connect(number) for number in range(SESSIONS)]
    for number in range(20):
        assert proxy.status(f'valid-new{number}') == 503
    assert proxy.status('unknown') == 401
    proxy.strangers(60)
    for stream in streams:
        check_works(stream)
    wait_until(lambda: proxy.page() == 200, TIMEOUT_S, 'a page')
    streams.pop().client.close()
    wait_until(lambda: admitted(proxy, streams), TIMEOUT_S, 'a place')
    for stream in streams:
        check_works(stream)
    output = proxy.process.output()
    assert 'Traceback' not in output
    assert len(re.findall(r'\[novncproxy\]max_sessions is reached', output)) == 1
    assert 'Too many open files' not in output
    assert proxy.measured.num_fds() < FILES


def admitted(proxy, streams):
    with contextlib.suppress(websocket.WebSocketBadStatusException):
        streams.append(proxy.connect('last'))
        return True


@pytest.mark.timeout(200)
def test_all_leave_and_nothing_is_left(limited):
    proxy = limited()
    proxy.page()
    before = proxy.measured.num_fds()
    for _ in range(2):
        streams = [proxy.connect(number) for number in range(SESSIONS)]
        proxy.strangers(30)
        for stream in streams:
            stream.client.close()
        wait_until(lambda: proxy.process.output().count(' ended for ') % SESSIONS == 0, TIMEOUT_S, 'their ends')
    wait_until(lambda: proxy.measured.num_fds() <= before + PENDING + 4, TIMEOUT_S, 'the descriptors to be free')


def test_a_number_of_sessions_that_cannot_be_had_is_said(limited):
    proxy = limited('max_sessions=1000')
    lines = re.findall(r'^WARNING .*max_sessions.*', proxy.process.output(), re.MULTILINE)
    assert len(lines) == 1
    assert '[novncproxy]max_sessions = 1000' in lines[0]
    assert f'{FILES}, is good for {SESSIONS} sessions' in lines[0]


def test_a_lower_number_holds(limited):
    proxy = limited('max_sessions=2')
    assert 'WARNING' not in proxy.process.output()
    assert 'for 2 sessions' in proxy.process.output()
    for number in range(2):
        proxy.connect(number)
    assert proxy.status('valid-one-too-many') == 503
