# SPDX-License-Identifier: Apache-2.0
import itertools

from hypothesis import given
from hypothesis import strategies as st

from nova_vnc.net import small_frames
from nova_vnc.net.websocket import FrameParser, Opcode
from tests.fixtures.websocket_frames import binary, client_frame

SMALL = st.binary(max_size=130)


class PlainParser(FrameParser):
    """Takes no short cut."""

    def _receive_any(self, data):
        short_cut, small_frames.take_all = small_frames.take_all, lambda data, at, pieces: (at, None)
        try:
            return super()._receive_any(data)
        finally:
            small_frames.take_all = short_cut

    receive = _receive_any


def frames():
    return st.one_of(
        SMALL.map(binary),
        SMALL.map(lambda payload: client_frame(Opcode.PING, payload[:125])),
        SMALL.map(lambda payload: client_frame(Opcode.PONG, payload[:125])),
        st.binary(max_size=8))


@given(st.binary(min_size=1, max_size=125))
def test_takes_one_frame(payload):
    assert small_frames.take_one(memoryview(binary(payload))) == payload


@given(frames())
def test_takes_nothing_else_for_one(data):
    payload = small_frames.take_one(memoryview(data))
    assert payload is None or data == client_frame(Opcode.BINARY, payload, mask=data[2:6])


def test_takes_what_comes_in_a_row_and_the_last_ping():
    data = b''.join((binary(b'a'), client_frame(Opcode.PING, b'1'), client_frame(Opcode.PONG, b'no'), binary(b''),
                     client_frame(Opcode.PING, b'22'), binary(b'key')))
    for rest in (client_frame(Opcode.CLOSE), binary(bytes(126)), binary(b'cut off')[:-1], b'\x82', b'\x82\x01a'):
        pieces = []
        assert small_frames.take_all(memoryview(data + rest), 0, pieces) == (len(data), b'22')
        assert b''.join(pieces) == b'akey'


@given(st.lists(frames(), max_size=8), st.lists(st.integers(0, 400), max_size=5))
def test_a_parser_gives_the_same_with_and_without(parts, cuts):
    data = memoryview(b''.join(parts))
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    quick, plain = FrameParser(), PlainParser()
    for start, stop in itertools.pairwise(edges):
        assert quick.receive(data[start:stop]) == plain.receive(data[start:stop])
        assert (quick.ping, quick.end) == (plain.ping, plain.end)
