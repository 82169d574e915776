# SPDX-License-Identifier: Apache-2.0
"""What a cloud's consoles need, from measured figures; and the tables of doc/source/admin/sizing.rst.

    python -m benchmarks.sizing --consoles 20000 --openings 10 --keys 2000 --bulk 400 [--tls]
    python -m benchmarks.sizing --write doc/source/admin/sizing
"""

from __future__ import annotations

import argparse
import dataclasses
import math
from pathlib import Path

from benchmarks import table

_BENCH = 'python -m benchmarks'
_RATE = 'python -m benchmarks.consoleauth_rate --stores mariadb'
_SIZES = 'python -m benchmarks.row_sizes'


@dataclasses.dataclass(frozen=True)
class Figure:
    """
    :ivar tls: the value where browsers come with TLS; None: the same
    :ivar command: that measures it
    """

    title: str
    value: float
    unit: str
    command: str
    tls: float | None = None

    def of(self, tls: bool) -> float:
        return self.value if self.tls is None or not tls else self.tls


# A new run replaces the values here. Those of nova-consoleauth are of one process under eventlet, 16 calls at a time.
WORKER = Figure('nova-novncproxy, each worker, and the parent of several', 59, 'MiB',
                f'{_BENCH} --scenes everybody')
SESSION = Figure('each session', 3.2, 'KiB', _BENCH, 17.9)
IDLE = Figure('each session that does nothing, pings', 0.0018, 'ms/s', _BENCH)
SET_UP = Figure('nova-novncproxy, opening a session and its end', 5.3, 'ms', _BENCH, 6.9)
KEY = Figure('nova-novncproxy, a key press and its answer', 0.033, 'ms', _BENCH, 0.044)
BULK = Figure('nova-novncproxy, a GiB of screen', 390, 'ms', _BENCH, 1560)
AUTHORIZE = Figure('nova-consoleauth, storing a token in MariaDB', 4.2, 'ms', _RATE)
CHECK = Figure('nova-consoleauth, checking a token, with the question to its compute host', 7.3, 'ms', _RATE)
CHECK_CROWD = Figure('the same, each of 16 in one message', 2.4, 'ms', _RATE)
CONSOLEAUTH = Figure('nova-consoleauth, each process', 86, 'MiB', _RATE)
BROKER = Figure('RabbitMQ, for storing and checking a token', 2.2, 'ms', _RATE)
STORE = Figure('MariaDB, for storing and checking a token', 1.3, 'ms', _RATE)
REPORT = Figure('nova-consoleauth, a report of a host with 50 VMs, one a minute', 5.2, 'ms',
                'python -m benchmarks.report_cost')
TOKEN_ROW = Figure('MariaDB, a token with its indexes', 818, 'bytes', _SIZES)
VM_ROW = Figure('MariaDB, a VM in our own tables with their indexes', 1266, 'bytes', _SIZES)
FIGURES = (WORKER, SESSION, IDLE, SET_UP, KEY, BULK, AUTHORIZE, CHECK, CHECK_CROWD, CONSOLEAUTH, BROKER, STORE, REPORT,
           TOKEN_ROW, VM_ROW)

# Above it what users wait for grows.
_BUSY = 0.5
# What a limit of 65536 open files is good for (novncproxy.open_files).
_SESSIONS_OF_A_WORKER = 31696
_MIB_PER_GIB, _KIB_PER_GIB, _BITS_PER_GIB = 1 << 10, 1 << 20, 8 << 30
_MS = 1e-3


@dataclasses.dataclass(frozen=True)
class Load:
    """
    :ivar consoles: open at a time
    :ivar openings: a second
    :ivar keys: key presses of all users together, a second
    :ivar bulk_mbit: screen, a second
    :ivar token_s: for which a token stays in the store: [consoleauth]token_ttl and instance_delete_interval
    """

    consoles: int
    openings: float
    keys: float
    bulk_mbit: float
    tls: bool = False
    hosts: int = 0
    token_s: float = 900

    def proxy_cores(self) -> float:
        gib = self.bulk_mbit * 1e6 / _BITS_PER_GIB
        return _MS * (self.consoles * IDLE.of(self.tls) + self.openings * SET_UP.of(self.tls)
                      + self.keys * KEY.of(self.tls) + gib * BULK.of(self.tls))

    def workers(self) -> int:
        return max(math.ceil(self.proxy_cores() / _BUSY), math.ceil(self.consoles / _SESSIONS_OF_A_WORKER))

    def proxy_gib(self) -> float:
        return (self.workers() + 1) * WORKER.value / _MIB_PER_GIB + self.consoles * SESSION.of(
            self.tls) / _KIB_PER_GIB

    def consoleauth_cores(self) -> float:
        return _MS * (self.openings * (AUTHORIZE.value + CHECK.value) + self.hosts / 60 * REPORT.value)

    def consoleauths(self) -> int:
        """Return how many processes; two, so that one can be lost."""
        return max(math.ceil(self.consoleauth_cores() / _BUSY), 2)

    def broker_cores(self) -> float:
        return _MS * self.openings * BROKER.value

    def store_cores(self) -> float:
        return _MS * self.openings * STORE.value

    def token_rows(self) -> float:
        return self.openings * self.token_s


def describe(load: Load) -> list[tuple[str, str]]:
    """Return what a load needs, as pairs of a title and a value."""
    return [
        ('consoles at a time', f'{load.consoles:,}'),
        ('opened a second', f'{load.openings:g}'),
        ('key presses a second', f'{load.keys:,.0f}'),
        ('screen, Mbit/s', f'{load.bulk_mbit:,.0f}'),
        ('TLS at the proxy', 'yes' if load.tls else 'no'),
        ('compute hosts that report', f'{load.hosts:,}'),
        ('nova-novncproxy: cores in use', f'{load.proxy_cores():.1f}'),
        ('nova-novncproxy: workers', f'{load.workers()}'),
        ('nova-novncproxy: memory, GiB', f'{load.proxy_gib():.1f}'),
        ('nova-novncproxy: open files, all workers', f'{2 * load.consoles:,}'),
        ('nova-consoleauth: cores in use', f'{load.consoleauth_cores():.2f}'),
        ('nova-consoleauth: processes', f'{load.consoleauths()}'),
        ('RabbitMQ: cores in use', f'{load.broker_cores():.2f}'),
        ('database: cores in use', f'{load.store_cores():.2f}'),
        ('database: tokens at a time', f'{load.token_rows():,.0f}'),
        ('database: tokens, MiB', f'{load.token_rows() * TOKEN_ROW.value / (1 << 20):.1f}')]


# A day's shift that opens its consoles within half an hour; one user in ten types, at 5 keys a second.
EXAMPLES = (
    Load(10_000, openings=6, keys=5_000, bulk_mbit=500, hosts=200),
    Load(10_000, openings=6, keys=5_000, bulk_mbit=500, hosts=200, tls=True),
    Load(100_000, openings=60, keys=50_000, bulk_mbit=5_000, hosts=2_000),
    Load(100_000, openings=60, keys=50_000, bulk_mbit=5_000, hosts=2_000, tls=True))


def figures_grid() -> list[list[str]]:
    return [['what', 'measured', 'with TLS', 'unit', 'command'],
            *([figure.title, f'{figure.value:g}', '' if figure.tls is None else f'{figure.tls:g}', figure.unit,
               f'``{figure.command}``'] for figure in FIGURES)]


def examples_grid() -> list[list[str]]:
    columns = [describe(load) for load in EXAMPLES]
    titles = [title for title, _ in columns[0]]
    rows = [[title, *(dict(column)[title] for column in columns)] for title in titles]
    return [['', *(f'example {number}' for number in range(1, len(EXAMPLES) + 1))], *rows]


def texts() -> dict[str, str]:
    """Return the parts of the page by the names of their files."""
    return {'figures.inc': table.format_rst(figures_grid()), 'examples.inc': table.format_rst(examples_grid())}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--consoles', type=int, default=10_000, help='open at a time')
    parser.add_argument('--openings', type=float, default=6, help='a second')
    parser.add_argument('--keys', type=float, default=5_000, help='key presses of all users, a second')
    parser.add_argument('--bulk', type=float, default=500, help='Mbit/s of screen')
    parser.add_argument('--hosts', type=int, default=0, help='compute hosts with nova-vnc-compute')
    parser.add_argument('--tls', action='store_true', help='browsers speak TLS with the proxy itself')
    parser.add_argument('--write', type=Path, help='directory for the tables of the page')
    arguments = parser.parse_args()
    if arguments.write:
        for name, text in texts().items():
            (arguments.write / name).write_text(text)
        return
    load = Load(arguments.consoles, arguments.openings, arguments.keys, arguments.bulk, arguments.tls, arguments.hosts)
    print(table.format_text([list(pair) for pair in describe(load)]), end='')


if __name__ == '__main__':
    main()
