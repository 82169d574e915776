# SPDX-License-Identifier: Apache-2.0
"""Tokens in the table console_auth_tokens: our own, or that of a cell database of Nova's.

Nova's is kept as Nova keeps it, so that its services find our tokens and we theirs: a bare access_url_base, and nothing
but INSERT and DELETE. What differs for that is here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nova_vnc import exception
from nova_vnc.consoleauth import resources, tokens
from nova_vnc.consoleauth.stores import access_urls, base
from nova_vnc.db.engine import Database
from nova_vnc.db.schema import Content
from nova_vnc.db.tokens import TokenTable

# When and by whom a token was asked for is not what it stands for.
_NOT_DATA = frozenset({'id', 'expires', 'created_at', 'updated_at', 'request_id', 'access_url_base'})


class DatabaseTokenStore(base.TokenStore):

    def __init__(self, database: Database) -> None:
        self._database = database
        self._table = TokenTable(database)

    @classmethod
    def build(cls, parts: resources.Resources) -> DatabaseTokenStore:
        return cls(parts.database())

    def add(self, authorization: tokens.Authorization) -> None:
        row = self._to_row(authorization)
        if self._table.insert(row):
            return
        known = self._table.find(row['token_hash'])
        if known is None:   # purged in this moment
            raise exception.StoreUnavailable(reason='the token was being deleted')
        token = authorization.token
        if any(row.get(name) != known[name] for name in known.keys() - _NOT_DATA) \
                or self._access_url(row, token) != self._access_url(known, token):
            raise exception.TokenInUse()
        if row['expires'] > known['expires']:
            self._table.replace(row)

    def get(self, token: str, now: float) -> tokens.Authorization | None:
        row = self._table.find(tokens.hash_token(token))
        return self._from_row(row, token, now) if row else None

    def get_many(self, wanted: Sequence[str], now: float) -> Mapping[str, tokens.Authorization | None]:
        hashes = {token: tokens.hash_token(token) for token in wanted}
        rows = self._table.find_many(list(hashes.values()))
        return {token: self._from_row(rows[hashed], token, now) if hashed in rows else None
                for token, hashed in hashes.items()}

    def _from_row(self, row: dict[str, Any], token: str, now: float) -> tokens.Authorization | None:
        """Return None for one that is not valid at this time."""
        found = tokens.Authorization(
            token=token, console_type=row['console_type'], host=row['host'], port=str(row['port']),
            instance_uuid=row['instance_uuid'], expires=row['expires'],
            internal_access_path=row['internal_access_path'], access_url=self._access_url(row, token),
            created_at=row['created_at'], request_id=row.get('request_id'), tls_port=row.get('tls_port'))
        return found if tokens.is_valid(found, now) else None

    def delete_for_instance(self, instance_uuid: str) -> int:
        return self._table.delete_for_instance(instance_uuid)

    def purge(self, now: float) -> int:
        return self._table.delete_expired(now)

    def _to_row(self, authorization: tokens.Authorization) -> dict[str, Any]:
        row = dict(vars(authorization))
        token, access_url = row.pop('token'), row.pop('access_url')
        return {**row, 'token_hash': tokens.hash_token(token), 'port': int(authorization.port),
                'access_url_base': None if access_url is None else self._url_to_keep(access_url, token)}

    def _url_to_keep(self, access_url: str, token: str) -> str:
        take_out = access_urls.base_of if self._is_novas() else access_urls.take_token_out
        kept = take_out(access_url, token)
        if kept is None:
            raise exception.InvalidInput(reason='access_url has the token where no release of Nova puts it')
        if len(kept) > tokens.MAX_LENGTH:
            raise exception.InvalidInput(reason='access_url is longer than the table has room for')
        return kept

    def _access_url(self, row: dict[str, Any], token: str) -> str | None:
        kept = row['access_url_base']
        if kept is None:
            return None
        if self._is_novas():
            return access_urls.build_from_base(kept, row['console_type'], token)
        return access_urls.put_token_in(kept, token)

    def _is_novas(self) -> bool:
        try:
            return self._database.content() is Content.NOVA
        except exception.ConfigurationError as error:
            raise exception.StoreUnavailable(reason=error.message) from None
