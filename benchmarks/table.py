# SPDX-License-Identifier: Apache-2.0
"""Results as a table of text, and as one for the documentation."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from benchmarks.results import Results


@dataclasses.dataclass(frozen=True)
class Row:
    """
    :ivar scale: by which figures are multiplied
    """

    load: str
    figure: str
    title: str
    digits: int = 1
    scale: float = 1


def _rows_of_loads(figure: str, title: str, digits: int, loads: dict[str, str], scale: float = 1) -> list[Row]:
    return [Row(load, figure, f'{title}, {name}', digits, scale) for load, name in loads.items()]


_KEYS = {'keys-1': '1 session', 'keys-20': '20 sessions', 'keys-200': '200 sessions'}
_BULK = {'down-1': 'to the browser, 1 session', 'down-20': 'to the browser, 20 sessions',
         'up-1': 'to the server, 1 session', 'up-20': 'to the server, 20 sessions'}
_SETUPS = {'setups-1': 'one by one', 'setups-16': '16 at a time'}

ROWS = [
    *_rows_of_loads('cpu_ms', 'set-up, CPU ms', 2, _SETUPS),
    *_rows_of_loads('rate', 'set-ups a second', 0, _SETUPS),
    *_rows_of_loads('p50_us', 'set-up, p50 ms', 2, _SETUPS, 1e-3),
    *_rows_of_loads('cpu_s_gib', 'bulk, CPU s/GiB', 3, _BULK),
    *_rows_of_loads('rate', 'bulk, GiB/s', 2, _BULK),
    *_rows_of_loads('cpu_us', 'key press, CPU us', 1, _KEYS),
    *_rows_of_loads('p50_us', 'key press, p50 us', 0, _KEYS),
    *_rows_of_loads('p99_us', 'key press, p99 ms', 2, {
        'keys-paced': 'ten a second', 'keys-beside-bulk': 'beside 5 bulk sessions',
        'keys-beside-setups': 'beside set-ups, 16 at a time'}, 1e-3),
]


def present_rows(results: Results, rows: Sequence[Row] = ROWS) -> list[Row]:
    """Return those for which something was measured."""
    return [row for row in rows if any(
        results.median(row.load, peer, row.figure) is not None for peer in results.peers())]


def cells(results: Results, row: Row, base: str) -> list[str]:
    """Return what each peer has: the median and, but for the base, in brackets how many times the base's that is."""
    texts = []
    for peer in results.peers():
        value = results.median(row.load, peer, row.figure)
        ratio = results.ratio(row.load, peer, base, row.figure) if peer != base else None
        text = '' if value is None else f'{value * row.scale:,.{row.digits}f}'
        texts.append(text if ratio is None else f'{text} ({ratio:.2f})')
    return texts


def format_text(results: Results, base: str) -> str:
    """Return a table for a terminal, with ratios to the base in brackets."""
    rows = [['', *results.peers()]]
    rows += [[row.title, *cells(results, row, base)] for row in present_rows(results)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ''.join('  '.join(
        cell.ljust(width) if number == 0 else cell.rjust(width)
        for number, (cell, width) in enumerate(zip(row, widths, strict=True))).rstrip() + '\n' for row in rows)
