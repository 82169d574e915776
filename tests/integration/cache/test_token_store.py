# SPDX-License-Identifier: Apache-2.0
"""What every token store does, in real servers."""

import pytest

from nova_vnc.consoleauth.stores.base import TokenStore
from tests.fixtures.cache_server import CacheServer, cache_store
from tests.unit.consoleauth.stores.test_contract import *  # noqa: F403


@pytest.fixture
def store(server: CacheServer) -> TokenStore:
    server.flush()
    return cache_store(server.options)
