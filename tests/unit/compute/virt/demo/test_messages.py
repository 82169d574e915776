# SPDX-License-Identifier: Apache-2.0

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nova_vnc.compute.virt.demo.messages import (
    MAX_CUT_TEXT_BYTES,
    ClientCutText,
    ClientMessageParser,
    FramebufferUpdateRequest,
    KeyEvent,
    PointerEvent,
    SetEncodings,
    SetPixelFormat,
)
from nova_vnc.rfb.errors import ProtocolError, UnexpectedEOF
from tests.unit.rfb.dialogue import one_by_one, play, split
from tests.unit.rfb.test_init import PIXEL_FORMATS, U8, U16

MESSAGES = st.one_of(
    st.builds(SetPixelFormat, PIXEL_FORMATS),
    st.builds(SetEncodings, st.lists(st.integers(-2**31, 2**31 - 1), max_size=30).map(tuple)),
    st.builds(FramebufferUpdateRequest, st.booleans(), U16, U16, U16, U16),
    st.builds(KeyEvent, st.booleans(), st.integers(0, 2**32 - 1)),
    st.builds(PointerEvent, U8, U16, U16),
    st.builds(ClientCutText, st.binary(max_size=50)),
)


def test_messages_as_the_rfc_lays_them_out():
    parser = ClientMessageParser()
    said = bytes.fromhex('02 00 0002 00000000 ffffff21'
                         '03 01 0001 0002 0280 0190'
                         '04 01 0000 0000ff0d'
                         '05 04 000a 000b'
                         '06 000000 00000002 6869')
    assert play(parser, one_by_one(said)) == (b'', None)
    assert parser.take_messages() == [
        SetEncodings((0, -223)),
        FramebufferUpdateRequest(True, 1, 2, 640, 400),
        KeyEvent(True, 0xff0d),
        PointerEvent(4, 10, 11),
        ClientCutText(b'hi'),
    ]
    assert parser.take_messages() == []


@given(st.lists(MESSAGES, max_size=8), st.lists(st.integers(0, 1000)))
def test_round_trip_in_any_pieces(messages, borders):
    parser = ClientMessageParser()
    said = b''.join(message.serialize() for message in messages)
    assert play(parser, [*split(said, borders), b'']) == (b'', None)
    assert parser.take_messages() == messages
    assert parser.done


@given(st.binary(max_size=300), st.lists(st.integers(0, 300), max_size=20))
def test_garbage_only_raises_rfb_errors(garbage, borders):
    play(ClientMessageParser(), [*split(garbage, borders), b''])


def test_messages_before_an_error_are_kept():
    parser = ClientMessageParser()
    with pytest.raises(ProtocolError, match='type 99'):
        parser.receive_data(KeyEvent(True, 97).serialize() + b'\x63')
    assert parser.take_messages() == [KeyEvent(True, 97)]


@pytest.mark.parametrize('said', [
    b'\2\0' + struct.pack('!H', 1025),
    b'\6\0\0\0' + struct.pack('!I', MAX_CUT_TEXT_BYTES + 1),
    b'\6\0\0\0' + b'\xff\xff\xff\xff',
])
def test_lengths_beyond_the_ceiling_are_not_waited_for(said):
    with pytest.raises(ProtocolError):
        ClientMessageParser().receive_data(said)


def test_a_message_that_breaks_off():
    parser = ClientMessageParser()
    parser.receive_data(b'\4\1')
    with pytest.raises(UnexpectedEOF):
        parser.receive_data(b'')
