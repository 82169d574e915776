# SPDX-License-Identifier: Apache-2.0
"""The cache of what is heavy to build."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.fixtures import build_cache
from tests.fixtures.build_cache import built
from tests.fixtures.polling import wait_until

SLOW_BUILD = '''
import pathlib, sys, time
from tests.fixtures.build_cache import built
log, let_go = map(pathlib.Path, sys.argv[1:])
def build(directory):
    with open(log, 'a') as file:
        print('built', file=file)
    while not let_go.exists():
        time.sleep(0.01)
    (directory / 'whole').touch()
assert (built('slow', 1, build) / 'whole').exists()
'''


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(build_cache.VARIABLE, str(tmp_path / 'cache'))
    return tmp_path / 'cache'


def write(text: str):
    return lambda directory: (directory / 'file').write_text(text)


def test_it_is_built_once_for_what_it_is_made_from():
    first = built('thing', {'version': 1}, write('one'))
    assert built('thing', {'version': 1}, write('other')) == first
    assert (first / 'file').read_text() == 'one'
    assert built('thing', {'version': 2}, write('two')) != first


def test_a_build_that_fails_is_tried_again():
    def fail(directory: Path) -> None:
        (directory / 'half').touch()
        raise RuntimeError('no network')
    with pytest.raises(RuntimeError):
        built('thing', 1, fail)
    assert [path.name for path in built('thing', 1, write('one')).iterdir() if path.name[0] != '.'] == ['file']


def test_what_a_killed_build_left_is_not_taken_for_the_whole():
    whole = built('thing', 1, write('one'))
    (whole / '.complete').unlink()
    (whole / 'half').touch()
    assert not (built('thing', 1, write('one')) / 'half').exists()


def test_two_processes_at_once_build_it_once(tmp_path: Path):
    log, let_go = tmp_path / 'log', tmp_path / 'go'
    builders = [subprocess.Popen([sys.executable, '-c', SLOW_BUILD, log, let_go],
                                 env={**os.environ, 'PYTHONPATH': str(Path(__file__).parents[2])}) for _ in range(2)]
    wait_until(log.exists, 30, 'a builder')
    let_go.touch()
    assert [builder.wait(30) for builder in builders] == [0, 0]
    assert log.read_text() == 'built\n'


def test_what_nobody_wants_any_more_is_removed():
    old, wanted = built('thing', 1, write('one')), built('thing', 2, write('two'))
    os.utime(old / '.complete', (0, time.time() - 31 * 86400))
    built('thing', 3, write('three'))
    assert not old.exists()
    assert wanted.exists()
