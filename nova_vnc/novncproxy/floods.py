# SPDX-License-Identifier: Apache-2.0
"""What the log says of limits that are reached: a line now and then, whatever the number of connections."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from oslo_log import log as logging

LOG = logging.getLogger(__name__)

INTERVAL_S = 60.0


class FloodLog:
    """Writes at most one line for each limit in INTERVAL_S. Thread-safe."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._silent_until: dict[str, float] = {}
        self._counts: dict[str, int] = {}

    def note(self, limit: str, who: str) -> None:
        """A connection had to go, or was turned away.

        :param limit: the option in [novncproxy]
        :param who: an address, or an instance
        """
        with self._lock:
            count = self._counts.get(limit, 0) + 1
            is_due = self._clock() >= self._silent_until.get(limit, float('-inf'))
            self._counts[limit] = 0 if is_due else count
            if is_due:
                self._silent_until[limit] = self._clock() + INTERVAL_S
        if is_due:
            LOG.warning('[novncproxy]%s is reached: %d connections had to go or were turned away since the last such '
                        'line, the latest one of %s', limit, count, who)
