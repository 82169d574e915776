# SPDX-License-Identifier: Apache-2.0
"""A listening socket that never blocks."""

from __future__ import annotations

import socket
from typing import Any

from nova_vnc import concurrency
from nova_vnc.net import tcp
from nova_vnc.net.transport import PlainTransport


class Listener:
    """Gives connections as transports, with the options of tcp.configure().

    :param sock: a listening TCP socket, which is this listener's from here on: sock itself is dead. Other processes may
        accept from it as well.
    """

    def __init__(self, sock: socket.socket) -> None:
        # Linux hands them on to each connection, which saves as many calls for each.
        tcp.configure(sock)
        family, kind, protocol = sock.family, sock.type, sock.proto
        # The type of the C module again: accept() of eventlet's would wait, or give what is not green. Only its
        # _accept(), which socket.socket.accept() is made of, returns a bare descriptor.
        self._sock: Any = socket.SocketType(family, kind, protocol, sock.detach())
        self._sock.setblocking(False)

    def fileno(self) -> int:
        """Return the descriptor, -1 once closed."""
        fd: int = self._sock.fileno()
        return fd

    def accept(self) -> tuple[PlainTransport, tuple[Any, ...]] | None:
        """Return a connection and the address of its peer; None: there is none, or another process was faster.

        :raises ConnectionError: it left before we came
        :raises OSError: there is no descriptor or memory for it
        """
        try:
            fd, address = self._sock._accept()
        except BlockingIOError:
            return None
        concurrency.note_new_fd(fd)
        return PlainTransport(socket.SocketType(self._sock.family, self._sock.type, self._sock.proto, fd)), address

    def close(self) -> None:
        """Close; does nothing the second time."""
        self._sock.close()
