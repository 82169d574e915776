# SPDX-License-Identifier: Apache-2.0
"""Calls that block in C, and a bounded wait for each."""

from __future__ import annotations

from collections.abc import Callable
from concurrent import futures
from typing import TypeVar

from nova_vnc import concurrency

T = TypeVar('T')


class NativeCalls:
    """Runs blocking functions off the green threads.

    Nothing can end a C function that hangs; but whoever waits for it gives up in time, and while it hangs it holds one
    of a few places, so that no heap of threads grows behind a hypervisor that does not answer.

    :param max_concurrent: places
    """

    def __init__(self, max_concurrent: int) -> None:
        self._pool = futures.ThreadPoolExecutor(max_concurrent, thread_name_prefix='native-call')

    def run(self, function: Callable[[], T], timeout_s: float) -> T:
        """Return the function's result, or raise what it raises.

        The function runs in a native thread: it may touch neither locks nor loggers, which can be green.

        :raises TimeoutError: no result in time, or no place became free; a function that has begun goes on
        """
        outcome = self._pool.submit(concurrency.run_native, function)
        try:
            return outcome.result(timeout_s)
        finally:
            outcome.cancel()    # where it has not begun
