# SPDX-License-Identifier: Apache-2.0
"""What nova-novncproxy is to reach, and whether it does."""

from __future__ import annotations

import dataclasses

from benchmarks.results import Results

OURS = 'nova-vnc '          # what the names of our peers begin with


@dataclasses.dataclass(frozen=True)
class Target:
    """A figure of ours, as it is or as a ratio, and a bound for it.

    :ivar base: it is a ratio to this peer
    :ivar base_load: it is a ratio to our own figure under this load
    """

    title: str
    load: str
    figure: str
    bound: float
    stretch: float | None = None
    base: str = ''
    base_load: str = ''
    scale: float = 1
    is_least: bool = False      # the bound is a lower one

    def value(self, results: Results, peer: str) -> float | None:
        """Return what is compared with the bound; None where it was not measured."""
        if self.base:
            return results.ratio(self.load, peer, self.base, self.figure)
        median = results.median(self.load, peer, self.figure)
        if median is None:
            return None
        if self.base_load:
            base = results.median(self.base_load, peer, self.figure)
            return median / base if base else None
        return median * self.scale

    def verdict(self, value: float) -> str:
        """Return how far it is: met, met with its stretch, or how many times the bound."""
        if self.stretch is not None and self._keeps(value, self.stretch):
            return 'met, stretch too'
        if self._keeps(value, self.bound):
            return 'met'
        return f'missed: {value / self.bound:.2f} of it'

    def bound_text(self) -> str:
        sign = '>=' if self.is_least else '<='
        of = f' x {self.base}' if self.base else ' x' if self.base_load else ''
        stretch = '' if self.stretch is None else f' ({self.stretch:g})'
        return f'{sign} {self.bound:g}{of}{stretch}'

    def _keeps(self, value: float, bound: float) -> bool:
        return value >= bound if self.is_least else value <= bound


TARGETS = [
    Target('each further idle session, 1,000 to 5,000, KiB', 'idle-further', 'memory_kib', 8, 5),
    Target('each further idle session over TLS, KiB', 'tls idle-further', 'memory_kib', 64, 40),
    Target('each further idle session with TLS on both sides, KiB', 'vencrypt idle-further', 'memory_kib', 120),
    Target('5,000 idle sessions, % of a core', 'idle-cpu-5000', 'percent', 1),
    Target('set-up with check_token, CPU ms of the proxy', 'setups-1', 'cpu_ms', 2.0, 1.2),
    Target('set-ups a second, 16 at a time, proxy alone', 'setups-16', 'rate', 500, 800, is_least=True),
    Target('set-ups a second, 16 at a time, whole stack', 'stack setups-16', 'rate', 15, 25, base='nova 34',
           is_least=True),
    Target('set-up, p50 to the first byte of ServerInit, ms', 'setups-1', 'p50_us', 4, 3, scale=1e-3),
    Target('set-up, p50 to the first byte of ServerInit, whole stack', 'stack setups-1', 'p50_us', 0.025,
           base='nova 34'),
    Target('bulk to the browser, 1 session, CPU', 'down-1', 'cpu_s_gib', 0.40, 0.25, base='haproxy'),
    Target('bulk to the browser, 20 sessions, CPU', 'down-20', 'cpu_s_gib', 0.40, 0.25, base='haproxy'),
    Target('bulk to the browser over TLS, CPU', 'tls down-1', 'cpu_s_gib', 1.0, 0.7, base='haproxy'),
    Target('key press, 1 session, CPU', 'keys-1', 'cpu_us', 1.25, 1.0, base='haproxy'),
    Target('key press, 20 sessions, CPU', 'keys-20', 'cpu_us', 1.25, 1.0, base='haproxy'),
    Target('key press, 200 sessions, CPU', 'keys-200', 'cpu_us', 1.25, 1.0, base='haproxy'),
    Target('key press beside 5 bulk sessions, p99', 'keys-beside-bulk', 'p99_us', 1.5, 1.1, base='haproxy'),
    Target('key press beside set-ups, p99', 'keys-beside-setups', 'p99_us', 1.5, 1.1, base='haproxy'),
    Target('connections to the broker, for each worker', 'broker', 'connections', 4),
    Target('memory of a session among 5,000 against 500', 'idle-5000', 'memory_kib', 1.15, 1.05, base_load='idle-500'),
    Target('set-up among 5,000 against 500, CPU', 'setups-1 among 5000', 'cpu_ms', 1.15, 1.05,
           base_load='setups-1 among 500'),
    Target('key press among 5,000 against 500, CPU', 'keys-20 among 5000', 'cpu_us', 1.15, 1.05,
           base_load='keys-20 among 500'),
]


def build_grid(results: Results) -> list[list[str]]:
    """Return a table of what was measured beside its targets: a head, and a row for each target."""
    ours = [peer for peer in results.peers() if peer.startswith(OURS)]
    grid = [['what', 'target (stretch)', *ours]]
    for target in TARGETS:
        values = [target.value(results, peer) for peer in ours]
        if any(value is not None for value in values):
            grid.append([target.title, target.bound_text(), *(
                '' if value is None else f'{value:,.2f}: {target.verdict(value)}' for value in values)])
    return grid
