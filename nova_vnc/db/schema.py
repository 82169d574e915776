# SPDX-License-Identifier: Apache-2.0
"""Whose tables a database holds, in which revision, and the migrations that bring ours up to date."""

from __future__ import annotations

import enum
import logging as stdlib_logging
import threading

import alembic.command
import alembic.config
import alembic.migration
import alembic.script
import sqlalchemy as sa

# A name of its own, so that Nova's alembic_version could stand beside it.
VERSION_TABLE = 'nova_vnc_alembic_version'

_SCRIPTS = 'nova_vnc:db/migrations'
# Found in Nova's cell databases and in its API database.
_NOVA_TABLES = frozenset({'instances', 'cell_mappings'})
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
    NOTHING = 'neither'


def content_of(connection: sa.Connection) -> Content:
    tables = set(sa.inspect(connection).get_table_names())
    if tables & _NOVA_TABLES:
        return Content.NOVA
    if VERSION_TABLE in tables:
        return Content.OURS
    return Content.NOVA if 'console_auth_tokens' in tables else Content.NOTHING


def columns_of(connection: sa.Connection, table: str) -> frozenset[str]:
    return frozenset(column['name'] for column in sa.inspect(connection).get_columns(table))


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
