# SPDX-License-Identifier: Apache-2.0
"""A SQLite file of our own: for its owner only, in WAL mode, made once however many processes start."""

from __future__ import annotations

import contextlib
import fcntl
import os
import sqlite3
import time
from collections.abc import Iterator
from urllib import parse

_LOCK_TIMEOUT_S = 10.0
_POLL_S = 0.02


def url_of(path: str) -> str:
    """Return the URL under which SQLAlchemy opens a file that exists, and creates none."""
    return f'sqlite:///file:{parse.quote(os.path.abspath(path))}?mode=rw&uri=true'


@contextlib.contextmanager
def exclusively(path: str) -> Iterator[None]:
    """Keep other processes that do the same out.

    :raises OSError: the directory cannot be written
    :raises TimeoutError: another process takes too long
    """
    descriptor = _open(f'{path}.lock')
    try:
        _lock(descriptor)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int) -> None:
    deadline = time.monotonic() + _LOCK_TIMEOUT_S
    while True:
        try:
            # Never waits in C, where green threads would stand still.
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise TimeoutError('another process holds the lock of the database file') from None
            time.sleep(_POLL_S)


def _open(path: str) -> int:
    """Open a file that nobody else can read, and make it if it is not there."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    os.fchmod(descriptor, 0o600)
    if os.geteuid() == 0:
        # Root runs nova-vnc-manage; the service is another user, to whom the directory belongs. SQLite does the same
        # with the files that it puts beside this one.
        owner = os.stat(os.path.dirname(path))
        os.fchown(descriptor, owner.st_uid, owner.st_gid)
    return descriptor


def create(path: str) -> None:
    """See to it that the file is there, in WAL mode; call it exclusively().

    :raises OSError: it cannot be made
    :raises sqlite3.Error: it is no SQLite file, or cannot be written
    """
    os.close(_open(path))
    with contextlib.closing(sqlite3.connect(path, timeout=0)) as connection:
        # Readers and a writer do not wait for each other. The mode is kept in the file.
        connection.execute('PRAGMA journal_mode = WAL')
