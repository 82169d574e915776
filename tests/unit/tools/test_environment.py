# SPDX-License-Identifier: Apache-2.0
"""The shell functions that run_tests.sh and devstack/standalone.sh share, with programs of our own in PATH."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
FILES = ('setup.cfg', 'setup.py', 'pyproject.toml', 'requirements.txt', 'test-requirements.txt')


def write_program(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f'#!/bin/sh\n{text}\n')
    path.chmod(0o755)
    return path


@pytest.fixture
def shell(tmp_path):
    """Return a function that runs a line of shell in a source tree of nothing but the files that matter."""
    for name in FILES:
        (tmp_path / name).write_text(name)

    def run(line: str, **environment: str) -> subprocess.CompletedProcess:
        script = f'set -euo pipefail; ROOT={tmp_path}; cd "$ROOT"; . {ROOT}/tools/environment.sh; {line}'
        return subprocess.run(['bash', '-c', script], capture_output=True, text=True, check=False,
                              env={'PATH': os.environ['PATH'], **environment})
    return run


class TestFindPython:

    def test_the_one_that_is_named(self, shell) -> None:
        assert shell('find_python', PYTHON=sys.executable).stdout.strip() == sys.executable

    @pytest.mark.parametrize('script', [
        'echo "pyenv: python3: command not found" >&2; exit 127',   # a shim without a version behind it
        f'exec {sys.executable} -c "import sys; sys.exit(1)"',      # too old
    ])
    def test_one_that_cannot_be_used_is_refused_when_named_and_passed_over_when_found(self, shell, tmp_path, script):
        shim = write_program(tmp_path / 'bin/python3', script)
        named = shell('find_python', PYTHON=str(shim))
        assert (named.returncode, named.stdout) == (1, '')
        assert 'is not a Python of version 3.11 or later' in named.stderr
        write_program(tmp_path / 'bin/python3.11', f'exec {sys.executable} "$@"')
        found = shell('find_python', PATH=f'{tmp_path}/bin:/bin:/usr/bin')
        assert found.returncode == 0
        assert found.stdout.strip() in ('/usr/bin/python3', sys.executable)


def test_libvirt_python_is_no_newer_than_libvirt(shell, tmp_path) -> None:
    write_program(tmp_path / 'bin/pkg-config', '[ "$*" = "--modversion libvirt" ] && echo 9.0.0')
    assert shell('libvirt_requirement', PATH=f'{tmp_path}/bin:/usr/bin:/bin').stdout == 'libvirt-python<=9.0.0'


class TestInstallProject:

    @pytest.fixture(autouse=True)
    def _venv(self, tmp_path) -> None:
        write_program(tmp_path / '.venv/bin/python', 'echo "$@" >> "$(dirname "$0")/calls"; echo Python 3.11.2')

    def installations(self, tmp_path: Path) -> int:
        return (tmp_path / '.venv/bin/calls').read_text().count('pip install')

    def test_the_second_time_there_is_nothing_to_do(self, shell, tmp_path) -> None:
        assert 'Installing into .venv: -e .' in shell('install_project "$VENV" -e .').stderr
        assert shell('install_project "$VENV" -e .').stderr == ''
        assert self.installations(tmp_path) == 1

    @pytest.mark.parametrize('name', FILES)
    def test_a_change_of_the_files_is_noticed(self, shell, tmp_path, name) -> None:
        shell('install_project "$VENV" -e .')
        (tmp_path / name).write_text('changed')
        shell('install_project "$VENV" -e .')
        assert self.installations(tmp_path) == 2

    def test_other_arguments_are_another_installation(self, shell, tmp_path) -> None:
        shell('install_project "$VENV" -e .')
        shell('install_project "$VENV" -e ".[libvirt]"')
        assert self.installations(tmp_path) == 2

    def test_a_failure_is_told_and_tried_again(self, shell, tmp_path) -> None:
        write_program(tmp_path / '.venv/bin/python', 'case "$*" in *pip*) exit 1;; esac; echo Python 3.11.2')
        for _ in range(2):
            done = shell('install_project "$VENV" -e .')
            assert (done.returncode, done.stderr.splitlines()[-1]) == (1, 'bash: pip could not install: -e .')
