# SPDX-License-Identifier: Apache-2.0
"""The results of a run, for a terminal and as the files that the documentation includes."""

from __future__ import annotations

from pathlib import Path

from benchmarks import chart, table, targets
from benchmarks.results import Results

BASE = 'haproxy'
_GENERATOR, _SERVER = 'generator_busy', 'server_busy'


def format_text(results: Results) -> str:
    """Return the table, the targets, what was left out, and how busy the load generator was."""
    parts = [table.format_text(table.build_grid(results, BASE)), table.format_text(targets.build_grid(results)),
             ''.join(f'{note}\n' for note in results.notes), table.format_text(generator_grid(results))]
    return '\n'.join(part for part in parts if part)


def write(results: Results, directory: Path) -> None:
    """Write results.json, and of it table.txt, chart.svg and what is included into a page: *.inc."""
    directory.mkdir(parents=True, exist_ok=True)
    results.write(directory / 'results.json')
    files = {
        'table.txt': format_text(results),
        'table.inc': table.format_rst(table.build_grid(results, BASE)),
        'targets.inc': table.format_rst(targets.build_grid(results)),
        'generator.inc': table.format_rst(generator_grid(results)),
        'about.inc': _about(results),
        'chart.svg': chart.draw(results, BASE),
    }
    for name, text in files.items():
        (directory / name).write_text(text)


def generator_grid(results: Results) -> list[list[str]]:
    """Return a table of how long the load generator and the VNC server used a core: the most of any peer."""
    grid = [['load', 'generator busy', 'VNC server busy', 'with']]
    for load in results.values:
        busy = [(results.median(load, peer, _GENERATOR), peer) for peer in results.peers() if peer != 'direct']
        known = [(value, peer) for value, peer in busy if value is not None]
        if known:
            value, peer = max(known)
            grid.append([load, f'{value:.0%}', f'{results.median(load, peer, _SERVER) or 0:.0%}', peer])
    return grid


def _about(results: Results) -> str:
    about = results.about
    machine, versions = about.get('machine', {}), about.get('versions', {})
    lines = [f'Measured on {about.get("date")}, on {machine.get("cores")} cores of {machine.get("cpu")}, '
             f'{machine.get("memory_gib")} GiB, Linux {machine.get("kernel")}; load average before: '
             f'{machine.get("load_before")}.',
             'Versions: ' + ', '.join(f'{name} {version}' for name, version in versions.items()) + '.',
             'Options: ' + ', '.join(f'{name}: {value}' for name, value in about.get('options', {}).items()) + '.']
    if machine.get('load_before', 0) > machine.get('cores', 1):
        lines.append('**The machine was busy with other work.** What browsers wait for and rates say nothing here, and '
                     'CPU time little: these figures are placeholders.')
    lines += [f'Left out: {note}.' for note in results.notes]
    return '\n\n'.join(lines) + '\n'


def main() -> None:
    """Write the files of a directory anew from its results.json: python -m benchmarks.report DIRECTORY"""
    import sys

    from benchmarks import results
    directory = Path(sys.argv[1])
    write(results.read(directory / 'results.json'), directory)


if __name__ == '__main__':
    main()
