# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

import pytest
from oslo_config import cfg

import nova_vnc.conf
from nova_vnc import exception
from nova_vnc.conf import refusal
from tests.fixtures.bus import new_conf


def refuse(path: Path, group: str, option: str) -> str:
    """Return what is said of an option of this file."""
    conf = new_conf(path)
    with pytest.raises(exception.ConfigurationError) as caught, refusal.naming_options(conf):
        conf[option] if group == 'DEFAULT' else conf[group][option]
    assert '\n' not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(('text', 'group', 'option', 'said'), [
    ('[api]\nmax_limit = -1', 'api', 'max_limit', '[api]max_limit = -1: Should be greater'),
    ('[consoleauth]\ntoken_ttl = soon', 'consoleauth', 'token_ttl', '[consoleauth]token_ttl = soon: invalid literal'),
    ('[DEFAULT]\nconsole_token_ttl = -5', 'consoleauth', 'token_ttl', '[consoleauth]token_ttl = -5: Should be'),
    ('[DEFAULT]\nssl_only = perhaps', 'DEFAULT', 'ssl_only', '[DEFAULT]ssl_only = perhaps: Unexpected boolean'),
    ('[DEFAULT]\nhost = no host', 'DEFAULT', 'host', '[DEFAULT]host = no host: no host is not a valid host'),
    ('[vnc]\nserver_listen = $where', 'vnc', 'server_listen',
     '[vnc]server_listen = $where: refers to an option that is not known here'),
    ('[DEFAULT]\nweb = ${nowhere.at_all}', 'DEFAULT', 'web',
     '[DEFAULT]web = ${nowhere.at_all}: refers to an option that is not known here'),
    ('[DEFAULT]\nmy_ip = no ip\n[vnc]\nserver_listen = $my_ip', 'vnc', 'server_listen',
     '[vnc]server_listen = $my_ip: '),
    ('[api]\nmax_limit = 7\nmax_limit = x', 'api', 'max_limit', '[api]max_limit = x: invalid literal'),
])
def test_option_and_value_are_named(tmp_path: Path, text: str, group: str, option: str, said: str):
    path = tmp_path / 'nova.conf'
    path.write_text(text)
    assert refuse(path, group, option).startswith(said)


def test_a_value_in_a_directory_of_files(tmp_path: Path):
    (tmp_path / '1.conf').write_text('[api]\nmax_limit = 1')
    (tmp_path / '2.conf').write_text('[api]\nmax_limit = much')
    conf = cfg.ConfigOpts()
    nova_vnc.conf.register_opts(conf)
    conf(['--config-dir', str(tmp_path)])
    with pytest.raises(exception.ConfigurationError, match=r'^\[api\]max_limit = much: '), \
            refusal.naming_options(conf):
        assert conf.api.max_limit


def test_an_option_of_a_library(tmp_path: Path):
    path = tmp_path / 'nova.conf'
    path.write_text('[DEFAULT]\nrpc_response_timeout = never')
    assert 'rpc_response_timeout' in refuse(path, 'DEFAULT', 'rpc_response_timeout')
