# SPDX-License-Identifier: Apache-2.0
"""tools/supervise.py"""

import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.fixtures.polling import wait_until

SUPERVISE = Path(__file__).parents[3] / 'tools/supervise.py'
# Starts a process in a session of its own, whose parent ends at once.
ORPHAN = 'setsid sh -c "sleep 602 & echo \\$!" & wait'


def supervise(command: str, *, program: Path = SUPERVISE) -> subprocess.Popen:
    return subprocess.Popen([sys.executable, program, 'bash', '-c', command], stdout=subprocess.PIPE, text=True)


@pytest.mark.parametrize(('command', 'status'), [('exit 0', 0), ('exit 3', 3), ('kill -9 $$', 137)])
def test_the_exit_status_is_that_of_the_command(command: str, status: int) -> None:
    assert supervise(command).wait(30) == status


def test_what_the_command_has_left_is_ended() -> None:
    with supervise(ORPHAN) as process:
        pid = int(process.stdout.readline())
        assert process.wait(30) == 0
    assert not psutil.pid_exists(pid)


def test_a_signal_reaches_the_command_which_has_its_time(tmp_path: Path) -> None:
    done = tmp_path / 'done'
    with supervise(f'trap "sleep 0.3; touch {done}; exit 5" TERM; echo; while :; do sleep 0.1; done') as process:
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 128 + signal.SIGINT
    assert done.exists()


def test_a_command_that_does_not_end_is_ended(tmp_path: Path) -> None:
    program = tmp_path / 'supervise.py'
    program.write_text(SUPERVISE.read_text().replace('_GRACE_S = 60', '_GRACE_S = 1'))
    with supervise(f'trap "" TERM; echo; {ORPHAN}; while :; do sleep 1; done', program=program) as process:
        process.stdout.readline()
        pid = int(process.stdout.readline())
        process.terminate()
        assert process.wait(30) == 128 + signal.SIGTERM
    wait_until(lambda: not psutil.pid_exists(pid), 10, 'the end of the orphan')
