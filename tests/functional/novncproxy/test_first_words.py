# SPDX-License-Identifier: Apache-2.0
"""Requests that come in pieces, with what follows in one of them, or never as a whole."""

import logging
import threading

import pytest

from nova_vnc.net import tcp
from nova_vnc.novncproxy.http_stream import MAX_HEADER_BYTES
from tests.fixtures.connections import receive_until_eof, receive_up_to
from tests.fixtures.polling import wait_until
from tests.fixtures.websocket_frames import binary
from tests.functional.novncproxy.rig import TIMEOUT_S, build_request, build_upgrade, echo, parse_response
from tests.functional.novncproxy.test_session import HANDSHAKE_3_8
from tests.functional.novncproxy.test_tls import Tls, ca, encrypted  # noqa: F401 - fixtures

HALF_A_REQUEST = b'GET /vnc.html HTTP/1.1\r\nHost: a\r\n'
WORDS = b'first words'


def send_byte_by_byte(sock, data):
    tcp.configure(sock)     # no byte waits for another
    for byte in data:
        sock.sendall(bytes([byte]))


class TestInPieces:

    def test_a_page_byte_by_byte(self, rig):
        sock = rig.start().connect()
        send_byte_by_byte(sock, build_request('/vnc.html', Connection='close'))
        assert parse_response(receive_until_eof(sock)).status == 200

    def test_a_console_byte_by_byte(self, rig):
        sock = rig.start().connect()
        send_byte_by_byte(sock, build_upgrade('/?token=' + rig.console()) + binary(HANDSHAKE_3_8 + WORDS))
        receive_up_to(sock, WORDS)

    @pytest.mark.parametrize('header_bytes', [400, 4090, 4096, 4100, 8000, 30_000])
    @pytest.mark.parametrize('cut', [0, 1, 300, 4096])
    def test_frames_that_come_with_the_header(self, rig, header_bytes, cut):
        """All of them arrive, wherever the reads of the doorstep and of the thread end."""
        target = '/?token=' + rig.start().console()
        bare = len(build_upgrade(target, Cookie=''))
        request = build_upgrade(target, Cookie='c' * (header_bytes - bare))
        assert len(request) == header_bytes
        sock = rig.connect()
        data = request + binary(HANDSHAKE_3_8 + bytes(range(256)) * 30 + WORDS)
        sock.sendall(data[:cut])
        sock.sendall(data[cut:])
        answer = receive_up_to(sock, WORDS)
        assert bytes(range(256)) * 30 in without_frame_headers(answer)

    @pytest.mark.parametrize('header_bytes', [100, 4096, 6000])
    def test_requests_that_come_at_once(self, rig, header_bytes):
        sock = rig.start().connect()
        first = build_request('/vnc.html', Cookie='c' * header_bytes)
        sock.sendall(b'\r\n' + first * 2 + build_request('/nothing', Connection='close'))
        data = receive_until_eof(sock)
        assert data.count(b'HTTP/1.1 200 ') == 2
        assert data.count(b'HTTP/1.1 404 ') == 1

    @pytest.mark.parametrize(('more', 'status'), [(0, 200), (1, 431)])
    @pytest.mark.parametrize('in_pieces', [False, True])
    def test_the_limit_of_a_header(self, rig, more, status, in_pieces):
        bare = len(build_request('/vnc.html', Connection='close', Cookie=''))
        request = build_request('/vnc.html', Connection='close', Cookie='c' * (MAX_HEADER_BYTES + more - bare))
        sock = rig.start().connect()
        for begin in range(0, len(request), 5000 if in_pieces else len(request)):
            sock.sendall(request[begin:begin + 5000] if in_pieces else request)
        assert parse_response(receive_until_eof(sock)).status == status


def without_frame_headers(data):
    """Return the payload of what an echo has sent in frames, as far as no header looks like it."""
    body = data.partition(b'\r\n\r\n')[2]
    payload = b''
    while body:
        size, begin = body[1] & 0x7f, 2
        if size == 126:
            size, begin = int.from_bytes(body[2:4], 'big'), 4
        elif size == 127:
            size, begin = int.from_bytes(body[2:10], 'big'), 10
        payload += body[begin:begin + size]
        body = body[begin + size:]
    return payload


class TestWhatIsNotWhole:

    def test_a_byte_a_second_is_answered_as_soon_as_silence(self, rig):
        sock = rig.start(header_timeout=3).connect()
        sock.settimeout(1)
        sent, received = 0, b''
        while not received:
            assert sent < 8     # on a busy machine; four is what it is
            sock.sendall(HALF_A_REQUEST[sent:sent + 1])
            sent += 1
            try:
                received = sock.recv(4096)
            except TimeoutError:
                continue
        assert parse_response(received).status == 408

    @pytest.mark.parametrize('said', [HALF_A_REQUEST, b'GET', b'x' * 9000, b'hello\r\n', b'GET / HTTP/2.0\r\n',
                                      HALF_A_REQUEST + b'X: a\r\n' * 6000])
    def test_is_answered_as_by_a_thread(self, encrypted, caplog, said):     # noqa: F811
        """With TLS it is a thread that reads the request."""
        encrypted.start(header_timeout=1)
        answers, lines = [], []
        for connect in (encrypted.rig.connect, encrypted.connect):
            caplog.clear()
            sock = connect()
            sock.sendall(said)
            answers.append(parse_response(receive_until_eof(sock)))
            wait_until(lambda: len(caplog.records) == 1, TIMEOUT_S, 'the line in the log')
            lines.append(caplog.records[0].getMessage().partition(' ')[2])
            assert answers[-1].headers.pop('date')
        assert answers[0] == answers[1]
        assert lines[0] == lines[1]
        assert answers[0].status in (400, 408, 414, 431, 505)

    def test_an_empty_line_is_no_request(self, rig, caplog):
        sock = rig.start(header_timeout=1).connect()
        with caplog.at_level(logging.INFO, 'nova_vnc.novncproxy.handler'):
            sock.sendall(b'\r\n')
            assert receive_until_eof(sock) == b''
        assert not caplog.records

    def test_where_tls_is_required_it_is_told_so(self, rig, ca, tmp_path):     # noqa: F811
        rig.conf.set_override('ssl_only', True)
        Tls(rig, ca, tmp_path).start(header_timeout=1)
        sock = rig.connect()
        sock.sendall(HALF_A_REQUEST)
        assert b'TLS only' in parse_response(receive_until_eof(sock)).body


class TestPlaceLostWhileTheProxyWorks:

    @pytest.fixture
    def asked(self, rig):
        """Who has asked for a console, and whose token is being checked."""
        rig.start(max_pending_connections=1)
        self.is_checked, self.may_go_on = threading.Event(), threading.Event()
        token = rig.console(echo)
        check = rig.consoleauth.checks[token]

        def check_slowly():
            self.is_checked.set()
            self.may_go_on.wait(TIMEOUT_S)
            return check

        rig.consoleauth.checks[token] = check_slowly
        yield lambda **headers: self.ask(rig, token, headers)
        self.may_go_on.set()

    def ask(self, rig, token, headers):
        sock = rig.connect()
        sock.sendall(build_upgrade('/?token=' + token, **headers))
        assert self.is_checked.wait(TIMEOUT_S)
        return sock

    @pytest.mark.parametrize('headers', [{}, {'Origin': 'http://127.0.0.1'}], ids=['program', 'browser'])
    def test_it_is_told_so_at_once_and_once(self, rig, asked, headers, caplog):
        sock = asked(**headers)
        newcomer = rig.connect()
        response = receive_until_eof(sock)
        assert not self.may_go_on.is_set()
        assert parse_response(response).status == 429
        assert response.count(b'HTTP/1.1 ') == 1
        self.may_go_on.set()
        wait_until(lambda: not rig.proxy._pending._claims and len(rig.proxy._pending) == 1, TIMEOUT_S, 'the set-up')
        newcomer.sendall(build_request('/vnc.html', Connection='close'))
        assert parse_response(receive_until_eof(newcomer)).status == 200
        assert 'Traceback' not in caplog.text
        assert not rig.proxy._parts.registry.list()
