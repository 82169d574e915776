# SPDX-License-Identifier: Apache-2.0

import string
from urllib import parse

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nova_vnc.access_url import build_access_url
from nova_vnc.consoleauth.stores import access_urls

TOKEN = '6f1c56b1-dbd3-4a3c-a3f7-4bbf0c3d0f7a'

any_token = st.one_of(st.uuids(version=4).map(str),
                      st.text(string.ascii_letters + string.digits + '._~-', min_size=1, max_size=20))
query = st.dictionaries(st.text(string.ascii_letters, min_size=1, max_size=5), st.text(max_size=10), max_size=4)


class TestMarkedPlace:
    @given(any_token, st.text(max_size=60))
    def test_round_trip_of_any_text(self, token: str, text: str):
        for url in (text, text + token, token + text, f'{text}<token>{token}<{text}', f'{text}<<token'):
            assert access_urls.put_token_in(access_urls.take_token_out(url, token), token) == url

    @given(st.uuids(version=4).map(str), query, st.sampled_from(['', '?token=', '&x=1&path=%3Ftoken%3D']))
    def test_token_is_gone_from_both_its_forms(self, token: str, arguments: dict[str, str], more: str):
        base = 'https://example.com:6080/vnc_auto.html?' + '&'.join(f'{key}={value}' for key, value in
                                                                    arguments.items())
        for url in (build_access_url(base.rstrip('?'), token), f'{base}&token={token}{more}', f'{base}{more}{token}'):
            stored = access_urls.take_token_out(url, token)
            assert token not in stored
            assert access_urls.put_token_in(stored, token) == url

    def test_as_people_read_it_in_the_table(self):
        assert access_urls.take_token_out(build_access_url('http://example.com/vnc_auto.html', TOKEN), TOKEN) == \
            'http://example.com/vnc_auto.html?path=%3Ftoken%3D<token>'

    def test_without_the_token(self):
        url = 'http://example.com/vnc_auto.html?token='
        assert access_urls.take_token_out(url, TOKEN) == url


class TestBase:
    @pytest.mark.parametrize(('access_url', 'base'), [
        (f'http://x:6080/vnc_auto.html?token={TOKEN}', 'http://x:6080/vnc_auto.html'),
        (f'http://x:6080/vnc_auto.html?path=%3Ftoken%3D{TOKEN}', 'http://x:6080/vnc_auto.html'),
        (f'http://x/vnc_lite.html?scale=true&path=websockify%3Ftoken%3D{TOKEN}',
         'http://x/vnc_lite.html?scale=true&path=websockify'),
        (f'http://x/?scale=true&path=a%3Fb%3Dc%26token%3D{TOKEN}', 'http://x/?scale=true&path=a%3Fb%3Dc'),
        (f'http://x/?scale=true&token={TOKEN}', 'http://x/?scale=true'),
        (f'http://x/?scale=true?token={TOKEN}', 'http://x/?scale=true'),
        (f'wss://x:6083/?token={TOKEN}', 'wss://x:6083/'),
        ('http://x/?y', 'http://x/?y'),
        (f'http://x/{TOKEN}?token={TOKEN}', None),
        (f'http://x/?TOKEN={TOKEN}', None),
    ])
    def test_of_what_releases_of_nova_built(self, access_url: str, base: str | None):
        assert access_urls.base_of(access_url, TOKEN) == base

    @given(st.uuids(version=4).map(str), query, st.sampled_from(['', 'path=p', 'path=p%3Fa%3Db']))
    def test_there_and_back(self, token: str, arguments: dict[str, str], path: str):
        base = 'https://example.com:6080/vnc_auto.html'
        full = '&'.join(filter(None, (parse.urlencode(arguments), path)))
        with_token = build_access_url(f'{base}?{full}' if full else base, token)
        kept = access_urls.base_of(with_token, token)
        assert kept is not None
        assert token not in kept
        assert access_urls.build_from_base(kept, 'novnc', token) == with_token

    def test_other_consoles(self):
        for console_type in ('serial', 'spice-html5', 'webmks'):
            assert access_urls.build_from_base('wss://x:6083/', console_type, TOKEN) == f'wss://x:6083/?token={TOKEN}'
