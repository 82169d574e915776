# SPDX-License-Identifier: Apache-2.0
import contextlib
import socket
import ssl
import threading

import pytest

from nova_vnc.net import tls, tls_context
from nova_vnc.net.deadline import Deadline
from nova_vnc.net.transport import PlainTransport
from nova_vnc.novncproxy.connection import ClientConnection
from nova_vnc.novncproxy.forwarded import Client, TrustedProxies
from nova_vnc.novncproxy.pending import Limits, PendingConnections
from nova_vnc.novncproxy.pending_places import Stage
from tests.fixtures.certificates import CertificateAuthority
from tests.fixtures.connections import receive_until_eof, tcp_pair


@pytest.fixture
def connect():
    """Return a function that returns a client's socket and the proxy's connection."""
    with contextlib.ExitStack() as opened:
        def open_one() -> tuple[socket.socket, ClientConnection]:
            client, sock = tcp_pair()
            opened.callback(client.close)
            pending = PendingConnections(Limits(9, 9, 9, 9), lambda limit, who: None)
            connection = ClientConnection(PlainTransport(sock), Client('127.0.0.1', 1), pending, TrustedProxies())
            opened.callback(connection.stream.close)
            return client, connection
        yield open_one


def displace(connection):
    connection.displace(Stage.SILENT)
    assert connection.stream.read(100) == b''
    connection.send_owed_answer()
    connection.close()


def check_is_not_reset(client):
    assert client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0


def test_who_lost_its_place_before_its_request_was_read_gets_the_answer_and_no_reset(connect):
    client, connection = connect()
    client.sendall(b'GET / HTTP/1.1\r\n\r\n')
    displace(connection)
    check_is_not_reset(client)
    assert receive_until_eof(client).startswith(b'HTTP/1.1 429 ')


def test_so_it_does_with_tls(connect, tmp_path):
    ca = CertificateAuthority(tmp_path)
    client, connection = connect()
    connection.stream.set_deadline(Deadline(10))
    server = threading.Thread(target=connection.stream.upgrade, args=[
        tls.wrap(tls_context.server_context(str(ca.server().both)), server_side=True)])
    server.start()
    with ssl.create_default_context(cafile=ca.ca).wrap_socket(client, server_hostname='127.0.0.1') as encrypted:
        server.join()
        encrypted.sendall(b'GET / HTTP/1.1\r\n\r\n')
        displace(connection)
        check_is_not_reset(encrypted)
        assert receive_until_eof(encrypted).startswith(b'HTTP/1.1 429 ')
