# SPDX-License-Identifier: Apache-2.0
"""What every instance directory answers, and all that the one of reports does, on real servers."""

from collections.abc import Callable

import pytest

from nova_vnc.consoleauth.directory.base import InstanceDirectory
from nova_vnc.db.engine import Database
from tests.unit.consoleauth.directory.test_contract import *  # noqa: F403
from tests.unit.consoleauth.directory.test_contract import fill_reported
from tests.unit.consoleauth.directory.test_reported import *  # noqa: F403


@pytest.fixture
def fill(database: Database) -> Callable[..., InstanceDirectory]:
    return lambda *records: fill_reported(database, records)
