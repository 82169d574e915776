# SPDX-License-Identifier: Apache-2.0
"""Two processes of eight threads each that authorize and delete at once."""

import json
import subprocess
import sys
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from nova_vnc import exception
from nova_vnc.consoleauth.stores.cache import CacheTokenStore
from tests.fixtures.cache_server import CacheServer, cache_store
from tests.unit.consoleauth.stores.test_contract import INSTANCE, NOW, another

_THREADS = 8
_RUN_S = 1.0
_MAX_RUN_S = 40.0
_MIN_ADDED = 10


def add_and_delete(store: CacheTokenStore) -> dict[str, list]:
    """Do so for a while and return what was done, with the times of CLOCK_MONOTONIC, which all processes share."""
    added: list[tuple[str, float]] = []             # token; when its authorization was over
    deleted: list[tuple[float, float]] = []         # began, ended
    began_at = time.monotonic()

    def is_enough() -> bool:
        ran_s = time.monotonic() - began_at
        return ran_s > _MAX_RUN_S or (ran_s > _RUN_S and len(added) >= _MIN_ADDED and bool(deleted))

    def add() -> None:
        while not is_enough():
            authorization = another()
            try:
                store.add(authorization)
            except exception.StoreUnavailable:
                continue    # one deletion after the other came in between
            added.append((authorization.token, time.monotonic()))

    def delete() -> None:
        while not is_enough():
            called_at = time.monotonic()
            store.delete_for_instance(INSTANCE)
            deleted.append((called_at, time.monotonic()))
            threading.Event().wait(0.05)
    with ThreadPoolExecutor(_THREADS) as pool:
        for future in [pool.submit(delete if number % 4 == 0 else add) for number in range(_THREADS)]:
            future.result()
    return {'added': added, 'deleted': deleted}


@pytest.mark.timeout(180)
def test_no_token_survives_a_deletion(store: CacheTokenStore, server: CacheServer):
    other = subprocess.Popen([sys.executable, '-m', __name__, json.dumps(dict(server.options))], text=True,
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert other.stdout.readline() == 'ready\n'
        other.stdin.write('go\n')
        other.stdin.flush()
        mine = add_and_delete(store)
        theirs = json.loads(other.stdout.readline())
        assert other.wait(30) == 0
    finally:
        other.kill()
        other.wait()
    added, deleted = mine['added'] + theirs['added'], mine['deleted'] + theirs['deleted']
    last_began_at = max(began_at for began_at, _ in deleted)
    assert len(mine['added']) >= _MIN_ADDED
    assert len(theirs['added']) >= _MIN_ADDED
    survivors = [token for token, over_at in added if over_at < last_began_at and store.get(token, NOW) is not None]
    assert survivors == []

    # The last word has what was authorized after it.
    authorization = another(token=str(uuid.uuid4()), access_url=None)
    store.add(authorization)
    assert store.get(authorization.token, NOW) == authorization


if __name__ == '__main__':
    the_store = cache_store(json.loads(sys.argv[1]))
    print('ready', flush=True)
    sys.stdin.readline()
    print(json.dumps(add_and_delete(the_store)), flush=True)
