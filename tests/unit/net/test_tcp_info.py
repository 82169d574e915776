# SPDX-License-Identifier: Apache-2.0
import socket
from contextlib import suppress

import pytest

from nova_vnc.net.tcp_info import free_to_send, is_holding_back
from tests.fixtures.connections import tcp_pair
from tests.fixtures.polling import wait_until


@pytest.fixture
def pair():
    near, far = tcp_pair(small_buffers=True)
    yield near, far
    near.close()
    far.close()


def test_a_peer_that_got_all_is_not(pair):
    near, _ = pair
    near.sendall(b'ping')
    wait_until(lambda: not is_holding_back(near, 60), 10, 'the acknowledgement')


def test_a_peer_that_does_not_read_is(pair):
    near, _ = pair
    near.settimeout(0.2)
    with pytest.raises(TimeoutError):
        near.sendall(bytes(10_000_000))
    assert is_holding_back(near, 60)


def test_one_that_has_left_is_not(pair):
    near, far = pair
    far.close()
    assert not is_holding_back(near, 60)


def test_what_is_no_tcp_is_not():
    near, far = socket.socketpair()
    assert not is_holding_back(near, 60)
    near.close()
    assert not is_holding_back(near, 60)
    far.close()


def test_as_much_as_is_free_is_taken_and_then_little_is():
    near, far = tcp_pair()
    with near, far:
        near.setblocking(False)
        free = free_to_send(near)
        assert free > 1000
        assert near.send(bytes(free)) == free
        with suppress(BlockingIOError):
            while True:
                near.send(bytes(1 << 20))
        assert free_to_send(near) < free / 10


def test_nothing_is_known_to_be_free_of_what_is_no_connection_any_more():
    sock = socket.socket()
    sock.close()
    assert free_to_send(sock) == 0
