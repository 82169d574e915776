# SPDX-License-Identifier: Apache-2.0
"""What a token and a VM take in each database, indexes included.

    python -m benchmarks.row_sizes [--rows 50000] [--databases sqlite mariadb postgresql]
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import hashlib
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import sqlalchemy as sa

from benchmarks import report_cost
from nova_vnc.db import models
from nova_vnc.db.engine import Database
from tests.fixtures.database_server import SERVERS

_BATCH = 1000
_VMS_OF_A_HOST = 50
_OF_A_VM = ('reported_instances', 'instance_holders', 'instance_homes')
_SIZES = {
    'sqlite': "SELECT name, SUM(pgsize) FROM dbstat GROUP BY name",
    'mysql': 'SELECT table_name, data_length + index_length FROM information_schema.tables '
             'WHERE table_schema = DATABASE()',
    'postgresql': 'SELECT relname, pg_total_relation_size(oid) FROM pg_class WHERE relkind = \'r\' '
                  "AND relnamespace = 'public'::regnamespace"}


def main() -> None:
    arguments = _parse_arguments()
    for name in arguments.databases:
        with _open(name) as database:
            begin = time.monotonic()
            _fill(database, arguments.rows)
            sizes = _sizes(database)
            token = sizes['console_auth_tokens'] / arguments.rows
            vm = sum(sizes[table] for table in _OF_A_VM) / arguments.rows
            print(f'{name}: {token:.0f} bytes for each of {arguments.rows} tokens, {vm:.0f} for each of as many VMs '
                  f'({time.monotonic() - begin:.0f} s)')


def _fill(database: Database, rows: int) -> None:
    for start in range(0, rows, _BATCH):
        tokens = [_token(number) for number in range(start, min(start + _BATCH, rows))]
        database.write(lambda connection, tokens=tokens: connection.execute(
            models.console_auth_tokens.insert(), tokens), is_urgent=False)
    records = report_cost.build_records(rows // _VMS_OF_A_HOST, _VMS_OF_A_HOST)
    database.write(lambda connection: report_cost.fill(connection, records), is_urgent=False)


def _token(number: int) -> dict[str, object]:
    return {'created_at': datetime.datetime.now(datetime.UTC).replace(tzinfo=None),
            'token_hash': hashlib.sha256(str(number).encode()).hexdigest(), 'console_type': 'novnc',
            'host': '192.0.2.17', 'port': 5900 + number % 100, 'instance_uuid': str(uuid.uuid4()),
            'expires': int(time.time()) + 600, 'request_id': f'req-{uuid.uuid4()}',
            'access_url_base': 'https://console.example.org:6080/vnc_auto.html?path=%3Ftoken%3D<token>'}


def _sizes(database: Database) -> dict[str, float]:
    def work(connection: sa.Connection) -> dict[str, float]:
        if connection.dialect.name == 'mysql':
            connection.execute(sa.text('ANALYZE TABLE console_auth_tokens, ' + ', '.join(_OF_A_VM))).all()
        if connection.dialect.name == 'sqlite':
            return _sqlite_sizes(connection)
        return {table: float(size) for table, size in connection.execute(sa.text(_SIZES[connection.dialect.name]))}
    return database.read(work)


def _sqlite_sizes(connection: sa.Connection) -> dict[str, float]:
    pages = dict(connection.execute(sa.text(_SIZES['sqlite'])).all())
    owners = connection.execute(sa.text("SELECT name, tbl_name FROM sqlite_schema WHERE type IN ('table', 'index')"))
    sizes: dict[str, float] = {}
    for name, table in owners:
        sizes[table] = sizes.get(table, 0.0) + pages.get(name, 0)
    return sizes


@contextlib.contextmanager
def _open(name: str) -> Iterator[Database]:
    if name == 'sqlite':
        with tempfile.TemporaryDirectory() as directory, contextlib.closing(
                Database('', own_file=str(Path(directory) / 'nova-vnc.sqlite'))) as database:
            database.sync()
            yield database
    else:
        with SERVERS[name]() as server, server.new_database() as database:
            yield database


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--rows', type=int, default=50000)
    parser.add_argument('--databases', nargs='+', choices=['sqlite', *SERVERS], default=['sqlite', *SERVERS])
    return parser.parse_args()


if __name__ == '__main__':
    main()
