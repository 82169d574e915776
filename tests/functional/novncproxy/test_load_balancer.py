# SPDX-License-Identifier: Apache-2.0
"""What a load balancer tells of its clients, when it is trusted, and when it is somebody who pretends."""

import logging
import re
import threading

import pytest

from tests.fixtures.connections import receive_until_eof, receive_up_to
from tests.fixtures.polling import wait_until
from tests.fixtures.proxy_protocol import LOCAL, build_header, build_tlv
from tests.functional.novncproxy.rig import TIMEOUT_S, build_request, build_upgrade, echo, parse_response
from tests.functional.novncproxy.test_session import HANDSHAKE_3_8, binary

BALANCER, STRANGER = '127.0.0.10', '127.0.0.66'
CLIENT = '198.51.100.7'
LAST = {'Connection': 'close'}
OVER_TLS = build_tlv(0x20, b'\x01' + bytes(4))


def send_from(rig, source, data):
    sock = rig.connect(source)
    sock.sendall(data)
    return sock


def ask(rig, source, data):
    return parse_response(receive_until_eof(send_from(rig, source, data)))


def read_responses(sock, count):
    """Read so many answers of a page, on a connection that stays open."""
    data = b''
    while data.count(b'</title>') < count:
        piece = sock.recv(4096)
        assert piece, data
        data += piece


def open_console(rig, source, data, text=b'first words'):
    """Open a WebSocket with a request, speak RFB as far as the VNC server echoes a text, and return the connection."""
    sock = send_from(rig, source, data + binary(HANDSHAKE_3_8 + text))
    receive_up_to(sock, text)
    return sock


@pytest.fixture(autouse=True)
def log(caplog):
    caplog.set_level(logging.INFO)
    return caplog


@pytest.fixture
def trusting(rig):
    return rig.start(trusted_proxies=['127.0.0.8/29'])


class TestHeaders:

    def test_the_client_is_in_the_log_and_in_the_registry(self, trusting, log):
        open_console(trusting, BALANCER, build_upgrade('/?token=' + trusting.console(), X_Forwarded_For=CLIENT))
        wait_until(lambda: re.search(rf'opened for {CLIENT}$', log.text, re.MULTILINE), TIMEOUT_S, 'the session')
        session, = trusting.proxy._parts.registry.list()
        assert session.peer == CLIENT

    def test_of_a_stranger_tell_nothing(self, trusting, log):
        response = ask(trusting, STRANGER, build_request('/vnc.html', X_Forwarded_For=CLIENT, **LAST))
        assert response.status == 200
        assert CLIENT not in log.text
        assert re.search(rf'{STRANGER}:\d+ "GET /vnc.html" 200', log.text)

    def test_tell_nothing_where_nobody_is_trusted(self, rig, log):
        rig.start()
        ask(rig, BALANCER, build_request('/vnc.html', X_Forwarded_For=CLIENT, **LAST))
        assert CLIENT not in log.text

    def test_that_a_client_has_forged_stand_before_the_real_one(self, trusting, log):
        ask(trusting, BALANCER, build_request('/vnc.html', X_Forwarded_For=f'203.0.113.5, {CLIENT}', **LAST))
        assert f'{CLIENT} "GET /vnc.html" 200' in log.text
        assert '203.0.113.5' not in log.text

    def test_each_request_of_a_connection_has_its_own_client(self, trusting, log):
        sock = trusting.connect(BALANCER)
        for number, client in enumerate([CLIENT, '2001:db8::7', '']):
            sock.sendall(build_request('/vnc.html', X_Forwarded_For=client))
            read_responses(sock, 1)
            assert log.text.count('"GET /vnc.html" 200') == number + 1
        assert f'{CLIENT} "GET' in log.text
        assert '2001:db8::7 "GET' in log.text
        assert re.search(rf'{BALANCER}:\d+ "GET', log.text)

    def test_a_refusal_names_the_client(self, trusting, log):
        ask(trusting, BALANCER, build_upgrade('/?token=unknown', X_Forwarded_For=CLIENT))
        assert f'refused {CLIENT} with 401' in log.text

    def test_the_scheme_of_the_browser_s_connection(self, trusting):
        open_console(trusting, BALANCER, self.request_of_https(trusting, 'https'))

    @pytest.mark.parametrize(('source', 'scheme'), [(BALANCER, 'http'), (STRANGER, 'https')])
    def test_a_scheme_that_is_wrong_or_not_to_be_trusted(self, trusting, log, source, scheme):
        # A browser reads a refusal in RFB, so its connection goes on; the log tells.
        sock = send_from(trusting, source, self.request_of_https(trusting, scheme))
        wait_until(lambda: re.search(rf'refused {source}:\d+ with 403: the page was opened by "http"', log.text),
                   TIMEOUT_S, 'the refusal')
        sock.close()

    def request_of_https(self, rig, forwarded_proto):
        """Return the request of a browser that says http itself, for a console whose URL is https."""
        server = rig.vnc_server(echo)
        token = rig.grant(server.host, server.port, access_url='https://127.0.0.1/vnc_auto.html')
        return build_upgrade('/?token=' + token, Origin='http://127.0.0.1', X_Forwarded_Proto=forwarded_proto)


class TestProxyProtocol:

    @pytest.mark.parametrize('client', [CLIENT, '2001:db8::7'])
    def test_a_console(self, trusting, log, client):
        request = build_upgrade('/?token=' + trusting.console())
        open_console(trusting, BALANCER, build_header(client, 50000) + request)
        shown = f'[{client}]:50000' if ':' in client else f'{client}:50000'
        wait_until(lambda: f'opened for {shown}' in log.text, TIMEOUT_S, 'the session')

    def test_byte_by_byte(self, trusting, log):
        sock = trusting.connect(BALANCER)
        for byte in build_header(CLIENT, 50000, OVER_TLS) + build_request('/vnc.html', **LAST):
            sock.sendall(bytes([byte]))
        assert parse_response(receive_until_eof(sock)).status == 200
        assert f'{CLIENT}:50000 "GET /vnc.html" 200' in log.text

    def test_headers_of_a_client_behind_it_tell_nothing(self, trusting, log):
        ask(trusting, BALANCER, build_header(CLIENT, 50000)
            + build_request('/vnc.html', X_Forwarded_For='203.0.113.5', **LAST))
        assert '203.0.113.5' not in log.text
        assert f'{CLIENT}:50000 "GET' in log.text

    def test_of_two_load_balancers_in_a_row(self, trusting, log):
        ask(trusting, BALANCER, build_header('127.0.0.9', 50000)
            + build_request('/vnc.html', X_Forwarded_For=CLIENT, **LAST))
        assert f'{CLIENT} "GET' in log.text

    def test_tells_that_tls_has_ended(self, trusting):
        server = trusting.vnc_server(echo)
        token = trusting.grant(server.host, server.port, access_url='https://127.0.0.1/vnc_auto.html')
        open_console(trusting, BALANCER, build_header(CLIENT, 50000, OVER_TLS)
                     + build_upgrade('/?token=' + token, Origin='http://127.0.0.1'))

    def test_a_health_check_is_the_load_balancer_s_own(self, trusting, log):
        assert ask(trusting, BALANCER, LOCAL + build_request('/vnc.html', **LAST)).status == 200
        assert re.search(rf'{BALANCER}:\d+ "GET', log.text)

    def test_the_same_connection_may_do_without(self, trusting):
        assert ask(trusting, BALANCER, build_request('/vnc.html', **LAST)).status == 200

    @pytest.mark.parametrize(('header', 'said'), [
        (b'PROXY TCP4 198.51.100.7 127.0.0.1 50000 443\r\n', 'version 1'),
        (build_header(CLIENT, 50000, command=0x41), 'version 4'),
        (build_header(CLIENT, 50000)[:14] + b'\xff\xff', '65535 bytes'),
        (build_header(CLIENT, 50000, b'\x20\x00\x09'), 'breaks off'),
        (b'\r\n' + bytes(20), 'no header'),
    ])
    def test_malformed_is_closed_with_one_line(self, trusting, log, header, said):
        sock = send_from(trusting, BALANCER, header + build_request('/vnc.html', **LAST))
        assert receive_until_eof(sock) == b''
        lines = [record.getMessage() for record in log.records if 'closed' in record.getMessage()]
        assert len(lines) == 1
        assert re.fullmatch(rf'{BALANCER}:\d+: closed: .*{said}.*', lines[0])
        assert 'Traceback' not in log.text

    def test_that_breaks_off_is_one_line(self, trusting, log):
        sock = trusting.connect(BALANCER)
        sock.sendall(build_header(CLIENT, 50000)[:20])
        sock.shutdown(1)
        assert receive_until_eof(sock) == b''
        wait_until(lambda: 'the connection ended in a header of the PROXY protocol' in log.text, TIMEOUT_S, 'a line')

    def test_that_never_comes_to_its_end(self, rig):
        rig.start(trusted_proxies=[BALANCER], header_timeout=1)
        assert receive_until_eof(send_from(rig, BALANCER, build_header(CLIENT, 50000)[:20])) == b''

    def test_of_a_stranger_is_closed(self, trusting, log):
        sock = send_from(trusting, STRANGER, build_header(CLIENT, 50000) + build_request('/vnc.html', **LAST))
        assert receive_until_eof(sock) == b''
        assert CLIENT not in log.text
        assert 'not in [novncproxy]trusted_proxies' in log.text


class TestCeilingForEachAddress:

    def test_a_load_balancer_has_none(self, rig):
        rig.start(trusted_proxies=[BALANCER], max_pending_per_address=3)
        silent = [rig.connect(BALANCER) for _ in range(12)]
        wait_until(lambda: len(rig.proxy._pending) == 12, TIMEOUT_S, 'all of them')
        for sock in silent:
            sock.sendall(build_request('/vnc.html', **LAST))
            assert parse_response(receive_until_eof(sock)).status == 200

    def test_its_clients_have_one_each(self, rig, log):
        rig.start(trusted_proxies=[BALANCER], max_pending_per_address=3)
        other = send_from(rig, BALANCER, build_request('/vnc.html', X_Forwarded_For='198.51.100.99'))
        read_responses(other, 1)
        for _ in range(6):
            read_responses(send_from(rig, BALANCER, build_request('/vnc.html', X_Forwarded_For=CLIENT)), 1)
        wait_until(lambda: len(rig.proxy._pending) == 4, TIMEOUT_S, 'three of one, one of another')
        assert 'max_pending_per_address is reached' in log.text
        assert f'the latest one of {CLIENT}' in log.text
        other.sendall(build_request('/vnc.html', X_Forwarded_For='198.51.100.99', **LAST))
        assert parse_response(receive_until_eof(other)).status == 200

    def test_a_stranger_cannot_be_many(self, rig):
        rig.start(trusted_proxies=[BALANCER], max_pending_per_address=3)
        for number in range(6):
            read_responses(send_from(rig, STRANGER, build_request('/vnc.html', X_Forwarded_For=f'198.51.100.{number}')),
                           1)
        wait_until(lambda: len(rig.proxy._pending) == 3, TIMEOUT_S, 'three')


class TestHealthcheck:

    @pytest.mark.parametrize('method', ['GET', 'HEAD'])
    def test_all_is_well(self, rig, log, method):
        response = rig.start().get('/healthcheck', method=method)
        assert (response.status, response.body) == (200, b'OK\n' if method == 'GET' else b'')
        assert 'healthcheck' not in log.text

    def test_while_the_message_bus_is_away(self, rig):
        assert rig.start(with_consoleauth=False).get('/healthcheck').status == 200

    def test_of_a_proxy_that_stops(self, rig):
        rig.start(drain_timeout=20)
        sock = rig.connect()
        sock.sendall(build_request('/healthcheck')[:-2])
        wait_until(lambda: any(not connection.is_idle for connection in rig.proxy._pending._snapshot()), TIMEOUT_S,
                   'the beginning of the request')
        stopping = threading.Thread(target=rig.stop, kwargs={'hurry': False})
        stopping.start()
        wait_until(rig.proxy._stopping.is_set, TIMEOUT_S, 'the stop')
        sock.sendall(b'\r\n')
        response = parse_response(receive_until_eof(sock))
        assert (response.status, response.body) == (503, b'STOPPING\n')
        stopping.join()
