# SPDX-License-Identifier: Apache-2.0
"""Tokens in the table console_auth_tokens."""

from __future__ import annotations

import dataclasses
from typing import Any

from nova_vnc import exception
from nova_vnc.consoleauth import resources, tokens
from nova_vnc.consoleauth.stores import base
from nova_vnc.db.engine import Database
from nova_vnc.db.tokens import TokenTable

_FIELDS = tuple(field.name for field in dataclasses.fields(tokens.StoredToken))


class DatabaseTokenStore(base.TokenStore):

    def __init__(self, database: Database) -> None:
        self._table = TokenTable(database)

    @classmethod
    def build(cls, parts: resources.Resources) -> DatabaseTokenStore:
        return cls(parts.database())

    def add(self, stored: tokens.StoredToken) -> None:
        row = dataclasses.asdict(stored)
        row['port'] = int(stored.port)
        if self._table.insert(row):
            return
        known = self._find(stored.token_hash)
        if known is None:   # purged in this moment
            raise exception.StoreUnavailable(reason='the token was being deleted')
        if not stored.has_same_data(known):
            raise exception.TokenInUse()
        if stored.expires > known.expires:
            self._table.set_expires(stored.token_hash, stored.expires)

    def get(self, token_hash: str, now: float) -> tokens.StoredToken | None:
        stored = self._find(token_hash)
        return stored if stored is not None and tokens.is_valid(stored, now) else None

    def delete_for_instance(self, instance_uuid: str) -> int:
        return self._table.delete_for_instance(instance_uuid)

    def purge(self, now: float) -> int:
        return self._table.delete_expired(now)

    def _find(self, token_hash: str) -> tokens.StoredToken | None:
        row = self._table.find(token_hash)
        if row is None:
            return None
        fields: dict[str, Any] = {name: row.get(name) for name in _FIELDS}
        fields['port'] = str(row['port'])
        return tokens.StoredToken(**fields)
