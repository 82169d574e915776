# SPDX-License-Identifier: Apache-2.0
"""The timers of an event loop: one for each who wants one."""

from __future__ import annotations

import heapq
import itertools
import math
from typing import Generic, TypeVar

Owner = TypeVar('Owner')    # hashable


class Timers(Generic[Owner]):
    """When each owner is to be called next. Not thread-safe.

    A time that was replaced or taken back stays in the heap without its owner until it is on top, or until more than
    half of the heap is like that: so the heap never has more than twice the entries that count, and none without an
    owner.

    len() gives the size of the heap.
    """

    __slots__ = ('_entries', '_heap', '_order')

    def __init__(self) -> None:
        # [due, order, owner or None]; no two have the same order, so owners are never compared.
        self._heap: list[list] = []
        self._entries: dict[Owner, list] = {}
        self._order = itertools.count()

    def __len__(self) -> int:
        return len(self._heap)

    def set(self, owner: Owner, due: float | None) -> None:
        """Let the owner's timer be due then instead of at the time that was set before; None: not at all."""
        old = self._entries.pop(owner, None)
        if due is not None:
            entry = [due, next(self._order), owner]
            self._entries[owner] = entry
            heapq.heappush(self._heap, entry)
        if old is not None:
            old[2] = None
            self._drop_dead()

    def next_due(self) -> float | None:
        """Return a time before which no timer is due, None if there is none at all."""
        return self._heap[0][0] if self._heap else None

    def pop_due(self, now: float) -> Owner | None:
        """Return the owner whose timer is due, the earliest one if there are several, and forget the timer."""
        while self._heap and self._heap[0][0] <= now:
            owner = heapq.heappop(self._heap)[2]
            if owner is not None:
                del self._entries[owner]
                self._drop_dead()
                return owner
        return None

    def _drop_dead(self) -> None:
        if len(self._heap) > 2 * len(self._entries):
            self._heap = list(self._entries.values())
            heapq.heapify(self._heap)


def next_tick(due: float, tick_s: float) -> float:
    """Return the first multiple of tick_s that is not before due: the same for all whose time is about the same."""
    return math.ceil(due / tick_s) * tick_s
