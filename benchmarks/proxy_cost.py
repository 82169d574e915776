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

from benchmarks.load_client import LoadClient
from benchmarks.peers import BareEngine, NovncProxy, Peer, Websockify
from benchmarks.process_tree import ProcessTree

_PEERS: dict[str, Callable[[], Peer]] = {
    'websockify': Websockify,
    'proxy-eventlet': lambda: NovncProxy('eventlet'),
    'proxy-threading': lambda: NovncProxy('threading'),
    'engine-eventlet': lambda: BareEngine('eventlet'),
    'engine-threading': lambda: BareEngine('threading'),
}
_BASE = 'websockify'
_DEFAULT_PEERS = ['proxy-eventlet', 'proxy-threading']
_KIB = 1 << 10
_GIB = 1 << 30
_UPDATE_WIDTH, _UPDATE_HEIGHT = 2048, 2048  # 16 MiB
_OPENERS = 16
_SETTLE_S = 1.0


class Subject:
    """A running peer and what was measured of it: by row, one figure for each round."""

    def __init__(self, peer: Peer, target_port: int) -> None:
        self.peer = peer
        self.figures: dict[str, list[float]] = {}
        try:
            self.tree = ProcessTree(peer.start(target_port))
            LoadClient(peer.url_for(0)).close()  # imports and caches count for nobody
        except BaseException:
            peer.stop()
            raise

    def note(self, **figures: float) -> None:
        for row, figure in figures.items():
            self.figures.setdefault(row, []).append(figure)

    def result(self, row: str) -> float:
        return statistics.median(self.figures[row])


# row, title, digits
_ROWS = (
    ('memory', 'memory of an idle session, KiB', 1),
    ('set_up', 'CPU to set a session up, ms', 2),
    ('bulk', 'server to client, CPU s/GiB', 2),
    ('key', 'key press and answer, CPU us', 0),
    ('key_p50', 'key press and answer, p50 us', 0),
)


def main() -> None:
    arguments = _parse_arguments()
    subjects: list[Subject] = []
    with _vnc_standin() as target_port:
        try:
            for choice in dict.fromkeys((_BASE, *(arguments.peer or _DEFAULT_PEERS))):
                print(f'starting {choice}', file=sys.stderr)
                subjects.append(Subject(_PEERS[choice](), target_port))
            _measure(subjects, arguments)
        finally:
            for subject in subjects:
                subject.peer.stop()
    _print(subjects)


def _measure(subjects: list[Subject], arguments: argparse.Namespace) -> None:
    for subject in subjects:  # first: memory that a process has been given once, it keeps and uses again
        print(f'opening {arguments.sessions} sessions of {subject.peer.name}', file=sys.stderr)
        _measure_memory(subject, arguments.sessions)
    for number in range(arguments.rounds):
        print(f'round {number + 1} of {arguments.rounds}', file=sys.stderr)
        for subject in subjects:
            _measure_set_up(subject, arguments.set_ups)
        for subject in subjects:
            _measure_keys(subject, arguments.keys)
        for subject in subjects:
            _measure_bulk(subject, arguments.gib)


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--peer', action='append', choices=[*_PEERS], help='one to measure besides websockify')
    parser.add_argument('--sessions', type=int, default=500, help='idle sessions whose memory is measured')
    parser.add_argument('--rounds', type=int, default=5, help='how often the rest is measured; medians are printed')
    parser.add_argument('--set-ups', type=int, default=50, help='sessions opened and closed in a round')
    parser.add_argument('--keys', type=int, default=5000, help='key presses in a round')
    parser.add_argument('--gib', type=float, default=1.0, help='amount sent from server to client in a round')
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


def _measure_memory(subject: Subject, count: int) -> None:
    before = subject.tree.pss_bytes()
    with ThreadPoolExecutor(_OPENERS) as openers:
        clients = list(openers.map(LoadClient, map(subject.peer.url_for, range(count))))
    time.sleep(_SETTLE_S)
    subject.note(memory=(subject.tree.pss_bytes() - before) / count / _KIB)
    for client in clients:
        client.close()


def _measure_set_up(subject: Subject, count: int) -> None:
    before = subject.tree.cpu_s()
    for session in range(count):
        LoadClient(subject.peer.url_for(session)).close()
    time.sleep(_SETTLE_S)  # until children have been waited for
    subject.note(set_up=(subject.tree.cpu_s() - before) / count * 1e3)


def _measure_keys(subject: Subject, count: int) -> None:
    client = LoadClient(subject.peer.url_for(0))
    before = subject.tree.cpu_s()
    trips = [client.press_key() for _ in range(count)]
    subject.note(key=(subject.tree.cpu_s() - before) / count * 1e6, key_p50=statistics.median(trips) * 1e6)
    client.close()


def _measure_bulk(subject: Subject, gib: float) -> None:
    client = LoadClient(subject.peer.url_for(0))
    before = subject.tree.cpu_s()
    update_bytes = _UPDATE_WIDTH * _UPDATE_HEIGHT * 4
    updates = max(1, round(gib * _GIB / update_bytes))
    client.fetch_pixels(_UPDATE_WIDTH, _UPDATE_HEIGHT, updates)
    subject.note(bulk=(subject.tree.cpu_s() - before) / (updates * update_bytes / _GIB))
    client.close()


def _print(subjects: list[Subject]) -> None:
    print(f'{"":34}' + ''.join(f'{subject.peer.name:>26}' for subject in subjects))
    base = subjects[0]
    for row, title, digits in _ROWS:
        cells = ''
        for subject in subjects:
            figure = subject.result(row)
            ratio = '' if subject is base else f' (x {figure / base.result(row):.3f})'
            cells += f'{figure:.{digits}f}{ratio}'.rjust(26)
        print(f'{title:34}{cells}')


if __name__ == '__main__':
    main()
