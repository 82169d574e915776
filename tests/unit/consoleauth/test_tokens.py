# SPDX-License-Identifier: Apache-2.0

import dataclasses

import pytest

from nova_vnc import exception, objects
from nova_vnc.consoleauth import tokens

NOW = 1795337073.5
TTL_S = 600
TOKEN = '6f1c56b1-dbd3-4a3c-a3f7-4bbf0c3d0f7a'
ARGUMENTS = {'token': TOKEN, 'console_type': 'novnc', 'host': '192.0.2.1', 'port': '15900',
             'internal_access_path': None, 'instance_uuid': '9169fdb2-5b74-46b1-9803-60d2926bd97c',
             'access_url': f'http://127.0.0.1:6080/vnc_auto.html?token={TOKEN}'}


def build(**changes: object) -> tokens.Authorization:
    return tokens.build_authorization(**{**ARGUMENTS, 'now': NOW, 'ttl_s': TTL_S, **changes})


class TestAuthorization:
    def test_holds_what_was_said(self):
        request_id = 'req-11111111-2222-3333-4444-555555555555'
        assert build(request_id=request_id) == tokens.Authorization(
            **ARGUMENTS, expires=1795337673, created_at=NOW, request_id=request_id)

    def test_shows_neither_the_token_nor_the_url(self):
        assert TOKEN not in repr(build())

    def test_connect_info_comes_back(self):
        info = tokens.build_connect_info(build(), TTL_S).to_dict()
        assert info.pop('last_activity_at') == NOW
        assert info == ARGUMENTS

    def test_tls_port_is_told_where_there_is_one(self):
        info = tokens.build_connect_info(dataclasses.replace(build(), tls_port=5901), TTL_S)
        assert info.to_dict()['tls_port'] == 5901
        assert objects.ConnectInfo.from_dict(info.to_dict()) == info

    def test_activity_of_one_without_a_time(self):
        found = dataclasses.replace(build(), created_at=None)
        assert tokens.build_connect_info(found, TTL_S).last_activity_at == 1795337073.0

    def test_callers_of_2_0_have_no_url(self):
        assert tokens.build_connect_info(build(access_url=None), TTL_S).access_url is None

    @pytest.mark.parametrize(('port', 'tls_port', 'has_port'), [
        ('5900', None, True), ('-1', None, False), ('-1', 5901, True), ('0', -1, False)])
    def test_a_stopped_vm_has_no_port(self, port: str, tls_port: int | None, has_port: bool):
        assert dataclasses.replace(build(), port=port, tls_port=tls_port).has_port is has_port

    @pytest.mark.parametrize(('ttl_s', 'after_s', 'valid'), [
        (600, 0, True), (600, 599, True), (600, 600, False), (1, 0, True), (0, 0, False)])
    def test_expires(self, ttl_s: int, after_s: float, valid: bool):
        assert tokens.is_valid(build(ttl_s=ttl_s), NOW + after_s) is valid

    @pytest.mark.parametrize('change', [
        {'token': ''}, {'token': 'x' * 256}, {'token': None}, {'token': 'a b'}, {'token': 'ä'}, {'token': 7},
        {'host': ''}, {'host': None}, {'host': 'x' * 256}, {'host': 'a b'}, {'host': 'a\n'},
        {'port': 0}, {'port': '65536'}, {'port': None}, {'port': '5900x'}, {'port': True},
        {'instance_uuid': None}, {'instance_uuid': 'x'},
        {'access_url': 5}, {'access_url': 'x' * 511}, {'access_url': 'http://x/\n'}, {'access_url': '\ud800'},
        {'internal_access_path': 5}, {'internal_access_path': 'x' * 256},
    ])
    def test_malformed(self, change: dict[str, object]):
        with pytest.raises(exception.InvalidInput) as caught:
            build(**change)
        assert TOKEN not in str(caught.value)

    @pytest.mark.parametrize('console_type', [
        'novnc', 'xvpvnc', 'spice-html5', 'spice-direct', 'rdp-html5', 'serial', 'webmks', 'mks'])
    def test_every_console_of_novas(self, console_type: str):
        assert build(console_type=console_type).console_type == console_type
        for port in (-1, '0', None):
            with pytest.raises(exception.InvalidInput):
                build(console_type=console_type, port=port)

    @pytest.mark.parametrize('console_type', ['vnc', '', None, 'x' * 1000, ['novnc']])
    def test_other_consoles(self, console_type: object):
        with pytest.raises(exception.ConsoleTypeInvalid):
            build(console_type=console_type)

    def test_uuid_in_another_letter_case(self):
        assert build(instance_uuid=ARGUMENTS['instance_uuid'].upper()).instance_uuid == ARGUMENTS['instance_uuid']

    def test_odd_request_id_is_left_out(self):
        assert build(request_id='req-1\nforged').request_id is None

    @pytest.mark.parametrize('value', ['', 'x' * 256, None, 5, 'a b', 'x\n'])
    def test_what_no_token_looks_like(self, value: object):
        assert not tokens.is_token(value)
