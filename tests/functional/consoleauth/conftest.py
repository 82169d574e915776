# SPDX-License-Identifier: Apache-2.0
"""A nova-consoleauth on an in-process bus, with a compute host that answers as it is told."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.functional.consoleauth.rig import Rig


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    with Rig(tmp_path) as rig:
        yield rig
