# SPDX-License-Identifier: Apache-2.0
"""One budget of time for several steps."""

from __future__ import annotations

import time
from collections.abc import Callable


class DeadlineExceeded(TimeoutError):
    """The time given to a piece of work is used up."""


class Deadline:
    """A point in time that several steps share, so that a slow first step leaves less for the next one.

    :param seconds: time from now
    :param clock: a monotonic clock in seconds
    """

    __slots__ = ('_clock', '_end')

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._end = clock() + seconds

    def remaining(self) -> float:
        """Return the seconds that are left, never less than 0."""
        return max(0.0, self._end - self._clock())

    def expired(self) -> bool:
        return self.remaining() <= 0.0

    def check(self) -> None:
        """Raise DeadlineExceeded if no time is left."""
        if self.expired():
            raise DeadlineExceeded('deadline exceeded')
