# SPDX-License-Identifier: Apache-2.0
"""Threads that are used again: to start one costs several times as much as to wake one.

concurrent.futures' executor keeps its threads for ever, and waits for them when the interpreter ends.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable

_IDLE_S = 20.0


class SpareThreads:
    """Runs work at once, each piece in a (green) daemon thread of its own. Thread-safe.

    There is no bound to their number: who has work run bounds what is under way. None waits behind another.

    :param name: of a thread while it works; '-idle' is added to it in between
    :param idle_s: how long a thread that has nothing to do waits for more
    """

    def __init__(self, name: str, idle_s: float = _IDLE_S) -> None:
        self._name = name
        self._idle_s = idle_s
        # One for each idle thread that nobody counts on yet.
        self._idle = threading.Semaphore(0)
        self._work: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()

    def run(self, work: Callable[[], None]) -> None:
        """Have work called; it catches what it raises, and leaves nothing behind in the thread.

        :raises RuntimeError: the system grants no thread
        """
        if self._idle.acquire(blocking=False):
            self._work.put(work)
        else:
            threading.Thread(target=self._go_on, args=(work,), name=self._name, daemon=True).start()

    def _go_on(self, work: Callable[[], None] | None) -> None:
        me = threading.current_thread()
        while work is not None:
            me.name = self._name
            work()
            del work    # whatever it holds is not to wait along
            me.name = f'{self._name}-idle'
            self._idle.release()
            work = self._next()

    def _next(self) -> Callable[[], None] | None:
        try:
            return self._work.get(timeout=self._idle_s)
        except queue.Empty:
            # Whoever counts on this thread is about to put work there.
            return None if self._idle.acquire(blocking=False) else self._work.get()
