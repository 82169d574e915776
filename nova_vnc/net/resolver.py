# SPDX-License-Identifier: Apache-2.0
"""Host names to addresses, also while the name servers do not answer."""

from __future__ import annotations

import dataclasses
import functools
import ipaddress
import os
import socket
import threading
import time
from collections.abc import Callable
from concurrent import futures
from typing import Any

import cachetools

from nova_vnc import concurrency
from nova_vnc.net.deadline import Deadline, DeadlineExceeded

# A name that got another address is found at the old one for so long; a crowd that comes for one host asks once.
_FRESH_S = 30.0
# How long an older answer stands in while there is no new one. Name servers are away for minutes, not for days.
_KEPT_S = 3600.0
# How long a caller who has an older answer waits for a new one: a name server that works takes milliseconds.
_PATIENCE_S = 1.0
_MAX_LOOKUPS = 8
_MAX_WAITING = 256
_MAX_NAMES = 4096
# Of getaddrinfo: the name does not exist, or has no address. All else is the resolver's trouble.
_UNKNOWN = (socket.EAI_NONAME, socket.EAI_NODATA)


@dataclasses.dataclass(frozen=True)
class _Answer:
    addresses: list[str]
    since: float


@dataclasses.dataclass(frozen=True)
class _Lookup:
    addresses: futures.Future[list[str]]
    since: float


def get_addresses(host: str) -> list[str]:
    """Ask the system's resolver, which can neither be interrupted nor given a timeout."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except UnicodeError:  # a name that IDNA cannot encode
        raise socket.gaierror(socket.EAI_NONAME, 'not a host name') from None
    return list(dict.fromkeys(str(info[4][0]) for info in found))


class Resolver:
    """Thread-safe.

    Lookups that nobody waits for any more go on until the resolver's own timeouts end them. They are bounded: one for
    each name, in a few native threads that nothing else uses; under eventlet its pool, which other calls need, stays
    free.

    :param look_up: as get_addresses(), runs in a native thread, see concurrency.run_native()
    """

    def __init__(self, look_up: Callable[[str], list[str]] = get_addresses, *, max_lookups: int = _MAX_LOOKUPS,
                 patience_s: float = _PATIENCE_S, clock: Callable[[], float] = time.monotonic) -> None:
        self._look_up = look_up
        self._patience_s = patience_s
        self._clock = clock
        self._lock = threading.Lock()
        # The interpreter would wait for these threads at its end; service.end_process() does not.
        self._workers = futures.ThreadPoolExecutor(max_lookups, thread_name_prefix='resolve')
        self._lookups: dict[str, _Lookup] = {}
        self._answers: cachetools.TTLCache[str, _Answer] = cachetools.TTLCache(_MAX_NAMES, _KEPT_S, timer=clock)

    def resolve(self, host: str, deadline: Deadline) -> list[str]:
        """Return the numeric addresses of a host, in the order of preference of the system's resolver.

        :raises DeadlineExceeded: the resolver did not answer in time, or has too many names to look up already
        :raises OSError: (socket.gaierror) it does not know the name
        """
        if _is_address(host):
            return [host]
        deadline.check()
        with self._lock:
            known = self._answers.get(host)
        if known is not None and self._clock() - known.since < _FRESH_S:
            return known.addresses
        if known is None:
            return _wait(self._begin(host).addresses, deadline.remaining())
        return self._renew(host, known, deadline)

    def _renew(self, host: str, known: _Answer, deadline: Deadline) -> list[str]:
        """Return a new answer, or the known one where there is no new one soon."""
        try:
            lookup = self._begin(host)
            # Where it has been under way for long, nobody waits for it again.
            patience_s = max(0.0, lookup.since + self._patience_s - self._clock())
            return _wait(lookup.addresses, min(patience_s, deadline.remaining()))
        except DeadlineExceeded:
            return known.addresses
        except socket.gaierror as error:
            if error.errno in _UNKNOWN:
                raise
            return known.addresses

    def _begin(self, host: str) -> _Lookup:
        """Return the lookup of this name that is under way, or a new one."""
        with self._lock:
            if host not in self._lookups:
                if len(self._lookups) >= _MAX_WAITING:
                    raise DeadlineExceeded('too many names are being resolved')
                self._lookups[host] = _Lookup(self._workers.submit(self._work, host), self._clock())
            return self._lookups[host]

    def _work(self, host: str) -> list[str]:
        try:
            addresses = _run_apart(functools.partial(self._look_up, host))
        except socket.gaierror as error:
            with self._lock:
                if error.errno in _UNKNOWN:
                    self._answers.pop(host, None)
            raise
        else:
            with self._lock:
                self._answers[host] = _Answer(addresses, self._clock())
            return addresses
        finally:
            with self._lock:
                self._lookups.pop(host, None)


def _wait(addresses: futures.Future[list[str]], timeout_s: float) -> list[str]:
    try:
        return addresses.result(timeout_s)
    except TimeoutError:
        raise DeadlineExceeded('the name was not resolved in time') from None
    except socket.gaierror as error:    # which others get too: each one of its own
        raise socket.gaierror(*error.args) from None


def _run_apart(function: Callable[[], list[str]]) -> list[str]:
    """Return what a function returns, or raise what it raises, in a native thread of its own."""
    outcome: list[Any] = []
    reader, writer = socket.socketpair()
    with reader, writer:
        def run() -> None:
            try:
                outcome.append(function())
            except BaseException as error:
                outcome.append(error)
            os.write(writer.fileno(), b'\0')
        concurrency.start_native_thread(run, 'look-up')
        reader.recv(1)
    if isinstance(outcome[0], BaseException):
        raise outcome[0]
    result: list[str] = outcome[0]
    return result


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
