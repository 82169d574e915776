# SPDX-License-Identifier: Apache-2.0
"""Connections that get their last answer without being read any more."""

from __future__ import annotations

import collections
import contextlib
import threading
import time
from collections.abc import Callable

from nova_vnc.net.transport import Transport

# To close them at once would reset them, and the reset can overtake the answer.
_DELAY_S = 1.0
# So many that come at once have less time.
_LIMIT = 128


class Goodbyes:
    """Closes them a moment later. All but hand_in() is for one thread.

    :param wake: has that thread call close_old() soon
    """

    def __init__(self, wake: Callable[[], None] = lambda: None) -> None:
        self._wake = wake
        self._handed_in: collections.deque[tuple[Transport, bytes]] = collections.deque()
        self._waiting: collections.deque[tuple[float, Transport]] = collections.deque()
        self._lock = threading.Lock()   # over what is handed in, and whether that is too late
        self._is_over = False

    def __len__(self) -> int:
        return len(self._handed_in) + len(self._waiting)

    def hand_in(self, transport: Transport, answer: bytes) -> None:
        """Do the same as add(), from any thread. After close_all() it is closed at once."""
        with self._lock:
            is_too_late = self._is_over
            if not is_too_late:
                self._handed_in.append((transport, answer))
        if is_too_late:
            _send(transport, answer)
            transport.close()
        else:
            self._wake()

    def add(self, transport: Transport, answer: bytes = b'') -> None:
        """Send a last answer, as much of it as can be sent at once, or nothing if that has been done."""
        _send(transport, answer)
        transport.shut_down_writing()
        self._waiting.append((time.monotonic() + _DELAY_S, transport))
        if len(self._waiting) > _LIMIT:
            self._waiting.popleft()[1].close()

    def seconds_to_next(self) -> float | None:
        """Return after how many seconds close_old() has something to do; None: there is nobody."""
        return max(0.0, self._waiting[0][0] - time.monotonic()) if self._waiting else None

    def close_old(self) -> None:
        while self._handed_in:
            self.add(*self._handed_in.popleft())
        while self._waiting and self._waiting[0][0] <= time.monotonic():
            self._waiting.popleft()[1].close()

    def close_all(self) -> None:
        with self._lock:
            self._is_over = True
        self.close_old()
        while self._waiting:
            self._waiting.popleft()[1].close()


def _send(transport: Transport, answer: bytes) -> None:
    if answer:
        with contextlib.suppress(OSError):     # it has left
            transport.send(answer)
