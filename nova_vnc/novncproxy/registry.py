# SPDX-License-Identifier: Apache-2.0
"""The sessions that are open in this process.

It watches and steers nothing: what a session does is the relay's. It is where sessions are counted, and where a list of
them, and ending one by its id, will come from.
"""

from __future__ import annotations

import dataclasses
import threading
from typing import Protocol


@dataclasses.dataclass(frozen=True, slots=True)
class OpenSession:
    """What is known of a session.

    :ivar id: unique for ever; the request id of the connection is 'req-' and this
    :ivar peer: address and port of the client, or of the load balancer before it
    :ivar since: unix seconds
    :ivar global_request_id: of the API request that asked for the console, where known
    """

    id: str
    instance_uuid: str
    display_name: str
    peer: str
    since: float
    global_request_id: str | None = None


class Closable(Protocol):
    """What a relay engine hands out for a session."""

    def close(self, code: int, reason: str = '') -> None:
        """End it; harmless when it has ended."""


class SessionRegistry:
    """Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sessions: dict[str, tuple[OpenSession, Closable | None]] = {}

    def add(self, session: OpenSession) -> None:
        """Count a session, right before the relay takes it."""
        with self._lock:
            self._sessions[session.id] = (session, None)

    def attach(self, session_id: str, relay: Closable) -> None:
        """Keep what ends the session, unless it has ended meanwhile."""
        with self._lock:
            if session_id in self._sessions:
                self._sessions[session_id] = (self._sessions[session_id][0], relay)

    def remove(self, session_id: str) -> None:
        with self._lock:
            self._sessions.pop(session_id, None)

    def list(self) -> list[OpenSession]:
        with self._lock:
            return [session for session, _ in self._sessions.values()]

    def __len__(self) -> int:
        return len(self._sessions)

    def close_all(self, code: int, reason: str) -> None:
        """Ask the relays of all sessions to end; each leaves the registry once it has ended."""
        with self._lock:
            relays = [relay for _, relay in self._sessions.values() if relay is not None]
        for relay in relays:
            relay.close(code, reason)
