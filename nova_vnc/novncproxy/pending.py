# SPDX-License-Identifier: Apache-2.0
"""The connections that are no sessions yet, and who has to go when there are too many."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import Protocol


class Droppable(Protocol):
    """A connection.

    :ivar is_idle: nothing is under way on it
    """

    is_idle: bool

    def drop(self) -> None:
        """End the connection without waiting; from any thread."""


class PendingConnections:
    """A bounded set. Thread-safe.

    Once it is full, a new connection takes the place of the oldest one that has not shown a valid token. A user sends
    his header at once and is done in milliseconds, so it is not he who is the oldest when somebody opens hundreds of
    connections and sends nothing, or rubbish.

    :param limit: the most connections
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._droppable: dict[Droppable, None] = {}     # in the order of their arrival
        self._kept: set[Droppable] = set()

    def __len__(self) -> int:
        return len(self._droppable) + len(self._kept)

    def add(self, connection: Droppable) -> bool:
        """Return False if there is no place for it."""
        with self._lock:
            oldest = None
            if len(self) >= self._limit:
                oldest = next(iter(self._droppable), None)
                if oldest is None:
                    return False
                del self._droppable[oldest]
            self._droppable[connection] = None
        if oldest is not None:
            oldest.drop()
        return True

    def keep(self, connection: Droppable) -> None:
        """Let nobody take its place: it has shown a valid token. Harmless if it has lost its place already."""
        with self._lock:
            if connection in self._droppable:
                del self._droppable[connection]
                self._kept.add(connection)

    def remove(self, connection: Droppable) -> None:
        """It has ended or become a session; harmless if it has lost its place."""
        with self._lock:
            self._droppable.pop(connection, None)
            self._kept.discard(connection)

    def drop_idle(self) -> None:
        """Drop those on which no request is under way."""
        self._drop(connection for connection in self._snapshot() if connection.is_idle)

    def drop_all(self) -> None:
        self._drop(self._snapshot())

    def _snapshot(self) -> list[Droppable]:
        with self._lock:
            return [*self._droppable, *self._kept]

    @staticmethod
    def _drop(connections: Iterable[Droppable]) -> None:
        for connection in connections:
            connection.drop()
