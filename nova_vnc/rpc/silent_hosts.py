# SPDX-License-Identifier: Apache-2.0
"""Which compute hosts have just not answered.

After a call without an answer a host is silent: it is left alone for a while, then one caller at a time may try it
again; everybody else is told at once. One answer of any kind, an error too, ends that.
"""

from __future__ import annotations

import contextlib
import dataclasses
import math
import threading
import time
from collections.abc import Callable, Iterator

import cachetools

from nova_vnc import exception
from nova_vnc.rpc import caller

# Tries of silent hosts under way at once. Each holds a thread, and a place among the waiting in nova-consoleauth.
_MAX_TRIES = 16
# Who waits for less than this does not learn that a host is silent.
_LEAST_WAIT_S = 1.0
# A host that nobody asked for so long is waited for again like any other.
_REMEMBER_S = 60.0
_MAX_HOSTS = 10_000


@dataclasses.dataclass
class _Calls:
    """What is under way to one host. owed_since: the start of the first call, or the last answer, if later."""

    owed_since: float
    count: int = 0


class SilentHosts:
    """Thread-safe. One for each process, or for each client of the compute services.

    :param rest_s: for how long nobody tries a host that has just not answered
    :param max_tries: most tries of silent hosts at once
    :param least_wait_s: a call that ended without an answer sooner says nothing about its host
    """

    def __init__(self, rest_s: float = 0, *, max_tries: int = _MAX_TRIES, least_wait_s: float = _LEAST_WAIT_S,
                 clock: Callable[[], float] = time.monotonic) -> None:
        self._rest_s = rest_s
        self._max_tries = max_tries
        self._least_wait_s = least_wait_s
        self._clock = clock
        self._lock = threading.Lock()
        # When a host did not answer last; None: it did.
        self._unanswered_at: cachetools.TTLCache[str, float | None] = cachetools.TTLCache(
            _MAX_HOSTS, _REMEMBER_S, timer=clock)
        self._tried: set[str] = set()
        self._calls: dict[str, _Calls] = {}

    @contextlib.contextmanager
    def asking(self, host: str, seems_silent: bool = False) -> Iterator[None]:
        """Surround one call to a host, and learn from how it ends.

        :param seems_silent: of a host of which nothing is known here: it is to be treated as silent
        :raises HostSilent: it is not to be asked now
        """
        is_try = self._begin(host, seems_silent)
        began = self._clock()
        answered: bool | None = None
        try:
            yield
            answered = True
        except caller.NoAnswer:
            answered = False if self._clock() - began >= self._least_wait_s else None
            raise
        except caller.NotAsked:
            raise
        except Exception:
            answered = True
            raise
        finally:
            self._end(host, is_try, answered)

    def refuse_if_silent(self, host: str, seems_silent: bool = False) -> None:
        """:raises HostSilent: it is not to be asked now"""
        with self._lock:
            self._needs_try(host, seems_silent)

    def owing_s(self, host: str) -> float:
        """Return for how many seconds a host has been asked without giving any answer; 0 if it is not asked."""
        with self._lock:
            calls = self._calls.get(host)
            return self._clock() - calls.owed_since if calls else 0.0

    def _begin(self, host: str, seems_silent: bool) -> bool:
        """Return whether the call is a try."""
        with self._lock:
            is_try = self._needs_try(host, seems_silent)
            if is_try:
                self._tried.add(host)
            self._calls.setdefault(host, _Calls(self._clock())).count += 1
            return is_try

    def _needs_try(self, host: str, seems_silent: bool) -> bool:
        unanswered_at = self._unanswered_at.get(host, -math.inf if seems_silent else None)
        if unanswered_at is None:
            return False
        is_resting = self._clock() - unanswered_at < self._rest_s
        if is_resting or host in self._tried or len(self._tried) >= self._max_tries:
            raise exception.HostSilent(host=host)
        return True

    def _end(self, host: str, is_try: bool, answered: bool | None) -> None:
        with self._lock:
            if is_try:
                self._tried.discard(host)
            calls = self._calls[host]
            calls.count -= 1
            if not calls.count:
                del self._calls[host]
            if answered is not None:
                self._unanswered_at[host] = None if answered else self._clock()
            if answered:
                calls.owed_since = self._clock()
