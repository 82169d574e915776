# SPDX-License-Identifier: Apache-2.0
"""The directory that Nova keeps in the databases of all its cells."""

from __future__ import annotations

import contextlib
import dataclasses
import heapq
import itertools
from collections.abc import Mapping, Sequence

from nova_vnc import exception
from nova_vnc.consoleauth import cells as cells_module
from nova_vnc.consoleauth import open_cells, resources
from nova_vnc.consoleauth.cells import Cell, Cells
from nova_vnc.consoleauth.directory import base


class CellsInstanceDirectory(base.InstanceDirectory):

    def __init__(self, cells: Cells) -> None:
        self._cells = cells

    @classmethod
    def build(cls, parts: resources.Resources) -> CellsInstanceDirectory:
        return cls(open_cells.cells_of(parts))

    def get(self, instance_uuid: str) -> base.Entry | None:
        cell = self._cells.cell_of(instance_uuid)
        if cell is None:
            return None
        entry = cell.ask(lambda it: it.directory.get(instance_uuid))
        return _placed(entry, cell) if entry else None

    def get_many(self, uuids: Sequence[str]) -> Mapping[str, base.Entry | None]:
        """A cell that is away is waited for once, see Asked."""
        found: dict[str, base.Entry | None] = {}
        for uuid in uuids:
            with contextlib.suppress(exception.StoreUnavailable):
                found[uuid] = self.get(uuid)
        return found

    def page(self, project_id: str | None, name: str | None, limit: int, marker: str | None) -> Sequence[base.Entry]:
        """The VMs of a cell that is away are left out, as Nova does (list_records_by_skipping_down_cells)."""
        last = self.get(marker) if marker is not None else None
        if marker is not None and (last is None or project_id not in (None, last.instance.project_id)):
            raise exception.MarkerNotFound(marker=marker)
        answers, silent = self._cells.ask_all(
            lambda cell: cell.directory.page_after(project_id, name, limit, marker))
        if silent and not answers:
            raise exception.StoreUnavailable(reason=f'no cell can be asked: {cells_module.names(silent)}')
        pages = ([_placed(entry, cell) for entry in page] for cell, page in answers)
        return list(itertools.islice(heapq.merge(*pages, key=lambda entry: entry.instance.uuid), limit))


def _placed(entry: base.Entry, cell: Cell) -> base.Entry:
    return dataclasses.replace(entry, cell=cell.mapping.uuid)
