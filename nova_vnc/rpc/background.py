# SPDX-License-Identifier: Apache-2.0
"""Work in a thread that may be left behind.

A thread that waits inside oslo.messaging for a broker cannot be told to stop. Those of concurrent.futures' and
futurist's executors are joined when the interpreter ends, so that one of them would hold up the end of a command, or of
the WSGI server that runs the API, until there is a broker. Hence a daemon thread for each piece of work, and only the
Future of concurrent.futures.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent import futures
from typing import TypeVar

T = TypeVar('T')


def start(work: Callable[[], T], name: str) -> futures.Future[T]:
    """Return what becomes of the work; a RuntimeError where the system grants no thread."""
    outcome: futures.Future[T] = futures.Future()
    try:
        threading.Thread(target=_run, args=(work, outcome), name=name, daemon=True).start()
    except RuntimeError as error:
        outcome.set_exception(error)
    return outcome


def _run(work: Callable[[], T], outcome: futures.Future[T]) -> None:
    try:
        outcome.set_result(work())
    except BaseException as error:
        outcome.set_exception(error)
