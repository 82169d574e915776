# SPDX-License-Identifier: Apache-2.0
"""Whatever Nova accepts for an option is accepted here.

nova_options.json has the facts of nova 34.0.0 about each option that both have, and of older releases where they had an
option, a name or a value that 34 has not ("before": the release that took it away). "cli": nova-novncproxy has a flag
for it. "ours": false marks options of Nova's consoles that have no meaning here.
"""

import json
from pathlib import Path
from typing import Any

import pytest
from oslo_config import cfg

from nova_vnc.conf import opts

ALL_FACTS = json.loads(Path(__file__).with_name('nova_options.json').read_text())
FACTS = [fact for fact in ALL_FACTS if fact.get('ours', True)]

# Groups that hold nothing but Nova's options.
NOVAS_GROUPS = ('DEFAULT', 'vnc', 'console', 'libvirt', 'upgrade_levels')

OUR_DEFAULTS = {
    'state_path': 'where a package of Nova keeps it; the default of Nova is the directory of the code',
    'compute_driver': 'Nova has none and does not start without',
    'web': "nova-novncproxy of Nova's overrides its own default with this one",
}


def ours(fact: dict[str, Any]) -> cfg.Opt:
    return next(option for group, options in opts.list_opts() if group == fact['group']
                for option in options if option.name == fact['name'])


def choices_of(option: cfg.Opt) -> set[str] | None:
    types = (option.type, getattr(option.type, 'item_type', None))
    return next((set(found) for found in (getattr(each, 'choices', None) for each in types) if found), None)


@pytest.fixture(params=FACTS, ids=[f'{fact["group"]}-{fact["name"]}' for fact in FACTS])
def fact(request: pytest.FixtureRequest) -> dict[str, Any]:
    return request.param


def test_it_is_of_the_same_type(fact: dict[str, Any]):
    assert type(ours(fact)).__name__ == fact['class']


def test_it_has_the_same_default(fact: dict[str, Any]):
    if fact['name'] in OUR_DEFAULTS or str(fact['default']).startswith('<'):
        return
    assert ours(fact).default == fact['default']


def test_its_range_is_as_wide(fact: dict[str, Any]):
    minimum, maximum = getattr(ours(fact).type, 'min', None), getattr(ours(fact).type, 'max', None)
    if fact['class'] == 'PortOpt':
        assert (minimum, maximum) == (0, 65535)
        return
    assert minimum is None or minimum <= fact.get('min', float('-inf'))
    assert maximum is None or maximum >= fact.get('max', float('inf'))


def test_it_has_all_the_choices(fact: dict[str, Any]):
    choices = choices_of(ours(fact))
    assert choices is None or choices >= set(fact.get('choices', ['anything']))


def test_the_older_names_are_read(fact: dict[str, Any]):
    names = {f'{old.group or fact["group"]}.{old.name or fact["name"]}' for old in ours(fact).deprecated_opts}
    assert names >= set(fact.get('deprecated', []))


def test_there_are_facts_of_each_option_in_novas_groups():
    known = {(fact['group'], fact['name']) for fact in FACTS}
    registered = {(group, option.name) for group, options in opts.list_opts() if group in NOVAS_GROUPS
                  for option in options}
    assert registered == {(group, name) for group, name in known if group in NOVAS_GROUPS}
