# SPDX-License-Identifier: Apache-2.0

import dataclasses
import hashlib
import string
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nova_vnc import exception
from nova_vnc.access_url import build_access_url
from nova_vnc.consoleauth import tokens

NOW = 1795337073.5
TTL_S = 600
TOKEN = '6f1c56b1-dbd3-4a3c-a3f7-4bbf0c3d0f7a'
ARGUMENTS = {'token': TOKEN, 'console_type': 'novnc', 'host': '192.0.2.1', 'port': '15900',
             'internal_access_path': None, 'instance_uuid': '9169fdb2-5b74-46b1-9803-60d2926bd97c',
             'access_url': f'http://127.0.0.1:6080/vnc_auto.html?token={TOKEN}'}

any_token = st.one_of(st.uuids(version=4).map(str),
                      st.text(string.ascii_letters + string.digits + '._~-', min_size=1, max_size=20))
query = st.dictionaries(st.text(string.ascii_letters, min_size=1, max_size=5), st.text(max_size=10), max_size=4)


def build(**changes: object) -> tokens.StoredToken:
    return tokens.build_stored_token(**{**ARGUMENTS, 'now': NOW, 'ttl_s': TTL_S, **changes})


class TestAccessUrl:
    @given(any_token, st.text(max_size=60))
    def test_round_trip_of_any_text(self, token: str, text: str):
        for url in (text, text + token, token + text, f'{text}<token>{token}<{text}', f'{text}<<token'):
            assert tokens.put_token_in(tokens.take_token_out(url, token), token) == url

    @given(st.uuids(version=4).map(str), query, st.sampled_from(['', '?token=', '&x=1&path=%3Ftoken%3D']))
    def test_token_is_gone_from_both_its_forms(self, token: str, arguments: dict[str, str], more: str):
        base = 'https://example.com:6080/vnc_auto.html?' + '&'.join(f'{key}={value}' for key, value in
                                                                    arguments.items())
        for url in (build_access_url(base.rstrip('?'), token), f'{base}&token={token}{more}', f'{base}{more}{token}'):
            stored = tokens.take_token_out(url, token)
            assert token not in stored
            assert tokens.put_token_in(stored, token) == url

    def test_as_people_read_it_in_the_table(self):
        assert tokens.take_token_out(build_access_url('http://example.com/vnc_auto.html', TOKEN), TOKEN) == \
            'http://example.com/vnc_auto.html?path=%3Ftoken%3D<token>'

    def test_without_the_token(self):
        url = 'http://example.com/vnc_auto.html?token='
        assert tokens.take_token_out(url, TOKEN) == url

    def test_another_token_of_the_same_console(self):
        stored = build()
        other = tokens.build_connect_info(stored, 'another', TTL_S)
        assert other.access_url == 'http://127.0.0.1:6080/vnc_auto.html?token=another'


class TestStoredToken:
    def test_holds_everything_but_the_token(self):
        stored = build(request_id='req-11111111-2222-3333-4444-555555555555')
        assert TOKEN not in str(dataclasses.asdict(stored))
        assert stored == tokens.StoredToken(
            token_hash=hashlib.sha256(TOKEN.encode()).hexdigest(), console_type='novnc', host='192.0.2.1', port='15900',
            instance_uuid=ARGUMENTS['instance_uuid'], expires=1795337673, internal_access_path=None,
            access_url_base='http://127.0.0.1:6080/vnc_auto.html?token=<token>', created_at=NOW,
            request_id='req-11111111-2222-3333-4444-555555555555')

    def test_connect_info_comes_back(self):
        info = tokens.build_connect_info(build(), TOKEN, TTL_S).to_dict()
        assert info.pop('last_activity_at') == NOW
        assert info == ARGUMENTS

    def test_activity_of_a_row_without_a_time(self):
        stored = dataclasses.replace(build(), created_at=None)
        assert tokens.build_connect_info(stored, TOKEN, TTL_S).last_activity_at == 1795337073.0

    def test_callers_of_2_0_have_no_url(self):
        stored = build(access_url=None)
        assert stored.access_url_base is None
        assert tokens.build_connect_info(stored, TOKEN, TTL_S).access_url is None

    @pytest.mark.parametrize(('ttl_s', 'after_s', 'valid'), [
        (600, 0, True), (600, 599, True), (600, 600, False), (1, 0, True), (0, 0, False)])
    def test_expires(self, ttl_s: int, after_s: float, valid: bool):
        assert tokens.is_valid(build(ttl_s=ttl_s), NOW + after_s) is valid

    def test_same_data(self):
        assert build().has_same_data(build(now=NOW + 5, request_id='req-2'))
        for change in ({'port': 15901}, {'host': '192.0.2.2'}, {'instance_uuid': str(uuid.uuid4())},
                       {'access_url': None}, {'internal_access_path': '/x'}):
            assert not build().has_same_data(build(**change)), change

    @pytest.mark.parametrize('change', [
        {'token': ''}, {'token': 'x' * 256}, {'token': None}, {'token': 'a b'}, {'token': 'ä'}, {'token': 7},
        {'host': ''}, {'host': None}, {'host': 'x' * 256}, {'host': 'a b'}, {'host': 'a\n'},
        {'port': 0}, {'port': '65536'}, {'port': None}, {'port': '5900x'}, {'port': True},
        {'instance_uuid': None}, {'instance_uuid': 'x'},
        {'access_url': 5}, {'access_url': 'x' * 256}, {'access_url': 'http://x/\n'}, {'access_url': '\ud800'},
        {'internal_access_path': 5}, {'internal_access_path': 'x' * 256},
    ])
    def test_malformed(self, change: dict[str, object]):
        with pytest.raises(exception.InvalidInput) as caught:
            build(**change)
        assert TOKEN not in str(caught.value)

    @pytest.mark.parametrize('console_type', ['spice-html5', '', None, 'x' * 1000])
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
