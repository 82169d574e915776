# SPDX-License-Identifier: Apache-2.0
"""Many connections at once, from whoever does nothing with them."""

import contextlib
import socket
import struct
import threading

import pytest

from nova_vnc.spare_threads import SpareThreads
from tests.fixtures.connections import receive_until_eof, receive_up_to
from tests.fixtures.polling import wait_until
from tests.functional.novncproxy.rig import build_request, parse_response
from tests.functional.novncproxy.test_strangers import check_a_user_gets_in

SILENT = 300
# More than the kernel keeps for a proxy that asks for 1024, and less than it keeps for ours.
BURST = 2000
ROUNDS = 2
HALF_A_REQUEST = b'GET /vnc.html HTTP/1.1\r\nHost: a\r\n'
# Of struct tcp_info (linux/tcp.h), tcpi_total_retrans.
_RETRANSMITTED_AT, _TCP_INFO_BYTES = 100, 104


def connection_threads():
    return [thread for thread in threading.enumerate() if thread.name == 'connection']


def sent_again(sock):
    """Return how many packets the kernel had to send again; of a new connection that is the first one."""
    return struct.unpack_from('I', sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO_BYTES),
                              _RETRANSMITTED_AT)[0]


def burst(rig, opened, sources, is_closed, data):
    """Begin connections without waiting for anything, so that they come faster than they can be accepted."""
    for number in range(BURST):
        sock = socket.SocketType(socket.AF_INET, socket.SOCK_STREAM)
        sock.setblocking(False)
        sock.bind((f'127.0.1.{number % sources + 1}', 0))
        sock.connect_ex(rig.address)
        if data:
            with contextlib.suppress(OSError):
                sock.send(data)
        if is_closed:
            sock.close()
        else:
            opened.callback(sock.close)


@pytest.fixture
def admitted(rig, monkeypatch):
    """How many connections have got a thread."""
    given = []
    run = SpareThreads.run
    monkeypatch.setattr(SpareThreads, 'run', lambda threads, work: (given.append(work), run(threads, work))[1])
    return given


@pytest.mark.parametrize('data', [b'', HALF_A_REQUEST], ids=['silent', 'half a request'])
def test_who_has_not_asked_for_anything_costs_no_thread(rig, data):
    rig.start()
    silent = [rig.connect() for _ in range(SILENT)]
    for sock in silent:
        sock.sendall(data)
    wait_until(lambda: len(rig.proxy._pending) == SILENT, 30, 'all of them')
    assert connection_threads() == []
    silent[0].sendall(b'\r\n' if data else build_request('/vnc.html'))
    assert receive_up_to(silent[0], b'</title>').startswith(b'HTTP/1.1 200 ')


def test_half_requests_whose_time_is_over_cost_no_thread_either(rig, admitted):
    rig.start(header_timeout=1)
    slow = [rig.connect() for _ in range(SILENT)]
    for sock in slow:
        sock.sendall(HALF_A_REQUEST)
    assert {parse_response(receive_until_eof(sock)).status for sock in slow} == {408}
    assert not admitted


@pytest.mark.parametrize('sources', [1, 200], ids=['one address', 'many addresses'])
def test_a_flood_of_half_requests_gives_threads_to_users_alone(rig, admitted, sources):
    rig.start(max_pending_connections=100)
    users = 3
    for _ in range(users):
        with contextlib.ExitStack() as opened:
            burst(rig, opened, sources, False, HALF_A_REQUEST)
            assert rig.get('/vnc.html').status == 200
    assert len(admitted) == users


@pytest.mark.parametrize('sources', [1, 200], ids=['one address', 'many addresses'])
@pytest.mark.parametrize(('is_closed', 'data'), [(True, b''), (False, b''), (False, HALF_A_REQUEST)],
                         ids=['gone', 'silent', 'half a request'])
def test_a_user_who_comes_behind_thousands_is_not_left_at_the_kernel_s_door(rig, sources, is_closed, data):
    rig.start()
    check_a_user_gets_in(rig)
    for _ in range(ROUNDS):
        with contextlib.ExitStack() as opened:
            burst(rig, opened, sources, is_closed, data)
            user = rig.connect()
            assert sent_again(user) == 0
            user.sendall(build_request('/vnc.html', Connection='close'))
            assert parse_response(receive_until_eof(user)).status == 200
            check_a_user_gets_in(rig)
