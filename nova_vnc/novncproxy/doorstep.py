# SPDX-License-Identifier: Apache-2.0
"""Connections whose clients have not asked for anything yet: they wait in the accept loop, and cost no thread."""

from __future__ import annotations

import collections
import time
from collections.abc import Callable

from oslo_log import log as logging

from nova_vnc import concurrency
from nova_vnc.net.proxy_protocol import MalformedHeader
from nova_vnc.net.transport import READABLE
from nova_vnc.novncproxy.connection import DISPLACED, ClientConnection
from nova_vnc.novncproxy.goodbyes import Goodbyes
from nova_vnc.novncproxy.guest import Guest, Step
from nova_vnc.novncproxy.pending import PendingConnections

LOG = logging.getLogger(__name__)

# How many to answer, where the time of many is over at once, before others have their turn.
_ENDS_AT_ONCE = 16


class Doorstep:
    """All of it is for the thread of the accept loop.

    Whoever is dropped or displaced here, by whatever thread, has its socket shut down for reading, which epoll tells.

    :param poller: the loop's own, which tells who has something to be looked at
    :param pending: where each gets a place, and which is told of those that end here
    :param timeout_s: how long a client may say nothing, and how long the header of a request may take
    :param admit: is given each that has sent one, or begins TLS
    :param refuse: is given each whose header did not come in time, or cannot become one; it is to answer at once
    :param goodbyes: is given each whose place is another's, or that made no sense
    :param clock: a monotonic clock in seconds
    """

    def __init__(self, poller: concurrency.Epoll, pending: PendingConnections, timeout_s: float,
                 admit: Callable[[ClientConnection], None], refuse: Callable[[ClientConnection], None],
                 goodbyes: Goodbyes, clock: Callable[[], float] = time.monotonic) -> None:
        self._poller = poller
        self._pending = pending
        self._timeout_s = timeout_s
        self._admit = admit
        self._refuse = refuse
        self._goodbyes = goodbyes
        self._clock = clock
        # By descriptor. All have equally long from when they came or got on, so the first one goes first.
        self._waiting: collections.OrderedDict[int, Guest] = collections.OrderedDict()

    def __len__(self) -> int:
        return len(self._waiting)

    def receive(self, connection: ClientConnection) -> None:
        """Let a connection in that was just accepted, or have it wait."""
        guest = Guest(connection)
        step = _hear(guest)
        if step is Step.CLOSE:      # it is gone by now, and takes nobody's place
            connection.stream.close()
            return
        self._pending.add(connection, connection.source)
        if step in (Step.WAIT, Step.WAIT_ANEW):
            guest.due = self._clock() + self._timeout_s
            fd = connection.stream.fileno()
            self._poller.register(fd, READABLE)
            self._waiting[fd] = guest
        else:
            self._let_go(connection, step)

    def look_at(self, fd: int) -> None:
        """Something has happened to one of them, unless that was to one before it with the same descriptor."""
        if fd not in self._waiting:
            return
        guest = self._waiting[fd]
        connection = guest.connection
        step = Step.CLOSE if connection.stream.is_interrupted else _hear(guest)
        if connection.is_owed_an_answer:    # looked at last: it may be why there is an end to be read
            self._forget(fd)
            self._goodbyes.add(connection.release(), DISPLACED)
            return
        if step is Step.WAIT_ANEW:
            guest.due = self._clock() + self._timeout_s
            self._waiting.move_to_end(fd)
        elif step is Step.CLOSE:
            self._close(fd)
        elif step is not Step.WAIT:
            self._forget(fd)
            self._let_go(connection, step)

    def seconds_to_next(self) -> float | None:
        """Return after how many seconds end_old() has something to do; None: there is nobody."""
        for guest in self._waiting.values():
            return max(0.0, guest.due - self._clock())
        return None

    def end_old(self) -> None:
        """Answer those whose header takes too long, and close those who have said nothing for too long."""
        now = self._clock()
        for _ in range(_ENDS_AT_ONCE):
            fd, guest = next(iter(self._waiting.items()), (-1, None))
            if guest is None or guest.due > now:
                return
            if guest.has_begun:
                self._forget(fd)
                self._let_go(guest.connection, Step.REFUSE)
            else:
                self._close(fd)

    def close_all(self) -> None:
        while self._waiting:
            self._close(next(iter(self._waiting)))

    def _forget(self, fd: int) -> None:
        del self._waiting[fd]
        self._poller.unregister(fd)

    def _close(self, fd: int) -> None:
        connection = self._waiting.pop(fd).connection
        connection.stream.close()   # which takes it out of epoll, too
        self._pending.remove(connection)

    def _let_go(self, connection: ClientConnection, step: Step) -> None:
        if step is Step.ADMIT:
            self._admit(connection)
            return
        self._pending.remove(connection)
        if step is Step.REFUSE:
            self._refuse(connection)
        else:
            self._goodbyes.add(connection.release())


def _hear(guest: Guest) -> Step:
    try:
        return guest.hear()
    except MalformedHeader as error:
        LOG.warning('%s: closed: %s', guest.connection.peer, error)
        return Step.DISMISS
    except OSError:
        return Step.CLOSE
