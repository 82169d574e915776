# SPDX-License-Identifier: Apache-2.0
"""What every driver of [consoleauth]token_store does. A new driver gets a line in STORES."""

import contextlib
import dataclasses
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from nova_vnc import exception
from nova_vnc.consoleauth.stores.base import TokenStore
from nova_vnc.consoleauth.stores.cache import CacheTokenStore
from nova_vnc.consoleauth.stores.database import DatabaseTokenStore
from nova_vnc.consoleauth.tokens import CONSOLE_TYPES, Authorization
from tests.fixtures.cache_server import cache_store
from tests.fixtures.database import new_database

NOW = 2000000000
INSTANCE = '9169fdb2-5b74-46b1-9803-60d2926bd97c'
OTHER_INSTANCE = 'c6a9f7a5-0a05-4a5c-8d22-8f0a1f6d2c2b'
TOKEN = '6f1c56b1-dbd3-4a3c-a3f7-4bbf0c3d0f7a'
GIVEN = Authorization(
    token=TOKEN, console_type='novnc', host='192.0.2.1', port='5901', instance_uuid=INSTANCE, expires=NOW + 600,
    internal_access_path='/path', access_url=f'http://example.com/vnc_auto.html?path=%3Ftoken%3D{TOKEN}',
    created_at=float(NOW), request_id='req-1')

Kept = Callable[[Authorization], Authorization]


@contextlib.contextmanager
def database_store(directory: Path) -> Iterator[TokenStore]:
    with new_database(directory) as database:
        yield DatabaseTokenStore(database)


@contextlib.contextmanager
def cache_store_of_this_process(directory: Path) -> Iterator[TokenStore]:
    yield cache_store({'enabled': True, 'backend': 'oslo_cache.dict'})


STORES: dict[str, Callable[[Path], AbstractContextManager[TokenStore]]] = {
    'database': database_store, 'cache': cache_store_of_this_process}


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[TokenStore]:
    with STORES[request.param](tmp_path) as store:
        yield store


@pytest.fixture
def kept() -> Kept:
    """Return a function that tells what a store can give back of what was added."""
    return lambda given: given


def another(**changes: object) -> Authorization:
    token = str(uuid.uuid4())
    url = GIVEN.access_url.replace(TOKEN, token)
    return dataclasses.replace(GIVEN, **{'token': token, 'access_url': url, **changes})


def test_what_is_added_comes_back(store: TokenStore, kept: Kept):
    store.add(GIVEN)
    assert store.get(TOKEN, NOW) == kept(GIVEN)
    bare = another(internal_access_path=None, access_url=None, request_id=None)
    store.add(bare)
    assert store.get(bare.token, NOW) == kept(bare)


@pytest.mark.parametrize('console_type', sorted(CONSOLE_TYPES - {'novnc'}))
def test_every_console_type(store: TokenStore, kept: Kept, console_type: str):
    token = str(uuid.uuid4())
    other = another(token=token, console_type=console_type, access_url=f'https://example.com/page?token={token}',
                    tls_port=5902 if console_type == 'spice-direct' else None)
    store.add(other)
    assert store.get(token, NOW) == kept(other)


def test_unknown(store: TokenStore):
    assert store.get('nobody', NOW) is None
    assert store.delete_for_instance(INSTANCE) == 0
    assert store.purge(NOW) == 0


def test_expired(store: TokenStore, kept: Kept):
    store.add(GIVEN)
    assert store.get(TOKEN, GIVEN.expires - 0.5) == kept(GIVEN)
    assert store.get(TOKEN, GIVEN.expires) is None


def test_get_many(store: TokenStore, kept: Kept):
    other, expired = another(instance_uuid=OTHER_INSTANCE), another(expires=NOW)
    for authorization in (GIVEN, other, expired):
        store.add(authorization)
    assert store.get_many([TOKEN, 'unknown', other.token, expired.token], NOW) == {
        TOKEN: kept(GIVEN), 'unknown': None, other.token: kept(other), expired.token: None}


def test_again_with_the_same_data(store: TokenStore):
    store.add(GIVEN)
    later = dataclasses.replace(GIVEN, expires=GIVEN.expires + 10, created_at=NOW + 10.0, request_id='req-2')
    store.add(later)
    assert store.get(TOKEN, GIVEN.expires + 5) is not None
    store.add(GIVEN)
    assert store.get(TOKEN, GIVEN.expires + 5) is not None
    assert store.delete_for_instance(INSTANCE) == 1


@pytest.mark.parametrize('change', [
    {'host': '192.0.2.2'}, {'port': '5902'}, {'instance_uuid': OTHER_INSTANCE}, {'access_url': None},
    {'internal_access_path': None}, {'console_type': 'xvpvnc'}])
def test_again_with_other_data(store: TokenStore, kept: Kept, change: dict[str, object]):
    store.add(GIVEN)
    with pytest.raises(exception.TokenInUse):
        store.add(dataclasses.replace(GIVEN, **change))
    assert store.get(TOKEN, NOW) == kept(GIVEN)


def test_delete_for_instance(store: TokenStore, kept: Kept):
    other = another(instance_uuid=OTHER_INSTANCE)
    for authorization in (GIVEN, another(), other):
        store.add(authorization)
    assert store.delete_for_instance(INSTANCE) == 2
    assert store.get(TOKEN, NOW) is None
    assert store.get(other.token, NOW) == kept(other)
    store.add(GIVEN)
    assert store.get(TOKEN, NOW) == kept(GIVEN)


def test_purge(store: TokenStore, kept: Kept):
    valid = another(expires=NOW + 1)
    for authorization in (another(expires=NOW), another(expires=NOW - 1000), valid):
        store.add(authorization)
    # The servers of a cache drop what has expired by themselves, and do not say how much that was.
    assert store.purge(NOW + 0.5) == (0 if isinstance(store, CacheTokenStore) else 2)
    assert store.get(TOKEN, NOW + 0.5) is None
    assert store.get(valid.token, NOW) == kept(valid)


def test_many_at_once(store: TokenStore):
    def add(number: int) -> str | None:
        try:
            store.add(dataclasses.replace(GIVEN, port=str(5900 + number % 2), expires=NOW + number))
        except exception.TokenInUse:
            return None
        return str(5900 + number % 2)
    with ThreadPoolExecutor(8) as pool:
        succeeded = set(pool.map(add, range(16))) - {None}
    assert succeeded == {store.get(TOKEN, NOW).port}


def test_long_urls(store: TokenStore, kept: Kept):
    """As long as Nova's: 255 characters without the token, or an error that says so."""
    longest = 'http://example.com/'.ljust(200, 'x') + f'?path=%3Ftoken%3D{TOKEN}'
    store.add(dataclasses.replace(GIVEN, access_url=longest))
    assert store.get(TOKEN, NOW).access_url == longest
    too_long = another(access_url=longest.ljust(400, '<'))
    try:
        store.add(too_long)
    except exception.InvalidInput:
        assert store.get(too_long.token, NOW) is None
    else:
        assert store.get(too_long.token, NOW) == kept(too_long)
