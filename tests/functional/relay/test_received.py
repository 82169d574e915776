# SPDX-License-Identifier: Apache-2.0
"""What a transport has received and not given yet, as TLS has the rest of a record: the descriptor does not tell."""

import contextlib
import itertools
import queue

import pytest

from nova_vnc.net.transport import PlainTransport
from nova_vnc.net.websocket import CloseCode, FrameParser
from nova_vnc.relay.end import EndCause
from nova_vnc.relay.lifetime import Limit
from tests.fixtures.connections import receive_exactly, tcp_pair
from tests.fixtures.websocket_frames import client_close
from tests.functional.relay.session import Browser

ROUNDS = 50
# For descriptors: what never happens to them.
NEVER = 0


class Ahead(PlainTransport):
    """Has received more than its descriptor tells."""

    receives_ahead = True

    def __init__(self, sock, ahead=b''):
        super().__init__(sock)
        self.ahead = ahead

    def receive_into(self, room):
        if not self.ahead:
            return super().receive_into(room)
        data, self.ahead = self.ahead[:len(room)], self.ahead[len(room):]
        room[:len(data)] = data
        return len(data)

    def has_received(self):
        return bool(self.ahead)


class Endless(PlainTransport):
    """Always has more, and its descriptor tells so too."""

    receives_ahead = True
    reads = 0

    def receive_into(self, room):
        self.reads += 1
        return 1

    def has_received(self):
        return True


class Stuck(PlainTransport):
    """Takes nothing until it is asked for the third time, and its descriptor does not tell of that."""

    __slots__ = ('tries',)
    send_waits_for = NEVER

    def __init__(self, sock):
        super().__init__(sock)
        self.tries = 0

    def send(self, data):
        self.tries += 1
        return super().send(data) if self.tries > 2 else 0


@pytest.fixture
def pair():
    with contextlib.ExitStack() as opened:
        def open_pair(**sizes):
            near, far = tcp_pair(**sizes)
            opened.callback(near.close)
            return near, far
        yield open_pair


def test_who_always_has_more_is_read_no_more_often_with_time(start_engine, pair):
    engine = start_engine()
    _, client = pair()
    far_target, target = pair()
    far_target.sendall(b'x')
    endless = Endless(target)
    engine.add(PlainTransport(client), endless, parser=FrameParser(), on_end=lambda end: None,
               target_filter=lambda payload: b'')
    reads, done = [], queue.Queue()

    def note():
        reads.append(endless.reads)
        if len(reads) < ROUNDS:
            engine.answer_in_loop(note)
        else:
            done.put(None)

    engine.answer_in_loop(note)
    done.get(timeout=10)
    assert max(after - before for before, after in itertools.pairwise(reads)) <= 3


def test_it_is_read_when_a_notice_takes_along_what_the_client_did_not_take_before(start_engine, pair):
    far_client, client = pair()
    _, target = pair()
    ends = queue.Queue()
    start_engine().add(Stuck(client), Ahead(target, b'pixels'), parser=FrameParser(), on_end=ends.put,
                       from_target=b'first ', limit=Limit(3600.0, 4440, '', warning='soon', warn_after_s=0.1))
    browser = Browser(far_client)
    assert browser.receive(6) == b'first '
    assert browser.receive_frame().data == b'soon'
    assert browser.receive(6) == b'pixels'


def test_a_close_frame_in_it_ends_a_session_that_was_kept_waiting_for_the_target(start_engine, pair):
    _, client = pair(small_buffers=True)
    far_target, target = pair(small_buffers=True)
    ends = queue.Queue()
    relay = start_engine(close_timeout_s=3600.0).add(
        Ahead(client, client_close(CloseCode.NORMAL)), PlainTransport(target), parser=FrameParser(),
        on_end=ends.put, from_client=b'x' * 1_000_000)
    receive_exactly(far_target, 1)      # it has begun, and is stuck now
    relay.close(CloseCode.GOING_AWAY, 'bye')
    assert ends.get(timeout=10).cause is EndCause.CLOSED
