# SPDX-License-Identifier: Apache-2.0
"""The directory that Nova keeps: the table instances of a cell database, which is only read.

What Nova says of a VM is believed: it knows where its compute services are, so no host is silent here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nova_vnc import exception, objects
from nova_vnc.consoleauth import resources
from nova_vnc.consoleauth.directory import base, name_filter
from nova_vnc.db import nova_instances
from nova_vnc.db.engine import Database
from nova_vnc.db.schema import Content


class NovaInstanceDirectory(base.InstanceDirectory):
    """:param name_template: Nova's [DEFAULT]instance_name_template"""

    def __init__(self, database: Database, name_template: str) -> None:
        self._database = database
        self._name_template = name_template

    @classmethod
    def build(cls, parts: resources.Resources) -> NovaInstanceDirectory:
        database = parts.database()
        database.require(Content.NOVA, '[consoleauth]instance_directory = nova')
        return cls(database, parts.conf.instance_name_template)

    def get(self, instance_uuid: str) -> base.Entry | None:
        row = self._database.read(
            lambda connection: nova_instances.find(connection, self._database.columns, instance_uuid))
        return self._entry(row) if row else None

    def get_many(self, uuids: Sequence[str]) -> Mapping[str, base.Entry | None]:
        rows = self._database.read(
            lambda connection: nova_instances.find_many(connection, self._database.columns, uuids))
        found = {row['uuid']: self._entry(row) for row in rows}
        return {uuid: found.get(uuid) for uuid in uuids}

    def page(self, project_id: str | None, name: str | None, limit: int, marker: str | None) -> Sequence[base.Entry]:
        with self._database.shared_reads():
            last = self.get(marker) if marker is not None else None
            if marker is not None and (last is None or project_id not in (None, last.instance.project_id)):
                raise exception.MarkerNotFound(marker=marker)
            return self.page_after(project_id, name, limit, marker)

    def page_after(self, project_id: str | None, name: str | None, limit: int,
                   marker: str | None) -> list[base.Entry]:
        """As page(), for a marker that need not be here."""
        like = None if name is None else name_filter.build_like(name)
        rows = self._database.read(lambda connection: nova_instances.page(
            connection, self._database.columns, project_id, like, limit, marker))
        return [self._entry(row) for row in rows]

    def _entry(self, row: Mapping[str, Any]) -> base.Entry:
        return base.Entry(objects.InstanceRecord(
            uuid=row['uuid'], id=row['id'], name=build_name(self._name_template, row),
            display_name=row['display_name'] or '', host=row['host'] or None, project_id=row['project_id'],
            user_id=row['user_id'], vm_state=row['vm_state'] or objects.VM_STATE_UNKNOWN, task_state=row['task_state'],
            locked=bool(row['locked']), description=row['display_description'], tags=row['tags']))


def build_name(template: str, row: Mapping[str, Any]) -> str:
    """Return the hypervisor's name of a VM, as Nova makes it up (nova.objects.instance.Instance.name)."""
    try:
        return template % row['id']
    except TypeError:
        pass
    try:
        return template % row       # such as %(uuid)s
    except (KeyError, TypeError, ValueError):
        return str(row['uuid'])
