# SPDX-License-Identifier: Apache-2.0
"""The soak of benchmarks/soak.py in short: it sees what leaks fast, and that the soak itself works."""

import pytest

from benchmarks import soak
from tests.fixtures.backend import concurrency_backend


@pytest.mark.once
def test_a_minute_of_browsers_that_come_and_go():
    assert soak.run(concurrency_backend(), sessions=60, seconds=60, interval_s=3) == []
