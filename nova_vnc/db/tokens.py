# SPDX-License-Identifier: Apache-2.0
"""Queries of the table console_auth_tokens. Columns that the table lacks are neither read nor written."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from oslo_db import exception as db_exception

from nova_vnc.db import models
from nova_vnc.db.engine import Database

_TABLE = models.console_auth_tokens
_COLUMNS = _TABLE.c


class TokenTable:
    """A row is a mapping of the table's column names; created_at and expires are unix seconds.

    Rows are inserted and deleted and never changed: Nova's table may be one where we may do no more. Every method
    raises StoreUnavailable.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def insert(self, row: Mapping[str, Any]) -> bool:
        """Add a row; False if there is one with its token_hash already."""
        def work(connection: sa.Connection) -> None:
            try:
                connection.execute(_TABLE.insert().values(self._values(row)))
            except db_exception.DBDuplicateEntry:
                raise _TakenError from None     # ends the transaction, and is not tried again
        try:
            self._database.write(work)
        except _TakenError:
            return False
        return True

    def replace(self, row: Mapping[str, Any]) -> None:
        """Put a row into the place of the one with its token_hash, if there is one that expires earlier."""
        def work(connection: sa.Connection) -> None:
            earlier = _TABLE.delete().where(_COLUMNS.token_hash == row['token_hash'],
                                            _COLUMNS.expires < row['expires'])
            if connection.execute(earlier).rowcount:
                connection.execute(_TABLE.insert().values(self._values(row)))
        self._database.write(work)

    def find(self, token_hash: str) -> dict[str, Any] | None:
        """Return the row, expired or not."""
        def work(connection: sa.Connection) -> dict[str, Any] | None:
            present = self._database.columns(_TABLE.name)
            statement = sa.select(*(column for column in _COLUMNS if column.name in present))
            row = connection.execute(statement.where(_COLUMNS.token_hash == token_hash)).mappings().first()
            return dict(row) if row else None
        found = self._database.read(work)
        if found and found.get('created_at') is not None:
            found['created_at'] = found['created_at'].replace(tzinfo=datetime.UTC).timestamp()
        return found

    def delete_for_instance(self, instance_uuid: str) -> int:
        """Return how many there were."""
        return self._delete(_TABLE.delete().where(_COLUMNS.instance_uuid == instance_uuid))

    def delete_expired(self, now: float) -> int:
        """Return how many there were."""
        return self._delete(_TABLE.delete().where(_COLUMNS.expires <= int(now)))

    def _values(self, row: Mapping[str, Any]) -> dict[str, Any]:
        seconds = row['created_at']
        created_at = None if seconds is None else \
            datetime.datetime.fromtimestamp(seconds, datetime.UTC).replace(tzinfo=None)
        present = self._database.columns(_TABLE.name)
        return {name: value for name, value in {**row, 'created_at': created_at}.items() if name in present}

    def _delete(self, statement: sa.Delete) -> int:
        return self._database.write(lambda connection: connection.execute(statement).rowcount)


class _TakenError(Exception):
    pass
