# SPDX-License-Identifier: Apache-2.0
import socket

import pytest

from nova_vnc.net.tcp_info import is_holding_back
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
