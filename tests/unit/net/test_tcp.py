# SPDX-License-Identifier: Apache-2.0
import socket

import pytest

from nova_vnc.net import tcp
from nova_vnc.net.deadline import Deadline, DeadlineExceeded


def test_connects_and_configures():
    with socket.create_server(('127.0.0.1', 0)) as listener:
        sock = tcp.connect('127.0.0.1', listener.getsockname()[1], Deadline(10))
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        sock.close()


@pytest.mark.parametrize(('lost_after_s', 'user_timeout_ms', 'idle_s', 'interval_s'), [
    (None, 0, 60, 15), (60, 60_000, 30, 7), (1, 1000, 1, 1)])
def test_when_a_silent_peer_is_lost(lost_after_s, user_timeout_ms, idle_s, interval_s):
    with socket.create_server(('127.0.0.1', 0)) as listener:
        sock = tcp.connect('127.0.0.1', listener.getsockname()[1], Deadline(10), lost_after_s)
        options = [sock.getsockopt(socket.IPPROTO_TCP, option)
                   for option in (socket.TCP_USER_TIMEOUT, socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL)]
        assert options == [user_timeout_ms, idle_s, interval_s]
        sock.close()


def test_connects_to_ipv6():
    with socket.create_server(('::1', 0), family=socket.AF_INET6) as listener:
        tcp.connect('::1', listener.getsockname()[1], Deadline(10)).close()


def test_refused():
    with socket.create_server(('127.0.0.1', 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(ConnectionRefusedError):
        tcp.connect('127.0.0.1', port, Deadline(10))


def test_no_answer_ends_with_the_deadline():
    with socket.create_server(('127.0.0.1', 0), backlog=0) as listener:
        address = listener.getsockname()
        # Fill the queue of connections that wait for accept(); the kernel drops what comes then.
        waiting = [socket.socket() for _ in range(4)]
        for sock in waiting:
            sock.setblocking(False)
            sock.connect_ex(address)
        with pytest.raises(DeadlineExceeded):
            tcp.connect(*address, Deadline(0.1))
        for sock in waiting:
            sock.close()


def test_no_time_left():
    with pytest.raises(DeadlineExceeded):
        tcp.connect('127.0.0.1', 1, Deadline(0))
