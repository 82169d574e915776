# SPDX-License-Identifier: Apache-2.0
"""Connections whose clients have said nothing yet: they wait in the accept loop, and cost no thread."""

from __future__ import annotations

import collections
import time
from collections.abc import Callable

from nova_vnc import concurrency
from nova_vnc.net.transport import READABLE
from nova_vnc.novncproxy.connection import DISPLACED, ClientConnection
from nova_vnc.novncproxy.goodbyes import Goodbyes
from nova_vnc.novncproxy.pending import PendingConnections


class Doorstep:
    """All of it is for the thread of the accept loop.

    Whoever is dropped or displaced here, by whatever thread, has its socket shut down for reading, which epoll tells.

    :param poller: the loop's own, which tells who has something to be looked at
    :param pending: where each that comes is one already, and which is told of those that end here
    :param timeout_s: how long a client may say nothing
    :param admit: is given each that has said something
    :param goodbyes: is given each whose place is another's
    """

    def __init__(self, poller: concurrency.Epoll, pending: PendingConnections, timeout_s: float,
                 admit: Callable[[ClientConnection], None], goodbyes: Goodbyes) -> None:
        self._poller = poller
        self._pending = pending
        self._timeout_s = timeout_s
        self._admit = admit
        self._goodbyes = goodbyes
        # By descriptor, with the time when each has to go: all have equally long, so the first one goes first.
        self._waiting: collections.OrderedDict[int, tuple[float, ClientConnection]] = collections.OrderedDict()

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, connection: ClientConnection) -> None:
        """Wait for the first byte of a client."""
        fd = connection.stream.fileno()
        self._poller.register(fd, READABLE)
        self._waiting[fd] = (time.monotonic() + self._timeout_s, connection)

    def look_at(self, fd: int) -> None:
        """Something has happened to one of them, unless that was to one before it with the same descriptor."""
        if fd not in self._waiting:
            return
        connection = self._waiting[fd][1]
        if connection.is_owed_an_answer:
            self._forget(fd)
            self._goodbyes.add(connection.release(), DISPLACED)
        elif connection.stream.is_interrupted or (begin := _look_ahead(connection)) == b'':
            self._close(fd)
        elif begin is not None:
            self._forget(fd)
            self._admit(connection)

    def seconds_to_next(self) -> float | None:
        """Return after how many seconds close_old() has something to do; None: there is nobody."""
        for due, _ in self._waiting.values():
            return max(0.0, due - time.monotonic())
        return None

    def close_old(self) -> None:
        """Close those who have said nothing for too long."""
        now = time.monotonic()
        while self._waiting and self._waiting[next(iter(self._waiting))][0] <= now:
            self._close(next(iter(self._waiting)))

    def close_all(self) -> None:
        while self._waiting:
            self._close(next(iter(self._waiting)))

    def _forget(self, fd: int) -> None:
        del self._waiting[fd]
        self._poller.unregister(fd)

    def _close(self, fd: int) -> None:
        _, connection = self._waiting.pop(fd)
        connection.release().close()    # which takes it out of epoll, too
        self._pending.remove(connection)


def _look_ahead(connection: ClientConnection) -> bytes | None:
    try:
        return connection.stream.look_ahead(1)
    except OSError:
        return b''
