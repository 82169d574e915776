# SPDX-License-Identifier: Apache-2.0
"""Work in a thread that may be left behind.

A thread that waits inside oslo.messaging for a broker cannot be told to stop. Those of concurrent.futures' and
futurist's executors are joined when the interpreter ends, so that one of them would hold up the end of a command, or of
the WSGI server that runs the API, until there is a broker. Hence daemon threads, and only the Future of
concurrent.futures.

There is no bound to how many work at once: who starts work has one. A thread that is done waits a while for more, since
to start one costs three times as much as to wake one.
"""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Callable
from concurrent import futures
from typing import Any, TypeVar

T = TypeVar('T')

_IDLE_S = 20.0
_MAX_IDLE = 16
_IDLE_NAME = 'background-idle'

_lock = threading.Lock()
_idle: list[_Worker] = []       # the last one that was done is taken first, so that the others can end


class _Worker:
    """A thread that does one piece of work after the other."""

    def __init__(self) -> None:
        self._work: queue.SimpleQueue[tuple[Callable[[], Any], futures.Future[Any], str]] = queue.SimpleQueue()

    def start(self, name: str) -> None:
        """:raises RuntimeError: the system grants no thread"""
        threading.Thread(target=self._run, name=name, daemon=True).start()

    def give(self, work: Callable[[], Any], outcome: futures.Future[Any], name: str) -> None:
        self._work.put((work, outcome, name))

    def _run(self) -> None:
        me = threading.current_thread()
        while True:
            try:
                work, outcome, me.name = self._work.get(timeout=_IDLE_S)
            except queue.Empty:
                if self._leave():
                    return
                continue        # work is on its way
            is_kept = _do(work, outcome, self)
            del work, outcome   # whatever they hold is not to wait along
            if not is_kept:
                return
            me.name = _IDLE_NAME

    def _leave(self) -> bool:
        with _lock:
            if self not in _idle:
                return False
            _idle.remove(self)
            return True


def start(work: Callable[[], T], name: str) -> futures.Future[T]:
    """Return what becomes of the work; a RuntimeError where the system grants no thread.

    :param name: of the thread while it works
    """
    outcome: futures.Future[T] = futures.Future()
    with _lock:
        worker = _idle.pop() if _idle else None
    if worker is None:
        worker = _Worker()
        try:
            worker.start(name)
        except RuntimeError as error:
            outcome.set_exception(error)
            return outcome
    worker.give(work, outcome, name)
    return outcome


def _do(work: Callable[[], Any], outcome: futures.Future[Any], worker: _Worker) -> bool:
    """Return whether the worker, idle again before anybody hears of the outcome, is to wait for more work."""
    result: Any = None
    failure: BaseException | None = None
    try:
        result = work()
    except BaseException as error:
        failure = error
    with _lock:
        is_kept = len(_idle) < _MAX_IDLE
        if is_kept:
            _idle.append(worker)
    try:
        if failure is None:
            outcome.set_result(result)
        else:
            outcome.set_exception(failure)
    finally:
        failure = None          # else the error holds this frame, and the frame the error
    return is_kept


def _forget_all() -> None:
    """A process that was forked has none of the threads."""
    global _lock
    _lock = threading.Lock()
    _idle.clear()


os.register_at_fork(after_in_child=_forget_all)
