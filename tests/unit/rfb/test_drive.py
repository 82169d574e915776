# SPDX-License-Identifier: Apache-2.0

import pytest

from nova_vnc.rfb.client import ClientHandshake
from nova_vnc.rfb.drive import drive
from nova_vnc.rfb.errors import ProtocolError, UnexpectedEOF
from nova_vnc.rfb.init import ClientInitReader
from nova_vnc.rfb.security import VENCRYPT_X509
from nova_vnc.rfb.server import ServerHandshake


class Line:
    """A connection whose peer says one thing and then closes."""

    def __init__(self, incoming: bytes) -> None:
        self.incoming = incoming
        self.writes: list[bytes] = []

    def read(self, max_bytes: int) -> bytes:
        data, self.incoming = self.incoming[:max_bytes], self.incoming[max_bytes:]
        return data

    def write(self, data: bytes) -> None:
        self.writes.append(data)


def test_a_conversation_to_its_end():
    line = Line(b'RFB 003.008\n' + b'\1\1' + b'\0\0\0\0')
    machine = ClientHandshake()
    assert drive(machine, line.read, line.write) == b''
    assert machine.done
    assert b''.join(line.writes) == b'RFB 003.008\n\1'


def test_nothing_is_written_where_there_is_nothing_to_say():
    line = Line(b'RFB 003.008\n' + b'\1\1' + b'\0\0\0\0')
    drive(ClientHandshake(), line.read, line.write)
    assert b'' not in line.writes


def test_bytes_beyond_the_end_go_to_the_next_machine():
    line = Line(b'RFB 003.008\n\1' + b'\1' + b'rest')
    early = drive(ServerHandshake(), line.read, line.write)
    assert early == b'\1rest'
    assert drive(ClientInitReader(), line.read, line.write, early) == b'rest'


def test_the_answer_to_a_broken_peer_is_sent_before_the_error_is_raised():
    line = Line(b'RFB 003.008\n\7')
    with pytest.raises(ProtocolError):
        drive(ServerHandshake(), line.read, line.write)
    assert b'not offered' in line.writes[-1]


def test_the_end_of_the_connection_is_the_machines_to_judge():
    line = Line(b'RFB 00')
    with pytest.raises(UnexpectedEOF):
        drive(ServerHandshake(), line.read, line.write)


# What a server says up to where TLS starts, and inside of TLS.
VENCRYPT = b'RFB 003.008\n' + b'\1\x13' + b'\0\2' + b'\0' + b'\1\0\0\1\4' + b'\1'
ALL_WELL = b'\0\0\0\0'


def test_tls_is_started_once_and_after_all_that_was_to_be_said():
    line = Line(VENCRYPT)
    said_before: list[bytes] = []

    def start_tls() -> None:
        said_before.append(b''.join(line.writes))
        line.incoming = ALL_WELL + b'more'

    assert drive(ClientHandshake([VENCRYPT_X509]), line.read, line.write, start_tls=start_tls) == b'more'
    assert said_before == [b'RFB 003.008\n' + b'\x13' + b'\0\2' + b'\0\0\1\4']


def test_tls_is_not_started_where_something_was_said_beyond_its_start():
    line = Line(VENCRYPT + ALL_WELL)
    with pytest.raises(ProtocolError, match='before TLS had started'):
        drive(ClientHandshake([VENCRYPT_X509]), line.read, line.write, start_tls=pytest.fail)


def test_bytes_read_before_are_as_good():
    line = Line(b'')

    def start_tls() -> None:
        line.incoming = ALL_WELL

    assert drive(ClientHandshake([VENCRYPT_X509]), line.read, line.write, VENCRYPT, start_tls) == b''


def test_what_starting_tls_raises_passes_through():
    def start_tls() -> None:
        raise OSError('no such luck')

    line = Line(VENCRYPT)
    with pytest.raises(OSError, match='no such luck'):
        drive(ClientHandshake([VENCRYPT_X509]), line.read, line.write, start_tls=start_tls)


def test_a_caller_who_cannot_start_tls_is_told():
    line = Line(VENCRYPT)
    with pytest.raises(ValueError, match='TLS'):
        drive(ClientHandshake([VENCRYPT_X509]), line.read, line.write)
