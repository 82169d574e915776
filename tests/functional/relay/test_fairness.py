# SPDX-License-Identifier: Apache-2.0
"""What one session asks of the loop, another one hardly feels."""

import statistics
import time

import pytest

from nova_vnc import concurrency
from nova_vnc.net.transport import PlainTransport
from nova_vnc.net.websocket import FrameParser, Opcode
from nova_vnc.relay.buffer import CLIENT_CHUNK_BYTES, TARGET_CHUNK_BYTES
from nova_vnc.relay.engine import Engine
from tests.fixtures.connections import receive_exactly, tcp_pair
from tests.fixtures.polling import wait_until
from tests.fixtures.websocket_frames import client_frame
from tests.functional.relay.session import stuff

FLOODS = 20
# Of frames that cost most for their size.
FLOOD = client_frame(Opcode.PING) * 500_000
READ_AT_ONCE = FLOOD[:1 << 16]


def parsing_s() -> float:
    """Return how long this machine takes to parse 64 KiB of them, at its present load."""
    began = time.perf_counter()
    FrameParser().receive(READ_AT_ONCE)
    return time.perf_counter() - began


def key_press_s(session) -> float:
    began = time.perf_counter()
    session.browser.send(b'key')
    assert receive_exactly(session.target, 3) == b'key'
    return time.perf_counter() - began


@pytest.mark.timeout(120)
def test_key_presses_while_others_send_floods_of_the_smallest_frames(open_session):
    quiet = open_session()
    quiet.check_works()
    cost_s = statistics.median(parsing_s() for _ in range(9))
    for _ in range(FLOODS):
        stuff(open_session().browser.sock, FLOOD)
    assert statistics.median(key_press_s(quiet) for _ in range(7)) < FLOODS * cost_s / 3


class Rounds:
    """What waits for an engine, and counts the rounds of its loop.

    :ivar number: of the round that is under way
    :ivar most_events: that a round had
    """

    def __init__(self):
        self._epoll = concurrency.Epoll()
        self.number = self.most_events = 0

    def __getattr__(self, name):
        return getattr(self._epoll, name)

    def poll(self, timeout_s=None):
        events = self._epoll.poll(timeout_s)
        self.number += 1
        self.most_events = max(self.most_events, len(events))
        return events


class Metered(PlainTransport):
    """:ivar received: bytes by round"""

    is_spliceable = False   # or a part would not be seen here, at times all of it

    __slots__ = ('_rounds', 'received')

    def __init__(self, sock, rounds):
        super().__init__(sock)
        self._rounds = rounds
        self.received = {}

    def receive_into(self, room):
        size = super().receive_into(room)
        self.received[self._rounds.number] = self.received.get(self._rounds.number, 0) + max(size, 0)
        return size


@pytest.fixture
def rounds():
    return Rounds()


@pytest.fixture
def engine(rounds):
    failures = []
    engine = Engine(poller=rounds)
    engine.start(failures.append)
    yield engine
    engine.stop()
    assert not failures


def test_a_session_gives_way_after_a_bounded_number_of_bytes(engine, rounds):
    far_client, client = tcp_pair()
    far_target, target = tcp_pair()
    metered_client, metered_target = Metered(client, rounds), Metered(target, rounds)
    engine.add(metered_client, metered_target, parser=FrameParser(), on_end=print)
    sent = stuff(far_client, FLOOD)
    assert sent > 10 * CLIENT_CHUNK_BYTES
    wait_until(lambda: sum(metered_client.received.values()) == sent, 60, 'the flood to be read')
    stuff(far_target, bytes(4 << 20))   # the client does not read, so not all of it is relayed
    wait_until(lambda: len(metered_target.received) > 1, 60, 'more than one round of it to be read')
    assert 0 < max(metered_client.received.values()) <= CLIENT_CHUNK_BYTES
    assert 0 < max(metered_target.received.values()) <= TARGET_CHUNK_BYTES
    far_client.close()
    far_target.close()


def test_a_round_serves_a_bounded_number_of_connections_and_the_next_one_the_others(engine, rounds):
    count = 2 * concurrency.MOST_EVENTS
    pairs = []
    for _ in range(count):
        far_client, client = tcp_pair()
        far_target, target = tcp_pair()
        engine.add(PlainTransport(client), PlainTransport(target), parser=FrameParser(), on_end=lambda end: None)
        pairs.append((far_client, far_target))
    wait_until(lambda: len(engine) == count, 60, 'all sessions to be open')
    for far_client, _ in pairs:
        far_client.sendall(client_frame(Opcode.BINARY, b'key'))
    for _, far_target in pairs:
        assert receive_exactly(far_target, 3) == b'key'
    assert rounds.most_events <= concurrency.MOST_EVENTS
    for far_client, far_target in pairs:
        far_client.close()
        far_target.close()
