# SPDX-License-Identifier: Apache-2.0
import contextlib
import socket
import ssl
import threading

import pytest

from nova_vnc.net import tls, tls_context
from nova_vnc.net.deadline import Deadline
from nova_vnc.net.stream import Released
from nova_vnc.net.transport import PlainTransport
from nova_vnc.novncproxy.connection import ClientConnection
from nova_vnc.novncproxy.forwarded import Client, TrustedProxies
from nova_vnc.novncproxy.goodbyes import Goodbyes
from nova_vnc.novncproxy.pending import Limits, PendingConnections
from nova_vnc.novncproxy.pending_places import Stage
from tests.fixtures.certificates import CertificateAuthority
from tests.fixtures.connections import receive_until_eof, tcp_pair


class Place:
    """A client's socket, the proxy's connection, and who sends last answers."""

    def __init__(self, opened):
        self.client, sock = tcp_pair()
        opened.callback(self.client.close)
        self.pending = PendingConnections(Limits(9, 9, 9, 9), lambda limit, who: None)
        self.goodbyes = Goodbyes()
        opened.callback(self.goodbyes.close_all)
        self.connection = ClientConnection(PlainTransport(sock), Client('127.0.0.1', 1), self.pending,
                                           TrustedProxies(), self.goodbyes)
        opened.callback(self.connection.stream.close)
        self.pending.add(self.connection, self.connection.source)

    def displace_silent(self):
        self.connection.displace(Stage.SILENT)
        assert self.connection.stream.read(100) == b''
        self.connection.say_goodbye()
        self.goodbyes.close_old()


@pytest.fixture
def place():
    with contextlib.ExitStack() as opened:
        yield Place(opened)


def check_is_not_reset(client):
    assert client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0


def test_who_lost_its_place_before_its_request_was_read_gets_the_answer_and_no_reset(place):
    place.client.sendall(b'GET / HTTP/1.1\r\n\r\n')
    place.displace_silent()
    check_is_not_reset(place.client)
    assert receive_until_eof(place.client).startswith(b'HTTP/1.1 429 ')
    assert len(place.goodbyes) == 1


def test_so_it_does_with_tls(place, tmp_path):
    ca = CertificateAuthority(tmp_path)
    stream = place.connection.stream
    stream.set_deadline(Deadline(10))
    server = threading.Thread(target=stream.upgrade, args=[
        tls.wrap(tls_context.server_context(str(ca.server().both)), server_side=True)])
    server.start()
    with ssl.create_default_context(cafile=ca.ca).wrap_socket(place.client, server_hostname='127.0.0.1') as encrypted:
        server.join()
        encrypted.sendall(b'GET / HTTP/1.1\r\n\r\n')
        place.displace_silent()
        check_is_not_reset(encrypted)
        assert receive_until_eof(encrypted).startswith(b'HTTP/1.1 429 ')


def test_while_the_proxy_works_for_it_it_is_told_at_once_and_nobody_else_can_speak(place):
    place.client.sendall(b'more')
    place.connection.displace(Stage.ASKED)
    place.goodbyes.close_old()
    assert receive_until_eof(place.client).startswith(b'HTTP/1.1 429 ')
    with pytest.raises(Released):
        place.connection.stream.write(b'HTTP/1.1 101 ')
    place.connection.displace(Stage.ASKED)      # harmless
    place.connection.say_goodbye()
    place.connection.close()
    assert len(place.goodbyes) == 1


def test_who_is_not_displaced_hears_no_goodbye(place):
    place.connection.say_goodbye()
    assert place.connection.stream.is_owner
