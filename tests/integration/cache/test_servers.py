# SPDX-License-Identifier: Apache-2.0
"""What a store in real servers keeps, for how long, and what it says while they are away."""

import logging
import time
from collections.abc import Callable

import pytest

from nova_vnc import exception
from nova_vnc.consoleauth.stores.base import TokenStore
from tests.fixtures.cache_server import CacheServer, Memcached, cache_store
from tests.fixtures.polling import wait_until
from tests.unit.consoleauth.stores.test_contract import GIVEN, INSTANCE, NOW, TOKEN, another

# A server is given up after 1 or 2 s; a busy machine may take longer to notice.
_SOON_S = 6.0
_CALLS: dict[str, Callable[[TokenStore], object]] = {
    'add': lambda store: store.add(another()),
    'get': lambda store: store.get(TOKEN, NOW),
    'get what is not there': lambda store: store.get('nobody', NOW),
    'delete': lambda store: store.delete_for_instance(INSTANCE)}


def assert_unavailable(store: TokenStore) -> None:
    for name, call in _CALLS.items():
        began_at = time.monotonic()
        with pytest.raises(exception.StoreUnavailable):
            call(store)
        assert time.monotonic() - began_at < _SOON_S, name


def is_available(store: TokenStore) -> bool:
    try:
        store.get(TOKEN, NOW)
    except exception.StoreUnavailable:
        return False
    return True


def test_another_process_sees_it(store: TokenStore, server: CacheServer):
    store.add(GIVEN)
    other = cache_store(server.options)
    assert other.get(TOKEN, NOW) == GIVEN
    assert other.delete_for_instance(INSTANCE) == 1
    assert store.get(TOKEN, NOW) is None


def test_no_token_in_clear(store: TokenStore, server: CacheServer):
    store.add(GIVEN)
    kept = server.dump()
    assert INSTANCE.encode() in kept
    assert TOKEN.encode() not in kept


def test_entries_disappear(store: TokenStore, server: CacheServer):
    cache_store(server.options, ttl_s=-56).add(GIVEN)     # with the slack of 60 s: kept for four seconds
    assert b'192.0.2.1' in server.dump()
    wait_until(lambda: store.get(TOKEN, NOW) is None and b'192.0.2.1' not in server.dump(), 20, 'the end of the entry')


def test_lost_epoch(store: TokenStore, server: CacheServer):
    store.add(GIVEN)
    server.flush()
    assert store.get(TOKEN, NOW) is None
    store.add(another())
    assert store.get(TOKEN, NOW) is None


def test_server_hangs(store: TokenStore, server: CacheServer, caplog: pytest.LogCaptureFixture):
    store.add(GIVEN)
    server.pause()
    try:
        assert_unavailable(store)
    finally:
        server.resume()
    wait_until(lambda: is_available(store), 20, 'the store')
    assert store.get(TOKEN, NOW) == GIVEN
    errors = [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]
    assert len(errors) == 1, errors
    assert '[cache] cannot be used' in errors[0]


def test_server_is_gone(store: TokenStore, server: CacheServer):
    store.add(GIVEN)
    server.kill()
    try:
        assert_unavailable(store)
        fresh = cache_store(server.options)     # a process that is started now
        assert_unavailable(fresh)
    finally:
        server.start()
    for each in (store, fresh):
        wait_until(lambda each=each: is_available(each), 20, 'the store')
        each.add(GIVEN)
        assert each.get(TOKEN, NOW) == GIVEN


def test_one_of_two_memcached_servers_is_away():
    """Its tokens are unavailable and not invalid; what it had comes back, but nothing that was deleted."""
    with Memcached() as one, Memcached() as other:
        addresses = [f'127.0.0.1:{server.port}' for server in (one, other)]
        store = cache_store({**one.options, 'memcache_servers': addresses})
        same = cache_store({**one.options, 'memcache_servers': addresses[::-1]})
        authorizations = [another(instance_uuid=f'00000000-0000-4000-8000-{number:012}') for number in range(16)]
        for authorization in authorizations:
            store.add(authorization)
        assert all(same.get(authorization.token, NOW) == authorization for authorization in authorizations)

        other.pause()
        refused, deleted = [], []
        try:
            for authorization in authorizations:
                try:
                    assert store.get(authorization.token, NOW) == authorization
                except exception.StoreUnavailable:
                    refused.append(authorization)
                try:
                    store.delete_for_instance(authorization.instance_uuid)
                    deleted.append(authorization)
                except exception.StoreUnavailable:
                    pass
        finally:
            other.resume()
        assert refused
        assert deleted
        for each in (store, same):
            wait_until(lambda each=each: all(_can_be_asked(each, authorization) for authorization in authorizations),
                       20, 'both servers')
            assert not any(each.get(authorization.token, NOW) for authorization in deleted)


def _can_be_asked(store: TokenStore, authorization: object) -> bool:
    try:
        store.get(authorization.token, NOW)
    except exception.StoreUnavailable:
        return False
    return True
