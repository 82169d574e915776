# SPDX-License-Identifier: Apache-2.0
"""Table, targets, chart and comparison of made-up results."""

import xml.etree.ElementTree as ET
from pathlib import Path

import docutils.core
import pytest

from benchmarks import chart, compare, report, table, targets
from benchmarks.results import Results
from benchmarks.targets import Target
from tests.unit.benchmarks.runs import PROXY, run

SVG = '{http://www.w3.org/2000/svg}'


def test_grid_has_what_was_measured():
    assert table.build_grid(run(), 'haproxy') == [
        ['ratio to haproxy in brackets', 'haproxy', PROXY],
        ['key press, CPU us, 20 sessions', '20.0', '30.0 (1.50)']]


def test_a_peer_without_a_figure_has_an_empty_cell():
    results = run()
    results.add('keys-1', 'haproxy', {'cpu_us': 40.0})
    assert table.build_grid(results, 'haproxy')[1] == ['key press, CPU us, 1 session', '40.0', '']


def test_text_is_aligned():
    assert table.format_text([['', 'haproxy'], ['key press', '20.0']]) == '           haproxy\nkey press     20.0\n'


def test_rst_is_a_table():
    text = table.format_rst([['what', 'haproxy'], ['key press', '']])
    tree = docutils.core.publish_doctree(text, settings_overrides={'halt_level': 2})
    assert [entry.astext() for entry in tree.findall() if entry.tagname == 'entry'] == [
        'what', 'haproxy', 'key press', '']


@pytest.mark.parametrize(('value', 'verdict'), [
    (1.0, 'met, stretch too'), (1.2, 'met'), (1.25, 'met'), (2.5, 'missed: 2.00 of it')])
def test_verdict(value: float, verdict: str):
    assert Target('key press', 'keys-20', 'cpu_us', 1.25, 1.0, base='haproxy').verdict(value) == verdict


def test_verdict_of_a_least_value():
    target = Target('set-ups', 'setups-16', 'rate', 500, 800, is_least=True)
    assert [target.verdict(value) for value in (800, 500, 250)] == ['met, stretch too', 'met', 'missed: 0.50 of it']


def test_targets_name_what_was_measured():
    assert targets.build_grid(run()) == [
        ['what', 'target (stretch)', PROXY],
        ['key press, 20 sessions, CPU', '<= 1.25 x haproxy (1)', '1.50: missed: 1.20 of it']]


def test_a_target_of_growth():
    results = Results()
    results.add('idle-500', PROXY, {'memory_kib': 4.0})
    results.add('idle-5000', PROXY, {'memory_kib': 6.0})
    target = Target('memory', 'idle-5000', 'memory_kib', 1.15, base_load='idle-500')
    assert target.value(results, PROXY) == 1.5


def test_every_target_and_row_is_of_its_own():
    assert len({target.title for target in targets.TARGETS}) == len(targets.TARGETS)
    assert len({row.title for row in table.ROWS}) == len(table.ROWS)


def test_chart_has_a_dot_for_each_peer_but_the_base():
    tree = ET.fromstring(chart.draw(run(), 'haproxy'))
    titles = [title.text for title in tree.iter(f'{SVG}title')]
    assert f'{PROXY}: x 1.50' in titles
    assert 'key press, 20 sessions, CPU' in [text.text for text in tree.iter(f'{SVG}text')]


def test_chart_of_nothing():
    ET.fromstring(chart.draw(Results(), 'haproxy'))


def test_memory_that_has_shrunk_has_no_dot():
    results = run()
    results.add('idle-further', 'haproxy', {'memory_kib': 3.0})
    results.add('idle-further', PROXY, {'memory_kib': -1.0})
    assert 'memory of a further idle session' not in chart.draw(results, 'haproxy')


def test_dots_are_on_the_scale():
    tree = ET.fromstring(chart.draw(run(proxy_us=30e3), 'haproxy'))
    width = float(tree.attrib['viewBox'].split()[2])
    assert all(0 < float(circle.attrib['cx']) < width for circle in tree.iter(f'{SVG}circle'))


def test_comparison_is_of_ratios():
    # The machine was twice as slow the second time.
    grid = compare.build_grid(run(), run(proxy_us=40.0, haproxy_us=40.0), 'haproxy')
    assert grid[1:] == [['key press, CPU us, 20 sessions', PROXY, '1.5 x haproxy', '1 x haproxy', '-33%']]


def test_what_hardly_differs_is_no_change():
    assert compare.build_grid(run(), run(proxy_us=30.3), 'haproxy')[1][-1] == ''


def test_comparison_without_a_base_is_of_figures():
    old, new = (Results() for _ in range(2))
    old.add('keys-20', PROXY, {'cpu_us': 30.0})
    new.add('keys-20', PROXY, {'cpu_us': 60.0})
    assert compare.build_grid(old, new, 'haproxy')[1][2:] == ['30', '60', '+100%']


def test_how_busy_the_generator_was():
    assert report.generator_grid(run())[1:] == [['keys-20', '30%', '10%', PROXY]]


def test_a_busy_machine_is_told(tmp_path: Path):
    results = run()
    results.about['machine'] = {'cores': 2, 'load_before': 7.5}
    report.write(results, tmp_path)
    assert 'busy with other work' in (tmp_path / 'about.inc').read_text()


def test_files(tmp_path: Path):
    report.write(run(), tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {
        'results.json', 'table.txt', 'table.inc', 'targets.inc', 'generator.inc', 'about.inc', 'chart.svg'}
    assert PROXY in (tmp_path / 'table.inc').read_text()
