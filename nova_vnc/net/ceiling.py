# SPDX-License-Identifier: Apache-2.0
"""How much of something that is scarce may be taken at once, in all and by each."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Hashable, Iterator


class Crowded(Exception):
    """No place is left, or none for this key."""


class Ceiling:
    """Places, each of them taken in the name of a key. Thread-safe; nobody waits for a place.

    :param total: most places taken at once
    :param each: most places that one key has at once
    :param reserved: so many of `total` are for keys that have no place yet, so that no crowd of one key takes the last
    """

    def __init__(self, total: int, each: int, reserved: int = 0) -> None:
        self._total = total
        self._each = each
        self._shared = total - reserved
        self._lock = threading.Lock()
        self._taken = 0
        self._taken_by: dict[Hashable, int] = {}    # none for a key without a place

    @contextlib.contextmanager
    def place(self, key: Hashable) -> Iterator[None]:
        """Have a place while the block runs.

        :raises Crowded: there is none
        """
        self._take(key)
        try:
            yield
        finally:
            self._give_back(key)

    def _take(self, key: Hashable) -> None:
        with self._lock:
            own = self._taken_by.get(key, 0)
            if own >= self._each or self._taken >= (self._shared if own else self._total):
                raise Crowded(f'{own} of {self._taken} places taken are its own')
            self._taken += 1
            self._taken_by[key] = own + 1

    def _give_back(self, key: Hashable) -> None:
        with self._lock:
            self._taken -= 1
            own = self._taken_by.pop(key) - 1
            if own:
                self._taken_by[key] = own
