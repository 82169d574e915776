# SPDX-License-Identifier: Apache-2.0
"""A database of one's own on a real server. Everything here runs on each of them."""

from collections.abc import Iterator

import pytest

from nova_vnc.db.engine import Database
from tests.fixtures.database_server import SERVERS, DatabaseServer


@pytest.fixture(scope='package', params=SERVERS)
def server(request: pytest.FixtureRequest) -> Iterator[DatabaseServer]:
    with SERVERS[request.param]() as server:
        yield server


@pytest.fixture
def database(server: DatabaseServer) -> Iterator[Database]:
    with server.new_database() as database:
        yield database
