# SPDX-License-Identifier: Apache-2.0
"""Work in a thread that may be left behind.

A thread that waits inside oslo.messaging for a broker cannot be told to stop. Those of concurrent.futures' and
futurist's executors are joined when the interpreter ends, so that one of them would hold up the end of a command, or of
the WSGI server that runs the API, until there is a broker. Hence daemon threads, and only the Future of
concurrent.futures.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent import futures
from typing import TypeVar

from nova_vnc.spare_threads import SpareThreads

T = TypeVar('T')

_threads = SpareThreads('background')


def start(work: Callable[[], T], name: str) -> futures.Future[T]:
    """Return what becomes of the work; a RuntimeError where the system grants no thread.

    :param name: of the thread while it works
    """
    outcome: futures.Future[T] = futures.Future()

    def run() -> None:
        threading.current_thread().name = name
        try:
            result = work()
        except BaseException as error:
            outcome.set_exception(error)
        else:
            outcome.set_result(result)
    try:
        _threads.run(run)
    except RuntimeError as error:
        outcome.set_exception(error)
    return outcome


def _forget_threads() -> None:
    """A process that was forked, as by the WSGI server that runs the API, has none of them."""
    global _threads
    _threads = SpareThreads('background')


os.register_at_fork(after_in_child=_forget_threads)
