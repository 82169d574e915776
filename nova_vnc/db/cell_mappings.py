# SPDX-License-Identifier: Apache-2.0
"""Queries of Nova's API database: which cells there are, and which of them an instance is in. Nothing is written.

A function takes the connection of Database.read().
"""

from __future__ import annotations

import dataclasses

import sqlalchemy as sa

from nova_vnc.db import nova_api_models

# Where Nova keeps VMs for which no host was found (nova.objects.cell_mapping.CellMapping.CELL0_UUID).
CELL0_UUID = '00000000-0000-0000-0000-000000000000'

_CELLS = nova_api_models.cell_mappings
_INSTANCES = nova_api_models.instance_mappings


@dataclasses.dataclass(frozen=True)
class CellMapping:
    """A row of cell_mappings. Both URLs may be templates, and hold passwords."""

    id: int
    uuid: str
    name: str
    transport_url: str = dataclasses.field(repr=False)
    database_connection: str = dataclasses.field(repr=False)


def cells(connection: sa.Connection) -> list[CellMapping]:
    """Return all cells that have hosts, in the order of their ids: not cell0. Disabled ones run the VMs they have."""
    statement = sa.select(_CELLS.c.id, _CELLS.c.uuid, _CELLS.c.name, _CELLS.c.transport_url,
                          _CELLS.c.database_connection).where(_CELLS.c.uuid != CELL0_UUID).order_by(_CELLS.c.id)
    return [CellMapping(row.id, row.uuid, row.name or row.uuid, row.transport_url or '', row.database_connection or '')
            for row in connection.execute(statement)]


def cell_id_of(connection: sa.Connection, instance_uuid: str) -> int | None:
    """Return the id of the cell of an instance, deleted or not: None if it is in none yet, or is not known."""
    return connection.scalar(sa.select(_INSTANCES.c.cell_id).where(_INSTANCES.c.instance_uuid == instance_uuid))
