# SPDX-License-Identifier: Apache-2.0
"""Tokens in the databases of all cells: each in that of the cell that its VM is in, where Nova keeps it.

A token tells nothing of its cell, so all are asked for it at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from nova_vnc import exception
from nova_vnc.consoleauth import cells as cells_module
from nova_vnc.consoleauth import open_cells, resources, tokens
from nova_vnc.consoleauth.cells import Cells
from nova_vnc.consoleauth.stores import base


class CellsTokenStore(base.TokenStore):

    def __init__(self, cells: Cells) -> None:
        self._cells = cells

    @classmethod
    def build(cls, parts: resources.Resources) -> CellsTokenStore:
        return cls(open_cells.cells_of(parts))

    def add(self, authorization: tokens.Authorization) -> None:
        """:raises InstanceNotFound: the VM is in no cell"""
        cell = self._cells.cell_of(authorization.instance_uuid)
        if cell is None:
            raise exception.InstanceNotFound(instance_id=authorization.instance_uuid)
        cell.ask(lambda it: it.store.add(authorization))

    def get(self, token: str, now: float) -> tokens.Authorization | None:
        """One that is found counts, whichever other cell is away; one that is not might be there."""
        answers, silent = self._cells.ask_all(lambda cell: cell.store.get(token, now), lambda found: found is not None)
        for _, found in answers:
            if found is not None:
                return found
        if silent or not self._cells.are_complete():
            raise exception.StoreUnavailable(reason=f'not every cell can be asked: {cells_module.names(silent)}')
        return None

    def get_many(self, wanted: Sequence[str], now: float) -> Mapping[str, tokens.Authorization | None]:
        """As get(): what is not found is missing in the answer while not every cell can be asked."""
        answers, silent = self._cells.ask_all(
            lambda cell: {token: found for token, found in cell.store.get_many(wanted, now).items() if found},
            lambda found: len(found) == len(wanted))
        found = {token: authorization for _, here in answers for token, authorization in here.items()}
        if silent or not self._cells.are_complete():
            return found
        return {token: found.get(token) for token in wanted}

    def delete_for_instance(self, instance_uuid: str) -> int:
        """A VM that was resized from one cell to another may have tokens in both."""
        home = self._cells.cell_of(instance_uuid)
        answers, silent = self._cells.ask_all(lambda cell: cell.store.delete_for_instance(instance_uuid))
        if silent and (home is None or home in silent):
            raise exception.StoreUnavailable(reason=f'not every cell can be asked: {cells_module.names(silent)}')
        return sum(count for _, count in answers)

    def purge(self, now: float) -> int:
        """What is in a cell that is away is purged when it is back."""
        answers, _ = self._cells.ask_all(lambda cell: cell.store.purge(now))
        return sum(count for _, count in answers)
