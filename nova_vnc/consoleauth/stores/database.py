# SPDX-License-Identifier: Apache-2.0
"""Tokens in the table console_auth_tokens of our own database."""

from __future__ import annotations

from typing import Any

from nova_vnc import exception
from nova_vnc.consoleauth import resources, tokens
from nova_vnc.consoleauth.stores import access_urls, base
from nova_vnc.db.engine import Database
from nova_vnc.db.tokens import TokenTable

# When and by whom a token was asked for is not what it stands for.
_NOT_DATA = frozenset({'id', 'expires', 'created_at', 'updated_at', 'request_id'})


class DatabaseTokenStore(base.TokenStore):

    def __init__(self, database: Database) -> None:
        self._table = TokenTable(database)

    @classmethod
    def build(cls, parts: resources.Resources) -> DatabaseTokenStore:
        return cls(parts.database())

    def add(self, authorization: tokens.Authorization) -> None:
        row = _to_row(authorization)
        if self._table.insert(row):
            return
        known = self._table.find(row['token_hash'])
        if known is None:   # purged in this moment
            raise exception.StoreUnavailable(reason='the token was being deleted')
        if any(row.get(name) != known[name] for name in known.keys() - _NOT_DATA):
            raise exception.TokenInUse()
        if row['expires'] > known['expires']:
            self._table.replace(row)

    def get(self, token: str, now: float) -> tokens.Authorization | None:
        row = self._table.find(tokens.hash_token(token))
        found = _from_row(row, token) if row is not None else None
        return found if found is not None and tokens.is_valid(found, now) else None

    def delete_for_instance(self, instance_uuid: str) -> int:
        return self._table.delete_for_instance(instance_uuid)

    def purge(self, now: float) -> int:
        return self._table.delete_expired(now)


def _to_row(authorization: tokens.Authorization) -> dict[str, Any]:
    row = dict(vars(authorization))
    token, access_url = row.pop('token'), row.pop('access_url')
    kept_url = None if access_url is None else access_urls.take_token_out(access_url, token)
    if kept_url is not None and len(kept_url) > tokens.MAX_LENGTH:
        raise exception.InvalidInput(reason='access_url is longer than the table has room for')
    return {**row, 'token_hash': tokens.hash_token(token), 'port': int(authorization.port),
            'access_url_base': kept_url}


def _from_row(row: dict[str, Any], token: str) -> tokens.Authorization:
    marked_url = row.get('access_url_base')
    return tokens.Authorization(
        token=token, console_type=row['console_type'], host=row['host'], port=str(row['port']),
        instance_uuid=row['instance_uuid'], expires=row['expires'],
        internal_access_path=row.get('internal_access_path'),
        access_url=None if marked_url is None else access_urls.put_token_in(marked_url, token),
        created_at=row.get('created_at'), request_id=row.get('request_id'), tls_port=row.get('tls_port'))
