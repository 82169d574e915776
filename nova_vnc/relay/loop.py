# SPDX-License-Identifier: Apache-2.0
"""The event loop of a relay engine: descriptors, timers, calls from other threads."""

from __future__ import annotations

import os
import select
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from nova_vnc import concurrency
from nova_vnc.relay.timers import Timers

READ = select.EPOLLIN
WRITE = select.EPOLLOUT
# The other end has sent its last byte; with READ the read tells it.
HANGUP = select.EPOLLRDHUP
# Reported whether they are asked for or not: whatever is tried on the descriptor next tells what happened.
BROKEN = select.EPOLLERR | select.EPOLLHUP

# epoll takes no more than 2**31 ms.
_LONGEST_WAIT_S = 3600.0


class Poller(Protocol):
    """What select.epoll has."""

    def register(self, fd: int, mask: int) -> None: ...

    def modify(self, fd: int, mask: int) -> None: ...

    def unregister(self, fd: int) -> None: ...

    def poll(self, timeout_s: float | None = None) -> list[tuple[int, int]]: ...

    def close(self) -> None: ...


class Watcher(Protocol):
    """Whoever has something in the loop. No method may block; what one raises ends up in its own on_error."""

    def on_event(self, fd: int, events: int) -> None:
        """A watched descriptor is ready."""

    def on_timer(self) -> None:
        """The time given to schedule() has come."""

    def on_error(self, error: Exception) -> None:
        """Another method of this watcher raised; must not raise."""


class _Waker:
    """Lets another thread interrupt the wait of the loop."""

    def __init__(self) -> None:
        self.fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)

    def wake(self) -> None:
        os.eventfd_write(self.fd, 1)

    def on_event(self, fd: int, events: int) -> None:
        os.eventfd_read(fd)

    def on_timer(self) -> None:
        pass

    def on_error(self, error: Exception) -> None:
        pass


class EventLoop:
    """Everything but call_soon() belongs to the thread that runs run().

    :param poller: what waits for descriptors, by default a concurrency.Epoll
    :param clock: monotonic time in seconds, as are all times here
    """

    def __init__(self, poller: Poller | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self._poller = poller or concurrency.Epoll(has_precedence=True)
        self._watchers: dict[int, Watcher] = {}
        self._masks: dict[int, int] = {}
        self._timers: Timers[Watcher] = Timers()
        self._calls: deque[tuple[Watcher, Callable[[], None]]] = deque()
        self._calls_lock = threading.Lock()
        self._takes_calls = True
        self._running = True
        self._wait_s: float | None = None
        self._waker = _Waker()
        self.watch(self._waker, self._waker.fd, READ)

    def call_soon(self, watcher: Watcher, call: Callable[[], None]) -> bool:
        """Have the loop call something on behalf of a watcher. Any thread may ask for it.

        :returns: False if run() has returned, so that nothing will be called
        """
        with self._calls_lock:
            if self._takes_calls:
                self._calls.append((watcher, call))
                self._waker.wake()
            return self._takes_calls

    def watch(self, watcher: Watcher, fd: int, mask: int) -> None:
        """Have on_event called when one of READ, WRITE, HANGUP in mask, or BROKEN, is true; mask 0: never.

        An unchanged mask costs nothing.
        """
        known = self._masks.get(fd, 0)
        if mask == known:
            return
        if not mask:
            del self._masks[fd], self._watchers[fd]
            with suppress(OSError, ValueError):  # closing the descriptor, which is next, does it too
                self._poller.unregister(fd)
            return
        if known:
            self._poller.modify(fd, mask)
        else:
            self._poller.register(fd, mask)
        self._masks[fd], self._watchers[fd] = mask, watcher

    def schedule(self, watcher: Watcher, due: float | None) -> None:
        """Have on_timer() called once at that time instead of at the one given before; None: never."""
        self._timers.set(watcher, due)

    def run(self) -> None:
        """Serve until stop(); what was to be called by then is called."""
        try:
            self._wait_s = self._next_wait()
            while self._running:
                self._run_once()
        finally:
            with self._calls_lock:
                self._takes_calls = False
            self._run_calls()

    def stop(self) -> None:
        """Have run() return after the present round. Any thread may ask for it."""
        with self._calls_lock:
            self._running = False
            if self._takes_calls:
                self._waker.wake()

    def close(self) -> None:
        """Free the descriptors, after run()."""
        self._poller.close()
        os.close(self._waker.fd)

    # What follows runs for each key press, once or more.

    def _run_once(self) -> None:
        watchers = self._watchers
        for fd, events in self._poller.poll(self._wait_s):
            # No watcher: an earlier event of this batch ended its session. The number cannot have a new owner yet,
            # as sessions are added by calls only.
            watcher = watchers.get(fd)
            if watcher is not None:
                try:
                    watcher.on_event(fd, events)
                except Exception as error:
                    watcher.on_error(error)
        if self._calls:
            self._run_calls()
        self._wait_s = self._run_timers()

    def _run_calls(self) -> None:
        for _ in range(len(self._calls)):
            watcher, call = self._calls.popleft()
            _guard(watcher, call)

    def _run_timers(self) -> float | None:
        """Call whose time has come, and return how long to wait for the next one."""
        due = self._timers.next_due()
        if due is None:
            return None
        now = self.clock()
        if due <= now:
            while (watcher := self._timers.pop_due(now)) is not None:
                _guard(watcher, watcher.on_timer)
            return self._next_wait()
        wait_s = due - now
        return wait_s if wait_s < _LONGEST_WAIT_S else _LONGEST_WAIT_S

    def _next_wait(self) -> float | None:
        due = self._timers.next_due()
        return None if due is None else min(max(due - self.clock(), 0.0), _LONGEST_WAIT_S)


def _guard(watcher: Watcher, call: Callable[[], None]) -> None:
    try:
        call()
    except Exception as error:
        watcher.on_error(error)
