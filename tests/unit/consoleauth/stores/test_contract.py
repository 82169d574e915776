# SPDX-License-Identifier: Apache-2.0
"""What every driver of [consoleauth]token_store does. A new driver gets a line in STORES."""

import contextlib
import dataclasses
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from nova_vnc import exception
from nova_vnc.consoleauth.stores.base import TokenStore
from nova_vnc.consoleauth.stores.database import DatabaseTokenStore
from nova_vnc.consoleauth.tokens import StoredToken, hash_token
from tests.fixtures.database import new_database

NOW = 2000000000
INSTANCE = '9169fdb2-5b74-46b1-9803-60d2926bd97c'
OTHER_INSTANCE = 'c6a9f7a5-0a05-4a5c-8d22-8f0a1f6d2c2b'
STORED = StoredToken(
    token_hash=hash_token('token'), console_type='novnc', host='192.0.2.1', port='5901', instance_uuid=INSTANCE,
    expires=NOW + 600, internal_access_path='/path', access_url_base='http://example.com/vnc_auto.html?token=<token>',
    created_at=float(NOW), request_id='req-1')


@contextlib.contextmanager
def database_store(directory: Path) -> Iterator[TokenStore]:
    with new_database(directory) as database:
        yield DatabaseTokenStore(database)


STORES: dict[str, Callable[[Path], AbstractContextManager[TokenStore]]] = {'database': database_store}


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[TokenStore]:
    with STORES[request.param](tmp_path) as store:
        yield store


def another(name: str, **changes: object) -> StoredToken:
    return dataclasses.replace(STORED, token_hash=hash_token(name), **changes)


def test_what_is_added_comes_back(store: TokenStore):
    store.add(STORED)
    assert store.get(STORED.token_hash, NOW) == STORED
    bare = another('bare', internal_access_path=None, access_url_base=None, request_id=None)
    store.add(bare)
    assert store.get(bare.token_hash, NOW) == bare


def test_unknown(store: TokenStore):
    assert store.get(hash_token('nobody'), NOW) is None
    assert store.delete_for_instance(INSTANCE) == 0
    assert store.purge(NOW) == 0


def test_expired(store: TokenStore):
    store.add(STORED)
    assert store.get(STORED.token_hash, STORED.expires - 0.5) == STORED
    assert store.get(STORED.token_hash, STORED.expires) is None


def test_again_with_the_same_data(store: TokenStore):
    store.add(STORED)
    later = dataclasses.replace(STORED, expires=STORED.expires + 10, created_at=NOW + 10.0, request_id='req-2')
    store.add(later)
    assert store.get(STORED.token_hash, STORED.expires + 5) is not None
    store.add(STORED)
    assert store.get(STORED.token_hash, STORED.expires + 5) is not None


@pytest.mark.parametrize('change', [
    {'host': '192.0.2.2'}, {'port': '5902'}, {'instance_uuid': OTHER_INSTANCE}, {'access_url_base': None},
    {'internal_access_path': None}])
def test_again_with_other_data(store: TokenStore, change: dict[str, object]):
    store.add(STORED)
    with pytest.raises(exception.TokenInUse):
        store.add(dataclasses.replace(STORED, **change))
    assert store.get(STORED.token_hash, NOW) == STORED


def test_delete_for_instance(store: TokenStore):
    other = another('other', instance_uuid=OTHER_INSTANCE)
    for stored in (STORED, another('second'), other):
        store.add(stored)
    assert store.delete_for_instance(INSTANCE) == 2
    assert store.get(STORED.token_hash, NOW) is None
    assert store.get(other.token_hash, NOW) == other


def test_purge(store: TokenStore):
    valid = another('valid', expires=NOW + 1)
    for stored in (another('expired', expires=NOW), another('older', expires=NOW - 1000), valid):
        store.add(stored)
    assert store.purge(NOW + 0.5) == 2
    assert store.get(valid.token_hash, NOW) == valid


def test_many_at_once(store: TokenStore):
    def add(number: int) -> str | None:
        try:
            store.add(dataclasses.replace(STORED, port=str(5900 + number % 2)))
        except exception.TokenInUse:
            return None
        return str(5900 + number % 2)
    with ThreadPoolExecutor(8) as pool:
        succeeded = set(pool.map(add, range(16))) - {None}
    assert succeeded == {store.get(STORED.token_hash, NOW).port}
