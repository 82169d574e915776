# SPDX-License-Identifier: Apache-2.0
"""Queries of Nova's table instances, and of its tags where they may be read.

A function takes the connection of Database.read(), and `columns`, which tells of a table what it has here. A row is a
mapping of the table's column names, with a tuple of tags.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import sqlalchemy as sa
from oslo_db import exception as db_exception

from nova_vnc.db import failures, nova_models

Columns = Callable[[str], frozenset[str]]

_INSTANCES = nova_models.instances
_TAGS = nova_models.tags
_SOFT_DELETED = 'soft-delete'


def find(connection: sa.Connection, columns: Columns, uuid: str) -> dict[str, Any] | None:
    """Return a VM that is not deleted; one that could be restored still is there."""
    found = _run(connection, columns, _present(columns).where(_INSTANCES.c.uuid == uuid))
    return found[0] if found else None


def find_many(connection: sa.Connection, columns: Columns, uuids: Sequence[str]) -> list[dict[str, Any]]:
    """As find(), of several VMs.

    :param uuids: at most MAX_PARAMETERS
    """
    return _run(connection, columns, _present(columns).where(_INSTANCES.c.uuid.in_(uuids)))


def page(connection: sa.Connection, columns: Columns, project_id: str | None, name_like: str | None, limit: int,
         marker: str | None) -> list[dict[str, Any]]:
    """Return rows ordered by uuid, as Nova lists them: without those that could only be restored.

    :param project_id: of this project only; None: all
    :param name_like: pattern of LIKE for the display name, with the escape character `!`; letter case does not count
    :param marker: only what comes after this uuid
    """
    state = _INSTANCES.c.vm_state
    statement = _present(columns).where(sa.or_(state.is_(None), state != _SOFT_DELETED))
    if project_id is not None:
        statement = statement.where(_INSTANCES.c.project_id == project_id)
    if name_like is not None:
        statement = statement.where(_INSTANCES.c.display_name.ilike(name_like, escape='!'))
    if marker is not None:
        statement = statement.where(_INSTANCES.c.uuid > marker)
    try:
        return _run(connection, columns, statement.order_by(_INSTANCES.c.uuid).limit(limit))
    except (sa.exc.DBAPIError, db_exception.DBError) as error:
        if failures.means_no_match(error):      # else any user's filter would have the connections closed
            return []
        raise


def any_has_a_host(connection: sa.Connection) -> bool:
    """Tell whether any VM, deleted ones too, has ever been on a host."""
    statement = sa.select(_INSTANCES.c.id).where(_INSTANCES.c.host.is_not(None)).limit(1)
    return connection.execute(statement).first() is not None


def are_any(connection: sa.Connection) -> bool:
    return connection.execute(sa.select(_INSTANCES.c.id).limit(1)).first() is not None


def _present(columns: Columns) -> sa.Select[Any]:
    known = columns(_INSTANCES.name)
    statement = sa.select(*(column for column in _INSTANCES.c if column.name in known)).where(_INSTANCES.c.deleted == 0)
    if 'hidden' in known:
        statement = statement.where(sa.func.coalesce(_INSTANCES.c.hidden, sa.false()).is_(sa.false()))
    return statement


def _run(connection: sa.Connection, columns: Columns, statement: sa.Select[Any]) -> list[dict[str, Any]]:
    if not columns(_TAGS.name):
        return [{**row, 'tags': ()} for row in connection.execute(statement).mappings()]
    chosen = statement.subquery()
    with_tags = (sa.select(chosen, _TAGS.c.tag).outerjoin_from(chosen, _TAGS, _TAGS.c.resource_id == chosen.c.uuid)
                 .order_by(chosen.c.uuid, _TAGS.c.tag))
    rows: dict[str, dict[str, Any]] = {}
    for found in connection.execute(with_tags).mappings():
        row = dict(found)
        tag = row.pop('tag')
        known = rows.setdefault(row['uuid'], {**row, 'tags': ()})
        if tag is not None:
            known['tags'] += (tag,)
    return list(rows.values())
