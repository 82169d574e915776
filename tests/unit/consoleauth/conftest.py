# SPDX-License-Identifier: Apache-2.0
"""A database of one's own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from nova_vnc.db.engine import Database
from tests.fixtures.database import new_database


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with new_database(tmp_path) as database:
        yield database
