# SPDX-License-Identifier: Apache-2.0
"""SQLAlchemy engines, whose connections are set up when they are made: at each use that would cost round trips.

Made by oslo.db's create_engine, not by its enginefacade: that sends BEGIN and COMMIT around a single SELECT, and what
it adds (sessions, a context handed from function to function, a second server to read from) has no user here.
"""

from __future__ import annotations

import contextlib
import select
import sqlite3
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from oslo_db.sqlalchemy import engines

from nova_vnc import concurrency
from nova_vnc.net.deadline import Deadline

# A caller waits 8 s in all, so a server that does not answer is given up before.
_ANSWER_TIMEOUT_S = 5.0

# Who waits longer for a row that another transaction has locked tries again instead: the connection is kept.
_LOCK_TIMEOUT_S = 2

_SET_UP = {
    'mysql': (f'SET SESSION innodb_lock_wait_timeout = {_LOCK_TIMEOUT_S}',),
    'postgresql': (f"SET lock_timeout = '{_LOCK_TIMEOUT_S}s'", f"SET statement_timeout = '{_ANSWER_TIMEOUT_S}s'"),
}

# A change of the tables may take as long as it takes.
_TIMEOUT_ARGUMENTS = ('read_timeout', 'write_timeout')


def engine_to_read(url: str, options: Mapping[str, Any]) -> sa.Engine:
    """Make an engine of which each SELECT is a transaction of its own.

    :param options: further arguments of oslo_db.sqlalchemy.engines.create_engine
    """
    engine = _create_engine(url, options)
    if engine.dialect.name != 'sqlite':
        # Else each connection that is given back is sent a ROLLBACK. SQLAlchemy before 2.0.43 does not know it.
        engine.dialect.skip_autocommit_rollback = True
        _set_up_connections(engine, 'AUTOCOMMIT')
    return engine


def engine_to_write(url: str, options: Mapping[str, Any]) -> sa.Engine:
    """Make an engine whose transactions see what others have committed; SQLite runs one writer at a time anyway."""
    engine = _create_engine(url, options)
    if engine.dialect.name != 'sqlite':
        _set_up_connections(engine, 'READ COMMITTED')
    return engine


def engine_to_migrate(url: str, options: Mapping[str, Any]) -> sa.Engine:
    """Make an engine whose statements may take long."""
    patient = sa.make_url(url).difference_update_query(_TIMEOUT_ARGUMENTS)
    return _create_engine(patient.render_as_string(hide_password=False), options)


def _create_engine(url: str, options: Mapping[str, Any]) -> sa.Engine:
    # max_retries=0: a caller is waiting; who waits for the database is Database.prepare()'s caller's affair.
    # thread_checkin: lets other green threads run after each use, which whoever waits for a server does anyway.
    is_local = sa.make_url(url).get_backend_name() == 'sqlite'
    # A file has no pool that anybody could wait for.
    known = {name: value for name, value in options.items() if not (is_local and name == 'pool_timeout')}
    engine = engines.create_engine(url, **{**known, 'max_retries': 0, 'thread_checkin': is_local})
    if is_local:
        sa.event.listen(engine, 'connect', _tune_sqlite)
    if engine.dialect.driver == 'pymysql':
        sa.event.listen(engine, 'do_connect', _connect_pymysql)
    if engine.dialect.driver == 'psycopg2':
        engine.dialect.import_dbapi().extensions.set_wait_callback(_wait_for_postgresql)
    return engine


def _set_up_connections(engine: sa.Engine, isolation_level: Any) -> None:
    statements = _SET_UP.get(engine.dialect.name, ())

    def set_up(connection: Any, _record: object) -> None:
        engine.dialect.set_isolation_level(connection, 'AUTOCOMMIT')
        with contextlib.closing(connection.cursor()) as cursor:
            for statement in statements:
                cursor.execute(statement)
        engine.dialect.set_isolation_level(connection, isolation_level)
    sa.event.listen(engine, 'connect', set_up)


def _tune_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    # SQLite itself waits no longer than for another connection's closing; Database waits, in a way that lets green
    # threads go on.
    connection.execute('PRAGMA busy_timeout = 50')
    # In WAL mode this loses nothing when a process dies, and nothing but the last moments when the machine does.
    connection.execute('PRAGMA synchronous = NORMAL')


def _connect_pymysql(_dialect: object, _record: object, arguments: Any, options: Any) -> Any:
    from nova_vnc.db import pymysql_connection
    return pymysql_connection.Connection(*arguments, **options)


def _wait_for_postgresql(connection: Any) -> None:
    """Wait until psycopg2 has what it waits for; otherwise it would do so in C, without a bound.

    A connection that this fails for is closed by psycopg2. See psycopg2.extensions.set_wait_callback.
    """
    from psycopg2 import OperationalError, extensions
    deadline = Deadline(_ANSWER_TIMEOUT_S)
    while (state := connection.poll()) != extensions.POLL_OK:
        waits = [connection.fileno()]
        if connection.status not in (extensions.STATUS_READY, extensions.STATUS_BEGIN):
            concurrency.note_new_fd(connection.fileno())   # it is being connected
        readable, writable, _ = select.select(waits if state == extensions.POLL_READ else [],
                                              waits if state == extensions.POLL_WRITE else [], [], deadline.remaining())
        if not readable and not writable:
            raise OperationalError(f'no answer within {_ANSWER_TIMEOUT_S:.0f} s')
