# SPDX-License-Identifier: Apache-2.0
from nova_vnc.cmd import known_options


def test_no_secret_option_is_one_whose_change_is_told_with_its_values() -> None:
    mutable = [(group, option) for group, option in known_options.list_opts() if option.mutable]
    assert ('DEFAULT', 'debug') in [(group, option.dest) for group, option in mutable]
    assert [option.dest for _, option in mutable if option.secret] == []
