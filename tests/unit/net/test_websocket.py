# SPDX-License-Identifier: Apache-2.0
import struct
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websocket import ABNF
from websocket._abnf import frame_buffer
from websockify.websocket import WebSocket

from nova_vnc.net.websocket import (
    MAX_CONTROL_BYTES,
    MAX_FRAME_BYTES,
    MAX_HEADER_BYTES,
    CloseCode,
    FrameParser,
    Opcode,
    StreamEnd,
    build_close,
    build_frame,
    build_header,
    unmask,
)
from tests.fixtures.websocket_frames import binary, client_close, client_frame

_masks = st.binary(min_size=4, max_size=4)
_PATTERN = bytes(range(251)) * 280
_payloads = st.one_of(st.binary(max_size=300), st.integers(0, len(_PATTERN)).map(lambda size: _PATTERN[:size]))
_control_payloads = st.binary(max_size=MAX_CONTROL_BYTES)


@st.composite
def _messages(draw):
    """Return one message in one or more frames, and its payload, with control frames anywhere in between."""
    pieces = draw(st.lists(_payloads, min_size=1, max_size=4))
    frames = []
    for number, piece in enumerate(pieces):
        opcode = Opcode.CONTINUATION if number else Opcode.BINARY
        frames.append(client_frame(opcode, piece, final=number == len(pieces) - 1, mask=draw(_masks)))
        if draw(st.booleans()):
            opcode = draw(st.sampled_from([Opcode.PING, Opcode.PONG]))
            frames.append(client_frame(opcode, draw(_control_payloads), mask=draw(_masks)))
    return b''.join(frames), b''.join(pieces)


@st.composite
def _split(draw, data):
    cuts = sorted(draw(st.lists(st.integers(0, len(data)), max_size=8)))
    return [data[start:stop] for start, stop in pairwise([0, *cuts, len(data)])]


def _receive_all(parser, pieces):
    return b''.join(parser.receive(memoryview(piece)) for piece in pieces)


@given(st.data(), st.lists(_messages(), max_size=4))
def test_payload_comes_through_whatever_the_frames_and_the_pieces(data, messages):
    parser = FrameParser()
    stream = b''.join(frames for frames, _ in messages)
    assert _receive_all(parser, data.draw(_split(stream))) == b''.join(payload for _, payload in messages)
    assert parser.end is None


@given(st.data(), st.lists(_messages(), max_size=2), st.binary(max_size=60))
def test_pieces_make_no_difference_even_to_garbage(data, messages, garbage):
    stream = b''.join(frames for frames, _ in messages) + garbage
    whole, split = FrameParser(), FrameParser()
    assert whole.receive(stream) == _receive_all(split, data.draw(_split(stream)))
    assert (whole.end, whole.ping) == (split.end, split.ping)


@given(st.binary(min_size=1, max_size=2000))
def test_garbage_takes_no_more_memory_than_a_control_frame(garbage):
    parser = FrameParser()
    for byte in garbage:
        parser.receive(bytes((byte,)))
        assert len(parser._unparsed) < 2 + 4 + MAX_CONTROL_BYTES


@given(st.lists(_payloads, max_size=4), _masks)
def test_decodes_what_websockify_encodes(payloads, mask):
    websockify = WebSocket()
    stream = b''.join(bytes(websockify._encode_hybi(2, payload, mask_key=mask)) for payload in payloads)
    assert FrameParser().receive(stream) == b''.join(payloads)


@given(st.sampled_from([Opcode.BINARY, Opcode.PING, Opcode.PONG]), _payloads)
def test_websockify_decodes_what_we_build(opcode, payload):
    frame = WebSocket()._decode_hybi(build_frame(opcode, payload))
    assert frame['payload'] == payload
    assert (frame['fin'], frame['opcode'], frame['masked']) == (True, opcode, False)


@given(_payloads)
def test_websocket_client_decodes_what_we_build(payload):
    data = build_frame(Opcode.BINARY, payload)
    rest = memoryview(data)

    def receive(size):
        nonlocal rest
        piece, rest = rest[:size], rest[size:]
        return bytes(piece)

    frame = frame_buffer(receive, skip_utf8_validation=False).recv_frame()
    assert (frame.fin, frame.opcode, frame.data) == (1, ABNF.OPCODE_BINARY, payload)
    assert not rest


@given(_payloads, _masks)
def test_unmask_is_websockifys(payload, mask):
    assert unmask(payload, mask) == WebSocket()._unmask(payload, mask)


@pytest.mark.parametrize('size', [0, 125, 126, 65535, 65536, 1 << 40])
def test_header_is_never_longer_than_said(size):
    assert len(build_header(size)) <= MAX_HEADER_BYTES


def test_a_message_is_passed_on_before_it_is_complete():
    parser = FrameParser()
    frame = binary(bytes(1000))
    assert len(parser.receive(frame[:108])) == 100
    assert len(parser.receive(frame[108:])) == 900


def test_only_the_newest_ping_waits():
    parser = FrameParser()
    for number in range(1000):
        parser.receive(client_frame(Opcode.PING, b'%d' % number))
    assert parser.ping == b'999'


def test_a_pong_is_nothing_to_answer():
    parser = FrameParser()
    assert parser.receive(client_frame(Opcode.PONG, b'x') + binary(b'y')) == b'y'
    assert parser.ping is None


@pytest.mark.parametrize(('frame', 'code'), [
    (build_frame(Opcode.BINARY, b'x'), 1002),
    (build_frame(Opcode.PING, b''), 1002),
    (client_frame(Opcode.TEXT, b'x'), 1003),
    (client_frame(Opcode.TEXT, b'x', final=False), 1003),
    (client_frame(Opcode.CONTINUATION, b'x'), 1002),
    (client_frame(Opcode.BINARY, b'', final=False) + binary(b''), 1002),
    (client_frame(Opcode.PING, b'x', final=False), 1002),
    (client_frame(Opcode.CLOSE, b'', final=False), 1002),
    (client_frame(Opcode.PING, bytes(126)), 1002),
    (bytes((0x82, 0x80 | 126)) + struct.pack('!H', 125) + bytes(4 + 125), 1002),
    (bytes((0x82, 0x80 | 127)) + struct.pack('!Q', 65535) + bytes(4), 1002),
    (bytes((0x82, 0x80 | 127)) + struct.pack('!Q', 1 << 63) + bytes(4), 1002),
    (bytes((0x82, 0x80 | 127)) + struct.pack('!Q', MAX_FRAME_BYTES + 1) + bytes(4), 1009),
    (client_frame(Opcode.CLOSE, b'x'), 1002),
    (client_close(999), 1002),
    (client_close(1004), 1002),
    (client_close(1005), 1002),
    (client_close(1006), 1002),
    (client_close(1015), 1002),
    (client_close(2999), 1002),
    (client_close(5000), 1002),
    (client_frame(Opcode.CLOSE, struct.pack('!H', 1000) + b'\xff'), 1002),
    *[(bytes((0x80 | opcode, 0x80)) + bytes(4), 1002) for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)],
    *[(bytes((0x82 | reserved, 0x80)) + bytes(4), 1002) for reserved in (0x10, 0x20, 0x40)],
])
def test_violations(frame, code):
    parser = FrameParser()
    assert parser.receive(binary(b'before') + frame + binary(b'after')) == b'before'
    assert parser.end.violation
    assert parser.end.code == code
    assert parser.receive(binary(b'later')) == b''


def test_the_longest_frame_is_allowed():
    parser = FrameParser()
    parser.receive(bytes((0x82, 0x80 | 127)) + struct.pack('!Q', MAX_FRAME_BYTES) + bytes(4))
    assert parser.end is None


@pytest.mark.parametrize('code', [1000, 1001, 1003, 1007, 1014, 3000, 4401, 4999])
def test_close_is_answered_with_its_code(code):
    parser = FrameParser()
    assert parser.receive(binary(b'last') + client_close(code, 'näh')) == b'last'
    assert parser.end == StreamEnd(code, 'näh', violation=False)
    assert parser.end.answer() == build_close(code)


def test_close_without_a_code():
    parser = FrameParser()
    parser.receive(client_frame(Opcode.CLOSE))
    assert parser.end == StreamEnd(CloseCode.NO_STATUS, '', violation=False)
    assert parser.end.answer() == b'\x88\x00'


def test_a_violation_is_answered_with_its_reason():
    parser = FrameParser()
    parser.receive(client_frame(Opcode.TEXT, b'x'))
    assert parser.end.answer() == build_close(1003, 'text frame')


@given(st.text(st.characters(exclude_categories=['Cs']), max_size=200))
def test_a_close_reason_is_cut_between_characters(reason):
    frame = build_close(1000, reason)
    assert len(frame) <= 2 + MAX_CONTROL_BYTES
    assert reason.startswith(frame[4:].decode())


def test_bytes_left_in_the_frame():
    parser = FrameParser()
    frame = client_frame(Opcode.BINARY, bytes(1000))
    assert parser.bytes_left == 0
    parser.receive(frame[:108])
    assert parser.bytes_left == 900
    parser.receive(frame[108:])
    assert parser.bytes_left == 0
