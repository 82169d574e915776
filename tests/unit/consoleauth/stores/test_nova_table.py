# SPDX-License-Identifier: Apache-2.0
"""What every token store does, on Nova's table; and what is in it then."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from nova_vnc.consoleauth.stores.base import TokenStore
from nova_vnc.consoleauth.stores.database import DatabaseTokenStore
from nova_vnc.consoleauth.tokens import Authorization, hash_token
from nova_vnc.db.engine import Database
from tests.fixtures.nova_database import RELEASES, administrator, new_nova_database
from tests.unit.consoleauth.stores.test_contract import *  # noqa: F403
from tests.unit.consoleauth.stores.test_contract import GIVEN, NOW, TOKEN, Kept, another

BASE = 'http://example.com/vnc_auto.html'


@pytest.fixture(params=RELEASES)
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    with new_nova_database(tmp_path, request.param) as database:
        yield database


@pytest.fixture
def store(database: Database) -> TokenStore:
    return DatabaseTokenStore(database)


@pytest.fixture
def kept(database: Database) -> Kept:
    database.prepare()
    has_tls_port = 'tls_port' in database.columns('console_auth_tokens')

    def without(given: Authorization) -> Authorization:
        """Nova does not know of the request, and of tls_port since release 31."""
        return dataclasses.replace(given, request_id=None, tls_port=given.tls_port if has_tls_port else None)
    return without


def rows(database: Database) -> list[sa.RowMapping]:
    with administrator(database._url) as connection:
        return list(connection.execute(sa.text('SELECT * FROM console_auth_tokens')).mappings())


def test_a_row_as_novas_compute_service_writes_it(database: Database, store: TokenStore):
    """Nova's proxy builds its object from these (nova.objects.console_auth_token)."""
    store.add(GIVEN)
    [row] = rows(database)
    assert {name: row[name] for name in row if name not in ('created_at', 'tls_port')} == {
        'id': 1, 'updated_at': None, 'token_hash': hash_token(TOKEN), 'console_type': 'novnc', 'host': '192.0.2.1',
        'port': 5901, 'internal_access_path': '/path', 'instance_uuid': GIVEN.instance_uuid, 'expires': NOW + 600,
        'access_url_base': BASE}
    assert row['created_at'] is not None


@pytest.mark.parametrize(('console_type', 'base', 'access_url'), [
    ('novnc', BASE, f'{BASE}?path=%3Ftoken%3D{TOKEN}'),
    ('novnc', f'{BASE}?scale=true&path=websockify', f'{BASE}?scale=true&path=websockify%3Ftoken%3D{TOKEN}'),
    ('serial', 'wss://example.com:6083/', f'wss://example.com:6083/?token={TOKEN}'),
    ('spice-html5', BASE, f'{BASE}?token={TOKEN}')])
def test_what_novas_compute_service_wrote(database: Database, store: TokenStore, console_type: str, base: str,
                                          access_url: str):
    with administrator(database._url) as connection:
        connection.execute(sa.text(
            'INSERT INTO console_auth_tokens (token_hash, console_type, host, port, instance_uuid, expires, '
            f"access_url_base) VALUES ('{hash_token(TOKEN)}', '{console_type}', '192.0.2.1', 5901, "
            f"'{GIVEN.instance_uuid}', {NOW + 600}, '{base}')"))
    found = store.get(TOKEN, NOW)
    assert (found.access_url, found.port, found.host) == (access_url, '5901', '192.0.2.1')
    # Rocky's nova-api tells consoleauth of it as well, with the URL of that release.
    store.add(dataclasses.replace(found, expires=NOW + 700))
    assert store.get(TOKEN, NOW + 650).access_url == access_url
    assert len(rows(database)) == 1


def test_urls_of_every_release_are_kept_without_the_token(database: Database, store: TokenStore):
    for form in ('?token={}', '?path=%3Ftoken%3D{}'):
        given = another()
        given = dataclasses.replace(given, access_url=BASE + form.format(given.token))
        store.add(given)
        store.add(given)
        assert store.get(given.token, NOW).access_url == f'{BASE}?path=%3Ftoken%3D{given.token}'
    assert [row['access_url_base'] for row in rows(database)] == [BASE] * 2


def test_a_console_of_a_stopped_vm(database: Database, store: TokenStore):
    store.add(dataclasses.replace(GIVEN, port='-1'))
    assert not store.get(TOKEN, NOW).has_port
