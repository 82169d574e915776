# SPDX-License-Identifier: Apache-2.0
"""run_tests.sh in a tree of its own, with programs that note how they are called."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.tools.test_environment import FILES, ROOT, write_program

PYTHON = f'''case "$*" in
    -V) exec {sys.executable} -V ;;
    *sum_results*) echo 1 0 0 ;;
    *) echo python "$@" >> {{calls}} ;;
esac'''


class Tree:
    """A source tree on a machine without libvirt's headers."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._calls = root / 'calls'
        for name in (*FILES, 'bindep.txt'):
            (root / name).touch()
        shutil.copy(ROOT / 'run_tests.sh', root)
        (root / 'tools').mkdir()
        shutil.copy(ROOT / 'tools/environment.sh', root / 'tools')
        write_program(root / 'tools/pep8.sh', 'exit 0')
        write_program(root / 'tools/docs.sh', 'exit 0')
        write_program(root / '.venv/bin/python', PYTHON.format(calls=self._calls))
        write_program(root / '.venv/bin/bindep', f'echo bindep "$@" >> {self._calls}')
        write_program(root / 'bin/apt-get', 'exit 1')
        write_program(root / 'bin/pkg-config', 'exit 1')

    def run(self, *arguments: str) -> subprocess.CompletedProcess:
        return subprocess.run(
            [self._root / 'run_tests.sh', *arguments], capture_output=True, text=True, check=False,
            env={'PATH': f'{self._root}/bin:{os.environ["PATH"]}', 'PYTHON': sys.executable})

    def calls(self, program: str) -> list[str]:
        return [call for call in self._calls.read_text().splitlines() if program in call]


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path)


def test_without_real_parts_nothing_of_libvirt_is_needed(tree: Tree) -> None:
    done = tree.run('--no-real', '--one-python')
    assert done.returncode == 0, done.stderr
    assert all('libvirt' not in call for call in tree.calls('pip install'))
    assert [call.split()[-1] for call in tree.calls('bindep')] == ['test']
    stages = tree.calls('-m pytest')
    assert len(stages) == 2
    assert all('-m not libvirt tests/unit tests/functional' in call for call in stages)


def test_with_them_it_says_what_is_missing(tree: Tree) -> None:
    done = tree.run('--one-python')
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == \
        'run_tests.sh: the headers of libvirt are missing (libvirt-dev, pkg-config)'
    assert [call.split()[-2:] for call in tree.calls('bindep')] == [['test', 'real']]


def test_with_them_all_tests_run(tree: Tree, tmp_path: Path) -> None:
    write_program(tmp_path / 'bin/pkg-config', 'echo 9.0.0')
    assert tree.run('--one-python').returncode == 0
    assert ['libvirt-python<=9.0.0' in call for call in tree.calls('pip install')] == [True]
    assert not [call for call in tree.calls('-m pytest') if 'not libvirt' in call]
    assert len([call for call in tree.calls('-m pytest') if 'tests/integration' in call]) == 2
