# SPDX-License-Identifier: Apache-2.0
from urllib import parse

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nova_vnc import access_url

# What nova 34.0.0 gives (ConsoleAuthToken.access_url of a novnc console) for each [vnc]novncproxy_base_url.
NOVA_34 = [
    ('http://127.0.0.1:6080/vnc_auto.html',
     'http://127.0.0.1:6080/vnc_auto.html?path=%3Ftoken%3DTOKEN'),
    ('http://127.0.0.1:6080/vnc_lite.html',
     'http://127.0.0.1:6080/vnc_lite.html?path=%3Ftoken%3DTOKEN'),
    ('https://console.example.org/vnc_auto.html?resize=scale',
     'https://console.example.org/vnc_auto.html?resize=scale&path=%3Ftoken%3DTOKEN'),
    ('https://console.example.org/vnc_auto.html?path=websockify',
     'https://console.example.org/vnc_auto.html?path=websockify%3Ftoken%3DTOKEN'),
    ('https://console.example.org/vnc_auto.html?path=cell1%2Fws&resize=scale',
     'https://console.example.org/vnc_auto.html?path=cell1%2Fws%3Ftoken%3DTOKEN&resize=scale'),
    ('https://console.example.org/vnc_auto.html?path=',
     'https://console.example.org/vnc_auto.html?path=%3Ftoken%3DTOKEN'),
    ('https://console.example.org/vnc_auto.html?path=one&path=two',
     'https://console.example.org/vnc_auto.html?path=one%3Ftoken%3DTOKEN'),
    ('https://console.example.org/vnc_auto.html?title=a+b%20c%C3%A9',
     'https://console.example.org/vnc_auto.html?title=a+b+c%C3%A9&path=%3Ftoken%3DTOKEN'),
    ('https://console.example.org/vnc_auto.html?',
     'https://console.example.org/vnc_auto.html?path=%3Ftoken%3DTOKEN'),
    ('https://console.example.org/vnc_auto.html#frag',
     'https://console.example.org/vnc_auto.html?path=%3Ftoken%3DTOKEN#frag'),
    ('https://console.example.org/vnc_auto.html?x=1#frag',
     'https://console.example.org/vnc_auto.html?x=1&path=%3Ftoken%3DTOKEN#frag'),
    ('https://console.example.org/vnc_auto.html;p=1?x=1',
     'https://console.example.org/vnc_auto.html;p=1?x=1&path=%3Ftoken%3DTOKEN'),
    ('https://[2001:db8::1]:6080/vnc_auto.html',
     'https://[2001:db8::1]:6080/vnc_auto.html?path=%3Ftoken%3DTOKEN'),
    ('http://console.example.org',
     'http://console.example.org?path=%3Ftoken%3DTOKEN'),
    ('/vnc_auto.html',
     '/vnc_auto.html?path=%3Ftoken%3DTOKEN'),
    ('https://u%40x:pw@console.example.org/vnc_auto.html?x=%26%3D',
     'https://u%40x:pw@console.example.org/vnc_auto.html?x=%26%3D&path=%3Ftoken%3DTOKEN'),
    ('https://console.example.org/vnc_auto.html?x=1;y=2',
     'https://console.example.org/vnc_auto.html?x=1%3By%3D2&path=%3Ftoken%3DTOKEN'),
]


@pytest.mark.parametrize(('base_url', 'expected'), NOVA_34)
def test_the_url_is_novas(base_url, expected):
    assert access_url.build_access_url(base_url, 'TOKEN') == expected


@pytest.mark.parametrize(('base_url', 'expected'), [
    ('https://console.example.org/vnc_auto.html?path=ws%3Fregion%3Done',
     'https://console.example.org/vnc_auto.html?path=ws%3Fregion%3Done%26token%3DTOKEN'),
    ('https://console.example.org/vnc_auto.html?a=1&b=&path=ws',
     'https://console.example.org/vnc_auto.html?a=1&b=&path=ws%3Ftoken%3DTOKEN'),
])
def test_nothing_of_the_base_url_is_lost(base_url, expected):
    assert access_url.build_access_url(base_url, 'TOKEN') == expected


@given(st.lists(st.tuples(st.sampled_from(['a', 'b', 'path']), st.text(alphabet='xy?&=%# ;é', max_size=8))))
def test_the_proxy_finds_the_token_and_the_page_its_arguments(arguments):
    base = 'https://console.example.org/vnc_auto.html'
    url = access_url.build_access_url(f'{base}?{parse.urlencode(arguments)}', 'TOKEN')
    found = parse.parse_qs(parse.urlsplit(url).query, keep_blank_values=True)

    path = found.pop('path')
    assert len(path) == 1
    assert parse.parse_qs(path[0].partition('?')[2], keep_blank_values=True)['token'][-1] == 'TOKEN'
    for name in ('a', 'b'):
        assert found.get(name, []) == [value for key, value in arguments if key == name]
