# SPDX-License-Identifier: Apache-2.0
import contextlib
import time

import pytest

from nova_vnc import concurrency
from nova_vnc.net.transport import PlainTransport
from nova_vnc.novncproxy.connection import ClientConnection
from nova_vnc.novncproxy.doorstep import Doorstep
from nova_vnc.novncproxy.forwarded import Client, TrustedProxies
from nova_vnc.novncproxy.goodbyes import Goodbyes
from nova_vnc.novncproxy.pending import Limits, PendingConnections
from nova_vnc.novncproxy.pending_places import Stage
from tests.fixtures.connections import receive_until_eof, tcp_pair

TIMEOUT_S = 30


class House:
    """A doorstep, and a loop that looks after it for as long as a test says."""

    def __init__(self, timeout_s=TIMEOUT_S, most=9):
        self.opened = contextlib.ExitStack()
        self.admitted = []
        self.pending = PendingConnections(Limits(most, most, most, most), lambda limit, who: None)
        self.goodbyes = Goodbyes()
        self.poller = concurrency.Epoll()
        self.doorstep = Doorstep(self.poller, self.pending, timeout_s, self.admitted.append, self.goodbyes)

    def come(self):
        """Return the client's socket and the proxy's connection."""
        client, sock = tcp_pair()
        self.opened.callback(client.close)
        connection = ClientConnection(PlainTransport(sock), Client('127.0.0.1', 1), self.pending, TrustedProxies())
        self.opened.callback(connection.stream.close)
        self.pending.add(connection, connection.source)
        self.doorstep.add(connection)
        return client, connection

    def look_after(self, is_over):
        end = time.monotonic() + TIMEOUT_S
        while not is_over():
            assert time.monotonic() < end
            for fd, _ in self.poller.poll(0.1):
                self.doorstep.look_at(fd)
            self.doorstep.close_old()

    def close(self):
        self.doorstep.close_all()
        self.goodbyes.close_all()
        self.poller.close()
        self.opened.close()


@pytest.fixture
def make_house():
    with contextlib.ExitStack() as houses:
        def make(**kwargs):
            return houses.enter_context(contextlib.closing(House(**kwargs)))
        yield make


@pytest.fixture
def house(make_house):
    return make_house()


def test_who_says_something_is_admitted_and_nobody_else(house):
    client, connection = house.come()
    _silent = house.come()
    client.sendall(b'GET')
    house.look_after(lambda: house.admitted)
    assert house.admitted == [connection]
    assert connection.stream.read(9) == b'GET'
    assert len(house.doorstep) == 1
    assert len(house.pending) == 2
    client.sendall(b' /')
    assert house.poller.poll(0) == []    # what comes now is nobody's business here


def test_who_leaves_has_left(house):
    client, _ = house.come()
    client.close()
    house.look_after(lambda: not len(house.doorstep))
    assert not house.admitted
    assert len(house.pending) == 0


def test_who_is_displaced_reads_why(make_house):
    house = make_house(most=1)
    first, _ = house.come()
    second, connection = house.come()
    house.look_after(lambda: len(house.doorstep) == 1)
    assert receive_until_eof(first).startswith(b'HTTP/1.1 429 ')
    second.sendall(b'GET')
    house.look_after(lambda: house.admitted)
    assert house.admitted == [connection]


def test_who_is_displaced_after_the_first_byte_finds_out_by_itself(house):
    client, connection = house.come()
    client.sendall(b'GET')
    house.look_after(lambda: house.admitted)
    connection.displace(Stage.SILENT)
    assert connection.stream.read(9) == b''
    assert connection.is_owed_an_answer


def test_who_is_dropped_is_closed(house):
    client, _ = house.come()
    house.pending.drop_all()
    house.look_after(lambda: not len(house.doorstep))
    assert client.recv(1) == b''
    assert not house.admitted
    assert len(house.pending) == 0


def test_who_is_silent_for_too_long_is_closed(make_house):
    house = make_house(timeout_s=0.2)
    client, _ = house.come()
    assert 0 < house.doorstep.seconds_to_next() <= 0.2
    house.look_after(lambda: not len(house.doorstep))
    assert client.recv(1) == b''
    assert len(house.pending) == 0
    assert house.doorstep.seconds_to_next() is None


def test_a_descriptor_of_nobody_s_is_passed_over(house):
    house.doorstep.look_at(-1)
    assert not house.admitted
