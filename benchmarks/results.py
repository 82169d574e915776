# SPDX-License-Identifier: Apache-2.0
"""What a run has measured: for each load, peer and figure a value of each round. Medians of them are what is shown."""

from __future__ import annotations

import dataclasses
import json
import statistics
from pathlib import Path
from typing import Any

_FORMAT = 1


@dataclasses.dataclass
class Results:
    """
    :ivar about: machine, versions, date, options: strings and numbers for those who read the file
    :ivar notes: what has been left out, and why
    :ivar values: {load: {peer: {figure: [value of each round]}}}
    """

    about: dict[str, Any] = dataclasses.field(default_factory=dict)
    notes: list[str] = dataclasses.field(default_factory=list)
    values: dict[str, dict[str, dict[str, list[float]]]] = dataclasses.field(default_factory=dict)

    def add(self, load: str, peer: str, figures: dict[str, float]) -> None:
        """Add what one round has given."""
        of_peer = self.values.setdefault(load, {}).setdefault(peer, {})
        for figure, value in figures.items():
            of_peer.setdefault(figure, []).append(value)

    def median(self, load: str, peer: str, figure: str) -> float | None:
        """Return None where it was not measured."""
        values = self.values.get(load, {}).get(peer, {}).get(figure)
        return statistics.median(values) if values else None

    def ratio(self, load: str, peer: str, base: str, figure: str) -> float | None:
        """Return how many times the base's median the peer's is; None where either is missing, or the base's is 0.

        Both take turns in a round and see the same weather, so it is the median of the ratios of the rounds, where
        these can be matched.
        """
        ours = self.values.get(load, {}).get(peer, {}).get(figure, [])
        theirs = self.values.get(load, {}).get(base, {}).get(figure, [])
        if not ours or not theirs or not all(theirs):
            return None
        if len(ours) == len(theirs):
            return statistics.median(our / their for our, their in zip(ours, theirs, strict=True))
        return statistics.median(ours) / statistics.median(theirs)

    def peers(self) -> list[str]:
        """Return all peers, in the order in which they were first measured."""
        return list(dict.fromkeys(peer for of_load in self.values.values() for peer in of_load))

    def write(self, path: Path) -> None:
        path.write_text(json.dumps({'format': _FORMAT, **dataclasses.asdict(self)}, indent=1) + '\n')


def read(path: Path) -> Results:
    """:raises ValueError: the file is none of these"""
    fields = json.loads(path.read_text())
    if not isinstance(fields, dict) or fields.pop('format', None) != _FORMAT:
        raise ValueError(f'{path}: not the results of a benchmark of format {_FORMAT}')
    return Results(**fields)
