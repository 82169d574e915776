# SPDX-License-Identifier: Apache-2.0
"""Tokens in memcached, Redis or etcd, through oslo.cache."""

from __future__ import annotations

import contextlib
import hashlib
import threading
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

import oslo_cache
from oslo_config import cfg
from oslo_log import log as logging

from nova_vnc import exception
from nova_vnc.consoleauth import resources, tokens
from nova_vnc.consoleauth.stores import base, cache_servers, epochs

LOG = logging.getLogger(__name__)

T = TypeVar('T')

# Entries outlive what is in them by this much, so that clocks may differ.
_SLACK_S = 60
# An epoch is that of all tokens of a VM; each time that it ends is one when a valid token may be lost.
_MIN_EPOCH_LIFE_S = 24 * 3600
# Another process writes the epoch that it found missing within this time.
_PAUSE_S = 0.05
# Threads of this process that add the same token, or make the epoch of the same VM, do so one by one.
_LOCKS = 64
_LOCK_TIMEOUT_S = 3.0


def find_weakness(conf: cfg.ConfigOpts) -> str | None:
    """Return what the operator should know of the options before tokens are kept here, for logs and nova-vnc-status.

    :raises ConfigurationError: tokens cannot be kept in the backend that is named
    """
    oslo_cache.configure(conf)
    if cache_servers.used_backend(conf) != cache_servers.IN_PROCESS:
        return None
    why = f'[cache]backend = {conf.cache.backend}' if conf.cache.enabled else '[cache]enabled = False'
    return (f'[consoleauth]token_store = cache with {why} keeps tokens in the memory of each nova-consoleauth process: '
            'they are lost at a restart, and with a second process about half of all console links are refused. '
            'Set [cache]enabled = True with a backend for memcached, Redis or etcd')


class CacheTokenStore(base.TokenStore):
    """:param clock: unix seconds
    :param pause: waits for a moment, see epochs
    """

    def __init__(self, servers: cache_servers.Servers, lives: epochs.Lives, clock: Callable[[], float] = time.time,
                 pause: Callable[[], None] = lambda: time.sleep(_PAUSE_S)) -> None:
        self._servers = servers
        self._lives = lives
        self._clock = clock
        self._pause = pause
        self._locks = {kind: [threading.Lock() for _ in range(_LOCKS)] for kind in ('token', 'instance')}

    @classmethod
    def build(cls, parts: resources.Resources) -> CacheTokenStore:
        oslo_cache.configure(parts.conf)
        weakness = find_weakness(parts.conf)
        if weakness is not None:
            LOG.warning('%s', weakness)
        return cls.with_options(parts.conf, parts.conf.consoleauth.token_ttl)

    @classmethod
    def with_options(cls, conf: cfg.ConfigOpts, ttl_s: int) -> CacheTokenStore:
        """Make the store of [cache]; nothing is connected yet.

        :param ttl_s: for how long tokens are valid
        :raises ConfigurationError: [cache] cannot be used
        """
        token_s = min(ttl_s + _SLACK_S, cache_servers.MAX_LIFE_S)
        lives = epochs.Lives(token_s, min(max(_MIN_EPOCH_LIFE_S, 4 * token_s), cache_servers.MAX_LIFE_S))
        return cls(cache_servers.build_servers(conf, lives.token_s, lives.epoch_s), lives)

    def add(self, authorization: tokens.Authorization) -> None:
        with self._turn('token', authorization.token), self._turn('instance', authorization.instance_uuid):
            self._run(epochs.add(authorization, self._clock(), self._lives))

    def get(self, token: str, now: float) -> tokens.Authorization | None:
        return self._run(epochs.get(token, now))

    def delete_for_instance(self, instance_uuid: str) -> int:
        return self._run(epochs.delete_for_instance(instance_uuid, self._clock()))

    def purge(self, now: float) -> int:
        """Return 0: servers drop what has expired by themselves, and cannot tell what they have."""
        return 0

    def _run(self, steps: epochs.Steps[T]) -> T:
        """:raises StoreUnavailable: a server is away"""
        try:
            step = next(steps)
            while True:
                step = steps.send(self._do(step))
        except StopIteration as end:
            return end.value

    def _do(self, step: epochs.Read | epochs.Write | epochs.Pause) -> dict[str, str | None]:
        if isinstance(step, epochs.Pause):
            self._pause()
            return {}
        if isinstance(step, epochs.Read):
            return self._servers.read(step.keys)
        self._servers.write(step.texts, is_lasting=step.lasting)
        return {}

    @contextlib.contextmanager
    def _turn(self, kind: str, name: str) -> Iterator[None]:
        locks = self._locks[kind]
        lock = locks[hashlib.sha256(name.encode()).digest()[0] % len(locks)]
        if not lock.acquire(timeout=_LOCK_TIMEOUT_S):
            raise exception.StoreUnavailable(reason='others wait for it already')
        try:
            yield
        finally:
            lock.release()
