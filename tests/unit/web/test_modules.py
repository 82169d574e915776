# SPDX-License-Identifier: Apache-2.0
"""The pure modules of the console page, by node's own test runner; each file counts as a test."""

import subprocess
from pathlib import Path

import pytest

from tests.fixtures.programs import find_program

_FILES = sorted(path.name for path in Path(__file__).parent.glob('*.test.mjs'))
_TIMEOUT_S = 120


@pytest.mark.parametrize('name', _FILES)
def test_by_node(name: str) -> None:
    command = [find_program('node', package='nodejs'), '--test', str(Path(__file__).with_name(name))]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, timeout=_TIMEOUT_S)
    assert done.returncode == 0, done.stdout


def test_there_are_such_files() -> None:
    assert _FILES
