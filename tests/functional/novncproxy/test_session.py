# SPDX-License-Identifier: Apache-2.0
import logging
import os
import socket

import oslo_messaging
import pytest

from nova_vnc.compute.virt.demo.screen import Screen
from nova_vnc.compute.virt.demo.server import DemoServer
from nova_vnc.compute.virt.demo.update import RGB_32
from nova_vnc.net.websocket import Opcode
from nova_vnc.rfb.init import ServerInit
from nova_vnc.rfb.version import PUBLISHED_VERSIONS
from nova_vnc.rpc import consoleauth
from tests.fixtures.connections import receive_exactly
from tests.fixtures.fail import unexpected
from tests.fixtures.polling import wait_until
from tests.fixtures.rfb_client import RFBClient
from tests.fixtures.websocket_frames import binary, client_frame
from tests.functional.novncproxy.rig import DISPLAY_NAME, INSTANCE_UUID, build_upgrade, echo, shake_hands

NAME = f'{DISPLAY_NAME} ({INSTANCE_UUID})'
HANDSHAKE_3_8 = b'RFB 003.008\n' + b'\x01' + b'\x01'    # version, security type, ClientInit


def check_works(stream):
    # Set up by RFBClient: its SetEncodings (8) and SetPixelFormat (20) come back first.
    stream.write(b'keys')
    assert stream.read_exactly(32)[28:] == b'keys'


@pytest.fixture
def guest():
    guest = DemoServer(Screen('demo'), b'demo-guest')
    guest.start(unexpected)
    yield guest
    guest.stop()


def test_a_client_sees_the_screen_and_types(rig, guest):
    stream = rig.start().open_console(rig.grant(*guest.address))
    client = RFBClient(stream.read, stream.write)
    assert client.connect().name.decode() == NAME
    client.type_text('hello')
    client.wait_for_text('hello')


@pytest.mark.parametrize('tenant_version', PUBLISHED_VERSIONS)
@pytest.mark.parametrize('compute_version', PUBLISHED_VERSIONS)
def test_each_side_speaks_its_own_version(rig, tenant_version, compute_version):
    def behave(sock):
        early = shake_hands(sock, compute_version)
        sock.sendall(early)
        while data := sock.recv(4096):
            sock.sendall(data)

    stream = rig.start().open_console(rig.console(behave))
    client = RFBClient(stream.read, stream.write, max_version=tenant_version)
    client.connect()
    assert client.version == tenant_version
    check_works(stream)


def test_everything_in_one_packet(rig):
    sock = rig.start().connect()
    sock.sendall(build_upgrade('/?token=' + rig.console()) + binary(HANDSHAKE_3_8 + b'first') + binary(b' words')
                 + client_frame(Opcode.PING, b'?'))
    answer = b''
    while not (b'first words' in answer and b'\x8a\x01?' in answer):
        piece = sock.recv(4096)
        assert piece
        answer += piece


def test_a_handshake_in_fragments_and_single_bytes(rig):
    sock = rig.start().connect()
    sock.sendall(build_upgrade('/?token=' + rig.console()))
    frames = (client_frame(Opcode.BINARY, HANDSHAKE_3_8[:5], final=False)
              + client_frame(Opcode.PING, b'in between')
              + client_frame(Opcode.CONTINUATION, b'', final=False)
              + client_frame(Opcode.CONTINUATION, HANDSHAKE_3_8[5:] + b'fir', final=False)
              + client_frame(Opcode.CONTINUATION, b'st words'))
    for byte in frames:
        sock.sendall(bytes([byte]))
    answer = b''
    while b'first words' not in answer:
        piece = sock.recv(4096)
        assert piece
        answer += piece


def test_what_the_server_says_too_early_reaches_the_client(rig):
    def behave(sock):
        shake_hands(sock, behind=b'early words')
        sock.sendall(b' and late ones')
        sock.recv(1)

    stream = rig.start().open_console(rig.console(behave))
    stream.write(HANDSHAKE_3_8)
    assert NAME.encode() + b'early words and late ones' in stream.read_exactly(
        12 + 2 + 4 + 24 + len(NAME.encode()) + len(b'early words and late ones'))


@pytest.mark.parametrize('shared', [True, False])
def test_the_clients_wish_to_be_alone_is_passed_on(rig, shared):
    heard = []

    def behave(sock):
        sock.sendall(b'RFB 003.008\n')
        receive_exactly(sock, 12)
        sock.sendall(b'\x01\x01')
        receive_exactly(sock, 1)
        sock.sendall(b'\0\0\0\0')
        heard.append(receive_exactly(sock, 1))

    stream = rig.start().open_console(rig.console(behave))
    stream.write(HANDSHAKE_3_8[:-1] + bytes([shared]))
    stream.read_to_close()
    assert heard == [bytes([shared])]


def test_a_browser(rig):
    rig.start()
    server = rig.vnc_server(echo)
    token = rig.grant(server.host, server.port, access_url=rig.origin + '/vnc_auto.html')
    stream = rig.open_console(token, origin=rig.origin)
    RFBClient(stream.read, stream.write).connect()
    check_works(stream)


def test_a_cookie_of_old_novnc(rig):
    token = rig.start().console()
    sock = rig.connect()
    request = build_upgrade('/websockify', Origin='http://127.0.0.1', Cookie=f'a=b; token={token}')
    sock.sendall(request + binary(HANDSHAKE_3_8 + b'first words'))
    answer = b''
    while b'first words' not in answer:
        piece = sock.recv(4096)
        assert piece
        answer += piece


def test_tls_that_ends_at_a_load_balancer(rig):
    server = rig.start(trusted_proxies=['127.0.0.1']).vnc_server(echo)
    token = rig.grant(server.host, server.port, access_url='https://cloud.example/vnc_auto.html')
    rig.conf.set_override('allowed_origins', ['cloud.example'], 'console')
    sock = rig.connect()
    sock.sendall(build_upgrade('/?token=' + token, Origin='http://127.0.0.1', X_Forwarded_Proto='https')
                 + binary(HANDSHAKE_3_8 + b'first words'))
    answer = b''
    while b'first words' not in answer:
        piece = sock.recv(4096)
        assert piece
        answer += piece


def test_a_token_without_an_access_url(rig, caplog):
    server = rig.start().vnc_server(echo)
    with caplog.at_level(logging.INFO):
        stream = rig.open_console(rig.grant(server.host, server.port, access_url=None), origin=rig.origin)
        RFBClient(stream.read, stream.write).connect()
    assert 'scheme of the Origin is not checked' in caplog.text


class NovaConsoleAuth:
    """A nova-consoleauth of Nova itself: it knows no namespace, display name or reason."""

    target = oslo_messaging.Target(version='2.1')

    def __init__(self, rig):
        self.rig = rig

    def check_token(self, ctxt, token):
        info = self.rig.consoleauth.check_token(ctxt, token)['connect_info']
        return info and {**info, 'last_activity_at': 1234.5}


def test_nova_answers_for_the_token(rig, caplog):
    with rig.bus.serving(consoleauth.TOPIC, [NovaConsoleAuth(rig)]), caplog.at_level(logging.INFO):
        rig.start(with_consoleauth=False)
        stream = rig.open_console(rig.console())
        assert RFBClient(stream.read, stream.write).connect().name.decode() == INSTANCE_UUID
        stream.client.close(status=1000)
        wait_until(lambda: 'ended for' in caplog.text, 20, 'the end')
    # Title and log have the uuid alone, without brackets around a name that nobody told.
    assert f'instance {INSTANCE_UUID} at 127.0.0.1' in caplog.text
    assert f'instance {INSTANCE_UUID} ended for' in caplog.text


def test_a_host_name_and_ipv6(rig):
    server = rig.start().vnc_server(echo, family=socket.AF_INET6)
    stream = rig.open_console(rig.grant('::1', server.port))
    RFBClient(stream.read, stream.write).connect()
    stream = rig.open_console(rig.grant('localhost', rig.vnc_server(echo).port))
    RFBClient(stream.read, stream.write).connect()


@pytest.mark.parametrize('answer', [
    [b'HTTP/1.1 200 OK\r\nA: b\r\n\r\nRFB 003.008\n'], [b'HTTP/1.0 200\r\n\r\n', b'RFB 003.008\n'],
    [bytes([byte]) for byte in b'HTTP/1.1 200 OK\r\n\r\nRFB 003.008\n']], ids=['at once', 'apart', 'byte by byte'])
def test_an_internal_access_path(rig, answer):
    requests = []

    def behave(sock):
        request = b''
        while not request.endswith(b'\r\n\r\n'):
            request += sock.recv(1)
        requests.append(request)
        for piece in answer:
            sock.sendall(piece)
        receive_exactly(sock, 12)
        sock.sendall(b'\x01\x01')
        receive_exactly(sock, 1)
        sock.sendall(b'\0\0\0\0')
        receive_exactly(sock, 1)
        sock.sendall(ServerInit(640, 480, RGB_32, b'vm').serialize())
        while data := sock.recv(4096):
            sock.sendall(data)

    server = rig.start().vnc_server(behave)
    stream = rig.open_console(rig.grant(server.host, server.port, internal_access_path='/vm/1'))
    RFBClient(stream.read, stream.write).connect()
    check_works(stream)
    assert requests == [b'CONNECT /vm/1 HTTP/1.1\r\n\r\n']


def test_no_delay_for_small_packets_on_either_leg(rig):
    stream = rig.start().open_console(rig.console())
    RFBClient(stream.read, stream.write).connect()
    relay, = wait_until(lambda: rig.proxy._parts.engine._relays, 10, 'the relay')
    for side in (relay._client, relay._target):
        with socket.socket(fileno=os.dup(side.fd)) as sock:
            assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_the_log_tells_of_begin_and_end_once(rig, caplog):
    server = rig.start().vnc_server(echo)
    token = rig.grant(server.host, server.port, request_id='req-of-the-api', display_name='web\n01')
    with caplog.at_level(logging.INFO, 'nova_vnc.novncproxy.session'):
        stream = rig.open_console(token)
        RFBClient(stream.read, stream.write).connect()
        session, = wait_until(rig.proxy._parts.registry.list, 10, 'the session')
        check_works(stream)
        stream.client.close(status=1000)
        wait_until(lambda: len(caplog.records) >= 2, 10, 'the end')
    opened, ended = (record.getMessage() for record in caplog.records)
    peer = '{}:{}'.format(*stream.client.sock.getsockname()) if stream.client.sock else session.peer
    assert opened == (f'Session {session.id}: instance {INSTANCE_UUID} (web01) at 127.0.0.1 port {server.port} opened '
                      f'for {peer}')
    assert ended.startswith(f'Session {session.id}: instance {INSTANCE_UUID} (web01) ended for {peer}: the client '
                            'closed the WebSocket (code 1000) after ')
    assert ended.endswith(', 32 bytes from it, 32 bytes to it')
    assert (session.global_request_id, session.instance_uuid) == ('req-of-the-api', INSTANCE_UUID)
    context = caplog.records[-1].context
    assert (context.request_id, context.global_request_id) == (f'req-{session.id}', 'req-of-the-api')
    assert not rig.proxy._parts.registry.list()


