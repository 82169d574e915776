# SPDX-License-Identifier: Apache-2.0

import pytest

from nova_vnc.conf import weaknesses
from tests.fixtures.bus import new_conf


def found(tmp_path, text: str) -> list[str]:
    path = tmp_path / 'nova.conf'
    path.write_text(text)
    return list(weaknesses.find(new_conf(path)))


def test_defaults_are_not_weak(tmp_path):
    assert found(tmp_path, '') == []


@pytest.mark.parametrize(('text', 'option'), [
    ('[vnc]\nserver_listen = 0.0.0.0', '[vnc]server_listen = 0.0.0.0'),
    ('[vnc]\nserver_listen = ::', '[vnc]server_listen = ::'),
    ('[DEFAULT]\nvncserver_listen = 0.0.0.0', '[vnc]server_listen = 0.0.0.0'),
    ('[vnc]\nnovncproxy_base_url = http://cloud.example:6080/vnc_auto.html', '[vnc]novncproxy_base_url'),
    ('[vnc]\nauth_schemes = vencrypt,none\n[novncproxy]\nvencrypt_check_hostname = true',
     '[vnc]auth_schemes = vencrypt,none'),
    ('[vnc]\nauth_schemes = vencrypt', '[novncproxy]vencrypt_check_hostname = False'),
    ('[vnc]\nauth_schemes = vencrypt\n[novncproxy]\nvencrypt_subtypes = tlsnone',
     '[novncproxy]vencrypt_subtypes = tlsnone'),
    ('[api]\nauth_strategy = noauth2', '[api]auth_strategy = noauth2'),
    ('[consoleauth]\ntoken_ttl = 0', '[consoleauth]token_ttl = 0'),
    ('[consoleauth]\ntoken_ttl = 604800', '[consoleauth]token_ttl = 604800'),
    ('[DEFAULT]\nconsole_token_ttl = 604800', '[consoleauth]token_ttl = 604800'),
    ('[DEFAULT]\nrecord = /var/log/nova/sessions', '[DEFAULT]record = /var/log/nova/sessions'),
])
def test_a_weak_option(tmp_path, text: str, option: str):
    (sentence,) = found(tmp_path, text)
    assert sentence.startswith(option)
    assert sentence.endswith('.')


@pytest.mark.parametrize('text', [
    '[vnc]\nauth_schemes = vencrypt\n[novncproxy]\nvencrypt_check_hostname = true',
    '[novncproxy]\nvencrypt_subtypes = x509none,tlsnone',
    '[vnc]\nserver_listen = 192.0.2.1', '[vnc]\nserver_listen = compute1.example', '[vnc]\nauth_schemes = none',
    '[vnc]\nnovncproxy_base_url = https://cloud.example/vnc_auto.html', '[consoleauth]\ntoken_ttl = 3600',
    '[vnc]\nenabled = false\nserver_listen = 0.0.0.0\nnovncproxy_base_url = http://cloud.example/'])
def test_one_that_is_not(tmp_path, text: str):
    assert found(tmp_path, text) == []
