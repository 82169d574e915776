# SPDX-License-Identifier: Apache-2.0
"""Many sessions that do nothing: their memory, what their pings cost, and what a session among them costs.

Figures, by load: `idle-N`: memory_kib, of each of N sessions; `idle-further`: memory_kib, of each further one from the
size before the last to the last; `idle-cpu-N`: percent of a core; `setups-1 among N` and `keys-20 among N`: those loads
while N sessions are there; `keys-all N`: of N sessions one key press each, another one in each and all under way at the
same time: how many were answered by this very key; rate: sessions opened a second; fewest: percent of the sessions that
the worker with the fewest has.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence

from benchmarks import native
from benchmarks.loads import LOADS
from benchmarks.native import Generator
from benchmarks.peers import NovncProxy, Peer
from benchmarks.process_tree import ProcessTree
from benchmarks.results import Results

# The sizes among which what a session costs is compared.
AMONG = (500, 5000)
AMONG_LOADS = ('setups-1', 'keys-20')
_OPENS_AT_A_TIME = 16
_SETTLE_S = 1.0
_KIB = 1 << 10


def measure(results: Results, peers: Sequence[Peer], server: ProcessTree, sizes: Sequence[int], *, rounds: int,
            seconds: float, idle_s: float, say: Callable[[str], None]) -> None:
    """Let the crowds of all peers grow side by side, size by size.

    A peer that can have no more than Peer.max_sessions stays where it is. The results say so, and also whose sessions
    did not stay until the end.

    :param idle_s: for which idle CPU is measured at the last size; 0: not at all
    """
    with contextlib.ExitStack() as generators:
        before = {peer.name: peer.tree.pss_bytes() for peer in peers}
        memory: dict[str, dict[int, int]] = {peer.name: {} for peer in peers}
        crowds: list[tuple[Peer, Generator]] = []
        reached = 0
        for size in sizes:
            fitting = [peer for peer in peers if size <= peer.max_sessions]
            for peer in fitting:
                say(f'{size} sessions: {peer.name}')
                crowds.append((peer, generators.enter_context(Generator(
                    'idle', peer.endpoint, size - reached, 1, opens_at_a_time=_OPENS_AT_A_TIME))))
            time.sleep(_SETTLE_S)
            for peer in fitting:
                grown = peer.tree.pss_bytes() - before[peer.name]
                memory[peer.name][size] = grown
                results.add(f'idle-{size}', peer.name, {'memory_kib': grown / size / _KIB})
            if size in AMONG:
                _measure_among(results, fitting, server, size, rounds, seconds, say)
            reached = size
        first, last = sizes[-2:]
        for peer in peers:
            if {first, last} <= memory[peer.name].keys():
                further = memory[peer.name][last] - memory[peer.name][first]
                results.add('idle-further', peer.name, {'memory_kib': further / (last - first) / _KIB})
            elif peer.max_sessions < last:
                results.notes.append(f'{peer.name}: at most {peer.max_sessions} idle sessions, for want of memory or '
                                     'open files')
        if idle_s:
            _measure_idle(results, [peer for peer in peers if peer.max_sessions >= reached], reached, idle_s, say)
        results.notes += [f'{name}: idle sessions did not stay until the end'
                          for name in dict.fromkeys(peer.name for peer, crowd in crowds if not crowd.is_there())]


def _measure_among(results: Results, peers: Sequence[Peer], server: ProcessTree, size: int, rounds: int,
                   seconds: float, say: Callable[[str], None]) -> None:
    for load in AMONG_LOADS:
        say(f'{load} among {size} sessions')
        for _ in range(rounds):
            for peer in peers:
                results.add(f'{load} among {size}', peer.name, LOADS[load].measure(peer, server, seconds))


def _measure_idle(results: Results, peers: Sequence[Peer], size: int, idle_s: float,
                  say: Callable[[str], None]) -> None:
    say(f'{size} idle sessions for {idle_s:.0f} s')
    before = {peer.name: peer.tree.cpu_s() for peer in peers}
    time.sleep(idle_s)
    for peer in peers:
        results.add(f'idle-cpu-{size}', peer.name,
                    {'percent': (peer.tree.cpu_s() - before[peer.name]) / idle_s * 100})


def press_all(results: Results, peer: NovncProxy, size: int) -> None:
    """Open so many sessions, and press a key in each of them.

    :raises TooManySessions: this machine does not let one have so many
    """
    native.check_fits(size)
    before, began = peer.tree.pss_bytes(), time.monotonic()
    with Generator('idle', peer.endpoint, size, 1, opens_at_a_time=_OPENS_AT_A_TIME, presses_at_end=True) as generator:
        rate = size / (time.monotonic() - began)
        time.sleep(_SETTLE_S)
        grown = peer.tree.pss_bytes() - before
        generator.begin()
        outcome = generator.finish()
        fewest = min(peer.sessions_of_workers()) / size * 100
    results.add(f'keys-all {size}', peer.name, {
        'answered': outcome.units, 'memory_kib': grown / size / _KIB, 'p99_us': outcome.p99_us, 'rate': rate,
        'fewest': fewest})
