# SPDX-License-Identifier: Apache-2.0
"""Whose tables a database holds, in which revision, and the migrations that bring ours up to date."""

from __future__ import annotations

import enum
import logging as stdlib_logging
import threading
from collections.abc import Iterable

import alembic.command
import alembic.config
import alembic.migration
import alembic.script
import sqlalchemy as sa

# A name of its own, so that Nova's alembic_version could stand beside it.
VERSION_TABLE = 'nova_vnc_alembic_version'

_SCRIPTS = 'nova_vnc:db/migrations'
# A lock on nothing but a name, or on a number that is as good as one: until the transaction ends, and in MariaDB, where
# each change of a table ends one, until the connection does.
_WAIT_FOR_OTHERS = {'postgresql': 'SELECT pg_advisory_xact_lock(7802914463815520)',
                    'mysql': "SELECT GET_LOCK(LEFT(CONCAT('nova_vnc.', DATABASE()), 64), 3600)"}
# alembic.context is one for the whole process.
_alembic_lock = threading.Lock()

# Its INFO lines tell of plugins, and of every look at the revision.
stdlib_logging.getLogger('alembic').setLevel(stdlib_logging.WARNING)


class Content(enum.Enum):
    """What a database holds."""

    OURS = 'our tables'
    NOVA = "Nova's tables"
    NOVA_API = "the tables of Nova's API database"
    NOTHING = 'neither'


def content_of(connection: sa.Connection) -> Content:
    """Look at the names of the tables; a server may show those alone that the user may use."""
    tables = set(sa.inspect(connection).get_table_names())
    if 'instances' in tables:
        return Content.NOVA
    if 'cell_mappings' in tables:
        return Content.NOVA_API
    if VERSION_TABLE in tables:
        return Content.OURS
    return Content.NOVA if 'console_auth_tokens' in tables else Content.NOTHING


def columns_of(connection: sa.Connection, tables: Iterable[str]) -> dict[str, frozenset[str]]:
    """Return the columns by table: none of one that is not there or may not be read."""
    inspector = sa.inspect(connection)
    # Not has_table(), which MariaDB refuses to whoever has no right to the table.
    present = set(inspector.get_table_names())
    return {table: frozenset(column['name'] for column in inspector.get_columns(table))
            if table in present and _may_read(connection, table) else frozenset() for table in tables}


def _may_read(connection: sa.Connection, table: str) -> bool:
    # PostgreSQL shows all tables. MariaDB shows those that the user has any right to.
    if connection.dialect.name != 'postgresql':
        return True
    return bool(connection.scalar(sa.select(sa.func.has_table_privilege(table, 'SELECT'))))


def is_up_to_date(connection: sa.Connection) -> bool:
    """Tell whether no migration is left to run; a database of a newer release, which has more, is up to date."""
    current = alembic.migration.MigrationContext.configure(
        connection, opts={'version_table': VERSION_TABLE}).get_current_revision()
    if current is None:
        return False
    scripts = alembic.script.ScriptDirectory.from_config(_config())
    known = {script.revision for script in scripts.walk_revisions()}
    return current == scripts.get_current_head() or current not in known


def upgrade(connection: sa.Connection) -> bool:
    """Run the migrations that this database lacks, in the transaction of the connection; tell whether it lacked any.

    On a server, one process at a time does so, and others wait for it.
    """
    if connection.dialect.name in _WAIT_FOR_OTHERS:
        connection.execute(sa.text(_WAIT_FOR_OTHERS[connection.dialect.name]))
    if is_up_to_date(connection):
        return False
    config = _config()
    config.attributes['connection'] = connection
    with _alembic_lock:
        alembic.command.upgrade(config, 'head')
    return True


def _config() -> alembic.config.Config:
    config = alembic.config.Config()
    config.set_main_option('script_location', _SCRIPTS)
    return config
