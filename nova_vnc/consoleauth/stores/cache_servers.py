# SPDX-License-Identifier: Apache-2.0
"""The servers behind [cache], through oslo.cache, each of which either answers or is said not to.

What oslo.cache leaves to its user:

* It gives one life to all entries of a region, so a server has two regions here: of short-lived and of lasting entries.
* Its clients of memcached answer "nothing there" for a server that is away. So each answer holds a mark that must be
  there; where it is not and cannot be written, the server is away.
* They go to the next server meanwhile, and back to the old entries later. So a key has one server here, and no other.
"""

from __future__ import annotations

import contextlib
import hashlib
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import oslo_cache
from dogpile.cache.region import CacheRegion
from oslo_config import cfg
from oslo_log import log as logging
from oslo_utils import importutils

from nova_vnc import exception

LOG = logging.getLogger(__name__)

IN_PROCESS = 'oslo_cache.dict'
_MEMCACHED = 'oslo_cache.memcache_pool'
_REDIS = frozenset({'dogpile.cache.redis', 'dogpile.cache.redis_sentinel'})
_ETCD = 'oslo_cache.etcd3gw'

# Others that keep the same data, or keep it in the same servers, and differ in the client: one that cannot be shared by
# green threads (pylibmc), that waits without end for a server (pymemcache), or makes a connection for each thread.
_SERVED_BY = {
    'dogpile.cache.memory': IN_PROCESS, 'dogpile.cache.memory_pickle': IN_PROCESS,
    'dogpile.cache.memcached': _MEMCACHED, 'dogpile.cache.pymemcache': _MEMCACHED,
    'dogpile.cache.bmemcached': _MEMCACHED, 'dogpile.cache.pylibmc': _MEMCACHED}

# What a backend needs, and the extra of this project that brings it.
_NEEDS = {_MEMCACHED: ('memcache', 'memcache'), 'dogpile.cache.redis': ('redis', 'redis'),
          'dogpile.cache.redis_sentinel': ('redis', 'redis'), _ETCD: ('etcd3gw', 'etcd')}

# Who asks for a token waits 8 s in all, and a check may ask three times.
_ANSWER_TIMEOUT_S = 2.0
# A server that was away is tried again so soon: there is no other one that could have the entry.
_DEAD_RETRY_S = 1
# memcached takes a longer time for a date.
MAX_LIFE_S = 30 * 24 * 3600

_PREFIX = 'nova-vnc consoleauth '       # other services may use the same servers
_MARK = f'{_PREFIX}is there'


class Server:
    """One memcached, or whatever else [cache] names; thread-safe.

    Every method raises StoreUnavailable when the server cannot be used now.

    :param guard: for a backend that is not thread-safe
    """

    def __init__(self, name: str, passing: CacheRegion, lasting: CacheRegion, *, is_silent_when_away: bool,
                 guard: contextlib.AbstractContextManager[Any]) -> None:
        self.name = name
        self._regions = {False: passing, True: lasting}
        self._is_silent_when_away = is_silent_when_away
        self._guard = guard
        self._is_failing = False

    def read(self, keys: Sequence[str]) -> dict[str, str | None]:
        """Return the text of each key."""
        with self._translated_errors():
            values = self._get(keys)
            if self._is_silent_when_away and values[-1] is None:
                self._regions[False].set(_MARK, 'yes')
                values = self._get(keys)
                if values[-1] is None:
                    raise exception.StoreUnavailable(reason=f'{self.name} does not answer')
        self._worked()      # a write may fail silently
        return dict(zip(keys, values, strict=False))

    def write(self, texts: Mapping[str, str], *, is_lasting: bool) -> None:
        """Whether this was done can only be read."""
        with self._translated_errors(), self._guard:
            self._regions[is_lasting].set_multi({_PREFIX + key: text for key, text in texts.items()})

    def _get(self, keys: Sequence[str]) -> list[str | None]:
        # The mark comes last: an answer that breaks off lacks it.
        wanted = [*(_PREFIX + key for key in keys), *([_MARK] if self._is_silent_when_away else [])]
        with self._guard:
            found = self._regions[False].get_multi(wanted, ignore_expiration=True)
        return [None if value is oslo_cache.NO_VALUE else value for value in found]

    @contextlib.contextmanager
    def _translated_errors(self) -> Iterator[None]:
        try:
            yield
            return
        except exception.StoreUnavailable as error:
            reason = str(error.kwargs['reason'])
        except Exception as error:      # each client has its own
            reason = f'{self.name}: {type(error).__name__}'
        # Said outside of the except clause, where oslo.log would add the exception.
        if not self._is_failing:
            self._is_failing = True
            LOG.error('Tokens cannot be read or written, since a server of [cache] cannot be used: %s. Trying at every '
                      'request until it can.', reason)
        raise exception.StoreUnavailable(reason=reason)

    def _worked(self) -> None:
        if self._is_failing:
            self._is_failing = False
            LOG.info('The server %s of [cache] can be used again', self.name)


class Servers:
    """All servers of [cache]; each key has its own one."""

    def __init__(self, servers: Sequence[Server]) -> None:
        self._servers = servers

    def read(self, keys: Sequence[str]) -> dict[str, str | None]:
        """As Server.read."""
        found: dict[str, str | None] = {}
        for server, some in self._by_server(keys):
            found.update(server.read(some))
        return found

    def write(self, texts: Mapping[str, str], *, is_lasting: bool) -> None:
        """As Server.write."""
        for server, some in self._by_server(list(texts)):
            server.write({key: texts[key] for key in some}, is_lasting=is_lasting)

    def _by_server(self, keys: Sequence[str]) -> list[tuple[Server, list[str]]]:
        homes = [self._home_of(key) for key in keys]
        return [(server, [key for key, home in zip(keys, homes, strict=True) if home is server])
                for server in self._servers if any(home is server for home in homes)]

    def _home_of(self, key: str) -> Server:
        # The highest of the hashes of key and server: all processes agree, in whatever order they name the servers.
        return max(self._servers, key=lambda server: hashlib.sha256(f'{server.name} {key}'.encode()).digest())


def used_backend(conf: cfg.ConfigOpts) -> str:
    """Return the backend of oslo.cache that serves what [cache] asks for; in this process alone unless it is enabled.

    :raises ConfigurationError: tokens cannot be kept in the backend that is named
    """
    if not conf.cache.enabled:
        return IN_PROCESS
    named = str(conf.cache.backend)
    backend = _SERVED_BY.get(named, named)
    if backend != IN_PROCESS and backend not in _NEEDS:
        raise exception.ConfigurationError(
            reason=f'[cache]backend = {named} cannot keep the tokens of [consoleauth]token_store = cache; '
                   f'{", ".join(sorted([*_NEEDS, IN_PROCESS]))} can')
    return backend


def build_servers(conf: cfg.ConfigOpts, life_s: int, lasting_life_s: int) -> Servers:
    """Make the servers of [cache]; nothing is connected yet.

    :param life_s: of entries that do not last; both in seconds, up to MAX_LIFE_S
    :raises ConfigurationError: [cache] cannot be used
    """
    backend = used_backend(conf)
    if backend in _NEEDS and importutils.try_import(_NEEDS[backend][0]) is None:
        library, extra = _NEEDS[backend]
        raise exception.ConfigurationError(
            reason=f'[cache]backend = {conf.cache.backend} needs the Python library {library}, which is not installed; '
                   f'pip install nova-vnc[{extra}] brings it')
    if backend != _MEMCACHED:
        return Servers([_build_server(conf, backend, _name_of(conf, backend), {}, life_s, lasting_life_s)])
    return Servers([_build_server(conf, backend, address, {'memcache_servers': [_with_family(address)]}, life_s,
                                  lasting_life_s) for address in _memcached_addresses(conf)])


def _memcached_addresses(conf: cfg.ConfigOpts) -> list[str]:
    # An argument is what oslo.cache lets come first.
    urls = [value for name, _, value in (text.partition(':') for text in conf.cache.backend_argument) if name == 'url']
    addresses = [address.strip() for address in (urls[-1].split(',') if urls else conf.cache.memcache_servers)]
    if not all(addresses) or not addresses:
        raise exception.ConfigurationError(reason='[cache]memcache_servers names no server')
    return addresses


def _with_family(address: str) -> str:
    """Return an address as python-memcached has it, of which IPv6 must be said."""
    return f'inet6:{address}' if address.startswith('[') else address


def _name_of(conf: cfg.ConfigOpts, backend: str) -> str:
    if backend == IN_PROCESS:
        return 'the memory of this process'
    if backend == 'dogpile.cache.redis':
        return f'redis {conf.cache.redis_server}'
    if backend == 'dogpile.cache.redis_sentinel':
        return f'redis {conf.cache.redis_sentinel_service_name}'
    return 'etcd'


def _build_server(conf: cfg.ConfigOpts, backend: str, name: str, changes: Mapping[str, Any], life_s: int,
                  lasting_life_s: int) -> Server:
    passing, lasting = (_build_region(conf, backend, changes, seconds) for seconds in (life_s, lasting_life_s))
    _share_clients(backend, passing.actual_backend, lasting.actual_backend)
    return Server(name, passing, lasting, is_silent_when_away=backend == _MEMCACHED,
                  guard=threading.Lock() if backend == IN_PROCESS else contextlib.nullcontext())


def _share_clients(name: str, passing: Any, lasting: Any) -> None:
    """Let two backends have the same connections, and so the same opinion about whether the server is there."""
    if name == IN_PROCESS:
        lasting.cache = passing.cache
    elif name == _MEMCACHED:
        lasting.client_pool = passing.client_pool
    elif name in _REDIS:
        lasting.writer_client = lasting.reader_client = passing.writer_client


def _build_region(conf: cfg.ConfigOpts, backend: str, changes: Mapping[str, Any], life_s: int) -> CacheRegion:
    timeout_s = min(conf.cache.socket_timeout, _ANSWER_TIMEOUT_S)
    arguments = [text for text in conf.cache.backend_argument
                 if backend != _MEMCACHED or not text.startswith('url:')]
    options = {
        'enabled': True, 'backend': backend, 'expiration_time': life_s, 'socket_timeout': timeout_s,
        'memcache_dead_retry': _DEAD_RETRY_S, 'memcache_pool_connection_get_timeout': int(_ANSWER_TIMEOUT_S),
        'backend_expiration_time': life_s if backend == _MEMCACHED or backend in _REDIS else None,
        'backend_argument': arguments, **changes}
    if backend == _MEMCACHED:       # options of the client that it replaces
        options.update(enable_retry_client=False, enable_socket_keepalive=False)
    elif backend == _ETCD:          # the life of entries to oslo.cache, but the patience of the client too
        options['backend_argument'] = [*arguments, f'timeout:{int(_ANSWER_TIMEOUT_S)}']
    try:
        region = oslo_cache.configure_cache_region(_changed(conf, options), oslo_cache.create_region())
    except Exception as error:      # the libraries' own, and ImportError
        raise exception.ConfigurationError(reason=f'[cache] cannot be used: {error}') from None
    _adjust(region.actual_backend, backend, life_s)
    return region


def _changed(conf: cfg.ConfigOpts, options: Mapping[str, Any]) -> cfg.ConfigOpts:
    """Return options of oslo.cache alone, as they are but for some."""
    changed = cfg.ConfigOpts()
    oslo_cache.configure(changed)
    changed([], default_config_files=[], default_config_dirs=[])
    for name in conf.cache:
        changed.set_override(name, options.get(name, conf.cache[name]), group='cache')
    return changed


def _adjust(backend: Any, name: str, life_s: int) -> None:
    """Set what there is no option for."""
    if name == IN_PROCESS:
        backend.expiration_time = life_s
    elif name == _ETCD:
        backend.timeout = life_s
    elif name in _REDIS:
        from redis.backoff import NoBackoff
        from redis.retry import Retry
        backend.writer_client.set_retry(Retry(NoBackoff(), 0))  # else redis-py goes on trying for up to 10 s
        backend.reader_client = backend.writer_client           # a replica may not have heard of a deletion yet
