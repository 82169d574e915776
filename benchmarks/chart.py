# SPDX-License-Identifier: Apache-2.0
"""The most important ratios as a picture (SVG), which is drawn in tones that are seen on white and on black."""

from __future__ import annotations

import math
from collections.abc import Sequence
from xml.sax.saxutils import escape

from benchmarks.results import Results

_LOADS = (
    ('idle-further', 'memory_kib', 'memory of a further idle session'),
    ('setups-1', 'cpu_ms', 'set-up, CPU'),
    ('setups-1', 'p50_us', 'set-up, p50'),
    ('down-1', 'cpu_s_gib', 'bulk to the browser, CPU'),
    ('up-1', 'cpu_s_gib', 'bulk to the server, CPU'),
    ('keys-1', 'cpu_us', 'key press, 1 session, CPU'),
    ('keys-20', 'cpu_us', 'key press, 20 sessions, CPU'),
    ('keys-200', 'cpu_us', 'key press, 200 sessions, CPU'),
    ('keys-beside-bulk', 'p99_us', 'key press beside bulk, p99'),
    ('replay-scroll', 'cpu_us', 'text that scrolls, CPU'),
    ('tls setups-1', 'cpu_ms', 'TLS: set-up, CPU'),
    ('tls down-1', 'cpu_s_gib', 'TLS: bulk to the browser, CPU'),
    ('tls keys-20', 'cpu_us', 'TLS: key press, 20 sessions, CPU'),
)
_GREY = '#7a7a7a'
_COLOURS = ('#2f8fd0', '#e07b26', '#3c9d5d', '#b45fb8', '#c9a227', '#d0505a')
_LEFT, _RIGHT, _LINE, _TOP = 250, 20, 24, 56
_WIDTH = 760
_RADIUS = 5


def draw(results: Results, base: str) -> str:
    """Return a picture with a line for each of the loads, and a dot on it for each peer; logarithmic."""
    peers = [peer for peer in results.peers() if peer not in (base, 'direct')]
    lines = []
    for load, figure, title in _LOADS:
        ratios = {peer: results.ratio(load, peer, base, figure) for peer in peers}
        known = {peer: ratio for peer, ratio in ratios.items() if ratio and ratio > 0}
        if known:
            lines.append((title, known))
    shown = [peer for peer in peers if any(peer in known for _, known in lines)]
    exponents = [math.log10(ratio) for _, known in lines for ratio in known.values()] or [0.0]
    scale = _Scale(min(-1, math.floor(min(exponents))), max(1, math.ceil(max(exponents))))
    bottom = _TOP + _LINE * len(lines)
    parts = [*_legend(shown), *_axis(scale, base, bottom)]
    for number, (title, known) in enumerate(lines):
        parts += _line(title, known, shown, scale, _TOP + _LINE * number + _LINE / 2)
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {bottom + 24}" role="img" '
            f'font-family="sans-serif" font-size="12" fill="{_GREY}">\n'
            f'<title>Cost as a multiple of that of {escape(base)}</title>\n' + '\n'.join(parts) + '\n</svg>\n')


class _Scale:
    """Powers of ten over the width."""

    def __init__(self, first: int, last: int) -> None:
        self.exponents = range(first, last + 1)
        self._first, self._span = first, last - first

    def x(self, ratio: float) -> float:
        return _LEFT + (math.log10(ratio) - self._first) / self._span * (_WIDTH - _LEFT - _RIGHT)


def _legend(peers: Sequence[str]) -> list[str]:
    parts, x = [], 10
    for number, peer in enumerate(peers):
        parts.append(f'<circle cx="{x}" cy="14" r="{_RADIUS}" fill="{_COLOURS[number % len(_COLOURS)]}"/>')
        parts.append(_text(x + 10, 18, peer))
        x += 30 + 7 * len(peer)
    return parts


def _axis(scale: _Scale, base: str, bottom: float) -> list[str]:
    parts = []
    for exponent in scale.exponents:
        x = scale.x(10.0 ** exponent)
        width = 1.5 if exponent == 0 else 0.4
        parts.append(f'<line x1="{x:.1f}" y1="{_TOP - 6}" x2="{x:.1f}" y2="{bottom}" stroke="{_GREY}" '
                     f'stroke-width="{width}"/>')
        label = base if exponent == 0 else f'x {10.0 ** exponent:g}'
        parts.append(_text(x, _TOP - 12, label, 'middle'))
    parts.append(_text(_LEFT, bottom + 18, 'further left is cheaper'))
    return parts


def _line(title: str, known: dict[str, float], peers: Sequence[str], scale: _Scale, y: float) -> list[str]:
    parts = [_text(_LEFT - 14, y + 4, title, 'end'),
             f'<line x1="{_LEFT}" y1="{y}" x2="{_WIDTH - _RIGHT}" y2="{y}" stroke="{_GREY}" stroke-width="0.3"/>']
    for number, peer in enumerate(peers):
        if peer in known:
            parts.append(f'<circle cx="{scale.x(known[peer]):.1f}" cy="{y}" r="{_RADIUS}" '
                         f'fill="{_COLOURS[number % len(_COLOURS)]}">'
                         f'<title>{escape(peer)}: x {known[peer]:.2f}</title></circle>')
    return parts


def _text(x: float, y: float, text: str, anchor: str = 'start') -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
