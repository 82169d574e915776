# SPDX-License-Identifier: Apache-2.0
"""Who of many has to go first, known at any time without a look at all of them. Pure.

Each belongs to a holder, is in a state, and has been so since a time. First goes one of the holder that has most; of
one holder, one in the state that most are in; of those, the one that has been so for longest. Where several holders
have equally many, the state is that which most of all of theirs are in.

To add one, to take one out and to ask for the first one costs some searches by halves, however many there are.
"""

from __future__ import annotations

import bisect
import collections
from collections.abc import Hashable, Iterator
from typing import Generic, TypeVar

T = TypeVar('T')

# Since when, a number that no other mark has, and whose mark it is.
Mark = tuple[float, int, T]


class Ranking(Generic[T]):
    """Not thread-safe."""

    def __init__(self) -> None:
        self._holders: dict[Hashable, _Rows[T]] = {}
        # By how many a holder has: the first mark of each row of each such holder, and how many all rows have.
        self._levels: dict[int, _Rows[T]] = {}
        self._top = 0

    def __iter__(self) -> Iterator[T]:
        for rows in self._holders.values():
            yield from rows

    def add(self, holder: Hashable, state: Hashable, mark: Mark[T]) -> None:
        rows = self._holders.setdefault(holder, _Rows())
        self._lower(rows)
        rows.insert(state, mark, 1)
        self._raise(rows)
        self._top = max(self._top, rows.total)

    def remove(self, holder: Hashable, state: Hashable, mark: Mark[T]) -> None:
        """:param mark: with what it was added, as the other two"""
        rows = self._holders[holder]
        self._lower(rows)
        rows.remove(state, mark, 1)
        self._raise(rows)
        if not rows.total:
            del self._holders[holder]
        if self._top not in self._levels:
            self._top -= 1      # there is this holder at least, unless there is none at all

    def first(self) -> T | None:
        """Return who has to go; None: there is nobody."""
        level = self._levels.get(self._top)
        return None if level is None else level.first()

    def first_of(self, holder: Hashable) -> T | None:
        """Return who of this holder's has to go; None: it has none."""
        rows = self._holders.get(holder)
        return None if rows is None else rows.first()

    def _lower(self, rows: _Rows[T]) -> None:
        """Take a holder out of its level."""
        if rows.total:
            level = self._levels[rows.total]
            for state, mark, count in rows.heads():
                level.remove(state, mark, count)
            if not level.total:
                del self._levels[rows.total]

    def _raise(self, rows: _Rows[T]) -> None:
        """Put a holder into the level that it belongs to now."""
        if rows.total:
            level = self._levels.setdefault(rows.total, _Rows())
            for state, mark, count in rows.heads():
                level.insert(state, mark, count)


class _Rows(Generic[T]):
    """Marks by their states, in order. A mark can stand for several.

    :ivar total: how many there are
    """

    __slots__ = ('_counts', '_rows', 'total')

    def __init__(self) -> None:
        self.total = 0
        self._rows: dict[Hashable, list[Mark[T]]] = {}
        self._counts: collections.Counter[Hashable] = collections.Counter()

    def __iter__(self) -> Iterator[T]:
        return (who for row in self._rows.values() for _, _, who in row)

    def insert(self, state: Hashable, mark: Mark[T], count: int) -> None:
        bisect.insort(self._rows.setdefault(state, []), mark)
        self._counts[state] += count
        self.total += count

    def remove(self, state: Hashable, mark: Mark[T], count: int) -> None:
        row = self._rows[state]
        del row[bisect.bisect_left(row, mark)]
        self._counts[state] -= count
        self.total -= count
        if not row:
            del self._rows[state], self._counts[state]

    def heads(self) -> Iterator[tuple[Hashable, Mark[T], int]]:
        """Return the first one of each row, and how many there are in it."""
        return ((state, row[0], self._counts[state]) for state, row in self._rows.items())

    def first(self) -> T:
        most = max(self._counts.values())
        return min(row[0] for state, row in self._rows.items() if self._counts[state] == most)[2]
