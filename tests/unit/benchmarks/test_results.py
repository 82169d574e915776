# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import results
from benchmarks.results import Results
from tests.unit.benchmarks.runs import PROXY, run

VALUES = st.lists(st.floats(min_value=1e-6, max_value=1e9), min_size=1, max_size=9)


def test_the_median_of_the_rounds():
    assert run().median('keys-20', 'haproxy', 'cpu_us') == 20.0


def test_what_was_not_measured():
    assert run().median('keys-1', 'haproxy', 'cpu_us') is None
    assert run().ratio('keys-20', PROXY, 'lighttpd', 'cpu_us') is None


def test_a_ratio_is_of_the_same_round():
    # A busy second hits both of a round; the medians alone would say 2.
    of_run = Results()
    for proxy, haproxy in ((10.0, 10.0), (20.0, 20.0), (40.0, 10.0)):
        of_run.add('keys-1', PROXY, {'cpu_us': proxy})
        of_run.add('keys-1', 'haproxy', {'cpu_us': haproxy})
    assert of_run.ratio('keys-1', PROXY, 'haproxy', 'cpu_us') == 1.0


def test_a_ratio_of_peers_with_another_number_of_rounds():
    of_run = run()
    of_run.add('keys-20', PROXY, {'cpu_us': 30.0})
    assert of_run.ratio('keys-20', PROXY, 'haproxy', 'cpu_us') == 1.5


def test_no_ratio_to_what_costs_nothing():
    of_run = run()
    of_run.add('keys-1', 'direct', {'cpu_us': 0.0})
    of_run.add('keys-1', PROXY, {'cpu_us': 30.0})
    assert of_run.ratio('keys-1', PROXY, 'direct', 'cpu_us') is None


@given(VALUES)
def test_a_peer_is_once_as_expensive_as_itself(values: list[float]):
    of_run = Results()
    for value in values:
        of_run.add('keys-1', PROXY, {'cpu_us': value})
    assert of_run.ratio('keys-1', PROXY, PROXY, 'cpu_us') == 1.0


def test_peers_in_the_order_in_which_they_were_measured():
    of_run = run()
    of_run.add('keys-1', 'direct', {'cpu_us': 0.0})
    assert of_run.peers() == ['haproxy', PROXY, 'direct']


def test_written_and_read(tmp_path: Path):
    of_run = run()
    of_run.notes.append('something was left out')
    of_run.write(tmp_path / 'results.json')
    assert results.read(tmp_path / 'results.json') == of_run


@pytest.mark.parametrize('text', ['{"format": 99}', '[]', 'no JSON'])
def test_another_file(tmp_path: Path, text: str):
    (tmp_path / 'file').write_text(text)
    with pytest.raises(ValueError, match=r'.'):
        results.read(tmp_path / 'file')
