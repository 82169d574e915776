# SPDX-License-Identifier: Apache-2.0
"""Run a command and leave nothing of it running: supervise.py COMMAND [ARGUMENT...]

SIGTERM, SIGINT and SIGHUP reach the command as SIGTERM. Whatever it has started and not ended, in any session, is
killed once it has ended itself, or a minute after such a signal. The exit status is that of the command, 128 + N where
signal N ended it or this.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

# Tests end their real parts in that time; RabbitMQ and libvirtd take some seconds.
_GRACE_S = 60
_PR_SET_CHILD_SUBREAPER = 36    # linux/prctl.h: orphans among the descendants become children of this process


def main(command: list[str]) -> int:
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    received: list[int] = []
    child: list[subprocess.Popen[bytes]] = []

    def end(signum: int, _frame: object) -> None:
        received.append(signum)
        signal.alarm(_GRACE_S)
        if child:
            _kill(-child[0].pid, signal.SIGTERM)

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, end)
    signal.signal(signal.SIGALRM, lambda *_: _kill_descendants())
    child.append(subprocess.Popen(command, process_group=0))     # noqa: S603 - it is what this is for
    if received:
        end(received[0], None)
    status = _wait(child[0].pid)
    signal.alarm(0)
    _kill_rest()
    return 128 + received[0] if received else status if status >= 0 else 128 - status


def _wait(pid: int) -> int:
    """Wait for the end of a child, taking note of the ends of adopted ones."""
    while True:
        ended, status = os.waitpid(-1, 0)
        if ended == pid:
            return os.waitstatus_to_exitcode(status)


def _kill_rest() -> None:
    """Kill what is left; the children of a process that is killed become children of this one."""
    while True:
        _kill_descendants()
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def _kill_descendants() -> None:
    for pid in _descendants(os.getpid()):
        _kill(pid, signal.SIGKILL)


def _descendants(pid: int) -> Iterator[int]:
    children = defaultdict(list)
    for path in Path('/proc').glob('[0-9]*/stat'):
        try:
            fields = path.read_text().rpartition(')')[2].split()     # the name before it can hold anything
        except OSError:
            continue
        children[int(fields[1])].append(int(path.parent.name))
    found = children[pid]
    while found:
        yield from found
        found = [grandchild for child in found for grandchild in children[child]]


def _kill(pid: int, signum: int) -> None:
    try:
        os.kill(pid, signum)
    except ProcessLookupError:
        pass


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
