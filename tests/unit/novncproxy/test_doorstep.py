# SPDX-License-Identifier: Apache-2.0
import contextlib
import ipaddress
import select
import socket
import time

import pytest

from nova_vnc import concurrency
from nova_vnc.net.transport import PlainTransport
from nova_vnc.novncproxy.connection import ClientConnection
from nova_vnc.novncproxy.doorstep import Doorstep
from nova_vnc.novncproxy.forwarded import Client, TrustedProxies
from nova_vnc.novncproxy.goodbyes import Goodbyes
from nova_vnc.novncproxy.http_stream import MAX_HEADER_BYTES
from nova_vnc.novncproxy.pending import Limits, PendingConnections
from nova_vnc.novncproxy.pending_places import Stage
from tests.fixtures.connections import receive_until_eof, tcp_pair
from tests.fixtures.polling import wait_until
from tests.fixtures.proxy_protocol import build_header

TIMEOUT_S = 30


class Clock:
    """time.monotonic(), which goes on by itself or is put on."""

    def __init__(self):
        self._ahead_s = 0.0

    def __call__(self):
        return time.monotonic() + self._ahead_s

    def sleep(self, seconds):
        self._ahead_s += seconds


def client_has_unread(connection):
    """Tell whether the proxy has not received all yet that the client has sent."""
    return connection.stream.is_owner and bool(select.select([connection.stream.fileno()], [], [], 0)[0])


class House:
    """A doorstep, and a loop that looks after it for as long as a test says."""

    def __init__(self, timeout_s=TIMEOUT_S, most=9):
        self.opened = contextlib.ExitStack()
        self.clock = Clock()
        self.admitted = []
        self.refused = []
        self.pending = PendingConnections(Limits(most, most, most, most), lambda limit, who: None)
        self.goodbyes = Goodbyes()
        self.poller = concurrency.Epoll()
        self.doorstep = Doorstep(self.poller, self.pending, timeout_s, self.admitted.append, self.refused.append,
                                 self.goodbyes, self.clock)

    def come(self, said=b'', trusted=()):
        """Return the client's socket and the proxy's connection.

        :param said: what the client has sent by then
        """
        client, sock = tcp_pair()
        self.opened.enter_context(contextlib.closing(client))   # a green one closes when nobody holds it
        client.sendall(said)
        connection = self.connection(sock, trusted)
        self.doorstep.receive(connection)
        return client, connection

    def connection(self, sock, trusted=()):
        connection = ClientConnection(PlainTransport(sock), Client('127.0.0.1', 1), self.pending,
                                      TrustedProxies(trusted), self.goodbyes)
        self.opened.callback(connection.stream.close)
        return connection

    def look(self):
        for fd, _ in self.poller.poll(0.02):
            self.doorstep.look_at(fd)
        self.doorstep.end_old()
        self.goodbyes.close_old()

    def look_after(self, is_over):
        wait_until(lambda: self.look() or is_over(), TIMEOUT_S, 'the doorstep')

    def pending_that_began(self):
        return [place for place in self.pending._places if not place.connection.is_idle]

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


REQUEST = b'GET / HTTP/1.1\r\nHost: a\r\n\r\n'
HALF = REQUEST[:-2]
ANYWHERE = [ipaddress.ip_network('0.0.0.0/0')]


def test_who_has_asked_is_admitted_and_nobody_else(house):
    client, connection = house.come()
    _silent = house.come()
    client.sendall(HALF)
    house.look_after(house.pending_that_began)
    assert not house.admitted
    client.sendall(b'\r\nmore')
    house.look_after(lambda: house.admitted)
    assert house.admitted == [connection]
    assert connection.stream.read(99) == REQUEST + b'more'
    assert len(house.doorstep) == 1
    assert len(house.pending) == 2
    client.sendall(b' /')
    assert house.poller.poll(0) == []    # what comes now is nobody's business here


def test_who_comes_with_his_request_does_not_wait(house):
    _, connection = house.come(REQUEST)
    assert house.admitted == [connection]
    assert len(house.doorstep) == 0
    assert house.poller.poll(0) == []


def test_byte_by_byte(house):
    client, connection = house.come()
    for byte in REQUEST:
        assert not house.admitted
        client.sendall(bytes([byte]))
        house.look_after(lambda: not client_has_unread(connection))
    house.look_after(lambda: house.admitted)
    assert connection.stream.read(99) == REQUEST


def test_nothing_is_read_of_tls(house):
    client, connection = house.come()
    client.sendall(b'\x16')
    house.look_after(lambda: house.admitted)
    assert house.admitted == [connection]
    assert not connection.stream.ahead


@pytest.mark.parametrize('said', [b'hello\r\n', b'x' * 9000])
def test_what_cannot_become_a_request_is_refused_at_once(house, said):
    client, connection = house.come()
    client.sendall(said)
    house.look_after(lambda: house.refused)
    assert house.refused == [connection]
    assert not house.admitted
    assert len(house.pending) == len(house.doorstep) == 0


def test_no_more_is_kept_than_a_header_may_have_and_one_piece(house):
    client, connection = house.come(HALF)
    with contextlib.suppress(BlockingIOError):
        client.setblocking(False)
        client.sendall(b'X: a\r\n' * 100_000)
    house.look_after(lambda: house.refused)
    assert MAX_HEADER_BYTES < len(connection.stream.ahead) <= MAX_HEADER_BYTES + 4096


class TestProxyProtocol:

    HEADER = build_header('198.51.100.7', 50000)

    @pytest.mark.parametrize('cut', [0, 1, 15, 16, 17, len(HEADER), len(HEADER) + 1])
    @pytest.mark.parametrize('behind', [REQUEST, b'\x16tls'], ids=['request', 'tls'])
    def test_nothing_beyond_the_header_is_read_with_it(self, house, behind, cut):
        said = self.HEADER + behind
        client, connection = house.come(said[:cut], ANYWHERE)
        house.look_after(lambda: not client_has_unread(connection) or house.admitted)
        client.sendall(said[cut:])
        house.look_after(lambda: house.admitted)
        assert connection.peer == '198.51.100.7:50000'
        assert connection.stream.ahead == (REQUEST if behind is REQUEST else b'')

    def test_who_is_half_way_counts_as_the_client(self, make_house):
        house = make_house(most=1)
        first, _ = house.come(self.HEADER + HALF, ANYWHERE)
        house.come(self.HEADER + HALF, ANYWHERE)
        house.look_after(lambda: len(house.doorstep) == 1)
        assert receive_until_eof(first).startswith(b'HTTP/1.1 429 ')

    def test_malformed_is_no_reset(self, house):
        client, _ = house.come(b'\r\n' * 100, ANYWHERE)
        assert receive_until_eof(client) == b''
        assert len(house.goodbyes) == 1
        assert len(house.pending) == 0


def test_who_leaves_has_left(house):
    client, _ = house.come()
    client.close()
    house.look_after(lambda: not len(house.doorstep))
    assert not house.admitted
    assert len(house.pending) == 0


def test_who_leaves_in_the_middle_of_a_header_has_left(house):
    client, _ = house.come(HALF)
    client.shutdown(socket.SHUT_WR)
    house.look_after(lambda: not len(house.doorstep))
    assert client.recv(1) == b''
    assert not house.admitted + house.refused
    assert len(house.pending) == 0


def test_who_has_left_before_takes_nobody_s_place(make_house):
    house = make_house(most=1)
    house.come()
    client, sock = tcp_pair()
    client.close()
    house.doorstep.receive(house.connection(sock))
    assert len(house.doorstep) == len(house.pending) == 1


@pytest.mark.parametrize('said', [b'', HALF], ids=['silent', 'half a request'])
def test_who_is_displaced_reads_why(make_house, said):
    house = make_house(most=1)
    first, _ = house.come(said)
    second, connection = house.come(said)
    house.look_after(lambda: len(house.doorstep) == 1)
    assert receive_until_eof(first).startswith(b'HTTP/1.1 429 ')
    second.sendall(REQUEST.removeprefix(said))
    house.look_after(lambda: house.admitted)
    assert house.admitted == [connection]


def test_who_is_displaced_after_he_has_asked_finds_out_by_himself(house):
    _, connection = house.come(REQUEST)
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


def test_whose_request_has_begun_may_end_it_though_the_proxy_stops(house):
    house.come(HALF)
    place, = house.pending._places
    place.active_until = 0      # he has taken his time
    house.pending.drop_idle()
    assert house.poller.poll(0) == []


def test_who_is_silent_for_too_long_is_closed(make_house):
    house = make_house(timeout_s=0.2)
    client, _ = house.come()
    assert 0 < house.doorstep.seconds_to_next() <= 0.2
    house.look_after(lambda: not len(house.doorstep))
    assert client.recv(1) == b''
    assert not house.refused
    assert len(house.pending) == 0
    assert house.doorstep.seconds_to_next() is None


def test_whose_header_takes_too_long_is_refused(make_house):
    house = make_house(timeout_s=0.2)
    client, connection = house.come()
    client.sendall(b'G')
    house.look_after(lambda: house.refused)
    assert house.refused == [connection]
    assert len(house.doorstep) == len(house.pending) == 0


def test_a_header_has_all_of_its_time_from_its_first_byte_on_and_no_more(make_house):
    house = make_house(timeout_s=1000)
    client, _ = house.come()
    house.come()
    house.clock.sleep(900)
    client.sendall(b'G')
    house.look_after(house.pending_that_began)
    house.clock.sleep(99)
    house.look()
    assert len(house.doorstep) == 2
    house.clock.sleep(2)
    house.look()
    assert len(house.doorstep) == 1
    for _ in range(8):
        assert not house.refused
        client.sendall(b'E')
        house.look()
        house.clock.sleep(113)
    house.look()
    assert len(house.refused) == 1
    assert house.doorstep.seconds_to_next() is None


def test_where_the_time_of_many_is_over_others_have_their_turn(make_house):
    house = make_house(timeout_s=1000, most=40)
    for _ in range(40):
        house.come(b'G')
    house.clock.sleep(1001)
    house.doorstep.end_old()
    assert 0 < len(house.refused) < 40
    assert house.doorstep.seconds_to_next() == 0
    house.look_after(lambda: len(house.refused) == 40)


def test_a_descriptor_of_nobody_s_is_passed_over(house):
    house.doorstep.look_at(-1)
    assert not house.admitted
