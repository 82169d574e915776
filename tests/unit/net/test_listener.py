# SPDX-License-Identifier: Apache-2.0
import contextlib
import socket

import pytest

from nova_vnc.net import tcp
from nova_vnc.net.listener import Listener
from tests.fixtures.polling import wait_until

OPTIONS = [(socket.IPPROTO_TCP, socket.TCP_NODELAY), (socket.SOL_SOCKET, socket.SO_KEEPALIVE),
           (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE), (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL),
           (socket.IPPROTO_TCP, socket.TCP_KEEPCNT)]


@pytest.fixture
def bound():
    with socket.create_server(('127.0.0.1', 0)) as sock:
        yield sock


def accept(listener):
    return wait_until(listener.accept, 10, 'a connection')


def options_of(fd):
    with socket.socket(fileno=fd) as sock:
        values = [sock.getsockopt(*option) for option in OPTIONS]
        sock.detach()
    return values


def test_it_does_not_wait(bound):
    with contextlib.closing(Listener(bound)) as listener:
        assert listener.accept() is None


def test_a_connection_has_the_options_of_a_session(bound):
    address = bound.getsockname()
    with contextlib.closing(Listener(bound)) as listener, socket.create_connection(address) as client:
        transport, peer = accept(listener)
        assert peer == client.getsockname()
        with socket.socket() as wanted:
            tcp.configure(wanted)
            assert options_of(transport.fileno()) == options_of(wanted.fileno())
        assert transport.peek(1) is None
        client.sendall(b'x')
        wait_until(lambda: transport.peek(1) == b'x', 10, 'what it has sent')
        transport.close()
