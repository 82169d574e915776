# SPDX-License-Identifier: Apache-2.0
"""How a native thread wakes a green one."""

from __future__ import annotations

import os
import socket


class Wakeup:
    """An event that any thread may set, native ones too, and one (green) thread waits for.

    A native thread may not touch green locks, so the news travels through a pair of sockets; at most a byte or two is
    under way, however often it is set, and writing never blocks. The sockets close with the last reference, so none of
    them can be written to under a number that belongs to something else by then.
    """

    def __init__(self) -> None:
        self._reader, self._writer = socket.socketpair()
        self._is_set = False

    def set(self) -> None:
        if not self._is_set:
            self._is_set = True
            os.write(self._writer.fileno(), b'\0')

    def wait(self, timeout_s: float | None = None) -> None:
        """Return once it has been set since the last wait, or after timeout_s seconds; then it is not set."""
        self._reader.settimeout(timeout_s)
        try:
            self._reader.recv(16)
        except TimeoutError:
            pass
        # Whatever was set until here is news to the caller; what is set from here on wakes the next wait.
        self._is_set = False
