# SPDX-License-Identifier: Apache-2.0
"""The benchmark works from end to end, with as little of everything as there is. What it measures is no matter here."""

from pathlib import Path

import pytest

from benchmarks import compare, first_picture, report, results, scenes, table, targets
from benchmarks.results import Results
from tests.fixtures.backend import concurrency_backend
from tests.fixtures.novnc import DEBIAN, novnc_directory
from tests.fixtures.rabbitmq import RabbitMQ

OURS = f'nova-vnc {concurrency_backend()}'

pytestmark = [pytest.mark.once, pytest.mark.timeout(400)]


@pytest.fixture
def bench(rabbitmq: RabbitMQ, tmp_path: Path) -> scenes.Bench:
    return scenes.Bench(Results(), scenes.TINY, tmp_path, rabbitmq, backends=[concurrency_backend()])


def test_in_the_clear_and_idle(bench: scenes.Bench, tmp_path: Path):
    scenes.plain(bench)
    scenes.idle(bench)
    assert {'direct', 'haproxy', 'lighttpd', 'websockify', OURS} == set(bench.results.peers())
    assert bench.results.median('keys-20', OURS, 'cpu_us') is not None
    assert bench.results.median('idle-4', OURS, 'memory_kib') is not None
    report.write(bench.results, tmp_path / 'report')
    read = results.read(tmp_path / 'report/results.json')
    assert OURS in report.format_text(read)
    assert len(targets.build_grid(read)) > 1
    assert {row[-1] for row in compare.build_grid(read, read, report.BASE)[1:]} == {''}
    assert len(table.present_rows(read)) > 1


def test_encrypted(bench: scenes.Bench):
    scenes.tls(bench)
    scenes.both_sides(bench)
    assert bench.results.median('tls keys-20', OURS, 'p50_us')
    assert bench.results.median('vencrypt keys-20', OURS, 'p50_us')


def test_our_whole_stack(bench: scenes.Bench):
    bench.leave_out('nova')     # which the stage interop knows how to start
    scenes.stacks(bench)
    assert bench.results.median('stack setups-16', OURS, 'rate')


@pytest.mark.browser
@pytest.mark.skipif(concurrency_backend() == 'threading', reason='Chromium runs under the default backend')
def test_the_first_picture():
    times = first_picture.measure(novnc_directory(DEBIAN), rounds=1, latency_ms=0)
    assert {page for page, _ in times} == {'vnc_auto.html', 'vnc_lite.html', 'vnc.html'}
    assert all(len(taken) == 1 and taken[0] > 0 for taken in times.values())
