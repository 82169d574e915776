# SPDX-License-Identifier: Apache-2.0
"""Ten thousand consoles at a time through one nova-novncproxy with two workers, on a real bus."""

import dataclasses
from pathlib import Path

import pytest

from benchmarks import native, scenes
from benchmarks.results import Results
from tests.fixtures.backend import concurrency_backend
from tests.fixtures.rabbitmq import RabbitMQ

SESSIONS = 10_000
OURS = f'nova-vnc {concurrency_backend()} workers 2'
# The kernel gives a connection to whichever worker comes first.
FEWEST_PERCENT = 5


@pytest.mark.once
def test_each_sees_its_own_key_press(rabbitmq: RabbitMQ, tmp_path: Path):
    native.check_fits(SESSIONS)
    bench = scenes.Bench(Results(), dataclasses.replace(scenes.TINY, everybody=SESSIONS), tmp_path, rabbitmq,
                         backends=[concurrency_backend()])
    scenes.everybody(bench)
    load = f'keys-all {SESSIONS}'
    assert bench.results.median(load, OURS, 'answered') == SESSIONS
    assert bench.results.median(load, OURS, 'fewest') >= FEWEST_PERCENT
