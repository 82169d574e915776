# SPDX-License-Identifier: Apache-2.0

import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from nova_vnc.db import models, schema
from nova_vnc.db.engine import Database


def test_migrations_make_the_tables_of_the_models(database: Database):
    def compare(connection: sa.Connection) -> list[object]:
        return compare_metadata(MigrationContext.configure(connection, opts={
            'version_table': schema.VERSION_TABLE, 'compare_type': True}), models.metadata)
    assert database.read(compare) == []


def test_what_a_database_holds(database: Database):
    assert database.read(schema.content_of) is schema.Content.OURS
    database.write(lambda connection: connection.execute(sa.text(f'DROP TABLE {schema.VERSION_TABLE}')))
    assert database.read(schema.content_of) is schema.Content.NOVA
    database.write(lambda connection: connection.execute(sa.text('DROP TABLE console_auth_tokens')))
    assert database.read(schema.content_of) is schema.Content.NOTHING


def test_what_is_up_to_date(database: Database):
    def set_revision(revision: str) -> None:
        statement = sa.text(f'UPDATE {schema.VERSION_TABLE} SET version_num = :revision')
        database.write(lambda connection: connection.execute(statement, {'revision': revision}))
    assert database.read(schema.is_up_to_date)
    set_revision('9999')    # of a newer release
    assert database.read(schema.is_up_to_date)
    database.write(lambda connection: connection.execute(sa.text(f'DELETE FROM {schema.VERSION_TABLE}')))
    assert not database.read(schema.is_up_to_date)
