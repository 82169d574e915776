# SPDX-License-Identifier: Apache-2.0
"""run_tests.sh in a tree of its own, with programs that note how they are called."""

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.fixtures.polling import wait_until
from tests.unit.tools.test_environment import FILES, ROOT, write_program

INTEROP = ('-m interop or released tests/integration/interop tests/integration/keystone tests/integration/small_cloud '
           'tests/integration/test_old_servers.py')
PYTHON = f'''case "$*" in
    -V) exec {sys.executable} -V ;;
    tools/supervise.py*) exec {sys.executable} "$@" ;;
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
        for name in ('environment.sh', 'supervise.py'):
            shutil.copy(ROOT / 'tools' / name, root / 'tools')
        write_program(root / 'tools/pep8.sh', 'exit 0')
        write_program(root / 'tools/docs.sh', 'exit 0')
        write_program(root / '.venv/bin/python', PYTHON.format(calls=self._calls))
        write_program(root / '.venv/bin/bindep', f'echo bindep "$@" >> {self._calls}')
        write_program(root / 'bin/apt-get', 'exit 1')
        write_program(root / 'bin/pkg-config', 'exit 1')
        write_program(root / 'bin/npm', 'exit 1')     # or else Debian's would be asked for too

    def start(self, *arguments: str, jobs: str = '3') -> subprocess.Popen:
        """Start it as a terminal does: in a process group of its own, which Ctrl-C signals."""
        return subprocess.Popen(
            [self._root / 'run_tests.sh', *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={'PATH': f'{self._root}/bin:{os.environ["PATH"]}', 'PYTHON': sys.executable,
                 'NOVA_VNC_TEST_JOBS': jobs}, process_group=0)

    def run(self, *arguments: str, jobs: str = '3') -> subprocess.CompletedProcess:
        process = self.start(*arguments, jobs=jobs)
        out, err = process.communicate(timeout=60)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

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
    assert [call.partition('xml ')[2] for call in stages] == [
        '-m not libvirt tests/unit tests/functional', '-m (not once) and not libvirt tests/unit tests/functional']


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
    stages = tree.calls('-m pytest')
    assert not [call for call in stages if 'not libvirt' in call]
    assert len([call for call in stages if 'tests/integration --ignore tests/integration/interop' in call]) == 2
    assert len([call for call in stages if call.endswith(INTEROP)]) == 1


@pytest.mark.parametrize(('jobs', 'option'), [('1', ''), ('5', '-n 5 ')])
def test_tests_run_in_several_processes(tree: Tree, jobs: str, option: str) -> None:
    assert tree.run('--no-real', '--one-python', '--stage', 'unit', jobs=jobs).returncode == 0
    assert all(f'--disable-warnings {option}--junitxml' in call for call in tree.calls('-m pytest'))


# pytest, one of whose tests fails at first; and fails again, if it is told so.
FLAKY = """
case "$*" in
    *--last-failed*) counts='9 0 0'; [ ! -e {fails} ] || counts='8 1 0' ;;
    *) counts='7 {failed} 0' ;;
esac
echo "$counts" > "$(printf '%s' "$*" | sed 's/.*--junitxml=//; s/ .*//')"
echo python "$@" >> {calls}
case "$counts" in *' 0 0') exit 0 ;; *) exit 1 ;; esac
"""


@pytest.mark.parametrize(('failed', 'fails_again', 'status', 'summary'), [
    (1, False, 0, ['16 passed, 0 failed, 0 skipped',
                   '2 of those that passed did so only in a second run, alone: see above']),
    (1, True, 1, ['14 passed, 2 failed, 0 skipped']),
    (6, False, 1, ['14 passed, 12 failed, 0 skipped'])])
def test_a_few_that_fail_run_again_alone(tree: Tree, tmp_path: Path, failed: int, fails_again: bool, status: int,
                                         summary: list[str]) -> None:
    fails, calls = tmp_path / 'fails', tmp_path / 'calls'
    if fails_again:
        fails.touch()
    write_program(tmp_path / 'pytest', FLAKY.format(fails=fails, failed=failed, calls=calls))
    write_program(tmp_path / '.venv/bin/python', f"""case "$*" in
        -m\\ pytest*) exec {tmp_path}/pytest "$@" ;;
        *sum_results*) cat "$2" ;;
        *) {PYTHON.format(calls=calls)} ;;
        esac""".replace('\\\\', '\\'))
    done = tree.run('--no-real', '--one-python', '--stage', 'unit')
    assert done.returncode == status
    assert done.stdout.splitlines()[-len(summary):] == summary
    again = [call for call in tree.calls('-m pytest') if '--last-failed' in call]
    assert len(again) == (2 if failed == 1 else 0)
    assert not [call for call in again if ' -n ' in call]


def test_stages_can_be_named(tree: Tree, tmp_path: Path) -> None:
    write_program(tmp_path / 'bin/pkg-config', 'echo 9.0.0')
    done = tree.run('--stage', 'interop', '--stage', 'docs', '-k', 'queens')
    assert done.returncode == 0, done.stderr
    assert [call.partition('xml ')[2] for call in tree.calls('-m pytest')] == [f'{INTEROP} -k queens']
    assert [line for line in done.stdout.splitlines() if line.startswith('==> ')][:-1] == [
        '==> docs', '==> interop, eventlet']


def test_a_stage_without_tests_needs_no_real_parts(tree: Tree) -> None:
    assert tree.run('--stage', 'pep8').returncode == 0
    assert [call.split()[-1] for call in tree.calls('bindep')] == ['test']


@pytest.mark.parametrize('arguments', [['--stage', 'no-such'], ['--stage'], ['--no-real', '--stage', 'interop']])
def test_a_stage_that_cannot_run_is_told(tree: Tree, arguments: list[str]) -> None:
    done = tree.run(*arguments)
    assert done.returncode == 1
    assert '--stage' in done.stderr


def test_help_names_all_stages(tree: Tree) -> None:
    stages = re.findall(r'^  (\w+) {2,}\w', tree.run('--help').stdout, re.MULTILINE)
    assert stages == re.findall(r"^all_stages='(.*)'", (ROOT / 'run_tests.sh').read_text(), re.MULTILINE)[0].split()


# pytest, whose test has started one process in its own session, and one more whose parent is gone.
BUSY = """
import os, signal, subprocess, sys, time
family = [subprocess.Popen([sys.executable, '-c', code], start_new_session=True, stdout=subprocess.PIPE) for code in (
    'print(flush=True); import time; time.sleep(600)',
    'import subprocess, sys; subprocess.Popen(["sleep", "601"], start_new_session=True); print(flush=True)')]
[process.stdout.readline() for process in family]
family[1].wait()
signal.signal(signal.SIGTERM, lambda *_: (open(sys.argv[1] + '.ended', 'w'), sys.exit(1)))
open(sys.argv[1], 'w').close()
time.sleep(600)
"""


@pytest.mark.parametrize('signum', [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_all_of_it(tree: Tree, tmp_path: Path, signum: int) -> None:
    (tmp_path / 'busy.py').write_text(BUSY)
    write_program(tmp_path / '.venv/bin/python', f"""case "$*" in
        *pytest*) exec {sys.executable} {tmp_path}/busy.py {tmp_path}/begun ;;
        *) {PYTHON.format(calls=tmp_path / 'calls')} ;;
        esac""".replace('*pytest*)', '-m\\ pytest*)'))
    process = tree.start('--no-real')
    try:
        wait_until((tmp_path / 'begun').exists, 60, 'a test that is busy')
        family = psutil.Process(process.pid).children(recursive=True)
        assert {'sleep', '601'} <= {word for child in family for word in child.cmdline()}
        if signum == signal.SIGINT:
            os.killpg(process.pid, signum)      # as a terminal does on Ctrl-C
        else:
            process.send_signal(signum)
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 128 + signum, err
    assert out.endswith(f'Ended by {signal.Signals(signum).name}\n')
    assert (tmp_path / 'begun.ended').exists()      # pytest had its time
    assert not [child for child in family if child.is_running()]
    assert 'threading' not in out                   # no further stage
