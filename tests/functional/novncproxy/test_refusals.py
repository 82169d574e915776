# SPDX-License-Identifier: Apache-2.0
"""Who gets no console, what he is told, and what the operator reads."""

import contextlib
import logging
import re
import socket
import threading
import time

import pytest
import websocket

from nova_vnc import objects
from nova_vnc.novncproxy.refusal import Refusal
from nova_vnc.rfb.client import ClientHandshake
from nova_vnc.rfb.drive import drive
from nova_vnc.rfb.errors import ConnectionFailed
from nova_vnc.rfb.version import PUBLISHED_VERSIONS, VERSION_3_8
from tests.fixtures.connections import receive_exactly
from tests.fixtures.polling import wait_until
from tests.fixtures.ports import port_that_refuses
from tests.functional.novncproxy.rig import INSTANCE_UUID, echo, shake_hands

UNKNOWN = 'd3c5f3a0-4b0c-4f4c-9d3e-6a4b8b1f0f2e'
NOT_VALID = 'This console link is not valid any more. Ask for a new one.'


class RawCheck:
    """A TokenCheck with a connect_info that objects.ConnectInfo would not write."""

    def __init__(self, connect_info):
        self.connect_info = connect_info

    def to_dict(self):
        return {'connect_info': self.connect_info}


def refuse_program(rig, target):
    """Return status and text for a client without Origin."""
    with pytest.raises(websocket.WebSocketBadStatusException) as caught:
        rig.open_websocket(target)
    return caught.value.status_code, split_text(caught.value.resp_body.decode().rstrip('\n'))


def refuse_browser(rig, target, *, origin=None, version=VERSION_3_8):
    """Return close code and text for a client with Origin, who reads the same in RFB and in the close frame."""
    stream = rig.open_websocket(target, origin=origin or rig.origin)
    with pytest.raises(ConnectionFailed) as caught:
        drive(ClientHandshake(max_version=version), stream.read, stream.write)
    _, (code, reason) = stream.read_to_close()
    assert reason == caught.value.reason
    return code, split_text(reason)


def split_text(text):
    """Take the request id off."""
    return re.fullmatch(r'(.*) \(req-[0-9a-f-]{36}\)', text)[1]


def refuse_both(rig, target):
    status, text = refuse_program(rig, target)
    assert refuse_browser(rig, target) == (4000 + status, text)
    return status, text


class TestToken:

    @pytest.mark.parametrize('target', [
        f'/?token={UNKNOWN}', '/?token=malformed%20token', '/?token=' + 'x' * 300, '/?token=', '/', '/websockify',
        f'/?token={UNKNOWN}&token=other', '/?token=%00',
    ])
    def test_not_valid_whatever_is_wrong_with_it(self, rig, target):
        assert refuse_both(rig.start(), target) == (401, NOT_VALID)

    def test_two_tokens_of_which_one_is_valid(self, rig):
        token = rig.start().console()
        assert refuse_both(rig, f'/?token={token}&token={UNKNOWN}') == (401, NOT_VALID)

    @pytest.mark.parametrize(('console_type', 'access_url'), [
        ('spice-html5', 'http://127.0.0.1:6082/spice_auto.html'), ('serial', 'ws://127.0.0.1:6083/'),
        ('rdp-html5', 'http://127.0.0.1:6083/'), ('webmks', None), ('xvpvnc', None)])
    def test_of_another_kind_of_console(self, rig, console_type, access_url, caplog):
        token = rig.start().grant('127.0.0.1', 1, console_type=console_type, access_url=access_url)
        with caplog.at_level(logging.INFO):
            assert refuse_both(rig, f'/?token={token}') == (421, Refusal.CONSOLE_TYPE.text)
        assert f'instance {INSTANCE_UUID}: a token for a console of type {console_type}' in caplog.text

    def test_of_another_kind_of_console_without_a_port(self, rig):
        rig.start().consoleauth.checks[UNKNOWN] = RawCheck({
            'token': UNKNOWN, 'console_type': 'spice-direct', 'host': '127.0.0.1', 'port': None,
            'instance_uuid': INSTANCE_UUID, 'internal_access_path': None, 'access_url': None})
        assert refuse_both(rig, f'/?token={UNKNOWN}') == (421, Refusal.CONSOLE_TYPE.text)

    def test_a_cookie_is_nothing_without_an_origin(self, rig):
        token = rig.start().console()
        client = websocket.WebSocket()
        with pytest.raises(websocket.WebSocketBadStatusException) as caught:
            client.connect(f'ws://127.0.0.1:{rig.proxy.port}/', suppress_origin=True, cookie=f'token={token}')
        assert caught.value.status_code == 401

    @pytest.mark.parametrize(('reason', 'refusal'), [
        (objects.REASON_INVALID, Refusal.TOKEN), (objects.REASON_NOT_READY, Refusal.NOT_READY),
        (objects.REASON_MOVED, Refusal.MOVED), (objects.REASON_HOST_SILENT, Refusal.HOST_SILENT),
        (objects.REASON_UNAVAILABLE, Refusal.UNAVAILABLE),
    ])
    def test_what_consoleauth_says_of_it(self, rig, reason, refusal):
        rig.start().consoleauth.checks[UNKNOWN] = objects.TokenCheck(None, reason)
        assert refuse_both(rig, f'/?token={UNKNOWN}') == (refusal.status, refusal.text)

    @pytest.mark.parametrize('version', PUBLISHED_VERSIONS)
    def test_a_browser_reads_it_in_any_version(self, rig, version):
        assert refuse_browser(rig.start(), '/', version=version) == (4401, NOT_VALID)

    def test_the_id_in_the_text_is_that_of_the_log_and_of_the_call(self, rig, caplog):
        asked = []

        def check():
            asked.append(1)
            return objects.TokenCheck(None, objects.REASON_INVALID)

        rig.start().consoleauth.checks[UNKNOWN] = check
        with caplog.at_level(logging.INFO), pytest.raises(websocket.WebSocketBadStatusException) as caught:
            rig.open_console(UNKNOWN)
        request_id = re.search(rb'req-[0-9a-f-]{36}', caught.value.resp_body)[0].decode()
        line, = [record for record in caplog.records if 'refused' in record.getMessage()]
        assert f'Session {request_id[4:]}: refused 127.0.0.1:' in line.getMessage()
        assert asked == [1]


class TestOrigin:

    def test_another_web_page(self, rig):
        token = rig.start().console()
        assert refuse_browser(rig, f'/?token={token}', origin='http://evil.example') == (
            4403, 'This web page may not open this console.')

    def test_another_web_page_learns_nothing_about_tokens(self, rig):
        rig.start()
        for token in (rig.console(), UNKNOWN):
            refuse_browser(rig, f'/?token={token}', origin='http://evil.example')
        assert rig.consoleauth.asked == 0

    def test_no_page(self, rig):
        assert refuse_browser(rig.start(), '/', origin='null')[0] == 4403

    def test_one_that_the_operator_allows(self, rig):
        rig.conf.set_override('allowed_origins', ['Dashboard.example'], 'console')
        token = rig.start().console()
        stream = rig.open_console(token, origin='http://dashboard.example:8080')
        drive(ClientHandshake(), stream.read, stream.write)     # would raise the reason of a refusal

    def test_another_scheme(self, rig):
        server = rig.start().vnc_server(echo)
        token = rig.grant(server.host, server.port, access_url='https://cloud.example/vnc_auto.html')
        code, text = refuse_browser(rig, f'/?token={token}')
        assert (code, text) == (4403, Refusal.SCHEME.text)
        assert not server.accepted


class TestConsoleauthAway:

    def test_nobody_answers(self, rig):
        rig.start(with_consoleauth=False, token_check_timeout=1)
        begin = time.monotonic()
        status, text = refuse_program(rig, f'/?token={UNKNOWN}')
        assert time.monotonic() - begin < 10
        assert status == 503
        assert 'Console service unavailable' in text

    def test_it_fails(self, rig):
        rig.start().consoleauth.checks[UNKNOWN] = KeyError(UNKNOWN)
        assert refuse_both(rig, f'/?token={UNKNOWN}') == (503, Refusal.UNAVAILABLE.text)

    def test_too_many_wait_already(self, rig):
        release, entered = threading.Event(), threading.Event()

        def check():
            entered.set()
            release.wait(10)
            return objects.TokenCheck(None, objects.REASON_INVALID)

        rig.start(max_pending_checks=1).consoleauth.checks['slow'] = check
        outcomes = []
        first = threading.Thread(target=lambda: outcomes.append(refuse_program(rig, '/?token=slow')))
        first.start()
        assert entered.wait(10)
        assert refuse_program(rig, f'/?token={UNKNOWN}') == (503, Refusal.UNAVAILABLE.text)
        release.set()
        first.join()
        assert outcomes == [(401, NOT_VALID)]


class TestCompute:
    """The VNC server misbehaves before the WebSocket is open: a program gets a status."""

    def refuse(self, rig, behave, **options):
        target = f'/?token={rig.start(**options).console(behave)}'
        return refuse_both(rig, target)

    def test_refuses_the_connection(self, rig):
        with port_that_refuses() as port:
            token = rig.start().grant('127.0.0.1', port)
            assert refuse_both(rig, f'/?token={token}') == (502, Refusal.UNREACHABLE.text)

    def test_name_that_nobody_knows(self, rig):
        token = rig.start().grant('no-such-host.invalid', 5900)
        assert refuse_program(rig, f'/?token={token}')[0] in (502, 504)

    def test_does_not_answer_the_connection(self, rig):
        # A full backlog: the kernel answers no further SYN.
        with socket.create_server(('127.0.0.1', 0), backlog=0) as server, contextlib.ExitStack() as stack:
            for _ in range(4):
                sock = stack.enter_context(socket.socket())
                sock.settimeout(0.2)
                with contextlib.suppress(TimeoutError):
                    sock.connect(server.getsockname())
            token = rig.start(connect_timeout=1).grant(*server.getsockname())
            assert refuse_program(rig, f'/?token={token}') == (504, Refusal.SILENT.text)

    def test_says_nothing(self, rig):
        assert self.refuse(rig, lambda sock: sock.recv(1), handshake_timeout=1) == (504, Refusal.SILENT.text)

    def test_says_a_byte_now_and_then(self, rig):
        def behave(sock):
            for byte in b'RFB 003.008\n' * 100:
                sock.sendall(bytes([byte]))
                time.sleep(0.2)

        token = rig.start(handshake_timeout=1).console(behave)
        assert refuse_program(rig, f'/?token={token}') == (504, Refusal.SILENT.text)

    @pytest.mark.parametrize('garbage', [b'SSH-2.0-OpenSSH_9.2\r\n', b'HTTP/1.1 400 Bad Request\r\n', b'\0' * 100_000,
                                         b'RFB 000.000\n', b''])
    def test_speaks_something_else(self, rig, garbage):
        def behave(sock):
            sock.sendall(garbage)
            if garbage:
                sock.recv(1)

        assert self.refuse(rig, behave) == (502, Refusal.NOT_VNC.text)

    def test_asks_for_a_password(self, rig):
        def behave(sock):
            sock.sendall(b'RFB 003.008\n')
            receive_exactly(sock, 12)
            sock.sendall(b'\x02\x02\x13')
            sock.recv(1)

        assert self.refuse(rig, behave) == (502, Refusal.SECURITY.text)

    def test_declines_with_a_reason_of_4_gib(self, rig, caplog):
        def behave(sock):
            sock.sendall(b'RFB 003.008\n')
            receive_exactly(sock, 12)
            sock.sendall(b'\0\xff\xff\xff\xff')
            while True:
                sock.sendall(b'A' * 65536)

        with caplog.at_level(logging.WARNING):
            assert self.refuse(rig, behave, handshake_timeout=5) == (502, Refusal.DECLINED.text)
        assert 'A' * 257 not in caplog.text

    def test_lies_outside_the_networks(self, rig, caplog):
        server = rig.vnc_server(echo)
        rig.start(target_networks=['192.0.2.0/24', '2001:db8::/32'])
        for host in ('127.0.0.1', '::ffff:127.0.0.1', 'localhost'):
            token = rig.grant(host, server.port)
            assert refuse_both(rig, f'/?token={token}') == (502, Refusal.FORBIDDEN_TARGET.text)
        assert not server.accepted
        assert '[novncproxy]target_networks' in caplog.text

    def test_lies_in_one_of_the_networks(self, rig):
        rig.start(target_networks=['192.0.2.0/24', '127.0.0.0/8'])
        assert rig.open_console(rig.console()).read(12) == b'RFB 003.008\n'

    @pytest.mark.parametrize('answer', [
        b'HTTP/1.1 404 Not Found\r\n\r\n', b'HTTP/1.1 404 200\r\n\r\n', b'HTTP/1.1 407 Proxy\r\nA: 200\r\n\r\n',
        b'HTTP/1.1 2000 OK\r\n\r\n', b'RFB 003.008\n', b'x' * 5000, b'HTTP/1.1 200 OK\r\nA: ' + b'b' * 5000, b'',
        b'HTTP/1.1 200 OK\r\n', b'HTTP/1.1 200 OK\n\n', b'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n'])
    def test_knows_no_internal_access_path(self, rig, answer):
        def behave(sock):
            sock.recv(100)
            sock.sendall(answer)

        server = rig.start().vnc_server(behave)
        token = rig.grant(server.host, server.port, internal_access_path='/vm')
        assert refuse_both(rig, f'/?token={token}') == (502, Refusal.DECLINED.text)

    @pytest.mark.parametrize('begin', [b'', b'HTTP/1.1', b'HTTP/1.1 200 OK\r\nA: b\r\n', b'HTTP/1.1 200 OK\r\n\r'])
    def test_never_ends_its_answer_about_the_internal_access_path(self, rig, begin):
        def behave(sock):
            sock.recv(100)
            sock.sendall(begin)
            sock.recv(100)

        server = rig.start(connect_timeout=1).vnc_server(behave)
        token = rig.grant(server.host, server.port, internal_access_path='/vm')
        assert refuse_program(rig, f'/?token={token}') == (504, Refusal.SILENT.text)

    def test_answers_about_the_internal_access_path_a_byte_now_and_then(self, rig):
        def behave(sock):
            for byte in b'HTTP/1.1 200 ' + b'O' * 100:
                sock.sendall(bytes([byte]))
                time.sleep(0.2)

        server = rig.start(connect_timeout=1).vnc_server(behave)
        token = rig.grant(server.host, server.port, internal_access_path='/vm')
        assert refuse_program(rig, f'/?token={token}') == (504, Refusal.SILENT.text)

    @pytest.mark.parametrize('path', ['/vm 1', '/vm\r\nHost: evil', '/v\u00fc'])
    def test_an_internal_access_path_that_is_none(self, rig, path):
        server = rig.start().vnc_server(echo)
        token = rig.grant(server.host, server.port, internal_access_path=path)
        assert refuse_program(rig, f'/?token={token}') == (502, Refusal.UNREACHABLE.text)

    def test_nobody_is_told_where_it_is(self, rig, caplog):
        with port_that_refuses() as port:
            token = rig.start().grant('127.0.0.1', port)
            _, text = refuse_both(rig, f'/?token={token}')
        assert '127.0.0.1' not in text
        assert str(port) not in text
        assert f'instance {INSTANCE_UUID}: 127.0.0.1 port {port}: ' in caplog.text


class TestComputeLater:
    """The VNC server misbehaves after SecurityResult: all that is left is the close frame."""

    def close_frame(self, rig, behave, **options):
        token = rig.start(**options).console(behave)
        stream = rig.open_console(token)
        stream.write(b'RFB 003.008\n\x01\x01')
        _, (code, reason) = stream.read_to_close()
        return code, split_text(reason)

    @staticmethod
    def up_to_client_init(sock):
        sock.sendall(b'RFB 003.008\n')
        receive_exactly(sock, 12)
        sock.sendall(b'\x01\x01')
        receive_exactly(sock, 1)
        sock.sendall(b'\0\0\0\0')
        receive_exactly(sock, 1)

    def test_says_nothing(self, rig):
        def behave(sock):
            self.up_to_client_init(sock)
            sock.recv(1)

        assert self.close_frame(rig, behave, handshake_timeout=1) == (4504, Refusal.SILENT.text)

    def test_closes(self, rig):
        assert self.close_frame(rig, self.up_to_client_init) == (4502, Refusal.NOT_VNC.text)

    def test_announces_a_name_of_4_gib(self, rig):
        def behave(sock):
            self.up_to_client_init(sock)
            sock.sendall(b'\0' * 20 + b'\xff\xff\xff\xff')
            while True:
                sock.sendall(b'A' * 65536)

        assert self.close_frame(rig, behave) == (4502, Refusal.NOT_VNC.text)


def test_a_refused_browser_that_says_nothing_is_not_waited_for_long(rig):
    stream = rig.start(handshake_timeout=1).open_websocket('/', origin=rig.origin)
    data, (code, reason) = stream.read_to_close()
    assert data == b'RFB 003.008\n'
    assert (code, split_text(reason)) == (4401, NOT_VALID)


def test_a_client_that_leaves_leaves_nothing_behind(rig):
    rig.start()
    for origin in (rig.origin, None):
        with contextlib.suppress(Exception):
            rig.open_websocket('/', origin=origin).client.shutdown()
    stream = rig.open_console(rig.console(lambda sock: shake_hands(sock)))
    stream.client.shutdown()
    wait_until(lambda: len(rig.proxy._pending) == 0, 10, 'the connections to end')
    assert not rig.proxy._parts.registry.list()
