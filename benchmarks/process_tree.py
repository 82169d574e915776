# SPDX-License-Identifier: Apache-2.0
"""What a process and all its descendants cost, from /proc."""

from __future__ import annotations

import os
import time
from pathlib import Path

_TICKS_PER_S = os.sysconf('SC_CLK_TCK')
_STAT_PPID, _STAT_CUTIME, _STAT_CSTIME = 1, 13, 14  # counted behind the command name; see proc(5)
_SCHED = 2           # CPUCLOCK_SCHED; clock_getcpuclockid(3) makes the number of a process's clock so


class ProcessTree:
    """Processes with all their descendants, seen from outside."""

    def __init__(self, roots: list[int]) -> None:
        self._roots = roots

    def pids(self) -> list[int]:
        children: dict[int, list[int]] = {}
        for entry in Path('/proc').iterdir():
            fields = _stat(entry) if entry.name.isdigit() else None
            if fields:
                children.setdefault(int(fields[_STAT_PPID]), []).append(int(entry.name))
        found = list(self._roots)
        for pid in found:
            found += children.get(pid, [])
        return found

    def cpu_s(self) -> float:
        """Return user and system time so far; of the children that have ended, what their parents waited for."""
        total = 0.0
        for pid in self.pids():
            fields = _stat(Path('/proc', str(pid)))
            if fields:
                total += _cpu_s(pid)
                total += (int(fields[_STAT_CUTIME]) + int(fields[_STAT_CSTIME])) / _TICKS_PER_S
        return total

    def pss_bytes(self) -> int:
        """Return the proportional set size: memory shared with others counts in shares."""
        return sum(_pss_bytes(pid) for pid in self.pids())


def _cpu_s(pid: int) -> float:
    """Return the time of the process itself, all threads, in ns where stat has hundredths of a second."""
    try:
        return time.clock_gettime(~pid << 3 | _SCHED)
    except OSError:
        return 0.0


def _stat(directory: Path) -> list[str] | None:
    try:
        return (directory / 'stat').read_text().rpartition(')')[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None


def _pss_bytes(pid: int) -> int:
    try:
        lines = Path('/proc', str(pid), 'smaps_rollup').read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith('Pss:'))
