# SPDX-License-Identifier: Apache-2.0

import struct

import pytest

from nova_vnc.rfb.errors import ConnectionFailed, ProtocolError, UnexpectedEOF
from nova_vnc.rfb.machine import Machine, build_reason
from tests.unit.rfb.dialogue import play


class Echo(Machine):
    """Greets, and sends back a message of one length byte and that many bytes."""

    def _run(self):
        self._send(b'hello')
        size = yield from self._read_u8()
        self._send((yield from self._read_exact(size)))


class Refused(Machine):
    def _run(self):
        yield from self._read_refusal()


class Secret(Machine):
    """Says "tls", and what it hears inside of TLS."""

    def _run(self):
        yield from self._read_exact(1)
        self._send(b'tls')
        yield from self._start_tls()
        self._send((yield from self._read_exact(2)))


def test_tls_starts_where_the_machine_says_so():
    machine = Secret()
    assert not machine.starts_tls
    machine.receive_data(b'?')
    assert machine.starts_tls
    assert not machine.done
    assert machine.data_to_send() == b'tls'
    machine.tls_started()
    assert not machine.starts_tls
    machine.receive_data(b'hi')
    assert machine.data_to_send() == b'hi'
    assert machine.done


@pytest.mark.parametrize('pieces', [[b'?hi'], [b'?', b'h', b'i'], [b'?', b'hi']])
def test_what_comes_before_tls_has_started_is_an_error_that_stays(pieces):
    machine = Secret()
    sent, error = play(machine, pieces)
    assert sent == b'tls'
    assert error is not None
    assert error.endswith('before TLS had started')
    with pytest.raises(ProtocolError):
        machine.tls_started()
    assert not machine.done


def test_eof_where_tls_starts():
    machine = Secret()
    machine.receive_data(b'?')
    with pytest.raises(UnexpectedEOF):
        machine.receive_data(b'')


def test_tls_cannot_be_started_anywhere_else():
    machine = Secret()
    with pytest.raises(ValueError, match='no TLS'):
        machine.tls_started()


def test_data_to_send_gives_each_byte_once():
    machine = Echo()
    assert machine.data_to_send() == b'hello'
    assert machine.data_to_send() == b''


def test_bytes_may_come_one_at_a_time():
    machine = Echo()
    for byte in b'\3', b'a', b'b':
        machine.receive_data(byte)
    assert not machine.done
    machine.receive_data(b'c')
    assert machine.done
    assert machine.data_to_send() == b'helloabc'


def test_what_comes_beyond_the_end_is_kept_for_the_next():
    machine = Echo()
    machine.receive_data(b'\1axy')
    assert machine.trailing_data == b'xy'
    machine.receive_data(b'z')
    assert machine.trailing_data == b'xyz'


def test_nothing_is_trailing_before_the_end():
    machine = Echo()
    machine.receive_data(b'\5abc')
    assert machine.trailing_data == b''


def test_eof_in_the_middle_is_an_error_that_stays():
    machine = Echo()
    machine.receive_data(b'\5abc')
    with pytest.raises(UnexpectedEOF):
        machine.receive_data(b'')
    with pytest.raises(UnexpectedEOF):
        machine.receive_data(b'de')
    assert not machine.done


def test_eof_after_the_end_is_none_of_our_business():
    machine = Echo()
    machine.receive_data(b'\0')
    machine.receive_data(b'')
    assert machine.done


def refusal_reason(*pieces: bytes) -> str:
    machine = Refused()
    *first, last = pieces
    for piece in first:
        machine.receive_data(piece)
    with pytest.raises(ConnectionFailed) as caught:
        machine.receive_data(last)
    return caught.value.reason


def test_a_reason_is_read_and_cleaned():
    assert refusal_reason(build_reason('Too many\r\nusers')) == 'Too manyusers'
    assert refusal_reason(b'\0\0\0\x06a\x1b[\xffb\n') == 'a[b'


def test_a_reason_may_be_empty_or_break_off():
    assert refusal_reason(b'\0\0\0\0') == ''
    assert refusal_reason(b'\0\0\0\x09partial', b'') == 'partial'
    assert refusal_reason(b'\0\0', b'') == ''
    assert refusal_reason(b'') == ''


def test_a_long_reason_is_read_no_further_than_256_bytes():
    assert refusal_reason(struct.pack('!I', 60_000) + b'x' * 255, b'y' * 100) == 'x' * 255 + 'y'


def test_a_reason_of_4_gib_is_not_waited_for():
    assert refusal_reason(b'\xff\xff\xff\xff') == ''
    assert refusal_reason(b'\xff\xff\xff\xffon fire') == 'on fire'
    assert refusal_reason(b'\xff\xff\xff\xff' + b'x' * 5000) == 'x' * 256
