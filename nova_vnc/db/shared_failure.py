# SPDX-License-Identifier: Apache-2.0
"""Turns at what takes seconds to fail: those who waited meanwhile are told of the failure, and do not try in turn."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator

from nova_vnc import exception


class SharedFailure:
    """Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._failure = (0.0, '')       # of the last turn: when (monotonic), and why

    @contextlib.contextmanager
    def turn(self) -> Iterator[None]:
        """Wait for one's turn.

        :raises StoreUnavailable: what was tried meanwhile has failed so
        """
        called_at = time.monotonic()
        with self._lock:
            failed_at, reason = self._failure
            if failed_at >= called_at:
                raise exception.StoreUnavailable(reason=reason)
            try:
                yield
            except exception.StoreUnavailable as error:
                self._failure = (time.monotonic(), str(error.kwargs['reason']))
                raise
            self._failure = (0.0, '')
