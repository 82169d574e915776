# SPDX-License-Identifier: Apache-2.0
"""Everything over IPv6, with real sockets on ::1."""

import logging
import socket

import pytest
import websocket

from nova_vnc.rfb.errors import ConnectionFailed
from tests.fixtures.connections import receive_until_eof
from tests.fixtures.rfb_client import RFBClient
from tests.functional.novncproxy.rig import TIMEOUT_S, WebSocketClient, build_request, echo, parse_response
from tests.functional.novncproxy.test_session import check_works


@pytest.fixture
def rig(rig):
    rig.conf.set_override('novncproxy_host', '::1', 'vnc')
    return rig


def open_console(rig, token, origin=None, host='[::1]'):
    client = websocket.WebSocket()
    client.settimeout(TIMEOUT_S)
    rig._stack.callback(client.shutdown)
    headers = {'suppress_origin': True} if origin is None else {'origin': origin}
    client.connect(f'ws://{host}:{rig.proxy.port}/websockify?token={token}', **headers)
    stream = WebSocketClient(client)
    RFBClient(stream.read, stream.write).connect()
    return stream


def grant(rig, **changes):
    server = rig.vnc_server(echo, family=socket.AF_INET6)
    return rig.grant('::1', server.port, **{'access_url': 'http://[::1]:6080/vnc_auto.html', **changes})


def get(rig, address, host):
    with socket.create_connection((address, rig.proxy.port), timeout=TIMEOUT_S) as sock:
        request = build_request('/vnc.html', Connection='close').replace(b'Host: 127.0.0.1', f'Host: {host}'.encode())
        sock.sendall(request)
        return parse_response(receive_until_eof(sock)).status


def test_a_session_from_end_to_end(rig, caplog):
    with caplog.at_level(logging.INFO):
        token = grant(rig.start())
        check_works(open_console(rig, token, origin=f'http://[::1]:{rig.proxy.port}'))
        check_works(open_console(rig, token))
    assert f'Listening for browsers on ::1 port {rig.proxy.port}' in caplog.text
    assert 'opened for [::1]:' in caplog.text


@pytest.mark.parametrize('origin', ['http://[::1]', 'http://[0:0:0:0:0:0:0:1]:6080', 'http://[::1]:1'])
def test_an_origin_is_an_address_in_any_form(rig, origin):
    check_works(open_console(rig, grant(rig.start()), origin=origin))


@pytest.mark.parametrize('origin', ['http://[::2]', 'http://[fd00::1]:6080', 'http://::1', 'http://[::1'])
def test_the_origin_of_another_address(rig, origin):
    token = grant(rig.start())
    with pytest.raises(ConnectionFailed, match='This web page may not open this console'):
        open_console(rig, token, origin=origin)


@pytest.mark.parametrize('allowed', ['fd00::1', '[fd00::1]', 'FD00:0:0::1'])
def test_allowed_origins(rig, allowed, caplog):
    rig.conf.set_override('allowed_origins', [allowed], 'console')
    check_works(open_console(rig, grant(rig.start()), origin='http://[fd00::1]:8080'))
    assert 'allowed_origins' not in caplog.text


def test_the_scheme_of_an_access_url_with_an_address(rig):
    token = grant(rig.start(), access_url='https://[::1]:6080/vnc_auto.html')
    with pytest.raises(ConnectionFailed, match='exactly the address of its link'):
        open_console(rig, token, origin='http://[::1]:6080')


def test_all_addresses_of_both_kinds(rig):
    rig.conf.set_override('novncproxy_host', '::', 'vnc')
    rig.start()
    assert get(rig, '::1', '[::1]') == get(rig, '127.0.0.1', '127.0.0.1') == 200
    token = rig.console()
    check_works(open_console(rig, token, host='127.0.0.1', origin='http://127.0.0.1'))
    check_works(open_console(rig, token, origin='http://[::1]'))


@pytest.mark.parametrize(('prefers', 'address', 'family'), [(True, '::1', socket.AF_INET6),
                                                            (False, '127.0.0.1', socket.AF_INET)])
def test_source_is_ipv6_chooses_among_the_addresses_of_a_name(rig, monkeypatch, prefers, address, family):
    real = socket.getaddrinfo

    def getaddrinfo(host, port, *args, **kwargs):
        if host != 'console.example':
            return real(host, port, *args, **kwargs)
        return [found for name in ('127.0.0.1', '::1') for found in real(name, port, *args, **kwargs)]

    monkeypatch.setattr(socket, 'getaddrinfo', getaddrinfo)
    rig.conf.set_override('novncproxy_host', 'console.example', 'vnc')
    rig.conf.set_override('source_is_ipv6', prefers)
    rig.start()
    assert get(rig, address, 'console.example') == 200
    other = '127.0.0.1' if prefers else '::1'
    with pytest.raises(ConnectionRefusedError):
        get(rig, other, 'console.example')


@pytest.mark.parametrize(('networks', 'opens'), [(['::1/128'], True), (['fd00::/8'], False), (['127.0.0.0/8'], False)])
def test_target_networks(rig, networks, opens):
    token = grant(rig.start(target_networks=networks))
    if opens:
        check_works(open_console(rig, token))
    else:
        with pytest.raises(websocket.WebSocketBadStatusException) as caught:
            open_console(rig, token)
        assert caught.value.status_code == 502
