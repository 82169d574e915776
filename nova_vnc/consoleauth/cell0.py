# SPDX-License-Identifier: Apache-2.0
"""Nova's cell0: where VMs are kept for which no host was found. No console is there, and no token.

Files that are written for nova-api and the conductor above the cells (by devstack and kolla, for example) name it in
[database]connection, as Nova asks for. nova-manage cell_v2 map_cell0 makes its name from that of the database of a cell
by adding `_cell0`, and so do all deployment tools: by the name it is known. A database in which any VM has ever had a
host is none, whatever it is called. Its services would tell nothing: nova-api and nova-scheduler register there.
"""

from __future__ import annotations

import os

from oslo_log import log as logging

from nova_vnc import exception
from nova_vnc.db import nova_instances
from nova_vnc.db.engine import Database

LOG = logging.getLogger(__name__)

_SUFFIX = '_cell0'


def refuse(database: Database) -> None:
    """:raises ConfigurationError: it is cell0
    :raises StoreUnavailable: it cannot be read now
    """
    if database.read(nova_instances.any_has_a_host):
        return
    if is_its_name(database.schema_name):
        raise exception.ConfigurationError(
            reason=f"[database]connection = {database.name} is Nova's cell0, whose instances have no host and no "
                   'console: name the database of the cell, as the nova.conf of its nova-conductor and nova-novncproxy '
                   'does')
    if database.read(nova_instances.are_any):
        LOG.warning("No instance in [database]connection = %s has ever had a host. If this is Nova's cell0, name the "
                    'database of the cell', database.name)


def is_its_name(name: str) -> bool:
    """:param name: of a database on a server, or the path of a SQLite file"""
    stem, _ = os.path.splitext(name)
    return name.endswith(_SUFFIX) or stem.endswith(_SUFFIX)
