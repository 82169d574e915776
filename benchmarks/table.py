# SPDX-License-Identifier: Apache-2.0
"""Results as a table: for a terminal, and for the documentation."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from benchmarks.crowd import AMONG
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


def _rows(figure: str, title: str, digits: int, loads: dict[str, str], scale: float = 1) -> list[Row]:
    return [Row(load, figure, f'{title}, {name}', digits, scale) for load, name in loads.items()]


_KEYS = {'keys-1': '1 session', 'keys-20': '20 sessions', 'keys-200': '200 sessions'}
_BULK = {'down-1': 'to the browser, 1 session', 'down-20': 'to the browser, 20 sessions',
         'up-1': 'to the server, 1 session', 'up-20': 'to the server, 20 sessions'}
_SETUPS = {'setups-1': 'one by one', 'setups-16': '16 at a time'}
_AMONG = {f'among {size}': f'among {size:,}' for size in AMONG}
_STACK = {f'stack {load}': name for load, name in _SETUPS.items()}


def _encrypted(prefix: str, title: str) -> list[Row]:
    def named(loads: dict[str, str]) -> dict[str, str]:
        return {prefix + load: name for load, name in loads.items()}
    return [
        Row(f'{prefix}idle-further', 'memory_kib', f'{title}: each further idle session, KiB'),
        *_rows('cpu_ms', f'{title}: set-up, CPU ms', 2, named(_SETUPS)),
        *_rows('rate', f'{title}: set-ups a second', 0, named(_SETUPS)),
        *_rows('cpu_s_gib', f'{title}: bulk, CPU s/GiB', 3, named({
            load: _BULK[load] for load in ('down-1', 'up-1')})),
        *_rows('cpu_us', f'{title}: key press, CPU us', 1, named({
            load: _KEYS[load] for load in ('keys-1', 'keys-20')}))]


ROWS = [
    *_rows('memory_kib', 'memory of an idle session, KiB', 1, {
        f'idle-{size}': f'{size:,} of them' for size in (100, 500, 1000, 5000)}),
    Row('idle-further', 'memory_kib', 'each further idle session, KiB'),
    Row('idle-cpu-5000', 'percent', '5,000 idle sessions, % of a core', 2),
    *_rows('cpu_ms', 'set-up, CPU ms', 2, _SETUPS),
    *_rows('rate', 'set-ups a second', 0, _SETUPS),
    *_rows('p50_us', 'set-up, p50 ms', 2, _SETUPS, 1e-3),
    *_rows('cpu_s_gib', 'bulk, CPU s/GiB', 3, _BULK),
    *_rows('rate', 'bulk, GiB/s', 2, _BULK),
    *_rows('cpu_us', 'key press, CPU us', 1, _KEYS),
    *_rows('p50_us', 'key press, p50 us', 0, _KEYS),
    *_rows('p99_us', 'key press, p99 ms', 2, {
        'keys-paced': 'ten a second', 'keys-beside-bulk': 'beside 5 bulk sessions',
        'keys-beside-setups': 'beside set-ups, 16 at a time'}, 1e-3),
    *_rows('cpu_us', 'update of a screen, CPU us', 0, {
        'replay-boot': 'a VM that boots', 'replay-scroll': 'text that scrolls'}),
    *_rows('cpu_ms', 'set-up, CPU ms', 2, {f'setups-1 {among}': name for among, name in _AMONG.items()}),
    *_rows('cpu_us', 'key press, 20 sessions, CPU us', 1, {f'keys-20 {among}': name for among, name in _AMONG.items()}),
    Row('keys-all 10000', 'answered', 'of 10,000 sessions, key presses answered rightly', 0),
    Row('keys-all 10000', 'rate', '10,000 sessions, opened a second', 0),
    Row('keys-all 10000', 'fewest', '10,000 sessions, % at the worker with the fewest', 0),
    Row('keys-all 10000', 'memory_kib', '10,000 sessions, KiB for each'),
    Row('broker', 'connections', 'connections to the broker, for each worker', 0),
    *_encrypted('tls ', 'TLS'),
    *_encrypted('vencrypt ', 'TLS on both sides'),
    *_rows('cpu_ms', 'whole stack: set-up, CPU ms of the proxy', 2, _STACK),
    *_rows('stack_cpu_ms', 'whole stack: set-up, CPU ms of all services', 2, _STACK),
    *_rows('rate', 'whole stack: set-ups a second', 1, _STACK),
    *_rows('p50_us', 'whole stack: set-up, p50 ms', 1, _STACK, 1e-3),
    Row('stack idle-further', 'memory_kib', 'whole stack: each further idle session, KiB'),
    Row('stack keys-1', 'cpu_us', 'whole stack: key press, CPU us'),
    Row('stack down-1', 'cpu_s_gib', 'whole stack: bulk to the browser, CPU s/GiB', 3),
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
        ratio = results.ratio(row.load, peer, base, row.figure) if peer != base and value else None
        text = '' if value is None else f'{value * row.scale:,.{row.digits}f}'
        texts.append(text if ratio is None else f'{text} ({ratio:.2f})')
    return texts


def build_grid(results: Results, base: str) -> list[list[str]]:
    """Return the rows of the table, the first of which is its head."""
    rows = [[f'ratio to {base} in brackets', *results.peers()]]
    return rows + [[row.title, *cells(results, row, base)] for row in present_rows(results)]


def format_text(grid: Sequence[Sequence[str]]) -> str:
    """Return a table for a terminal."""
    widths = [max(map(len, column)) for column in zip(*grid, strict=True)]
    return ''.join('  '.join(
        cell.ljust(width) if number == 0 else cell.rjust(width)
        for number, (cell, width) in enumerate(zip(row, widths, strict=True))).rstrip() + '\n' for row in grid)


def format_rst(grid: Sequence[Sequence[str]]) -> str:
    """Return a table for the documentation."""
    lines = ['.. list-table::', '   :header-rows: 1', '']
    for row in grid:
        lines += [f'   {"*" if number == 0 else " "} - {cell}'.rstrip() for number, cell in enumerate(row)]
    return '\n'.join(lines) + '\n'
