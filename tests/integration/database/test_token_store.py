# SPDX-License-Identifier: Apache-2.0
"""What every token store does, on real servers."""

import pytest

from nova_vnc.consoleauth.stores.base import TokenStore
from nova_vnc.consoleauth.stores.database import DatabaseTokenStore
from nova_vnc.db.engine import Database
from tests.unit.consoleauth.stores.test_contract import *  # noqa: F403
from tests.unit.db.test_tokens import *  # noqa: F403


@pytest.fixture
def store(database: Database) -> TokenStore:
    return DatabaseTokenStore(database)
