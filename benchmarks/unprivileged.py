# SPDX-License-Identifier: Apache-2.0
"""What is measured runs as an ordinary user, also where the benchmark was started as root.

Root is spared limits that a service meets, such as that of the memory in pipes (pipe(7)).
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.fixtures.programs import find_program

_USER = 'nobody'
# To read what is installed in a directory that only root may enter. It lifts none of the limits of resources.
_CAPABILITY = '+dac_read_search'


def command(arguments: list[str]) -> list[str]:
    """Return the command that runs another one as an ordinary user, in the same process."""
    if os.geteuid() != 0:
        return arguments
    entry = pwd.getpwnam(_USER)
    return [find_program('setpriv', package='util-linux'), f'--reuid={entry.pw_uid}', f'--regid={entry.pw_gid}',
            '--clear-groups', f'--inh-caps={_CAPABILITY}', f'--ambient-caps={_CAPABILITY}', *arguments]


def give(path: Path) -> None:
    """Let that user own what is there."""
    if os.geteuid() == 0:
        shutil.chown(path, _USER)


@contextlib.contextmanager
def directory() -> Iterator[Path]:
    """Yield a directory that belongs to that user."""
    with tempfile.TemporaryDirectory(prefix='nova-vnc-benchmark-', dir='/tmp') as name:
        give(Path(name))
        yield Path(name)
