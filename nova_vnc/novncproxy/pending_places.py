# SPDX-License-Identifier: Apache-2.0
"""The places of connections that are no sessions yet, in the order in which they have to be given up. Pure.

Who that is follows from what each has done and from the time, by the rules of PendingConnections. It is kept up to date
with each step of each of them, so that a newcomer costs no look at all of them, however many come.
"""

from __future__ import annotations

import bisect
import collections
import dataclasses
import enum
import math
from collections.abc import Callable, Hashable, Iterator
from typing import Protocol

from nova_vnc.novncproxy.ranking import Mark, Ranking


class Stage(enum.IntEnum):
    """How far a connection has come."""

    SILENT = enum.auto()    # it has sent no complete request yet
    SERVED = enum.auto()    # it has; the next one is awaited, or an answer is being read
    ASKED = enum.auto()     # the proxy works on its WebSocket request; only now it is not the client's turn
    GREETED = enum.auto()   # its WebSocket is open, and the RFB handshake under way


# Seconds after which a connection that lets the proxy wait is taken for inactive. A browser sends its request in the
# packet after the handshake of TCP, and RFB takes three round trips; an idle connection between two requests can be
# closed at any time, as browsers know.
PATIENCE_S = {Stage.SILENT: 1.0, Stage.SERVED: 5.0, Stage.GREETED: 3.0}


class Droppable(Protocol):
    """A connection. None of the methods waits; they are called in any thread.

    :ivar is_idle: nothing is under way on it
    """

    is_idle: bool

    def drop(self) -> None:
        """End the connection."""

    def displace(self, stage: Stage) -> None:
        """End the connection, which had come to this stage, as its place is another's now."""


@dataclasses.dataclass(eq=False, slots=True)
class Place:
    connection: Droppable
    address: str
    number: int
    token: Hashable = None
    instance_uuid: str | None = None
    stage: Stage = Stage.SILENT
    moved_at: float = 0.0
    active_until: float = 0.0

    @property
    def mark(self) -> Mark[Place]:
        """Its own, and in the order of its last step."""
        return self.moved_at, self.number, self

    @property
    def expiry(self) -> Mark[Place]:
        """Its own, and in the order of when it will be inactive."""
        return self.active_until, self.number, self

    def move(self, stage: Stage, now: float) -> None:
        self.stage, self.moved_at = stage, now
        self.active_until = now + PATIENCE_S.get(stage, math.inf)


class Places:
    """Not thread-safe.

    :param clock: a monotonic clock in seconds, by which the places are moved
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._places: dict[Droppable, Place] = {}
        self._per_address: collections.Counter[str] = collections.Counter()
        # Each is in one of these, and as long as it is in the first, also among those that will have to leave it.
        self._active: Ranking[Place] = Ranking()
        self._inactive: Ranking[Place] = Ranking()
        self._expiring: list[Mark[Place]] = []

    def __len__(self) -> int:
        return len(self._places)

    def __iter__(self) -> Iterator[Place]:
        return iter(self._places.values())

    def __contains__(self, connection: Droppable) -> bool:
        return connection in self._places

    def get(self, connection: Droppable) -> Place | None:
        return self._places.get(connection)

    def held_by(self, address: str) -> int:
        """Return how many places are an address's."""
        return self._per_address.get(address, 0)

    def put(self, place: Place) -> None:
        """Add a place; it changes no more until it is taken."""
        self._places[place.connection] = place
        self._per_address[place.address] += 1
        self._active.add(place.address, place.stage, place.mark)
        bisect.insort(self._expiring, place.expiry)

    def take(self, connection: Droppable) -> None:
        """Take the place of a connection out; harmless if it has none."""
        place = self._places.pop(connection, None)
        if place is None:
            return
        self._per_address[place.address] -= 1
        if not self._per_address[place.address]:
            del self._per_address[place.address]
        self._ranking_without(place).remove(place.address, place.stage, place.mark)

    def first_to_go(self, address: str | None = None) -> Place | None:
        """
        :param address: whose it has to be; None: anybody's
        """
        self._expire()
        if address is None:
            return self._inactive.first() or self._active.first()
        return self._inactive.first_of(address) or self._active.first_of(address)

    def inactive(self) -> list[Place]:
        """Return all that have let the proxy wait for too long."""
        self._expire()
        return list(self._inactive)

    def _ranking_without(self, place: Place) -> Ranking[Place]:
        """Return the ranking that a place is in; it expires no more."""
        found = bisect.bisect_left(self._expiring, place.expiry)
        if found < len(self._expiring) and self._expiring[found][2] is place:
            del self._expiring[found]
            return self._active
        return self._inactive

    def _expire(self) -> None:
        past = bisect.bisect_left(self._expiring, (self._clock(), -1))
        for _, _, place in self._expiring[:past]:
            self._active.remove(place.address, place.stage, place.mark)
            self._inactive.add(place.address, place.stage, place.mark)
        del self._expiring[:past]
