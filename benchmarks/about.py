# SPDX-License-Identifier: Apache-2.0
"""Where, when and with what a run was made."""

from __future__ import annotations

import datetime
import importlib.metadata
import os
import platform
import re
import subprocess
from pathlib import Path
from typing import Any

from tests.fixtures.programs import MissingPart, find_program

_PROGRAMS = {'haproxy': ('haproxy', '-v'), 'lighttpd': ('lighttpd', '-v'), 'qemu': ('qemu-system-x86_64', '--version'),
             'mariadb': ('mariadbd', '--version')}
_PACKAGES = ('websockify', 'eventlet', 'oslo.messaging')


def describe(options: dict[str, Any]) -> dict[str, Any]:
    """Return what the results say of themselves."""
    return {'date': datetime.datetime.now(datetime.UTC).date().isoformat(), 'machine': _machine(),
            'versions': _versions(), 'options': options}


def _machine() -> dict[str, Any]:
    cpu = re.search(r'^model name\s*:\s*(.+)$', Path('/proc/cpuinfo').read_text(), re.MULTILINE)
    memory = re.search(r'^MemTotal:\s*(\d+) kB', Path('/proc/meminfo').read_text(), re.MULTILINE)
    return {'cpu': cpu[1] if cpu else platform.machine(), 'cores': len(os.sched_getaffinity(0)),
            'memory_gib': round(int(memory[1]) / (1 << 20), 1) if memory else None, 'kernel': platform.release(),
            'load_before': round(os.getloadavg()[0], 2)}


def _versions() -> dict[str, str]:
    versions = {'python': platform.python_version(), 'nova-vnc': _revision(), 'nova': '34.0.0'}
    for name in _PACKAGES:
        versions[name] = importlib.metadata.version(name)
    for name, (program, option) in _PROGRAMS.items():
        try:
            output = subprocess.run([find_program(program, package=program), option], capture_output=True, text=True,
                                    check=False).stdout
        except MissingPart:
            continue
        found = re.search(r'\d+\.\d+(\.\d+)?', output)
        versions[name] = found[0] if found else ''
    return versions


def _revision() -> str:
    done = subprocess.run(['git', 'describe', '--always', '--dirty'], cwd=Path(__file__).parent, capture_output=True,
                          text=True, check=False)
    return done.stdout.strip() or importlib.metadata.version('nova-vnc')
