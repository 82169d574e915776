# SPDX-License-Identifier: Apache-2.0
"""A server of one's own for [cache]. Everything here runs on each of them."""

from collections.abc import Iterator

import pytest

from nova_vnc.consoleauth.stores.cache import CacheTokenStore
from tests.fixtures.cache_server import SERVERS, CacheServer, cache_store


@pytest.fixture(scope='package', params=SERVERS)
def server(request: pytest.FixtureRequest) -> Iterator[CacheServer]:
    with SERVERS[request.param]() as server:
        yield server


@pytest.fixture
def store(server: CacheServer) -> CacheTokenStore:
    """A store in an empty server."""
    server.flush()
    return cache_store(server.options)
