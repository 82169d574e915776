# SPDX-License-Identifier: Apache-2.0
"""What the errors of the database libraries mean, and how they are told."""

from __future__ import annotations

import logging as stdlib_logging
import sqlite3

import sqlalchemy as sa
from oslo_db import exception as db_exception
from oslo_log import log as logging

LOG = logging.getLogger(__name__)

LIBRARY_ERRORS = (sa.exc.SQLAlchemyError, db_exception.DBError, sqlite3.Error, OSError)

_MAX_REASON_LENGTH = 200

# What oslo.db does not know among the errors after which the transaction is to be tried again: serialization_failure
# and lock_not_available (lock_timeout).
_POSTGRESQL_ASKS_FOR_RETRY = ('40001', '55P03')

# Of MariaDB and MySQL: ER_CANT_AGGREGATE_2COLLATIONS, ER_CANT_AGGREGATE_NCOLLATIONS, ER_INVALID_CHARACTER_STRING.
_MYSQL_LACKS_CHARACTERS = (1267, 1271, 1300)

# They print tracebacks for what is said here in one line.
_NOISY_LOGGERS = ('oslo_db.sqlalchemy.exc_filters', 'sqlalchemy.pool')


def silence_libraries() -> None:
    for name in _NOISY_LOGGERS:
        stdlib_logging.getLogger(name).setLevel(stdlib_logging.CRITICAL)


def may_pass(error: BaseException) -> bool:
    """Tell whether the same transaction may succeed in a moment."""
    if isinstance(error, (db_exception.DBDeadlock, db_exception.DBDuplicateEntry)):
        return True
    original = original_of(error)
    if (getattr(original, 'pgcode', None) or getattr(original, 'sqlstate', None)) in _POSTGRESQL_ASKS_FOR_RETRY:
        return True
    code = getattr(original, 'sqlite_errorcode', None)
    return code is not None and code & 0xff in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def means_no_match(error: BaseException) -> bool:
    """Tell whether a text was compared with a column that cannot hold one of its characters, as those of utf8mb3."""
    arguments: tuple[object, ...] = original_of(error).args
    return bool(arguments) and arguments[0] in _MYSQL_LACKS_CHARACTERS


def reason_of(error: BaseException) -> str:
    """Return what the database itself said, without the statement and its values."""
    original = original_of(error)
    text = original.strerror if isinstance(original, OSError) and original.strerror else str(original)
    return (text or type(original).__name__).splitlines()[0][:_MAX_REASON_LENGTH]


def original_of(error: BaseException) -> BaseException:
    """Return the exception of the database's own library."""
    if isinstance(error, db_exception.DBError) and error.inner_exception is not None:
        error = error.inner_exception
    return getattr(error, 'orig', None) or error


class Outage:
    """Says once that the database cannot be used, and once that it can.

    Not to be called in an except clause: oslo.log adds the exception that is being handled to every error.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._failing_at: str | None = None

    def failed(self, kind: str, reason: str) -> None:
        """:param kind: of transaction: 'read' or 'write'"""
        if self._failing_at is None:
            self._failing_at = kind
            LOG.error('The database %s cannot be used: %s. Trying at every request until it can.', self._name, reason)

    def worked(self, kind: str) -> None:
        # A database that is locked or full for writing can still be read.
        if self._failing_at is not None and kind in ('write', self._failing_at):
            self._failing_at = None
            LOG.info('The database %s can be used again', self._name)
