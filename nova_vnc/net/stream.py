# SPDX-License-Identifier: Apache-2.0
"""The interface through which a session is set up: a blocking stream of bytes with a deadline."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from typing import Protocol

from nova_vnc import concurrency
from nova_vnc.net.deadline import Deadline, DeadlineExceeded
from nova_vnc.net.transport import NOTHING_YET, READABLE, PlainTransport, Transport


class Stream(Protocol):
    """Bytes in, bytes out, on behalf of one thread at a time.

    Every method but close() raises DeadlineExceeded when the deadline passes and OSError when the connection breaks.
    """

    def read(self, max_bytes: int) -> bytes:
        """Return between 1 and max_bytes bytes as soon as there are any, or b'' at the end of the stream."""

    def write(self, data: bytes) -> None:
        """Send all of data."""

    def set_deadline(self, deadline: Deadline | None) -> None:
        """Bound all later reads and writes together; None: unbounded, as at first."""

    def close(self) -> None:
        """Close; never raises, and does nothing the second time."""


class Handshake(Protocol):
    """A Transport that has to agree with its peer first, as TLS has."""

    def do_handshake(self) -> int:
        """Get on as far as possible; return what to wait for, READABLE or WRITABLE, or 0 when it is done.

        :raises OSError: it failed
        """


class Released(OSError):
    """The connection is somebody else's by now."""


class TransportStream:
    """A Stream over a transport, which it owns until release().

    interrupt() is for any thread, all else for one.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport: Transport | None = transport
        self._lock = threading.Lock()   # for who may close or hand it on while another interrupts
        self._deadline: Deadline | None = None
        self._is_read_no_more = False
        self._has_waited = True     # since the last read, or in it
        self._ahead = bytearray()
        self._may_wait = True

    def read(self, max_bytes: int) -> bytes:
        # A thread gives way only when it has to wait, which it never has to for a peer that sends without end.
        if not self._has_waited:
            concurrency.give_way()
        self._has_waited = False
        self._check_deadline()
        transport = self._owned()
        if self._is_read_no_more:
            return b''
        if self._ahead:
            return self._take(max_bytes)
        room = bytearray(max_bytes)
        while (size := transport.receive_into(memoryview(room))) == NOTHING_YET:
            self._wait(transport.receive_waits_for, 'the peer sent nothing in time')
            if self._is_read_no_more:
                return b''      # TLS would take the end for an attack, and could send nothing more
        return bytes(room[:size])

    def peek(self, max_bytes: int) -> bytes:
        """Return what the next read() begins with, as soon as there is any, b'' at the end of the stream.

        Only before any upgrade(), for which nothing may have been received ahead.
        """
        while (data := self.look_ahead(max_bytes)) is None:
            self._wait(READABLE, 'the peer sent nothing in time')
        return data

    def look_ahead(self, max_bytes: int) -> bytes | None:
        """Return the same as peek(), None where there is nothing yet. Never waits."""
        transport = self._owned()
        if self._ahead:
            return bytes(self._ahead[:max_bytes])
        assert isinstance(transport, PlainTransport)
        return transport.peek(max_bytes)

    @property
    def ahead(self) -> bytearray:
        """What was received for the next read(). Not to be changed."""
        return self._ahead

    def receive_ahead(self, max_bytes: int) -> int:
        """Receive what read() and peek() will return first; return as receive_into() of a transport. Never waits.

        Whoever asks bounds how much that becomes.
        """
        room = bytearray(max_bytes)
        size = self._owned().receive_into(memoryview(room))
        if size > 0:
            self._ahead += room[:size]
        return size

    def take_ahead(self) -> bytes:
        """Return all that was received for the next read(), which goes on behind it."""
        return self._take(len(self._ahead))

    def wait_no_more(self) -> None:
        """Have all that would have to wait for the peer raise DeadlineExceeded instead, whatever the deadline."""
        self._may_wait = False

    def write(self, data: bytes) -> None:
        transport = self._owned()
        view = memoryview(data)
        while view:
            self._check_deadline()
            if sent := transport.send(view):
                view = view[sent:]
            else:
                self._wait(transport.send_waits_for, 'the peer took nothing in time')

    def set_deadline(self, deadline: Deadline | None) -> None:
        self._deadline = deadline

    def upgrade(self, wrap: Callable[[Transport], tuple[Transport, Handshake]]) -> None:
        """Go on over a transport that wraps the present one, as TLS does, once their handshake is done.

        :param wrap: takes over the transport that it is given, and closes it where it raises
        :raises DeadlineExceeded: the handshake was not done in time
        :raises OSError: it failed
        """
        with self._lock:
            below, self._transport = self._owned(), None
            self._transport, handshake = wrap(below)
        while waits_for := handshake.do_handshake():
            self._wait(waits_for, 'the peer did not go on with the handshake in time')

    def shut_down_writing(self) -> None:
        """Send the end of the stream; never raises."""
        with self._lock:
            # After an interrupt(): what has come is read, by who wants to close without a reset.
            self._is_read_no_more = False
            if self._transport is not None:
                self._transport.shut_down_writing()

    def interrupt(self, how: int = socket.SHUT_RDWR) -> None:
        """Have whoever waits for the peer read the end of the stream now. Does nothing once that is released."""
        with self._lock:
            self._is_read_no_more = True
            if self._transport is not None:
                self._transport.shut_down(how)

    @property
    def is_interrupted(self) -> bool:
        """Whether it was, and has not been shut down for writing since."""
        return self._is_read_no_more

    def fileno(self) -> int:
        """Return the descriptor.

        :raises Released: the stream has none
        """
        return self._owned().fileno()

    def close(self) -> None:
        with self._lock:
            if self._transport is not None:
                self._transport.close()
            self._transport = None

    @property
    def is_owner(self) -> bool:
        """Whether there is a connection: it was neither closed nor handed over."""
        return self._transport is not None

    def release(self) -> Transport:
        """Hand over the connection. The stream is as good as closed then: it can neither use nor close it any more.

        Who goes on reading has asked for take_ahead() before.

        :raises Released: the stream has none
        """
        with self._lock:
            transport, self._transport = self._owned(), None
            return transport

    def _owned(self) -> Transport:
        if self._transport is None:
            raise Released('the connection is closed or was handed over')
        return self._transport

    def _take(self, max_bytes: int) -> bytes:
        data = bytes(self._ahead[:max_bytes])
        del self._ahead[:max_bytes]
        return data

    def _check_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.check()

    def _wait(self, mask: int, complaint: str) -> None:
        if not self._may_wait:
            raise DeadlineExceeded(complaint)
        self._check_deadline()
        self._has_waited = True
        timeout_s = None if self._deadline is None else self._deadline.remaining()
        if not concurrency.wait_for_descriptor(self._owned().fileno(), mask, timeout_s):
            raise DeadlineExceeded(complaint)
