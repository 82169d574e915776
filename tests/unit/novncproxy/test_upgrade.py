# SPDX-License-Identifier: Apache-2.0
from http import HTTPStatus

import pytest

from nova_vnc.novncproxy import upgrade
from nova_vnc.novncproxy.header_fields import Fields

GOOD = {'Upgrade': 'websocket', 'Connection': 'keep-alive, Upgrade', 'Sec-WebSocket-Version': '13',
        'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ=='}


def build_headers(**changes):
    headers = Fields()
    for name, value in {**GOOD, **{name.replace('_', '-'): value for name, value in changes.items()}}.items():
        for one in value if isinstance(value, list) else [value]:
            if one is not None:
                headers.add(name, one)
    return headers


@pytest.mark.parametrize('protocol', [None, 'binary', 'base64, binary', 'binary,base64'])
def test_good(protocol):
    upgrade.check_upgrade('HTTP/1.1', build_headers(Sec_WebSocket_Protocol=protocol))


@pytest.mark.parametrize('changes', [
    {'Connection': None}, {'Connection': 'keep-alive'}, {'Sec_WebSocket_Key': None}, {'Sec_WebSocket_Key': 'short'},
    {'Sec_WebSocket_Key': 'dGhlIHNhbXBsZQ=='}, {'Sec_WebSocket_Key': '\u00fc'},
    {'Sec_WebSocket_Key': [GOOD['Sec-WebSocket-Key']] * 2}, {'Sec_WebSocket_Protocol': 'base64'},
])
def test_bad(changes):
    with pytest.raises(upgrade.UpgradeRefused) as refused:
        upgrade.check_upgrade('HTTP/1.1', build_headers(**changes))
    assert refused.value.status == HTTPStatus.BAD_REQUEST


@pytest.mark.parametrize('version', ['HTTP/0.9', 'HTTP/1.0', 'HTTP/1.00'])
def test_old_http(version):
    with pytest.raises(upgrade.UpgradeRefused):
        upgrade.check_upgrade(version, build_headers())


@pytest.mark.parametrize('version', [None, '7', '8', '14', '13, 8', ['13', '13']])
def test_other_versions(version):
    with pytest.raises(upgrade.UpgradeRefused) as refused:
        upgrade.check_upgrade('HTTP/1.1', build_headers(Sec_WebSocket_Version=version))
    assert refused.value.status == HTTPStatus.UPGRADE_REQUIRED


@pytest.mark.parametrize(('offered', 'chosen'), [
    ([''], ''), (['binary'], 'binary'), (['binary', ' base64'], 'binary'), (['base64', ' binary'], ' binary'),
    (['base64'], ''),
])
def test_subprotocol(offered, chosen):
    assert upgrade.choose_subprotocol(offered) == chosen


@pytest.mark.parametrize(('offered', 'taken'), [
    (None, False), ('binary', False), ('nova-vnc.notices, binary', True), ('binary, nova-vnc.notices', False),
    ('base64, nova-vnc.notices', True)])
def test_text_messages_are_for_who_is_answered_with_notices(offered, taken):
    assert upgrade.takes_notices(build_headers(Sec_WebSocket_Protocol=offered)) is taken
