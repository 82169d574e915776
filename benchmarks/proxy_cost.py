# SPDX-License-Identifier: Apache-2.0
"""What one proxy process costs on this machine, beside websockify in the same run. See README.rst."""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

from benchmarks.load_client import LoadClient
from benchmarks.peers import BareEngine, Peer, Websockify
from benchmarks.process_tree import ProcessTree

_PEERS: dict[str, Callable[[], Peer]] = {
    'websockify': Websockify,
    'engine-eventlet': lambda: BareEngine('eventlet'),
    'engine-threading': lambda: BareEngine('threading'),
}
_DEFAULT_PEERS = ['engine-eventlet', 'engine-threading']
_MIB = 1 << 20
_GIB = 1 << 30
_UPDATE_WIDTH, _UPDATE_HEIGHT = 2048, 2048  # 16 MiB
_OPENERS = 16
_SETTLE_S = 1.0


@dataclass(frozen=True)
class Cost:
    """The figures of one proxy."""

    memory_mib: float
    set_up_ms: float
    bulk_s_per_gib: float
    key_us: float
    key_p50_us: float


_ROWS = (
    ('memory of an idle session, MiB', 'memory_mib', 4),
    ('CPU to set a session up, ms', 'set_up_ms', 2),
    ('server to client, CPU s/GiB', 'bulk_s_per_gib', 2),
    ('key press and answer, CPU us', 'key_us', 0),
    ('key press and answer, p50 us', 'key_p50_us', 0),
)


def main() -> None:
    arguments = _parse_arguments()
    costs: dict[str, Cost] = {}
    with _vnc_standin() as target_port:
        for choice in dict.fromkeys(('websockify', *(arguments.peer or _DEFAULT_PEERS))):
            peer = _PEERS[choice]()
            print(f'measuring {peer.name}', file=sys.stderr)
            costs[peer.name] = _measure(peer, target_port, arguments)
    _print(costs)


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--peer', action='append', choices=[*_PEERS], help='one to measure besides websockify')
    parser.add_argument('--sessions', type=int, default=500, help='idle sessions whose memory is measured')
    parser.add_argument('--set-ups', type=int, default=200, help='sessions opened and closed one after the other')
    parser.add_argument('--gib', type=float, default=2.0, help='amount sent from server to client')
    parser.add_argument('--keys', type=int, default=20000, help='key presses')
    return parser.parse_args()


@contextmanager
def _vnc_standin() -> Iterator[int]:
    process = subprocess.Popen([sys.executable, '-m', 'benchmarks.vnc_standin'], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield int(process.stdout.readline())
    finally:
        process.kill()
        process.wait()


def _measure(peer: Peer, target_port: int, arguments: argparse.Namespace) -> Cost:
    tree = ProcessTree(peer.start(target_port))
    try:
        LoadClient(peer.url_for(0)).close()  # imports and caches count for nobody
        set_up_ms = _set_up_ms(peer, tree, arguments.set_ups)
        key_us, key_p50_us = _key_us(peer, tree, arguments.keys)
        return Cost(bulk_s_per_gib=_bulk_s_per_gib(peer, tree, arguments.gib), set_up_ms=set_up_ms, key_us=key_us,
                    key_p50_us=key_p50_us, memory_mib=_memory_mib(peer, tree, arguments.sessions))
    finally:
        peer.stop()


def _set_up_ms(peer: Peer, tree: ProcessTree, count: int) -> float:
    before = tree.cpu_s()
    for session in range(count):
        LoadClient(peer.url_for(session)).close()
    time.sleep(_SETTLE_S)  # children are waited for
    return (tree.cpu_s() - before) / count * 1e3


def _key_us(peer: Peer, tree: ProcessTree, count: int) -> tuple[float, float]:
    client = LoadClient(peer.url_for(0))
    before = tree.cpu_s()
    trips = [client.press_key() for _ in range(count)]
    spent = tree.cpu_s() - before
    client.close()
    return spent / count * 1e6, statistics.median(trips) * 1e6


def _bulk_s_per_gib(peer: Peer, tree: ProcessTree, gib: float) -> float:
    client = LoadClient(peer.url_for(0))
    before = tree.cpu_s()
    updates = max(1, round(gib * _GIB / (_UPDATE_WIDTH * _UPDATE_HEIGHT * 4)))
    client.fetch_pixels(_UPDATE_WIDTH, _UPDATE_HEIGHT, updates)
    spent = tree.cpu_s() - before
    client.close()
    return spent / (updates * _UPDATE_WIDTH * _UPDATE_HEIGHT * 4 / _GIB)


def _memory_mib(peer: Peer, tree: ProcessTree, count: int) -> float:
    before = tree.pss_bytes()
    with ThreadPoolExecutor(_OPENERS) as openers:
        clients = list(openers.map(LoadClient, map(peer.url_for, range(count))))
    time.sleep(_SETTLE_S)
    grown = tree.pss_bytes() - before
    for client in clients:
        client.close()
    return grown / count / _MIB


def _print(costs: dict[str, Cost]) -> None:
    print(f'{"":34}' + ''.join(f'{name:>26}' for name in costs))
    base = costs['websockify']
    for title, field, digits in _ROWS:
        cells = ''
        for name, cost in costs.items():
            value = getattr(cost, field)
            ratio = '' if name == 'websockify' else f' (x {value / getattr(base, field):.3f})'
            cells += f'{value:.{digits}f}{ratio}'.rjust(26)
        print(f'{title:34}{cells}')


if __name__ == '__main__':
    main()
