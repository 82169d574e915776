# SPDX-License-Identifier: Apache-2.0
"""The cells of a Nova, as its API database maps them: each has a database and a message bus of its own.

cell0 is left out: its VMs have no host, and so no console. What was read of the API database is used until it can be
read again, so that only what is new needs it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent import futures
from typing import TypeVar

from oslo_log import log as logging

from nova_vnc import exception
from nova_vnc.consoleauth.asked import ANSWER_S, Asked
from nova_vnc.consoleauth.directory.nova import NovaInstanceDirectory
from nova_vnc.consoleauth.stores.database import DatabaseTokenStore
from nova_vnc.db import cell_mappings
from nova_vnc.db.cell_mappings import CellMapping
from nova_vnc.db.engine import Database
from nova_vnc.net.deadline import Deadline

LOG = logging.getLogger(__name__)

T = TypeVar('T')

# A cell that is added, or moved to another server, is known after this time.
_READ_EVERY_S = 60.0
# A mapping that names an unknown cell has them read again, but no more often than this.
_READ_FOR_UNKNOWN_EVERY_S = 1.0


@dataclasses.dataclass(frozen=True)
class Cell:
    """A cell that can be asked."""

    mapping: CellMapping
    database: Database
    store: DatabaseTokenStore
    directory: NovaInstanceDirectory
    asked: Asked

    def ask(self, work: Callable[[Cell], T]) -> T:
        """:raises StoreUnavailable: its database cannot be used now, or does not answer in time"""
        return self.asked.ask(lambda: work(self))


class Cells:
    """Thread-safe.

    :param api: Nova's API database
    :param open_cell: makes a Cell; nothing is connected yet. It raises ConfigurationError where a mapping is of no use
    :param answer_s: how long a database is waited for
    :param clock: monotonic seconds
    """

    def __init__(self, api: Database, open_cell: Callable[[CellMapping], Cell], answer_s: float = ANSWER_S,
                 clock: Callable[[], float] = time.monotonic) -> None:
        self._api = api
        self._open_cell = open_cell
        self._answer_s = answer_s
        self._clock = clock
        self._asked_api = Asked(f'[api_database]connection = {api.name}', answer_s,
                                'VMs are looked for in all cells meanwhile.')
        self._lock = threading.Lock()
        self._reading = threading.Lock()
        self._read_at: float | None = None
        self._mappings: dict[int, CellMapping] = {}
        self._cells: dict[int, Cell] = {}           # without those whose mapping is of no use
        self._closed = False

    @property
    def name(self) -> str:
        """How messages call the API database."""
        return self._api.name

    @property
    def is_local(self) -> bool:
        """Whether no server has to be waited for to learn which cells there are."""
        return self._api.is_local

    def prepare(self) -> int:
        """Learn which cells there are and return how many.

        :raises ConfigurationError: the database is no API database of Nova's
        :raises StoreUnavailable: it cannot be read now
        """
        self._api.prepare()
        self._read()
        return len(self._mappings)

    def all(self) -> list[Cell]:
        """Return the cells that can be asked, in the order of their ids.

        :raises StoreUnavailable: it was never known which there are
        """
        self._read_if_older_than(_READ_EVERY_S)
        with self._lock:
            return list(self._cells.values())

    def are_complete(self) -> bool:
        """Tell whether each cell that is mapped can be asked."""
        with self._lock:
            return self._cells.keys() == self._mappings.keys()

    def by_uuid(self, uuid: str) -> Cell | None:
        """Return a known cell."""
        with self._lock:
            return next((cell for cell in self._cells.values() if cell.mapping.uuid == uuid), None)

    def cell_of(self, instance_uuid: str) -> Cell | None:
        """Return the cell that an instance is mapped to; None: it is in none that has hosts.

        Without the API database it is looked for in all cells.

        :raises StoreUnavailable: that cannot be told now
        """
        self.all()
        try:
            cell_id = self._asked_api.ask(lambda: self._api.read(
                lambda connection: cell_mappings.cell_id_of(connection, instance_uuid)))
        except exception.StoreUnavailable:
            return self._find(instance_uuid)
        if cell_id is None:
            return None
        if cell_id not in self._mappings:
            self._read_if_older_than(_READ_FOR_UNKNOWN_EVERY_S)
        with self._lock:
            if cell_id in self._mappings and cell_id not in self._cells:
                raise exception.StoreUnavailable(reason=f'the mapping of cell {self._mappings[cell_id].name} is of no '
                                                        'use')
            return self._cells.get(cell_id)

    def ask_all(self, work: Callable[[Cell], T],
                is_enough: Callable[[T], bool] = lambda _: False) -> tuple[list[tuple[Cell, T]], list[Cell]]:
        """Ask all cells at once. Return what they answered, in their order, and those that did not.

        :param is_enough: an answer for which no further one is waited for
        """
        under_way = {cell.asked.begin(functools.partial(work, cell)): cell for cell in self.all()}
        deadline = Deadline(self._answer_s)
        with contextlib.suppress(futures.TimeoutError):
            for answer in futures.as_completed(under_way, deadline.remaining()):
                if answer.exception() is None and is_enough(answer.result()):
                    return [(under_way[answer], answer.result())], []
        answers: list[tuple[Cell, T]] = []
        silent: list[Cell] = []
        for answer, cell in under_way.items():
            try:
                answers.append((cell, cell.asked.result(answer, deadline)))
            except exception.StoreUnavailable:
                silent.append(cell)
        return answers, silent

    def close(self) -> None:
        with self._lock:
            self._closed = True
            cells, self._cells = self._cells, {}
        self._api.close()
        _close(cells.values())

    def _find(self, instance_uuid: str) -> Cell | None:
        answers, silent = self.ask_all(lambda cell: cell.directory.get(instance_uuid) is not None, bool)
        for cell, is_there in answers:
            if is_there:
                return cell
        if silent or not self.are_complete():
            raise exception.StoreUnavailable(reason='neither the API database nor each cell can be asked')
        return None

    def _read_if_older_than(self, seconds: float) -> None:
        is_first = self._read_at is None
        if self._read_at is not None and self._clock() - self._read_at < seconds:
            return
        # Whoever comes meanwhile goes on with what is known.
        if not self._reading.acquire(timeout=self._answer_s if is_first else 0):
            if is_first:
                raise exception.StoreUnavailable(reason='it is not known yet which cells there are')
            return
        try:
            if self._read_at is not None and self._clock() - self._read_at < seconds:
                return
            self._asked_api.ask(self._read)
        except exception.StoreUnavailable:
            if self._read_at is None:
                raise
        finally:
            self._reading.release()

    def _read(self) -> None:
        """:raises StoreUnavailable: it cannot be read now"""
        found = {mapping.id: mapping for mapping in self._api.read(cell_mappings.cells)}
        with self._lock:
            if self._closed:
                return
            gone = [cell for number, cell in self._cells.items() if found.get(number) != cell.mapping]
            known = {number: cell for number, cell in self._cells.items() if found.get(number) == cell.mapping}
            new = {number: mapping for number, mapping in found.items() if self._mappings.get(number) != mapping}
            self._mappings, self._read_at = found, self._clock()
            opened = {**known, **self._open(new.values())}
            self._cells = {number: opened[number] for number in found if number in opened}
        _close(gone)

    def _open(self, mappings: Iterable[CellMapping]) -> dict[int, Cell]:
        opened = {}
        for mapping in mappings:
            try:
                opened[mapping.id] = self._open_cell(mapping)
            except exception.ConfigurationError as error:
                LOG.error('The consoles of cell %s are unavailable: %s', mapping.name, error)
        return opened


def names(cells: Sequence[Cell]) -> str:
    return ', '.join(cell.mapping.name for cell in cells)


def _close(cells: Iterable[Cell]) -> None:
    for cell in cells:
        cell.database.close()
