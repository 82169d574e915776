# SPDX-License-Identifier: Apache-2.0
"""How long to wait before a worker that has ended is started again. Pure."""

from __future__ import annotations

_FIRST_PAUSE_S = 1.0
_MAX_PAUSE_S = 30.0
# Who has lived for so long has not died of its start.
_SETTLED_S = 60.0


class Backoff:
    """
    :ivar failures: short lives in a row
    """

    def __init__(self) -> None:
        self.failures = 0

    def pause_s(self, lived_s: float) -> float:
        """Return the seconds to wait after a life of that many: none after the first short one, then 1, 2, 4 .. 30."""
        if lived_s >= _SETTLED_S:
            self.failures = 0
            return 0.0
        self.failures += 1
        if self.failures == 1:
            return 0.0
        return min(_MAX_PAUSE_S, _FIRST_PAUSE_S * 2.0 ** min(self.failures - 2, 10))
