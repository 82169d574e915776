# SPDX-License-Identifier: Apache-2.0
"""Connections that got their last answer without having been read."""

from __future__ import annotations

import collections
import contextlib
import time

from nova_vnc.net.transport import Transport

# To close them at once would reset them, and the reset can overtake the answer.
_DELAY_S = 1.0
# So many that come at once have less time.
_LIMIT = 128


class Goodbyes:
    """Closes them a moment later. For one thread."""

    def __init__(self) -> None:
        self._waiting: collections.deque[tuple[float, Transport]] = collections.deque()

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, transport: Transport, answer: bytes) -> None:
        with contextlib.suppress(OSError):     # it has left
            transport.send(answer)
        transport.shut_down_writing()
        self._waiting.append((time.monotonic() + _DELAY_S, transport))
        if len(self._waiting) > _LIMIT:
            self._waiting.popleft()[1].close()

    def seconds_to_next(self) -> float | None:
        """Return after how many seconds close_old() has something to do; None: there is nobody."""
        return max(0.0, self._waiting[0][0] - time.monotonic()) if self._waiting else None

    def close_old(self) -> None:
        while self._waiting and self._waiting[0][0] <= time.monotonic():
            self._waiting.popleft()[1].close()

    def close_all(self) -> None:
        while self._waiting:
            self._waiting.popleft()[1].close()
