# SPDX-License-Identifier: Apache-2.0
"""Transactions, and the border where errors of the database libraries become StoreUnavailable.

Database prepares itself when it is first used, and anew after a failure: a database that was away, full or deleted is
used again as soon as that works, without a restart.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

import sqlalchemy as sa
from oslo_db import api as oslo_db_api
from oslo_log import log as logging

from nova_vnc import exception
from nova_vnc.db import connections, failures, reflection, schema, sqlite_file, tls_failures
from nova_vnc.db.shared_failure import SharedFailure

LOG = logging.getLogger(__name__)

T = TypeVar('T')

# A transaction that met a lock, a deadlock or a row that another one has just inserted is tried again this long.
# Checking a token takes two reads, and compute has its say in the 8 s that the caller waits.
_RETRY_FOR_S = {'read': 1.2, 'write': 3.0, 'patient write': 15.0}
_RETRY_PAUSE_S = (0.005, 0.05)          # before the first try, and before any

# What waiting does not mend.
_USELESS_PATH = (PermissionError, NotADirectoryError, IsADirectoryError)


class _SharedReads(threading.local):
    """The connection that the reads of a thread share, while they do."""

    are_on = False
    connection: sa.Connection | None = None

    def close(self) -> None:
        connection, self.connection = self.connection, None
        if connection is not None:
            with contextlib.suppress(*failures.LIBRARY_ERRORS):
                connection.close()


class Database:
    """One database; thread-safe.

    :param url: SQLAlchemy's; not used with own_file
    :param own_file: path of a SQLite file of our own, which is made, and brought up to date, without being asked
    :param options: further arguments of oslo_db.sqlalchemy.engines.create_engine
    :param option: where the URL stands, for messages
    :param is_api: it is to be Nova's API database, which is of use for nothing else
    """

    def __init__(self, url: str = '', own_file: str | None = None, options: Mapping[str, Any] | None = None, *,
                 option: str = '[database]connection', is_api: bool = False) -> None:
        self._url = sqlite_file.url_of(own_file) if own_file else url
        self._own_file = own_file
        self._options = dict(options or {})
        self._option = option
        self._is_api = is_api
        self._engines: dict[str, sa.Engine] = {}    # by the kind of transaction; empty: not prepared
        self._shared_reads = _SharedReads()
        self._held: sqlite3.Connection | None = None
        # SQLite runs one writer at a time; those of this process queue up here instead of trying again and again.
        self._writing = threading.Lock()
        self._content = schema.Content.NOTHING
        self._columns: Mapping[str, frozenset[str]] = {}
        self._required: dict[schema.Content, str] = {}
        self._preparing = SharedFailure()
        self._outage = failures.Outage(self.name)
        failures.silence_libraries()

    @property
    def name(self) -> str:
        """How messages call it: the path of its file, or its URL without the password and the driver's arguments."""
        return self._own_file or sa.make_url(self._url).set(query={}).render_as_string(hide_password=True)

    @property
    def schema_name(self) -> str:
        """The name of the database on its server, or the path of its file."""
        return self._own_file or sa.make_url(self._url).database or ''

    @property
    def is_local(self) -> bool:
        """Whether it is a file, which needs no waiting for a server."""
        return sa.make_url(self._url).get_backend_name() == 'sqlite'

    @property
    def would_be_made(self) -> bool:
        """Whether it is a file of our own that is not there yet."""
        return self._own_file is not None and not os.path.exists(self._own_file)

    def prepare(self) -> None:
        """Connect and look at the tables; make them where the file is our own.

        :raises ConfigurationError: this is not a database that we can use
        :raises StoreUnavailable: it cannot be reached now
        """
        if self._engines:
            return
        with self._preparing.turn():
            if self._engines:
                return
            # A SQLite file is locked for a moment while another process opens or leaves it.
            with self._translated_errors('read'):
                _retry_for(_RETRY_FOR_S['write'])(self._connect)()

    def content(self) -> schema.Content:
        """Tell what it holds: our tables, or those of a cell of Nova's.

        :raises ConfigurationError, StoreUnavailable: as prepare()
        """
        self.prepare()
        return self._content

    def require(self, content: schema.Content, option: str) -> None:
        """Let prepare() raise ConfigurationError if this database holds anything else.

        :param option: the setting that needs it
        """
        self._required[content] = option
        if self._engines:
            self._check_required(self._content)

    def sync(self) -> None:
        """Create the tables or bring them up to date.

        :raises ConfigurationError: the tables of this database are Nova's
        :raises StoreUnavailable: it cannot be reached now
        """
        with self._translated_errors('write'):
            if self._own_file:
                self._make_own_file()
                self.close()
                return
            engine = connections.engine_to_migrate(self._url, self._options)
            try:
                with engine.begin() as connection:
                    content = schema.content_of(connection)
                    if content in (schema.Content.NOVA, schema.Content.NOVA_API):
                        raise exception.ConfigurationError(reason=reflection.refuse_sync(self.name, content))
                    is_changed = schema.upgrade(connection)
                _say_upgraded(is_changed)
            finally:
                engine.dispose()

    def columns(self, table: str) -> frozenset[str]:
        """Return which columns a table has here; an older release made fewer. Valid within read() and write().

        None: there is no such table, or it may not be read.
        """
        return self._columns.get(table, frozenset())

    def read(self, work: Callable[[sa.Connection], T]) -> T:
        """Return what work returns, which may run more than once.

        :raises StoreUnavailable: the database cannot be used now
        """
        return self._run(work, 'read', _RETRY_FOR_S['read'])

    @contextlib.contextmanager
    def shared_reads(self) -> Iterator[None]:
        """Let the reads of this thread share a connection meanwhile, which saves round trips; in SQLite a transaction.

        It is kept until the end: wait for nothing else meanwhile.
        """
        shared = self._shared_reads
        if shared.are_on:
            yield
            return
        shared.are_on = True
        try:
            yield
        finally:
            shared.are_on = False
            shared.close()

    def write(self, work: Callable[[sa.Connection], T], *, is_urgent: bool = True) -> T:
        """Return what work returns, which runs in one transaction and more than once where that fails.

        Its first statement must write: SQLite gives the lock for writing to a transaction that asks for it at once,
        and refuses it to one that has read what another has changed since.

        :param is_urgent: somebody waits for the answer
        :raises StoreUnavailable: the database cannot be used now
        """
        return self._run(work, 'write', _RETRY_FOR_S['write' if is_urgent else 'patient write'])

    def close(self) -> None:
        """Let go of the database; the next use connects again."""
        engines, self._engines = self._engines, {}
        held, self._held = self._held, None
        for engine in engines.values():
            engine.dispose()
        if held is not None:
            held.close()

    def _connect(self) -> None:
        if self._own_file:
            self._make_own_file()
        engines = {'read': connections.engine_to_read(self._url, self._options),
                   'write': connections.engine_to_write(self._url, self._options)}
        try:
            with engines['read'].connect() as connection:
                content, columns = reflection.reflect(connection, f'{self._option} = {self.name}', self._is_api)
            self._check_required(content)
        except BaseException:
            for engine in engines.values():
                engine.dispose()
            raise
        self._content, self._columns, self._engines = content, columns, engines

    def _check_required(self, content: schema.Content) -> None:
        for required, option in self._required.items():
            if content is not required:
                raise exception.ConfigurationError(
                    reason=f'{option} needs {required.value}, and {self.name} holds {content.value}')

    def _run(self, work: Callable[[sa.Connection], T], kind: str, retry_for_s: float) -> T:
        try:
            self.prepare()
        except exception.ConfigurationError as error:
            raise exception.StoreUnavailable(reason=error.message) from None
        engine = self._engines.get(kind)
        if engine is None:
            raise exception.StoreUnavailable(reason='it has just failed')
        attempt = self._read_once if kind == 'read' else _write_once
        with self._turn_to_write(kind, retry_for_s), self._translated_errors(kind):
            return _retry_for(retry_for_s)(attempt)(engine, work)

    def _read_once(self, engine: sa.Engine, work: Callable[[sa.Connection], T]) -> T:
        shared = self._shared_reads
        if not shared.are_on:
            with engine.connect() as connection:
                return work(connection)
        try:
            if shared.connection is None:
                shared.connection = engine.connect()
            return work(shared.connection)
        except BaseException:
            shared.close()      # whoever tries again takes another one
            raise

    @contextlib.contextmanager
    def _turn_to_write(self, kind: str, timeout_s: float) -> Iterator[None]:
        if kind != 'write' or not self.is_local:
            yield
            return
        if not self._writing.acquire(timeout=timeout_s):
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
        reason = tls_failures.meaning_of(failure, self._url, self._option) or failures.reason_of(failure)
        self._outage.failed(kind, reason)
        raise exception.StoreUnavailable(reason=reason)

    def _make_own_file(self) -> None:
        """Make the file and its tables, or bring them up to date, and hold it."""
        path = self._own_file or ''
        try:
            os.makedirs(os.path.dirname(path), 0o700, exist_ok=True)
            with sqlite_file.exclusively(path):
                self._held = sqlite_file.create(path)
                engine = connections.engine_to_write(self._url, self._options)
                with engine.begin() as connection:
                    is_changed = schema.upgrade(connection)
                _say_upgraded(is_changed)
                engine.dispose()
        except _USELESS_PATH as error:
            raise exception.ConfigurationError(
                reason=f'[DEFAULT]state_path: {path} cannot be written: {error.strerror}') from None


def _say_upgraded(is_changed: bool) -> None:
    if is_changed:
        LOG.info('The tables of the database were created or brought up to date')


def _write_once(engine: sa.Engine, work: Callable[[sa.Connection], T]) -> T:
    with engine.begin() as connection:
        return work(connection)


def _retry_for(seconds: float) -> oslo_db_api.wrap_db_retry:
    """Try again what may pass. oslo.db counts the tries, but what a caller has is time."""
    deadline = time.monotonic() + seconds
    first, longest = _RETRY_PAUSE_S
    return oslo_db_api.wrap_db_retry(
        retry_interval=first, max_retry_interval=longest, jitter=True, max_retries=sys.maxsize,
        exception_checker=lambda error: failures.may_pass(error) and time.monotonic() < deadline)
