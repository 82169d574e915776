# SPDX-License-Identifier: Apache-2.0
"""Say what a change has done: two results, one before and one after it.

    python -m benchmarks.compare old.json new.json

Machines and weather differ between two runs, so what is compared is each peer's ratio to a base in its own run.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks import results, table
from benchmarks.report import BASE
from benchmarks.results import Results
from benchmarks.targets import OURS

_NOISE = 0.1                # what less differs is not shown as a change


def build_grid(old: Results, new: Results, base: str, noise: float = _NOISE) -> list[list[str]]:
    """Return a head and, for each row of the table and each of our peers that both have, old and new."""
    grid = [['', 'peer', 'old', 'new', 'change']]
    for row in table.ROWS:
        for peer in (peer for peer in new.peers() if peer.startswith(OURS)):
            pair = _comparable(old, new, row, peer, base)
            if pair is None:
                continue
            before, after, sign = pair
            change = after / before - 1
            text = f'{change:+.0%}' if abs(change) >= noise else ''
            grid.append([row.title, peer, f'{before:,.3g}{sign}', f'{after:,.3g}{sign}', text])
    return grid


def _comparable(old: Results, new: Results, row: table.Row, peer: str, base: str) -> tuple[float, float, str] | None:
    """Return ratios to the base where both runs have one, else the figures, and what they are in."""
    before, after = (run.ratio(row.load, peer, base, row.figure) for run in (old, new))
    if before and after:
        return before, after, f' x {base}'
    before, after = (run.median(row.load, peer, row.figure) for run in (old, new))
    return (before * row.scale, after * row.scale, '') if before and after else None


def main() -> None:
    parser = argparse.ArgumentParser(prog='python -m benchmarks.compare', description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('old', type=Path)
    parser.add_argument('new', type=Path)
    parser.add_argument('--base', default=BASE)
    arguments = parser.parse_args()
    print(table.format_text(build_grid(results.read(arguments.old), results.read(arguments.new), arguments.base)))


if __name__ == '__main__':
    main()
