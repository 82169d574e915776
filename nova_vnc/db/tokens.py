# SPDX-License-Identifier: Apache-2.0
"""Queries of the table console_auth_tokens. Columns that the table lacks are neither read nor written."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from oslo_db import exception as db_exception

from nova_vnc.db import models
from nova_vnc.db.batches import MAX_PARAMETERS
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
        return self._read(_COLUMNS.token_hash == token_hash).get(token_hash)

    def find_many(self, hashes: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Return the rows that there are by token_hash, expired or not.

        :param hashes: at most MAX_PARAMETERS
        """
        return self._read(_COLUMNS.token_hash.in_(hashes))

    def _read(self, condition: sa.ColumnElement[bool]) -> dict[str, dict[str, Any]]:
        def work(connection: sa.Connection) -> dict[str, dict[str, Any]]:
            present = self._database.columns(_TABLE.name)
            statement = sa.select(*(column for column in _COLUMNS if column.name in present))
            rows = connection.execute(statement.where(condition)).mappings()
            return {row['token_hash']: dict(row) for row in rows}
        found = self._database.read(work)
        for row in found.values():
            if row.get('created_at') is not None:
                row['created_at'] = row['created_at'].replace(tzinfo=datetime.UTC).timestamp()
        return found

    def delete_for_instance(self, instance_uuid: str) -> int:
        """Return how many there were."""
        return self._delete(_TABLE.delete().where(_COLUMNS.instance_uuid == instance_uuid))

    def delete_expired(self, now: float) -> int:
        """Return how many there were. In portions, since a server may need longer for all than it is waited for."""
        is_expired = _COLUMNS.expires <= int(now)
        count, ids = 0, [0]
        while ids := self._next_ids(is_expired, after=ids[-1]):
            count += self._delete(_TABLE.delete().where(_COLUMNS.id.in_(ids), is_expired))
        return count

    def _next_ids(self, condition: sa.ColumnElement[bool], after: int) -> list[int]:
        statement = sa.select(_COLUMNS.id).where(_COLUMNS.id > after, condition).order_by(_COLUMNS.id)
        return self._database.read(
            lambda connection: list(connection.execute(statement.limit(MAX_PARAMETERS)).scalars()))

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
