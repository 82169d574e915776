# SPDX-License-Identifier: Apache-2.0

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nova_vnc.compute.virt.demo.update import RGB_32
from nova_vnc.rfb.errors import ProtocolError, UnexpectedEOF
from nova_vnc.rfb.init import (
    ClientInit,
    ClientInitReader,
    PixelFormat,
    ServerInit,
    ServerInitReader,
    console_name,
)
from tests.unit.rfb.dialogue import one_by_one, play, split

UUID = '5f1e2d3c-0000-4000-8000-0123456789ab'

U8, U16 = st.integers(0, 255), st.integers(0, 65535)
PIXEL_FORMATS = st.builds(PixelFormat, U8, U8, st.booleans(), st.booleans(), U16, U16, U16,
                          U8, U8, U8)
SERVER_INITS = st.builds(ServerInit, U16, U16, PIXEL_FORMATS, st.binary(max_size=300))


def test_the_example_of_the_rfc():
    assert RGB_32.serialize() == bytes.fromhex('20 18 00 01 00ff 00ff 00ff 10 08 00 000000')


@given(PIXEL_FORMATS)
def test_pixel_format_round_trip(pixel_format):
    assert PixelFormat.parse(pixel_format.serialize()) == pixel_format


@pytest.mark.parametrize(('byte', 'shared'), [(b'\0', False), (b'\1', True), (b'\xff', True)])
def test_client_init(byte, shared):
    reader = ClientInitReader()
    reader.receive_data(byte + b'next')
    assert reader.value == ClientInit(shared)
    assert reader.trailing_data == b'next'


@given(SERVER_INITS, st.lists(st.integers(0, 400)), st.binary(max_size=5))
def test_server_init_round_trip_in_any_pieces(message, borders, rest):
    reader = ServerInitReader()
    assert play(reader, split(message.serialize() + rest, borders)) == (b'', None)
    assert reader.value == message
    assert reader.trailing_data == rest


def test_the_longest_name():
    message = ServerInit(720, 400, RGB_32, b'x' * 4096)
    reader = ServerInitReader()
    play(reader, one_by_one(message.serialize()))
    assert reader.value == message


@pytest.mark.parametrize('length', [4097, 2**32 - 1])
def test_a_name_beyond_the_ceiling_is_not_waited_for(length):
    start = ServerInit(720, 400, RGB_32, b'').serialize()[:-4]
    with pytest.raises(ProtocolError, match=str(length)):
        ServerInitReader().receive_data(start + struct.pack('!I', length))


def test_server_init_that_breaks_off():
    reader = ServerInitReader()
    reader.receive_data(b'\0\1')
    with pytest.raises(UnexpectedEOF):
        reader.receive_data(b'')


def test_console_name():
    assert console_name('web-1', UUID) == f'web-1 ({UUID})'.encode()
    assert console_name('Grüße', UUID) == f'Grüße ({UUID})'.encode()
    assert console_name('a\x00b\r\nc\u202e', UUID) == f'abc ({UUID})'.encode()


def test_console_name_with_a_note():
    assert console_name('web-1', UUID, 'until 9:00') == f'web-1 ({UUID}) until 9:00'.encode()
    assert console_name('', UUID, 'until 9:00') == f'{UUID} until 9:00'.encode()
    long = console_name('a' * 300, UUID, 'until 9:00')
    assert len(long) == 255
    assert long.endswith(f'a ({UUID}) until 9:00'.encode())


@pytest.mark.parametrize('display_name', ['', ' ', '\n\0'])
def test_console_name_without_a_display_name(display_name):
    assert console_name(display_name, UUID) == UUID.encode()


def test_a_long_display_name_gives_way_at_a_characters_border():
    # ' (uuid)' takes 39 bytes, which leaves 216: one for the a, and 107 whole é.
    assert console_name('a' + 'é' * 300, UUID) == f'a{"é" * 107} ({UUID})'.encode()


@given(st.text(alphabet=st.characters()))
def test_console_name_keeps_its_rules(display_name):
    name = console_name(display_name, UUID)
    assert len(name) <= 255
    assert UUID in name.decode()
    assert not any(ord(char) < 32 or 127 <= ord(char) < 160 for char in name.decode())
