# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

import pytest
from oslo_config import cfg

from nova_vnc.conf import opts, retired

OLD_FILE = '''
[DEFAULT]
vnc_enabled = True
vnc-keymap = de
xvpvncproxy_port = 6081
consoleauth_topic = consoleauth
consoleauth_manager = nova.consoleauth.manager.ConsoleAuthManager
console_driver = nova.console.xvp.XVPConsoleProxy
my_ip = 192.0.2.1
[vnc]
keymap = en-us
enabled = True
[libvirt]
keymap = of another group
'''


def names_of(found: list[tuple[str, retired.RetiredOption]]) -> list[tuple[str, str]]:
    return [(option.group, option.name) for _, option in found]


def test_what_stands_in_files(tmp_path: Path):
    one, two = tmp_path / 'nova.conf', tmp_path / 'more.conf'
    one.write_text(OLD_FILE)
    two.write_text('[workarounds]\nenable_consoleauth = True\n[xvp]\nconsole_xvp_pid =\n')
    found = retired.find([str(one), str(two)])
    assert sorted(names_of(found)) == [
        ('DEFAULT', 'console_driver'), ('DEFAULT', 'consoleauth_manager'), ('DEFAULT', 'consoleauth_topic'),
        ('DEFAULT', 'vnc_keymap'), ('DEFAULT', 'xvpvncproxy_port'), ('vnc', 'keymap'),
        ('workarounds', 'enable_consoleauth'), ('xvp', 'console_xvp_pid')]
    assert {path for path, option in found if option.group in ('workarounds', 'xvp')} == {str(two)}
    assert retired.find([]) == []


def test_a_file_that_is_none(tmp_path: Path):
    (tmp_path / 'nova.conf').write_text('no option file')
    with pytest.raises(cfg.ConfigFileParseError):
        retired.find([str(tmp_path / 'nova.conf')])
    with pytest.raises((cfg.Error, OSError)):
        retired.find([str(tmp_path / 'nothing.conf')])


def test_what_is_said_of_one():
    (keymap,) = retired.among([('vnc', 'keymap'), ('vnc', 'enabled')])
    assert str(keymap).startswith('[vnc]keymap (removed in Nova 22.0.0 (Victoria)): Remove it. ')


def test_none_of_them_is_an_option_of_ours():
    registered = {name for group, options in opts.list_opts() for option in options for name in [
        (group, option.dest), *[(old.group or group, old.name or option.dest) for old in option.deprecated_opts]]}
    assert not [option for option in retired.OPTIONS if (option.group, option.name) in registered]
    assert len({(option.group, option.name) for option in retired.OPTIONS}) == len(retired.OPTIONS)


@pytest.mark.parametrize('option', retired.OPTIONS, ids=lambda option: f'{option.group}-{option.name}')
def test_advice_is_a_sentence(option: retired.RetiredOption):
    assert option.advice[0].isupper()
    assert option.advice.endswith('.')
    assert '\n' not in str(option)
