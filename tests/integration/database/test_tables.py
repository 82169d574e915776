# SPDX-License-Identifier: Apache-2.0
"""The tables and their migrations, on real servers."""

import contextlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from nova_vnc.db import schema
from tests.fixtures.database_server import DatabaseServer, open_database
from tests.unit.db.test_migrations import *  # noqa: F403
from tests.unit.db.test_schema import *  # noqa: F403


@pytest.fixture
def empty_url(server: DatabaseServer) -> Iterator[str]:
    with server.new_url() as url:
        yield url


def test_who_makes_them_waits_for_another_one(empty_url: str):
    with contextlib.closing(open_database(empty_url)) as database, \
            contextlib.closing(sa.create_engine(database._url).connect()) as other, ThreadPoolExecutor(1) as pool:
        with other.begin():
            schema.upgrade(other)
            waiting = pool.submit(database.sync)
            with pytest.raises(TimeoutError):
                waiting.result(0.5)
        other.invalidate()
        waiting.result(30)
