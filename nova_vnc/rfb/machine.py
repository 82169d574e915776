# SPDX-License-Identifier: Apache-2.0
"""What all RFB machines have in common: bytes in, bytes out, a straight line of code inside."""

from __future__ import annotations

import abc
import struct
from collections.abc import Generator
from typing import TypeVar

from nova_vnc.rfb.errors import ConnectionFailed, ProtocolError, RFBError, UnexpectedEOF
from nova_vnc.rfb.text import drop_control_characters

T = TypeVar('T')

# A step of a machine: it yields when it needs more bytes, and returns its result.
Step = Generator[None, None, T]

# What is read of a reason-string, however long it claims to be: two lines of text say enough, and
# nobody but the peer decides on the length (Nova limits itself to the same, LP 2155052).
REASON_READ_BYTES = 256
# No explanation is longer than this. A length beyond it is a lie, and the bytes are not waited for.
REASON_LENGTH_LIMIT = 64 * 1024


class Machine(abc.ABC):
    """One RFB conversation, or a part of one, without the connection that it runs over.

    The owner of the connection sends data_to_send() after the construction and after each
    receive_data(), until done. Where starts_tls becomes true he sends what is due, starts TLS on the
    connection and calls tls_started(); from there on all bytes are those inside of TLS. Not
    thread-safe: one thread drives it.

    Subclasses write the conversation as a generator in _run(). They set their own fields before
    they call super().__init__(), which runs it up to its first read.

    :ivar done: the conversation has reached its end; nothing more is read
    :ivar starts_tls: the conversation goes on inside of TLS, which starts right here
    """

    def __init__(self) -> None:
        self.done = False
        self.starts_tls = False
        self._received = bytearray()
        self._outgoing = bytearray()
        self._at_eof = False
        self._error: RFBError | None = None
        self._steps = self._run()
        self._advance()

    @abc.abstractmethod
    def _run(self) -> Step[None]:
        """The conversation from its first byte to its last."""

    def receive_data(self, data: bytes) -> None:
        """Take bytes from the peer, in pieces of any size; b'' says that the peer has closed.

        :raises RFBError: once the conversation has failed; again on every later call. There may be
            data to send even then: what the protocol lets us answer.
        """
        self._received += data
        self._at_eof = self._at_eof or not data
        self._advance()

    def tls_started(self) -> None:
        """Go on inside of TLS, which the owner has started where starts_tls was true.

        :raises RFBError: as receive_data()
        """
        if not self.starts_tls:
            raise ValueError('there is no TLS to start here')
        self.starts_tls = False
        self._advance()

    def data_to_send(self) -> bytes:
        """Return the bytes due to the peer, each byte once."""
        data = bytes(self._outgoing)
        self._outgoing.clear()
        return data

    @property
    def trailing_data(self) -> bytes:
        """What was received beyond the end of this conversation. It belongs to what comes next."""
        return bytes(self._received) if self.done else b''

    def _advance(self) -> None:
        if self._error is not None:
            raise self._error
        if self.done:
            return
        try:
            next(self._steps)
        except StopIteration:
            self.done = True
        except RFBError as error:
            self._error = error
            raise

    def _start_tls(self) -> Step[None]:
        """Have the owner start TLS.

        Nothing may have come beyond this point: it would be taken for something that was said under the protection of
        TLS, and whoever stands in between can say it. (In TLS the client speaks first, so there is nothing to come.)
        """
        self.starts_tls = True
        while self.starts_tls:
            if self._received:
                raise ProtocolError(f'the peer sent {len(self._received)} bytes or more before TLS had started')
            if self._at_eof:
                raise UnexpectedEOF('the peer closed the connection where TLS was to start')
            yield

    def _send(self, data: bytes) -> None:
        self._outgoing += data

    def _take(self, max_bytes: int) -> bytes:
        data = bytes(self._received[:max_bytes])
        del self._received[:max_bytes]
        return data

    def _read_up_to(self, max_bytes: int) -> Step[bytes]:
        """Read max_bytes, or fewer where the connection ends before."""
        while len(self._received) < max_bytes and not self._at_eof:
            yield
        return self._take(max_bytes)

    def _read_exact(self, size_bytes: int) -> Step[bytes]:
        data = yield from self._read_up_to(size_bytes)
        if len(data) < size_bytes:
            raise UnexpectedEOF('the peer closed the connection in the middle of a message')
        return data

    def _read_u8(self) -> Step[int]:
        return (yield from self._read_exact(1))[0]

    def _read_u32(self) -> Step[int]:
        return int.from_bytes((yield from self._read_exact(4)), 'big')

    def _read_refusal(self) -> Step[None]:
        """Read a reason-string (RFC 6143 section 7.1.2) and raise ConnectionFailed with it."""
        length = int.from_bytes((yield from self._read_up_to(4)), 'big')
        if length > REASON_LENGTH_LIMIT:
            reason = self._take(REASON_READ_BYTES)
        else:
            reason = yield from self._read_up_to(min(length, REASON_READ_BYTES))
        raise ConnectionFailed(_decode_reason(reason))


def build_reason(reason: str) -> bytes:
    """Return a reason-string with its length (RFC 6143 section 7.1.2)."""
    encoded = drop_control_characters(reason).encode()
    return struct.pack('!I', len(encoded)) + encoded


def _decode_reason(reason: bytes) -> str:
    # 'ignore' rather than 'replace': U+FFFD takes three bytes and could exceed the limit again.
    return drop_control_characters(reason.decode(errors='ignore')).strip()
