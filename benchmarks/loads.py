# SPDX-License-Identifier: Apache-2.0
"""What is done to each peer in turn, and what is read off it.

Figures: cpu_us, cpu_ms: CPU time of the peer for a key press, update or session; cpu_s_gib: for a GiB; rate: sessions
or GiB a second; p50_us, p99_us: what the browser waits; generator_busy, server_busy: which part of the time the load
generator and the VNC server used a core.
"""

from __future__ import annotations

import contextlib
import dataclasses
import time
from pathlib import Path

from benchmarks.native import Generator, Outcome
from benchmarks.peers import Peer
from benchmarks.process_tree import ProcessTree

_GIB = 1 << 30
_CHILDREN_S = 5.0           # until the processes of ended sessions have been waited for


@dataclasses.dataclass(frozen=True)
class Background:
    """What goes on beside a load, from a generator of its own."""

    kind: str
    sessions: int


@dataclasses.dataclass(frozen=True)
class Load:
    """One kind of work.

    :ivar kind: of the generator: setups, keys, down, up, replay
    :ivar sessions: of which as many do this at a time
    :ivar interval_s: between two key presses of a session; 0: as soon as the answer is there
    :ivar recording: of the load replay
    """

    name: str
    kind: str
    sessions: int
    interval_s: float = 0
    background: Background | None = None
    recording: tuple[int, Path] | None = None

    def measure(self, peer: Peer, server: ProcessTree, seconds: float) -> dict[str, float]:
        """Return the figures of one round."""
        with contextlib.ExitStack() as generators:
            background = generators.enter_context(Generator(
                self.background.kind, peer.endpoint, self.background.sessions,
                seconds + 0.5)) if self.background else None
            generator = generators.enter_context(Generator(
                self.kind, peer.endpoint, self.sessions, seconds, interval_s=self.interval_s,
                recording=self.recording))
            children = len(peer.tree.pids())
            stack = peer.stack or peer.tree
            before, server_before, stack_before = peer.tree.cpu_s(), server.cpu_s(), stack.cpu_s()
            if background:
                background.begin()
                time.sleep(0.2)
            generator.begin()
            outcome = generator.finish()
            if background:
                background.finish()
            if self.kind == 'setups':
                _wait_for_children(peer.tree, children)
            cpu_s, server_s = peer.tree.cpu_s() - before, server.cpu_s() - server_before
            stack_s = stack.cpu_s() - stack_before
        figures = self._figures(outcome, cpu_s)
        if peer.stack is not None and self.kind == 'setups':
            figures['stack_cpu_ms'] = stack_s / outcome.units * 1e3
        return {**figures, 'generator_busy': outcome.generator_cpu_s / outcome.elapsed_s,
                'server_busy': server_s / outcome.elapsed_s}

    def _figures(self, outcome: Outcome, cpu_s: float) -> dict[str, float]:
        waits = {'p50_us': outcome.p50_us, 'p99_us': outcome.p99_us}
        if self.kind in ('down', 'up'):
            gib = outcome.bytes / _GIB
            return {'cpu_s_gib': cpu_s / gib, 'rate': gib / outcome.elapsed_s}
        if self.background:
            return waits                # whose CPU time it is cannot be told
        if self.kind == 'setups':
            return {'cpu_ms': cpu_s / outcome.units * 1e3, 'rate': outcome.units / outcome.elapsed_s, **waits}
        return {'cpu_us': cpu_s / outcome.units * 1e6, **waits}


def _wait_for_children(tree: ProcessTree, count: int) -> None:
    deadline = time.monotonic() + _CHILDREN_S
    while len(tree.pids()) > count and time.monotonic() < deadline:
        time.sleep(0.05)


_BULK = Background('down', 5)
_SETUPS = Background('setups', 16)
PACE_S = 0.1                # ten keys a second, in each session

LOADS = {load.name: load for load in (
    Load('setups-1', 'setups', 1),
    Load('setups-16', 'setups', 16),
    Load('keys-1', 'keys', 1),
    Load('keys-20', 'keys', 20),
    Load('keys-200', 'keys', 200),
    Load('down-1', 'down', 1),
    Load('down-20', 'down', 20),
    Load('up-1', 'up', 1),
    Load('up-20', 'up', 20),
    Load('keys-paced', 'keys', 20, PACE_S),
    Load('keys-beside-bulk', 'keys', 20, PACE_S, _BULK),
    Load('keys-beside-setups', 'keys', 20, PACE_S, _SETUPS),
)}
