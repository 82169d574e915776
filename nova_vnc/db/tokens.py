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


class _TakenError(Exception):
    pass


class TokenTable:
    """A row is a mapping of the table's column names; created_at and expires are unix seconds.

    Every method raises StoreUnavailable.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def insert(self, row: Mapping[str, Any]) -> bool:
        """Add a row; False if there is one with its token_hash already."""
        created_at = datetime.datetime.fromtimestamp(row['created_at'], datetime.UTC).replace(tzinfo=None)

        def work(connection: sa.Connection) -> None:
            present = self._database.columns(_TABLE.name)
            values = {name: value for name, value in {**row, 'created_at': created_at}.items() if name in present}
            try:
                connection.execute(_TABLE.insert().values(values))
            except db_exception.DBDuplicateEntry:
                raise _TakenError from None     # ends the transaction, and is not tried again
        try:
            self._database.write(work)
        except _TakenError:
            return False
        return True

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

    def set_expires(self, token_hash: str, expires: int) -> None:
        self._execute(_TABLE.update().where(_COLUMNS.token_hash == token_hash).values(expires=expires))

    def delete_for_instance(self, instance_uuid: str) -> int:
        """Return how many there were."""
        return self._execute(_TABLE.delete().where(_COLUMNS.instance_uuid == instance_uuid))

    def delete_expired(self, now: float) -> int:
        """Return how many there were."""
        return self._execute(_TABLE.delete().where(_COLUMNS.expires <= int(now)))

    def _execute(self, statement: sa.Delete | sa.Update) -> int:
        return self._database.write(lambda connection: connection.execute(statement).rowcount)
