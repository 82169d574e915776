# SPDX-License-Identifier: Apache-2.0
"""The tables and their migrations, on real servers."""

from collections.abc import Iterator

import pytest

from tests.fixtures.database_server import DatabaseServer
from tests.unit.db.test_migrations import *  # noqa: F403
from tests.unit.db.test_schema import *  # noqa: F403


@pytest.fixture
def empty_url(server: DatabaseServer) -> Iterator[str]:
    with server.new_url() as url:
        yield url
