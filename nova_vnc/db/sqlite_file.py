# SPDX-License-Identifier: Apache-2.0
"""A SQLite file of our own: for its owner only, in WAL mode, made once however many processes start."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from urllib import parse

import fasteners

_LOCK_TIMEOUT_S = 10.0
_POLL_S = 0.02
_TAKES_TOO_LONG = 'another process holds the lock of the database file'

_in_this_process = threading.Lock()


def url_of(path: str) -> str:
    """Return the URL under which SQLAlchemy opens a file that exists, and creates none."""
    return f'sqlite:///file:{parse.quote(os.path.abspath(path))}?mode=rw&uri=true'


@contextlib.contextmanager
def exclusively(path: str) -> Iterator[None]:
    """Keep all others that do the same out, in this process and in others.

    :raises OSError: the directory cannot be written
    :raises TimeoutError: another one takes too long
    """
    # The lock between processes is none between the threads of one, and is gone when any of them closes the file.
    if not _in_this_process.acquire(timeout=_LOCK_TIMEOUT_S):
        raise TimeoutError(_TAKES_TOO_LONG)
    try:
        with _between_processes(f'{path}.lock'):
            yield
    finally:
        _in_this_process.release()


@contextlib.contextmanager
def _between_processes(lock_path: str) -> Iterator[None]:
    os.close(os.open(lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    _restrict(lock_path)
    # It never waits in C, where green threads would stand still, but looks again and again.
    lock = fasteners.InterProcessLock(lock_path, sleep_func=time.sleep)
    try:
        if not lock.acquire(delay=_POLL_S, timeout=_LOCK_TIMEOUT_S):
            raise TimeoutError(_TAKES_TOO_LONG)
    except threading.ThreadError as error:
        raise OSError(str(error)) from None
    try:
        yield
    finally:
        lock.release()


def _restrict(path: str) -> None:
    os.chmod(path, 0o600)
    if os.geteuid() == 0:
        # Root runs nova-vnc-manage; the service is another user, to whom the directory belongs. SQLite does the same
        # with the files that it puts beside this one.
        owner = os.stat(os.path.dirname(path))
        os.chown(path, owner.st_uid, owner.st_gid)


def create(path: str) -> sqlite3.Connection:
    """See to it that the file is there, in WAL mode; call it exclusively().

    Return a connection to be held for as long as the file is used: when the last one is closed, SQLite locks the file,
    moves all from the WAL into it and deletes the WAL, which would happen after every transaction.

    :raises OSError: it cannot be made
    :raises sqlite3.Error: it is no SQLite file, or cannot be written
    """
    # Never opened if it is there: closing it would drop the locks that SQLite holds on it in this process
    # (https://www.sqlite.org/howtocorrupt.html section 2.2).
    with contextlib.suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    _restrict(path)
    connection = sqlite3.connect(path, timeout=0, check_same_thread=False)
    try:
        # Readers and a writer do not wait for each other. The mode is kept in the file.
        connection.execute('PRAGMA journal_mode = WAL')
        connection.execute('SELECT * FROM sqlite_master').fetchall()
    except BaseException:
        connection.close()
        raise
    return connection
