# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

from nova_vnc.cmd import known_options

GENERATOR = Path(__file__).parents[3] / 'etc' / 'nova-vnc-config-generator.conf'


def test_no_secret_option_is_one_whose_change_is_told_with_its_values() -> None:
    mutable = [(group, option) for group, option in known_options.list_opts() if option.mutable]
    assert ('DEFAULT', 'debug') in [(group, option.dest) for group, option in mutable]
    assert [option.dest for _, option in mutable if option.secret] == []


def test_the_known_options_are_those_of_the_sample():
    lines = GENERATOR.read_text().splitlines()
    assert [line.removeprefix('namespace = ') for line in lines if line.startswith('namespace')] == \
        list(known_options.NAMESPACES)
