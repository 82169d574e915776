# SPDX-License-Identifier: Apache-2.0
"""What was learnt about the other side, remembered for a while."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable

# Nova's services are replaced by ours, and back, while the others run; minutes are soon enough to notice.
REMEMBER_S = 300.0


# From this size on, members whose time is over are looked for.
_LARGE = 256


class ExpiringSet:
    """A set whose members leave by themselves; adding one again starts its time anew."""

    def __init__(self, ttl_s: float = REMEMBER_S, clock: Callable[[], float] = time.monotonic) -> None:
        self._ttl_s = ttl_s
        self._clock = clock
        self._until: dict[Hashable, float] = {}

    def add(self, member: Hashable) -> None:
        now = self._clock()
        if len(self._until) >= _LARGE:
            for old, until in list(self._until.items()):
                if until <= now:
                    self._until.pop(old, None)
        self._until[member] = now + self._ttl_s

    def __contains__(self, member: Hashable) -> bool:
        until = self._until.get(member)
        if until is None:
            return False
        if until <= self._clock():
            self._until.pop(member, None)
            return False
        return True
