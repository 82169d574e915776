# SPDX-License-Identifier: Apache-2.0
"""Results as a run leaves them, made up."""

from __future__ import annotations

from benchmarks.results import Results

PROXY = 'nova-vnc threading'


def run(proxy_us: float = 30.0, haproxy_us: float = 20.0) -> Results:
    """Return a run of one load with two peers, in three rounds."""
    results = Results(about={'date': '2026-01-02'})
    for noise in (1.0, 1.5, 0.5):
        results.add('keys-20', 'haproxy', {'cpu_us': haproxy_us * noise, 'generator_busy': 0.2, 'server_busy': 0.1})
        results.add('keys-20', PROXY, {'cpu_us': proxy_us * noise, 'generator_busy': 0.3, 'server_busy': 0.1})
    return results
