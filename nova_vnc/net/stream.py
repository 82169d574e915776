# SPDX-License-Identifier: Apache-2.0
"""The interface through which a session is set up: a blocking stream of bytes with a deadline."""

from __future__ import annotations

import socket
import time
from typing import Protocol

from nova_vnc.net.deadline import Deadline, DeadlineExceeded

# A socket with a timeout of 0 does not wait at all, so what is left of a deadline is never rounded down to it.
_SHORTEST_WAIT_S = 0.001


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


class TcpStream:
    """A Stream over a connected socket, which it owns."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._deadline: Deadline | None = None

    def read(self, max_bytes: int) -> bytes:
        self._arm_timeout()
        # A green thread gives way to others only when it has to wait, which it never has to for a peer that sends
        # without end.
        time.sleep(0)
        try:
            return self._sock.recv(max_bytes)
        except TimeoutError:
            raise DeadlineExceeded('the peer sent nothing in time') from None

    def write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            self._arm_timeout()
            try:
                view = view[self._sock.send(view):]
            except TimeoutError:
                raise DeadlineExceeded('the peer took nothing in time') from None

    def set_deadline(self, deadline: Deadline | None) -> None:
        self._deadline = deadline

    def shut_down_writing(self) -> None:
        """Send the end of the stream; never raises."""
        try:
            self._sock.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # the peer was faster

    def close(self) -> None:
        self._sock.close()

    def detach(self) -> socket.socket:
        """Return the socket and give up its ownership; the stream is not to be used any more."""
        return self._sock

    def _arm_timeout(self) -> None:
        if self._deadline is None:
            self._sock.settimeout(None)
            return
        self._deadline.check()
        self._sock.settimeout(max(_SHORTEST_WAIT_S, self._deadline.remaining()))
