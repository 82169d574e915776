# SPDX-License-Identifier: Apache-2.0

import logging

import pytest

from nova_vnc import exception
from nova_vnc.consoleauth import resources
from nova_vnc.consoleauth.stores import cache, cache_servers
from tests.fixtures.bus import in_process_bus
from tests.fixtures.cache_server import cache_conf, cache_store
from tests.unit.consoleauth.stores.test_contract import GIVEN, NOW, TOKEN


@pytest.mark.parametrize(('named', 'used'), [
    ('oslo_cache.memcache_pool', 'oslo_cache.memcache_pool'),
    ('dogpile.cache.memcached', 'oslo_cache.memcache_pool'),
    ('dogpile.cache.pymemcache', 'oslo_cache.memcache_pool'),
    ('dogpile.cache.redis', 'dogpile.cache.redis'),
    ('oslo_cache.etcd3gw', 'oslo_cache.etcd3gw'),
    ('oslo_cache.dict', 'oslo_cache.dict'),
    ('dogpile.cache.memory', 'oslo_cache.dict'),
])
def test_backends(named: str, used: str):
    assert cache_servers.used_backend(cache_conf(enabled=True, backend=named)) == used
    assert cache_servers.used_backend(cache_conf(enabled=False, backend=named)) == 'oslo_cache.dict'
    cache_store({'enabled': True, 'backend': named})


@pytest.mark.parametrize('backend', ['dogpile.cache.null', 'dogpile.cache.dbm'])
def test_backends_of_no_use(backend: str):
    with pytest.raises(exception.ConfigurationError, match=rf'\[cache\]backend = {backend} '):
        cache_store({'enabled': True, 'backend': backend})


@pytest.mark.parametrize('options', [
    {'memcache_servers': []}, {'memcache_servers': ['']}, {'backend': 'dogpile.cache.redis', 'redis_server': 'x:y'},
    {'tls_enabled': True, 'tls_cafile': '/nowhere'}, {'backend': 'oslo_cache.etcd3gw', 'tls_enabled': True}])
def test_options_of_no_use(options: dict[str, object]):
    with pytest.raises(exception.ConfigurationError, match=r'\[cache\]'):
        cache_store({'enabled': True, 'backend': 'oslo_cache.memcache_pool', **options})


@pytest.mark.parametrize(('options', 'names'), [
    ({'memcache_servers': ['a:1', '[::1]:11211']}, ['a:1', '[::1]:11211']),
    ({'memcache_servers': ['a:1'], 'backend_argument': ['url:b:2,inet6:[::1]:3']}, ['b:2', 'inet6:[::1]:3']),
    ({'memcache_servers': ['a:1'], 'enable_retry_client': True, 'enable_socket_keepalive': True}, ['a:1'])])
def test_memcached_servers(options: dict[str, object], names: list[str]):
    conf = cache_conf(enabled=True, backend='dogpile.cache.pymemcache', **options)
    servers = cache_servers.build_servers(conf, 60, 600)._servers
    assert [server.name for server in servers] == names
    asked = [server._regions[False].actual_backend.url[0] for server in servers]
    assert asked == [f'inet6:{name}' if name.startswith('[') else name for name in names]


def test_home_of_a_key():
    """Does not depend on the order of the servers, and stays when another one goes that is not its home."""
    def homes(*addresses: str) -> list[str]:
        servers = cache_servers.build_servers(
            cache_conf(enabled=True, backend='oslo_cache.memcache_pool', memcache_servers=list(addresses)), 60, 600)
        return [servers._home_of(f'key {number}').name for number in range(300)]
    before = homes('a:1', 'b:1', 'c:1')
    assert before == homes('c:1', 'a:1', 'b:1')
    assert all(before.count(name) > 60 for name in ('a:1', 'b:1', 'c:1'))
    after = homes('a:1', 'b:1')
    assert [name for name in before if name != 'c:1'] == [
        new for old, new in zip(before, after, strict=True) if old != 'c:1']


@pytest.mark.parametrize(('options', 'said'), [
    ({}, '[cache]enabled = False'),
    ({'enabled': True, 'backend': 'oslo_cache.dict'}, '[cache]backend = oslo_cache.dict')])
def test_memory_of_this_process(options: dict[str, object], said: str, caplog: pytest.LogCaptureFixture):
    """Works, and says what that means."""
    with in_process_bus() as bus:
        cache.find_weakness(bus.conf)       # registers [cache]
        for name, value in options.items():
            bus.conf.set_override(name, value, group='cache')
        store = cache.CacheTokenStore.build(resources.Resources(bus.conf))
        store.add(GIVEN)
        assert store.get(TOKEN, NOW) == GIVEN
        warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
        assert warnings == [cache.find_weakness(bus.conf)]
        assert said in warnings[0]


def test_servers_are_no_weakness():
    assert cache.find_weakness(cache_conf(enabled=True, backend='dogpile.cache.redis')) is None
