# SPDX-License-Identifier: Apache-2.0
"""The tables of options in the documentation are true.

That the test of an option really fails when the option is ignored is tried by tools/ignored_options.py.
"""

import ast
import csv
import json
from pathlib import Path

import pytest
from oslo_config import cfg

from nova_vnc.conf import opts, retired
from tests.unit.conf import option_table

ROOT = Path(__file__).parents[3]
PAGES = ROOT / 'doc/source/configuration'
FACTS = json.loads(Path(__file__).with_name('nova_options.json').read_text())


def read(name: str) -> dict[str, dict[str, str]]:
    with (PAGES / name).open() as file:
        rows = list(csv.DictReader(file))
    table = {row['option']: row for row in rows}
    assert len(table) == len(rows)
    return table


TABLE = read('nova-options.csv')
OURS = {f'[{group}]{option.name}': (group, option) for group, options in opts.list_opts() for option in options}
WITH_A_TEST = [row for row in TABLE.values() if row['test'].startswith('tests/')]


def test_each_option_of_novas_has_a_row():
    assert set(TABLE) == {f'[{fact["group"]}]{fact["name"]}' for fact in FACTS}


@pytest.mark.parametrize('fact', FACTS, ids=lambda fact: f'{fact["group"]}-{fact["name"]}')
def test_a_row_says_what_is_accepted(fact: dict[str, object]):
    name = f'[{fact["group"]}]{fact["name"]}'
    row = TABLE[name]
    if not fact.get('ours', True):
        assert name not in OURS     # so any value will do
        assert (row['accepted'], row['default'], row['old names']) == ('any value', '', '')
        assert row['test'].startswith('Without meaning: ')
        return
    group, option = OURS[name]
    assert row['accepted'] == option_table.type_of(type(option).__name__)
    assert row['default'] == option_table.default_of(option)
    assert row['old names'] == option_table.old_names_of(group, option)
    assert row['test'].startswith(('tests/', 'Without meaning: ', 'Without effect yet; '))


@pytest.mark.parametrize('row', WITH_A_TEST, ids=lambda row: row['option'])
def test_the_test_of_an_option_exists(row: dict[str, str]):
    path, *names = row['test'].split('::')
    body: list[ast.stmt] = ast.parse((ROOT / path).read_text()).body
    for name in names:
        found = [node for node in body if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and node.name == name]
        assert found, name
        body = found[0].body


def test_the_retired_ones_are_listed():
    rows = [(row['option'], row['removed in'], row['what to do']) for row in read('retired-options.csv').values()]
    assert rows == [(f'[{option.group}]{option.name}', option.removed_in, option.advice) for option in retired.OPTIONS]


@pytest.mark.parametrize('fact', [fact for fact in FACTS if fact.get('cli')], ids=lambda fact: fact['name'])
def test_novas_flags_are_flags(fact: dict[str, str]):
    group, option = OURS[f'[{fact["group"]}]{fact["name"]}']
    conf = cfg.ConfigOpts()
    for module in (opts.nova_vnc_conf.vnc, opts.nova_vnc_conf.web):
        module.register_cli_opts(conf)
    value = {'BoolOpt': [], 'PortOpt': ['6090'], 'ListOpt': ['vencrypt']}.get(type(option).__name__, ['value'])
    flag = f'--{option.name}' if group == 'DEFAULT' else f'--{group}-{option.name}'
    conf([flag, *value], project='nova', default_config_files=[], default_config_dirs=[])
    assert conf.get_location(option.dest, None if group == 'DEFAULT' else group).location is \
        cfg.Locations.command_line
