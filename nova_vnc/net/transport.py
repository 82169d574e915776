# SPDX-License-Identifier: Apache-2.0
"""A connection that never blocks: what the set-up of a session and the relay both move bytes with.

Whoever has a transport owns the connection. It is handed on whole, by a release() of its present owner, who has nothing
left then; so no two of them can read, send or close.
"""

from __future__ import annotations

import os
import select
import socket
from typing import Protocol

from nova_vnc.net import tcp_info

# What a descriptor can be waited for; poll() and epoll share the values. (Under eventlet select.poll is gone.)
READABLE = select.EPOLLIN
WRITABLE = select.EPOLLOUT

# What receive_into() returns where there is nothing yet.
NOTHING_YET = -1

_CLOSED_FD = -1


class Transport(Protocol):
    """Bytes in, bytes out, in the clear for its owner whatever they are on the wire.

    No method blocks. Only shut_down() may be called by another thread than the one that uses it, and only while that
    has not closed it.

    :ivar receive_waits_for: READABLE or WRITABLE: what the descriptor has to become before receive_into() gets on,
        where that has returned NOTHING_YET. With TLS either direction may have to wait for either.
    :ivar send_waits_for: the same of send(), where that did not take all
    :ivar receives_ahead: whether has_received() can ever be true
    :ivar is_spliceable: whether it has receive_into_pipe(), free_to_send() and send_from_pipe(): not where the bytes on
        the wire are others
    """

    receive_waits_for: int
    send_waits_for: int
    receives_ahead: bool
    is_spliceable: bool

    def fileno(self) -> int:
        """Return the descriptor, -1 once closed."""

    def receive_into(self, room: memoryview) -> int:
        """Return how many bytes came, 0 at their end, or NOTHING_YET.

        :raises OSError: the connection is broken; what came before that has been returned by then
        """

    def receive_into_pipe(self, fd: int, max_bytes: int) -> int:
        """Receive into an empty pipe instead, at most max_bytes; returns and raises the same (splice(2))."""

    def has_received(self) -> bool:
        """Tell whether receive_into() would get on although the descriptor does not become readable.

        So it is with bytes that are decrypted already, and with an end that was read behind them.
        """

    def send(self, data: bytes | memoryview, flags: int = 0) -> int:
        """Return how many bytes of data were taken, 0 where none could be.

        What was not taken is to be sent next, before anything else (SSL_write(3): with the same bytes).

        :param flags: of send(2); only where is_spliceable
        :raises OSError: the connection is broken
        """

    def free_to_send(self) -> int:
        """See tcp_info.free_to_send()."""

    def send_from_pipe(self, fd: int, size: int) -> int:
        """Send size bytes, which are in that pipe, instead; returns and raises the same."""

    def shut_down_writing(self) -> None:
        """Send the end of the stream; never raises. What the peer sends from now on may be dropped; its end is seen."""

    def shut_down(self, how: int) -> None:
        """End the connection below, for one who does not own it: whoever waits for it gets on. Never raises.

        :param how: socket.SHUT_RD or SHUT_RDWR
        """

    def is_holding_back(self, silence_s: float) -> bool:
        """See tcp_info.is_holding_back()."""

    def close(self) -> None:
        """Close; never raises, and does nothing the second time."""


class PlainTransport:
    """A Transport over TCP alone.

    :param sock: a connected socket, which is this transport's from here on: sock itself is dead, or not to be used
    """

    __slots__ = ('_sock',)

    receive_waits_for = READABLE
    send_waits_for = WRITABLE
    receives_ahead = False
    is_spliceable = True

    def __init__(self, sock: socket.socket | socket.SocketType) -> None:
        # The plain type of the C module takes little memory, and eventlet does not wrap it.
        if type(sock) is socket.SocketType:
            self._sock = sock
        else:
            self._sock = socket.SocketType(sock.family, sock.type, sock.proto, sock.fileno())
            sock.detach()
        self._sock.setblocking(False)

    def fileno(self) -> int:
        return self._sock.fileno()

    def receive_into(self, room: memoryview) -> int:
        try:
            return self._sock.recv_into(room)
        except BlockingIOError:
            return NOTHING_YET

    def receive_into_pipe(self, fd: int, max_bytes: int) -> int:
        try:
            return os.splice(self._sock.fileno(), fd, max_bytes, flags=os.SPLICE_F_NONBLOCK)
        except BlockingIOError:
            return NOTHING_YET

    def has_received(self) -> bool:
        return False

    def send(self, data: bytes | memoryview, flags: int = 0) -> int:
        try:
            return self._sock.send(data, flags)
        except BlockingIOError:
            return 0

    def free_to_send(self) -> int:
        return tcp_info.free_to_send(self._sock)

    def send_from_pipe(self, fd: int, size: int) -> int:
        try:
            return os.splice(fd, self._sock.fileno(), size, flags=os.SPLICE_F_NONBLOCK)
        except BlockingIOError:
            return 0

    def peek(self, max_bytes: int) -> bytes | None:
        """Return bytes that the next receive_into() will give, b'' at their end, None where there are none yet.

        :raises OSError: the connection is broken
        """
        try:
            return self._sock.recv(max_bytes, socket.MSG_PEEK)
        except BlockingIOError:
            return None

    def shut_down_writing(self) -> None:
        self.shut_down(socket.SHUT_WR)

    def shut_down(self, how: int) -> None:
        try:
            self._sock.shutdown(how)
        except OSError:
            pass  # not connected any more: reading tells

    def is_holding_back(self, silence_s: float) -> bool:
        return tcp_info.is_holding_back(self._sock, silence_s)

    def release(self) -> socket.SocketType:
        """Return the non-blocking socket to who goes on with it, as TLS does; this transport is closed then."""
        released = self._sock
        self._sock = socket.SocketType(released.family, released.type, released.proto, released.fileno())
        self._sock.detach()
        return released

    def close(self) -> None:
        self._sock.close()
