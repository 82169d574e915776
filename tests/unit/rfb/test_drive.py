# SPDX-License-Identifier: Apache-2.0

import pytest

from nova_vnc.rfb.client import ClientHandshake
from nova_vnc.rfb.drive import drive
from nova_vnc.rfb.errors import ProtocolError, UnexpectedEOF
from nova_vnc.rfb.init import ClientInitReader
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
