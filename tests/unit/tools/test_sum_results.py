# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

from tools.sum_results import sum_results


def test_counts_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / 'results.xml'
    path.write_text('<testsuites><testsuite errors="1" failures="2" skipped="3" tests="10"/></testsuites>')
    assert sum_results(path) == (4, 3, 3)


def test_a_run_that_wrote_none(tmp_path: Path) -> None:
    assert sum_results(tmp_path / 'results.xml') == (0, 0, 0)
