# SPDX-License-Identifier: Apache-2.0
"""The sessions that are open in this process.

It watches and steers nothing: what a session does is the relay's. It is where sessions are counted and find a place,
and where a list of them, and ending one by its id, will come from.
"""

from __future__ import annotations

import dataclasses
import functools
import threading
from collections.abc import Callable
from typing import Protocol

from nova_vnc.novncproxy.session_places import Holder, SessionLimits, SessionPlaces
from nova_vnc.relay.end import RelayEnd

EndObserver = Callable[[RelayEnd], None]

# The status is that of a limit, see refusal.py.
_DISPLACED = (4429, 'This console was opened again with the same link. It is open as often as it may be.')


@dataclasses.dataclass(frozen=True, slots=True)
class OpenSession:
    """What is known of a session.

    :ivar id: unique for ever; the request id of the connection is 'req-' and this
    :ivar display_name: of the VM, '' where it is not known
    :ivar peer: address of the client, with its port where that is known, or of a load balancer that is not trusted
    :ivar since: unix seconds
    :ivar global_request_id: of the API request that asked for the console, where known
    """

    id: str
    instance_uuid: str
    display_name: str
    peer: str
    since: float
    global_request_id: str | None = None

    @property
    def instance(self) -> str:
        """Which VM it is, in words."""
        return f'{self.instance_uuid} ({self.display_name})' if self.display_name else self.instance_uuid


class Closable(Protocol):
    """What a relay engine hands out for a session."""

    def close(self, code: int, reason: str = '') -> None:
        """End it; harmless when it has ended."""


class SessionRegistry:
    """Thread-safe.

    :param places: default: without a limit
    """

    def __init__(self, places: SessionPlaces | None = None) -> None:
        self.places = SessionPlaces(SessionLimits(), lambda limit, who: None) if places is None else places
        self._lock = threading.Lock()
        self._sessions: dict[str, tuple[OpenSession, Closable | None]] = {}
        self._displaced: set[str] = set()   # before their relay was known
        self._closing: tuple[int, str] | None = None

    def admit(self, session_id: str, holder: Holder) -> None:
        """Take a place for a session that is being set up; another one may have to end for it. May wait.

        :raises Full: there is none
        """
        victim = self.places.take(session_id, holder)
        if victim is not None:
            self._displace(victim)

    def leave(self, session_id: str) -> None:
        """A set-up is over. Harmless if it has become a session, or had no place."""
        with self._lock:
            if session_id not in self._sessions:
                self._free(session_id)

    def open(self, session: OpenSession, start: Callable[[EndObserver], Closable], on_end: EndObserver) -> None:
        """Start a session and count it from before its start until its end, or until its start has failed.

        :param start: hands the session to the relay; is given what the relay has to call at the end
        :param on_end: called then, once the session is not counted any more
        :raises Exception: whatever start raises; there is no session then
        """
        with self._lock:
            self._sessions[session.id] = (session, None)
        try:
            relay = start(functools.partial(self._end, session.id, on_end))
        except BaseException:
            self._remove(session.id)
            raise
        self._attach(session, relay)

    def _attach(self, session: OpenSession, relay: Closable) -> None:
        with self._lock:
            if session.id in self._sessions:    # it may have ended by now
                self._sessions[session.id] = (session, relay)
            closing = _DISPLACED if session.id in self._displaced else self._closing
        if closing is not None:
            relay.close(*closing)

    def _end(self, session_id: str, on_end: EndObserver, end: RelayEnd) -> None:
        self._remove(session_id)
        on_end(end)

    def _remove(self, session_id: str) -> None:
        with self._lock:
            self._sessions.pop(session_id, None)
            self._free(session_id)

    def _free(self, session_id: str) -> None:
        self._displaced.discard(session_id)
        self.places.give_back(session_id)

    def _displace(self, session_id: str) -> None:
        with self._lock:
            _, relay = self._sessions.get(session_id, (None, None))
            if relay is None and session_id in self.places:
                self._displaced.add(session_id)
        if relay is not None:
            relay.close(*_DISPLACED)

    def list(self) -> list[OpenSession]:
        with self._lock:
            return [session for session, _ in self._sessions.values()]

    def __len__(self) -> int:
        return len(self._sessions)

    def close_all(self, code: int, reason: str) -> None:
        """Ask the relays of all sessions, and of those that open from now on, to end."""
        with self._lock:
            self._closing = (code, reason)
            relays = [relay for _, relay in self._sessions.values() if relay is not None]
        for relay in relays:
            relay.close(code, reason)
