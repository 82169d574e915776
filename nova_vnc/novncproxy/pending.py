# SPDX-License-Identifier: Apache-2.0
"""The connections that are no sessions yet, and who has to go when there are too many. Pure: no socket, no log."""

from __future__ import annotations

import collections
import dataclasses
import functools
import ipaddress
import itertools
import operator
import threading
import time
from collections.abc import Callable, Hashable, Iterable

from nova_vnc.novncproxy.pending_places import Droppable, Place, Places, Stage

# An ordinary user has a /64 of IPv6 to himself.
_IPV6_PREFIX = 64

# Addresses of which it is remembered whose they are: to parse one costs as much as to accept a connection.
_KNOWN_SOURCES = 4096

# A set-up at a VNC server that is well takes milliseconds.
CLAIM_TIMEOUT_S = 2.0


@dataclasses.dataclass(frozen=True)
class Limits:
    """The most connections, in all and for each holder: the options of these names in [novncproxy]."""

    max_pending_connections: int
    max_pending_per_address: int
    max_pending_per_token: int
    max_pending_per_instance: int


_token = operator.attrgetter('token')
_instance = operator.attrgetter('instance_uuid')
_moved_at = operator.attrgetter('moved_at')


class PendingConnections:
    """A bounded set. Thread-safe.

    A new connection always gets a place, if need be that of another one; so nobody keeps others out by being there.
    Whose place it gets:

    * Who is active stays: first those go that have let the proxy wait for longer than PATIENCE_S, if any have.
    * Who holds most goes first: of these, those of the address that holds most, and of one address those in the stage
      that most are in. So silent ones displace silent ones and idle ones idle ones, and to displace somebody active
      takes, from his own address, as many steps between two of his as a quarter of the limit.
    * Of these, the one whose last step is longest ago.

    A connection that shows a token displaces in the same way one with the same token, or with a token for the same
    instance that is shown as often or more. To let one go that the proxy works for would not end that work; so if it is
    that one's turn, the newcomer waits until the work gets on, and is refused when that takes too long.

    :param on_full: told the name of the limit that was reached, and who reached it: an address, or an instance
    :param claim_timeout_s: how long claim() may wait
    """

    def __init__(self, limits: Limits, on_full: Callable[[str, str], None],
                 clock: Callable[[], float] = time.monotonic, claim_timeout_s: float = CLAIM_TIMEOUT_S) -> None:
        self._limits = limits
        self._on_full = on_full
        self._clock = clock
        self._claim_timeout_s = claim_timeout_s
        self._changed = threading.Condition()
        self._places = Places(clock)
        self._numbers = itertools.count()
        # Those that have shown a token, until they end: also such as have lost their place while work on them goes on.
        self._claims: dict[Droppable, Place] = {}
        self._settled: set[Droppable] = set()

    def __len__(self) -> int:
        return len(self._places) + len(self._settled)

    def set_ceiling(self, connections: int) -> None:
        """Have no more connections than that in all, from now on."""
        self._limits = dataclasses.replace(self._limits, max_pending_connections=connections)

    def add(self, connection: Droppable, address: str) -> None:
        """:param address: see source_of()"""
        with self._changed:
            limit, victim = self._make_room(address)
            place = Place(connection, address, next(self._numbers))
            place.move(Stage.SILENT, self._clock())
            self._places.put(place)
        if victim is not None:
            victim.connection.displace(victim.stage)
            self._on_full(limit, victim.address)

    def count_for(self, connection: Droppable, address: str) -> None:
        """Have a connection count as one of another address, of whom a load balancer has it.

        So it may take the place of another one of that address.
        """
        with self._changed:
            place = self._places.get(connection)
            if place is None or place.address == address:
                return
            self._places.take(connection)
            limit, victim = self._make_room(address)
            place.address = address
            self._places.put(place)
        if victim is not None:
            victim.connection.displace(victim.stage)
            self._on_full(limit, victim.address)

    def displace_inactive(self) -> None:
        """Let all go that have let the proxy wait: no newcomer can be accepted, for want of file descriptors."""
        with self._changed:
            victims = self._places.inactive()
            self._evict(*victims)
        for victim in victims:
            victim.connection.displace(victim.stage)

    def move(self, connection: Droppable, stage: Stage) -> bool:
        """Take note of a step forward; return False if the connection has lost its place."""
        with self._changed:
            place = self._places.get(connection)
            if place is None:
                return False
            self._places.take(connection)
            place.move(stage, self._clock())
            self._places.put(place)
            if connection in self._claims:
                self._changed.notify_all()
            return True

    def claim(self, connection: Droppable, token: Hashable, instance_uuid: str) -> bool:
        """Take note of the valid token that a connection has shown; return False if it is one too many. May wait.

        :param token: the token, or what stands for it
        """
        with self._changed:
            place = self._places.get(connection)
            if place is None:
                return False
            place.token, place.instance_uuid = token, instance_uuid
            self._changed.wait_for(lambda: self._is_decided(place), self._claim_timeout_s)
            victims = self._victims_of(place)
            is_granted = connection in self._places and None not in victims.values()
            if is_granted:
                self._claims[connection] = place
                self._evict(*victims.values())
        for limit, victim in victims.items():
            if is_granted and victim is not None:
                victim.connection.displace(victim.stage)
            self._on_full(limit, f'instance {instance_uuid}')
        return is_granted

    def settle(self, connection: Droppable) -> bool:
        """Take note that a connection is about to become a session; return False if it has lost its place by now.

        Nobody gets its place any more, and it counts against no limit. It is to be called before the client learns that
        it has its session: the next thing that the client does may be to ask for another one.
        """
        with self._changed:
            if connection not in self._places:
                return False
            self._leave(connection)
            self._settled.add(connection)
            return True

    def remove(self, connection: Droppable) -> None:
        """It has ended or become a session; harmless if it has lost its place."""
        with self._changed:
            self._leave(connection)
            self._settled.discard(connection)

    def drop_idle(self) -> None:
        """Drop those on which no request is under way, except whose first one may just be coming."""
        with self._changed:
            now = self._clock()
            idle = [place.connection for place in self._places if place.connection.is_idle
                    and (place.stage is not Stage.SILENT or now > place.active_until)]
        self._drop(idle)

    def drop_all(self) -> None:
        self._drop(self._snapshot())

    def _leave(self, connection: Droppable) -> None:
        self._places.take(connection)
        if self._claims.pop(connection, None) is not None:
            self._changed.notify_all()

    def _make_room(self, address: str) -> tuple[str, Place | None]:
        limit, victim = '', None
        if self._places.held_by(address) >= self._limits.max_pending_per_address:
            limit, victim = 'max_pending_per_address', self._places.first_to_go(address)
        elif len(self._places) >= self._limits.max_pending_connections:
            limit, victim = 'max_pending_connections', self._places.first_to_go()
        self._evict(victim)
        return limit, victim

    def _is_decided(self, claiming: Place) -> bool:
        return claiming.connection not in self._places or None not in self._victims_of(claiming).values()

    def _victims_of(self, new: Place) -> dict[str, Place | None]:
        """Return for each limit that stands against a claim who would have to go; None if nobody can be asked to."""
        victims: dict[str, Place | None] = {}
        for limit, most, holder in (('max_pending_per_token', self._limits.max_pending_per_token, _token),
                                    ('max_pending_per_instance', self._limits.max_pending_per_instance, _instance)):
            held = [place for place in self._claims.values()
                    if holder(place) == holder(new) and place not in victims.values()]
            if len(held) >= most:
                per_token = collections.Counter(map(_token, [*held, new]))
                victim = self._choose([place for place in held if per_token[place.token] >= per_token[new.token]],
                                      _token)
                victims[limit] = victim if victim is not None and victim.stage is Stage.GREETED else None
        return victims

    def _choose(self, candidates: list[Place], holder: Callable[[Place], Hashable]) -> Place | None:
        now = self._clock()
        chosen = [place for place in candidates if now > place.active_until] or candidates
        return min(_heaviest(chosen, holder), key=_moved_at, default=None)

    def _evict(self, *victims: Place | None) -> None:
        for victim in victims:
            if victim is not None:
                self._places.take(victim.connection)
                if victim.stage is not Stage.ASKED:     # what the proxy does for it ends at once
                    self._claims.pop(victim.connection, None)
        self._changed.notify_all()

    def _snapshot(self) -> list[Droppable]:
        with self._changed:
            return [place.connection for place in self._places]

    @staticmethod
    def _drop(connections: Iterable[Droppable]) -> None:
        for connection in connections:
            connection.drop()


@functools.lru_cache(_KNOWN_SOURCES)
def source_of(host: str) -> str:
    """Return what counts as one address: an IPv4 address, or the /64 of an IPv6 address.

    :param host: as the socket names its peer
    """
    address = ipaddress.ip_address(host.partition('%')[0])
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.IPv6Network((address, _IPV6_PREFIX), strict=False))


def _heaviest(places: list[Place], holder: Callable[[Place], Hashable]) -> list[Place]:
    """Return those of the holder that has most of these places; of several holders that have equally many, all."""
    held = collections.Counter(map(holder, places))
    most = max(held.values(), default=0)
    heaviest = {its_holder for its_holder, count in held.items() if count == most}
    if len(heaviest) == len(held):
        return places
    return [place for place in places if holder(place) in heaviest]
