# SPDX-License-Identifier: Apache-2.0
"""The cells of [api_database], made from the options."""

from __future__ import annotations

from nova_vnc import exception
from nova_vnc.consoleauth import cell_urls
from nova_vnc.consoleauth.asked import Asked
from nova_vnc.consoleauth.cells import Cell, Cells
from nova_vnc.consoleauth.directory.nova import NovaInstanceDirectory
from nova_vnc.consoleauth.resources import Resources
from nova_vnc.consoleauth.stores.database import DatabaseTokenStore
from nova_vnc.db import factory as db_factory
from nova_vnc.db.cell_mappings import CellMapping
from nova_vnc.db.schema import Content


def cells_of(parts: Resources) -> Cells:
    """Return the cells, the same ones for all who ask; nothing is connected yet.

    :raises ConfigurationError: [api_database] cannot be understood
    """
    return parts.shared(Cells, lambda: Cells(db_factory.build_api_database(parts.conf),
                                             lambda mapping: _open(parts, mapping)))


def fill_transport_url(parts: Resources, mapping_url: str) -> str:
    """Return the transport_url of a cell mapping with the parts of our own in it.

    :raises ConfigurationError: ours lacks one, or the cell has no hosts
    """
    if not mapping_url or not cell_urls.has_transport(mapping_url):
        raise exception.ConfigurationError(reason='its mapping has no transport_url')
    return cell_urls.fill(mapping_url, '[DEFAULT]transport_url', parts.conf.transport_url)


def _open(parts: Resources, mapping: CellMapping) -> Cell:
    option = f'database_connection of cell {mapping.name}'
    url = cell_urls.fill(mapping.database_connection, '[database]connection', parts.conf.database.connection)
    if not url:
        raise exception.ConfigurationError(reason=f'{option} is empty')
    database = db_factory.build_database(parts.conf, url, option)
    database.require(Content.NOVA, option)
    return Cell(mapping, database, DatabaseTokenStore(database),
                NovaInstanceDirectory(database, parts.conf.instance_name_template),
                Asked(f'The database {database.name} of cell {mapping.name}',
                      without='Consoles of this cell are unavailable, and lists are without its VMs.'))
