# SPDX-License-Identifier: Apache-2.0
"""pytest -n with the hooks of tests/conftest.py: who runs what, and how it ends."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fixtures.backend import VARIABLE, concurrency_backend
from tests.fixtures.polling import wait_until

pytestmark = pytest.mark.timeout(300)

PATIENCE_S = 120
ROOT = Path(__file__).parents[2]
CONFTEST = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
from tests.conftest import *
from tests.fixtures import distribution
distribution.ALONE = ('test_4.py',)
"""
NOTED = """
import os, pathlib, pytest, time
def note(word):
    with open('notes', 'a') as notes:
        notes.write(f'{pathlib.Path(__file__).stem} {word} {os.environ["PYTEST_XDIST_WORKER"]}\\n')
@pytest.fixture(autouse=True)
def noted():
    note('begins')
    time.sleep(0.05)
    yield
    note('ends')
"""
SHARING = NOTED + """
@pytest.mark.parametrize('number', range(5))
def test(number):
    pass
"""
FAILING = 'def test():\n    assert False\n'
LATE_AND_CRASHING = NOTED + """
@pytest.mark.timeout(0.5)
def test_late():
    time.sleep(600)
def test_crash():
    os._exit(1)
def test():
    pass
"""
WAITING = NOTED + """
def test():
    note('waits')
    time.sleep(600)
"""


def start(directory: Path, *arguments: str) -> subprocess.Popen:
    environment = {name: value for name, value in os.environ.items() if not name.startswith('PYTEST_')}
    return subprocess.Popen(
        [sys.executable, '-m', 'pytest', '-c', ROOT / 'pyproject.toml', '--rootdir', directory, '-n', '2',
         '-p', 'no:cacheprovider', '--disable-warnings', *arguments, directory],
        cwd=directory, process_group=0, text=True,
        env={**environment, VARIABLE: concurrency_backend()}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / 'conftest.py').write_text(CONFTEST)
    return tmp_path


def notes(directory: Path) -> list[list[str]]:
    path = directory / 'notes'
    return [line.rsplit(maxsplit=1)[:1] + line.split()[-1:] for line in path.read_text().splitlines()] \
        if path.exists() else []


def test_a_file_has_one_worker_and_what_is_to_be_alone_comes_last(directory: Path) -> None:
    names = [f'test_{number}' for number in range(9)]
    for name in names:
        (directory / f'{name}.py').write_text(SHARING)
    out, _ = start(directory).communicate(timeout=PATIENCE_S)
    assert '45 passed' in out
    noted = notes(directory)
    assert all(len({worker for word, worker in noted if word.startswith(name)}) == 1 for name in names)
    assert len({worker for _, worker in noted}) > 1
    assert [word for word, _ in noted[-10:]] == ['test_4 begins', 'test_4 ends'] * 5


def test_what_hangs_or_crashes_fails_and_no_other(directory: Path) -> None:
    for number in range(2):
        (directory / f'test_{number}.py').write_text(LATE_AND_CRASHING)
    out, _ = start(directory).communicate(timeout=PATIENCE_S)
    assert '4 failed, 2 passed' in out
    assert out.count('Failed: Timeout') >= 2


def test_it_ends_with_the_first_failure(directory: Path) -> None:
    (directory / 'test_0.py').write_text(FAILING)
    for number in range(1, 40):
        (directory / f'test_{number}.py').write_text(SHARING)
    process = start(directory, '-x')
    out, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 2
    assert '1 failed' in out
    assert len(notes(directory)) < 2 * 39 * 5


def test_a_signal_ends_it_in_order(directory: Path) -> None:
    for number in range(2):
        (directory / f'test_{number}.py').write_text(WAITING)
    process = start(directory)
    wait_until(lambda: [word for word, _ in notes(directory) if 'waits' in word][1:], PATIENCE_S, 'tests that wait')
    os.killpg(process.pid, signal.SIGTERM)
    out, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode, out
    assert 'INTERNALERROR' not in out
    assert len([word for word, _ in notes(directory) if 'ends' in word]) == 2
