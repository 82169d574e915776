# SPDX-License-Identifier: Apache-2.0
"""Transactions, and the border where errors of the database libraries become StoreUnavailable.

Database prepares itself when it is first used, and anew after a failure: a database that was away, full or deleted is
used again as soon as that works, without a restart.
"""

from __future__ import annotations

import contextlib
import os
import random
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

import sqlalchemy as sa
from oslo_db.sqlalchemy import engines

from nova_vnc import exception
from nova_vnc.db import failures, models, schema, sqlite_file

T = TypeVar('T')

# A transaction that met a lock, a deadlock or a row that another one has just inserted is tried again this long.
# Checking a token takes two reads, and compute has its say in the 8 s that the caller waits.
_RETRY_FOR_S = {'read': 1.2, 'write': 3.0}
_RETRY_PAUSE_S = (0.005, 0.05)

# What waiting does not mend.
_USELESS_PATH = (PermissionError, NotADirectoryError, IsADirectoryError)

# On a server all transactions see what others have committed; SQLite runs one writer at a time anyway.
_SERVER_ISOLATION = 'READ COMMITTED'


class Database:
    """One database; thread-safe.

    :param url: SQLAlchemy's; not used with own_file
    :param own_file: path of a SQLite file of our own, which is made, and brought up to date, without being asked
    :param options: further arguments of oslo_db.sqlalchemy.engines.create_engine
    """

    def __init__(self, url: str = '', own_file: str | None = None, options: Mapping[str, Any] | None = None) -> None:
        self._url = sqlite_file.url_of(own_file) if own_file else url
        self._own_file = own_file
        self._options = dict(options or {})
        self._engine: sa.Engine | None = None
        self._held: sqlite3.Connection | None = None
        # SQLite runs one writer at a time; those of this process queue up here instead of trying again and again.
        self._writing = threading.Lock()
        self._columns: dict[str, frozenset[str]] = {}
        self._preparing = threading.Lock()
        self._failure = (0.0, '')               # when prepare() failed last (monotonic), and why
        self._outage = failures.Outage(self.name)
        failures.silence_libraries()

    @property
    def name(self) -> str:
        """How messages call it: the path of its file, or its URL without the password and the driver's arguments."""
        return self._own_file or sa.make_url(self._url).set(query={}).render_as_string(hide_password=True)

    @property
    def is_local(self) -> bool:
        """Whether it is a file, which needs no waiting for a server."""
        return sa.make_url(self._url).get_backend_name() == 'sqlite'

    def prepare(self) -> None:
        """Connect and look at the tables; make them where the file is our own.

        :raises ConfigurationError: this is not a database that we can use
        :raises StoreUnavailable: it cannot be reached now
        """
        called_at = time.monotonic()
        with self._preparing:
            if self._engine is not None:
                return
            failed_at, reason = self._failure
            if failed_at >= called_at:  # while this thread waited for its turn; trying costs seconds
                raise exception.StoreUnavailable(reason=reason)
            try:
                with self._translated_errors('read'):
                    self._connect()
            except exception.StoreUnavailable as error:
                self._failure = (time.monotonic(), str(error.kwargs['reason']))
                raise

    def sync(self) -> None:
        """Create the tables or bring them up to date.

        :raises ConfigurationError: the tables of this database are Nova's
        :raises StoreUnavailable: it cannot be reached now
        """
        with self._translated_errors('write'):
            if self._own_file:
                self._open().dispose()
                self.close()
                return
            engine = self._create_engine()
            try:
                with engine.begin() as connection:
                    if schema.content_of(connection) is schema.Content.NOVA:
                        raise _nova_database(self.name)
                    schema.upgrade(connection)
            finally:
                engine.dispose()

    def columns(self, table: str) -> frozenset[str]:
        """Return which columns a table has here; an older release made fewer. Valid within read() and write()."""
        return self._columns[table]

    def read(self, work: Callable[[sa.Connection], T]) -> T:
        """Return what work returns, which may run more than once.

        :raises StoreUnavailable: the database cannot be used now
        """
        return self._run(work, 'read')

    def write(self, work: Callable[[sa.Connection], T]) -> T:
        """Return what work returns, which runs in one transaction and more than once where that fails.

        Its first statement must write: SQLite gives the lock for writing to a transaction that asks for it at once,
        and refuses it to one that has read what another has changed since.

        :raises StoreUnavailable: the database cannot be used now
        """
        return self._run(work, 'write')

    def close(self) -> None:
        """Let go of the database; the next use connects again."""
        engine, self._engine = self._engine, None
        held, self._held = self._held, None
        if engine is not None:
            engine.dispose()
        if held is not None:
            held.close()

    def _connect(self) -> None:
        engine = self._open()
        try:
            with engine.connect() as connection:
                self._columns = _reflect(connection, self.name)
        except BaseException:
            engine.dispose()
            raise
        self._engine = engine

    def _run(self, work: Callable[[sa.Connection], T], kind: str) -> T:
        try:
            self.prepare()
        except exception.ConfigurationError as error:
            raise exception.StoreUnavailable(reason=error.message) from None
        engine = self._engine
        if engine is None:
            raise exception.StoreUnavailable(reason='it has just failed')
        with self._turn_to_write(kind), self._translated_errors(kind):
            deadline = time.monotonic() + _RETRY_FOR_S[kind]
            while True:
                try:
                    with engine.begin() as connection:
                        return work(connection)
                except failures.LIBRARY_ERRORS as error:
                    if not failures.may_pass(error) or time.monotonic() >= deadline:
                        raise
                time.sleep(random.uniform(*_RETRY_PAUSE_S))  # noqa: S311 - no secret

    @contextlib.contextmanager
    def _turn_to_write(self, kind: str) -> Iterator[None]:
        if kind != 'write' or not self.is_local:
            yield
            return
        if not self._writing.acquire(timeout=_RETRY_FOR_S[kind]):
            raise exception.StoreUnavailable(reason='database is locked')
        try:
            yield
        finally:
            self._writing.release()

    @contextlib.contextmanager
    def _translated_errors(self, kind: str) -> Iterator[None]:
        """Turn what the libraries raise into StoreUnavailable."""
        failure: Exception | None = None
        try:
            yield
        except failures.LIBRARY_ERRORS as error:
            failure = error
        if failure is None:
            self._outage.worked(kind)
            return
        if not failures.may_pass(failure):
            self.close()    # prepared anew when it is used next
        reason = failures.reason_of(failure)
        self._outage.failed(kind, reason)
        raise exception.StoreUnavailable(reason=reason)

    def _open(self) -> sa.Engine:
        if not self._own_file:
            return self._create_engine()
        try:
            os.makedirs(os.path.dirname(self._own_file), 0o700, exist_ok=True)
            with sqlite_file.exclusively(self._own_file):
                self._held = sqlite_file.create(self._own_file)
                engine = self._create_engine()
                with engine.begin() as connection:
                    schema.upgrade(connection)
            return engine
        except _USELESS_PATH as error:
            raise exception.ConfigurationError(
                reason=f'[DEFAULT]state_path: {self._own_file} cannot be written: {error.strerror}') from None

    def _create_engine(self) -> sa.Engine:
        # max_retries=0: a caller is waiting; who waits for the database is prepare()'s caller's affair.
        engine = engines.create_engine(self._url, **{**self._options, 'max_retries': 0})
        if engine.dialect.name != 'sqlite':
            return engine.execution_options(isolation_level=_SERVER_ISOLATION)
        sa.event.listen(engine, 'connect', _tune_sqlite)
        return engine


def _tune_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    # SQLite itself waits no longer than for another connection's closing; _run() waits, in a way that lets green
    # threads go on.
    connection.execute('PRAGMA busy_timeout = 50')
    # In WAL mode this loses nothing when a process dies, and nothing but the last moments when the machine does.
    connection.execute('PRAGMA synchronous = NORMAL')


def _reflect(connection: sa.Connection, name: str) -> dict[str, frozenset[str]]:
    content = schema.content_of(connection)
    if content is schema.Content.NOVA:
        raise _nova_database(name)
    if content is schema.Content.NOTHING or not schema.is_up_to_date(connection):
        raise exception.ConfigurationError(
            reason=f'The tables of [database]connection = {name} are missing or of an older release: '
                   'run nova-vnc-manage db sync')
    return {table: schema.columns_of(connection, table) for table in models.metadata.tables}


def _nova_database(name: str) -> exception.ConfigurationError:
    return exception.ConfigurationError(
        reason=f"[database]connection = {name} holds Nova's tables, and Nova's database is not supported yet: name a "
               'database of its own, or leave the option out to use a file in [DEFAULT]state_path')
