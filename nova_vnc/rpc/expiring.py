# SPDX-License-Identifier: Apache-2.0
"""What was learnt about the other side, remembered for a while."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable

import cachetools

# Nova's services are replaced by ours, and back, while the others run; minutes are soon enough to notice.
REMEMBER_S = 300.0

# Hosts, or VMs; the oldest is forgotten for one more.
_MAX_MEMBERS = 10_000


class ExpiringSet:
    """A set whose members leave by themselves; adding one again starts its time anew. Thread-safe."""

    def __init__(self, ttl_s: float = REMEMBER_S, clock: Callable[[], float] = time.monotonic,
                 max_members: int = _MAX_MEMBERS) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._members: cachetools.TTLCache[Hashable, None] = cachetools.TTLCache(
            max_members, ttl_s, timer=lambda: self._clock())

    def add(self, member: Hashable) -> bool:
        """Return whether it was not a member yet."""
        with self._lock:
            is_new = member not in self._members
            self._members[member] = None
            return is_new

    def discard(self, member: Hashable) -> None:
        with self._lock:
            self._members.pop(member, None)

    def __contains__(self, member: Hashable) -> bool:
        with self._lock:
            return member in self._members
