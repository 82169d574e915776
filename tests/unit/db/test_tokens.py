# SPDX-License-Identifier: Apache-2.0

import pytest
import sqlalchemy as sa

from nova_vnc.db.engine import Database
from nova_vnc.db.tokens import TokenTable

ROW = {'token_hash': 'a' * 64, 'console_type': 'novnc', 'host': '192.0.2.1', 'port': 5901, 'internal_access_path': None,
       'instance_uuid': '9169fdb2-5b74-46b1-9803-60d2926bd97c', 'expires': 2000000600, 'created_at': 2000000000.0,
       'access_url_base': 'http://example.com/vnc_auto.html?token=<token>', 'request_id': 'req-1'}


@pytest.fixture
def table(database: Database) -> TokenTable:
    return TokenTable(database)


def test_row_comes_back(table: TokenTable):
    assert table.insert(ROW)
    found = table.find(ROW['token_hash'])
    assert {name: found[name] for name in ROW} == ROW
    assert found['tls_port'] is None


def test_hash_is_unique(table: TokenTable):
    assert table.insert(ROW)
    assert not table.insert({**ROW, 'port': 5902})
    assert table.find(ROW['token_hash'])['port'] == 5901


def test_columns_that_the_table_lacks(database: Database, table: TokenTable):
    """As of Nova before release 31, but for the columns that only we have."""
    def drop(connection: sa.Connection) -> None:
        for column in ('tls_port', 'request_id'):
            connection.execute(sa.text(f'ALTER TABLE console_auth_tokens DROP COLUMN {column}'))
    database.write(drop)
    database.close()    # looks at the tables anew
    assert table.insert(ROW)
    found = table.find(ROW['token_hash'])
    assert not {'tls_port', 'request_id'} & set(found)
    assert found['host'] == ROW['host']
