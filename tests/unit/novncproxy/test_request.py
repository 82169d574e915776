# SPDX-License-Identifier: Apache-2.0
import contextlib
from urllib import parse

import hypothesis
import pytest
from hypothesis import strategies as st

from nova_vnc.novncproxy import request as requests
from nova_vnc.novncproxy.header_fields import Fields
from nova_vnc.novncproxy.refusal import Refusal, Refused
from nova_vnc.novncproxy.request import ConsoleRequest

UUID = 'd3c5f3a0-4b0c-4f4c-9d3e-6a4b8b1f0f2e'
TOKENS = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7e), min_size=1, max_size=255)
TEXTS = st.text(max_size=60)


def refusal_of(call, *arguments):
    with pytest.raises(Refused) as caught:
        call(*arguments)
    return caught.value.refusal


def browser_request(target='/', *, origin='http://cloud.example', host='cloud.example', **others):
    return ConsoleRequest(target, host, origin, **others)


def http_headers(*pairs):
    headers = Fields()
    for name, value in pairs:
        headers.add(name, value)
    return headers


class TestFromHttp:

    def test_takes_what_decides(self):
        headers = http_headers(('Host', 'a:1'), ('Origin', 'http://b'), ('X-Forwarded-Proto', 'ftp'), ('Cookie', 'c=1'))
        assert ConsoleRequest.from_http('/x', headers) == ConsoleRequest('/x', 'a:1', 'http://b', None, ('c=1',))
        assert ConsoleRequest.from_http('/x', headers, 'https').forwarded_scheme == 'https'

    def test_a_program_sends_no_origin(self):
        request = ConsoleRequest.from_http('/', http_headers(('Host', 'a')))
        assert request.origin is None
        assert not request.is_from_browser

    @pytest.mark.parametrize('name', ['Origin', 'Host'])
    def test_a_header_that_is_there_twice_matches_nothing(self, name):
        pairs = {'Host': 'a', 'Origin': 'http://a'}
        request = ConsoleRequest.from_http('/', http_headers(*pairs.items(), (name, pairs[name])))
        assert refusal_of(requests.check_origin_host, request, ()) is Refusal.ORIGIN

    def test_shows_neither_target_nor_cookies(self):
        request = browser_request(f'/?token={UUID}', cookies=(f'token={UUID}',))
        assert UUID not in repr(request)


class TestOriginHost:

    @pytest.mark.parametrize(('origin', 'host'), [
        ('http://cloud.example', 'cloud.example'),
        ('https://cloud.example:8443', 'cloud.example:6080'),
        ('http://Cloud.Example', 'cloud.example'),
        ('http://[::1]:6080', '[::1]:6080'),
        ('http://[0:0:0:0:0:0:0:1]', '[::1]'),
        ('http://192.0.2.1', '192.0.2.1:6080'),
    ])
    def test_of_this_server(self, origin, host):
        requests.check_origin_host(browser_request(origin=origin, host=host), ())

    @pytest.mark.parametrize('origin', [
        'http://evil.example', 'http://cloud.example.evil.example', 'http://evil.example/cloud.example',
        'http://cloud.example@evil.example', 'http://evil.example#cloud.example', 'http://evil.example\\cloud.example',
        'http://evil.example, http://cloud.example', 'null', '', 'cloud.example', '//cloud.example', 'http://',
        'file://', 'http://cloud.example:port', 'http://[::1', 'http://cloud.example/', 'http://cloud.example ,',
    ])
    def test_of_another_server(self, origin):
        assert refusal_of(requests.check_origin_host, browser_request(origin=origin), ()) is Refusal.ORIGIN

    def test_of_a_host_that_the_operator_allows(self):
        request = browser_request(origin='https://Dashboard.example:443')
        requests.check_origin_host(request, frozenset({'dashboard.example'}))

    @pytest.mark.parametrize('host', [None, '', 'a b', 'a,b', 'cloud.example:x'])
    def test_a_request_without_a_proper_host_needs_an_allowed_origin(self, host):
        request = browser_request(host=host)
        assert refusal_of(requests.check_origin_host, request, ()) is Refusal.ORIGIN
        requests.check_origin_host(request, {'cloud.example'})

    def test_absent(self):
        requests.check_origin_host(ConsoleRequest('/', 'cloud.example'), ())

    @hypothesis.given(origin=TEXTS, host=TEXTS)
    def test_anything_is_decided(self, origin, host):
        with contextlib.suppress(Refused):
            requests.check_origin_host(browser_request(origin=origin, host=host), ())


class TestOriginScheme:

    @pytest.mark.parametrize(('origin', 'forwarded_scheme', 'access_url'), [
        ('http://a', None, 'http://a/vnc_auto.html'),
        ('https://a', None, 'https://a/vnc_auto.html'),
        ('HTTPS://a', None, 'https://a/vnc_auto.html'),
        ('http://a', 'https', 'https://a/vnc_auto.html'),       # TLS ends at a load balancer
        ('https://a', None, 'wss://a/'),
        ('http://a', None, 'ws://a/'),
        (None, None, 'https://a/'),
    ])
    def test_right(self, origin, forwarded_scheme, access_url):
        requests.check_origin_scheme(browser_request(origin=origin, forwarded_scheme=forwarded_scheme), access_url)

    @pytest.mark.parametrize(('origin', 'forwarded_scheme', 'access_url'), [
        ('http://a', None, 'https://a/vnc_auto.html'),
        ('https://a', None, 'http://a/vnc_auto.html'),
        ('https://a', 'http', 'https://a/vnc_auto.html'),
        ('http://a', None, ''),
        ('http://a', None, 'wss://a/'),
    ])
    def test_wrong(self, origin, forwarded_scheme, access_url):
        request = browser_request(origin=origin, forwarded_scheme=forwarded_scheme)
        assert refusal_of(requests.check_origin_scheme, request, access_url) is Refusal.SCHEME


class TestFindToken:

    @pytest.mark.parametrize('target', [
        f'/?token={UUID}', f'/websockify?token={UUID}', f'//?a=b&token={UUID}&c', f'/?token={UUID}&token={UUID}',
        f'/?token=&token={UUID}', f'/?%74oken={UUID}',
    ])
    def test_in_the_query(self, target):
        assert requests.find_token(ConsoleRequest(target)) == UUID

    @pytest.mark.parametrize('target', [
        '/', '/websockify', '/?token=', '/?token', f'/?tokens={UUID}', f'/{UUID}', f'/?token={UUID}&token=other',
        '/?token=a%20b', '/?token=a+b', '/?token=%00', '/?token=%C3%BC', '/?token=' + 'x' * 256,
    ])
    def test_none_or_malformed_or_two(self, target):
        assert refusal_of(requests.find_token, ConsoleRequest(target)) is Refusal.TOKEN

    @pytest.mark.parametrize('cookies', [
        (f'token={UUID}',), (f'a=b; token={UUID}; c=d',), (f'token="{UUID}"',), ('a=b', f'token={UUID}'),
        (f'malformed; =x; [=]; token={UUID}; \u00fc',), (f'token=; token={UUID}',), (f'token={UUID}; token={UUID}',),
    ])
    def test_in_a_cookie_of_a_browser(self, cookies):
        assert requests.find_token(browser_request(cookies=cookies)) == UUID

    @pytest.mark.parametrize('cookies', [(), ('',), ('tokens=a',), ('token',), ('token=a; token=b',), ('Token=a',)])
    def test_in_no_cookie(self, cookies):
        assert refusal_of(requests.find_token, browser_request(cookies=cookies)) is Refusal.TOKEN

    def test_a_cookie_without_an_origin_does_not_count(self):
        request = ConsoleRequest('/', 'cloud.example', cookies=(f'token={UUID}',))
        assert refusal_of(requests.find_token, request) is Refusal.TOKEN

    def test_the_query_comes_before_a_cookie_of_an_earlier_console(self):
        assert requests.find_token(browser_request(f'/?token={UUID}', cookies=('token=old',))) == UUID

    @hypothesis.given(token=TOKENS)
    def test_whatever_it_looks_like(self, token):
        target = '/?' + parse.urlencode({'a': '1', 'token': token})
        assert requests.find_token(ConsoleRequest(target)) == token

    @hypothesis.given(query=TEXTS, cookie=TEXTS)
    def test_anything_is_decided(self, query, cookie):
        with contextlib.suppress(Refused):
            token = requests.find_token(browser_request('/?' + query, cookies=(cookie,)))
            assert token.isascii()
            assert token.isprintable()

    @pytest.mark.parametrize('target', [f'/?token={UUID}&token=other', f'/?token={UUID}%20', f'/?tok={UUID}'])
    def test_the_detail_for_the_log_does_not_quote_it(self, target):
        with pytest.raises(Refused) as caught:
            requests.find_token(ConsoleRequest(target))
        assert UUID[:8] not in caught.value.detail


class TestRedirectForPage:

    @pytest.mark.parametrize(('target', 'location'), [
        (f'/vnc_auto.html?token={UUID}', f'./vnc_auto.html?path=%3Ftoken%3D{UUID}'),
        (f'/vnc.html?token={UUID}&title=web%201(a)', f'./vnc.html?path=%3Ftoken%3D{UUID}&title=web%201(a)'),
        (f'/console/vnc_lite.html?a=1&token={UUID}&b', f'./vnc_lite.html?path=%3Ftoken%3D{UUID}&a=1&b'),
    ])
    def test_of_queens(self, target, location):
        assert requests.redirect_for_page(target) == location

    @pytest.mark.parametrize('target', [
        '/vnc_auto.html', f'/vnc_auto.html?path=%3Ftoken%3D{UUID}', f'/vnc_auto.html?token={UUID}&path=x',
        '/vnc_auto.html?token=', f'/?token={UUID}', f'/websockify?token={UUID}', '/core/rfb.js?token=x',
    ])
    def test_of_today(self, target):
        assert requests.redirect_for_page(target) is None

    def test_two_tokens(self):
        assert refusal_of(requests.redirect_for_page, '/vnc.html?token=a&token=b') is Refusal.TOKEN

    @hypothesis.given(token=TOKENS, others=st.dictionaries(TEXTS.filter(lambda name: name not in ('path', 'token')),
                                                           TEXTS, max_size=3))
    def test_keeps_everything(self, token, others):
        location = requests.redirect_for_page('/vnc.html?' + parse.urlencode({**others, 'token': token}))
        path, _, query = location.partition('?')
        assert path == './vnc.html'
        arguments = parse.parse_qs(query, keep_blank_values=True)
        assert requests.find_token(ConsoleRequest('/' + arguments.pop('path')[0])) == token
        assert arguments == {name: [value] for name, value in others.items()}

    @hypothesis.given(path=st.text('/:.abc@?#\\%2f', max_size=20))
    def test_leads_to_no_other_host(self, path):
        location = requests.redirect_for_page(f'/{path}.html?token=x')
        if location is not None:
            base = 'http://good.example/a/b'
            assert parse.urlsplit(parse.urljoin(base, location)).netloc == 'good.example'


class TestLoggablePath:

    @pytest.mark.parametrize(('target', 'shown'), [
        ('/vnc_auto.html?path=x', '/vnc_auto.html'),
        (f'/vnc.html%3Ftoken%3D{UUID}', '/vnc.html***'),
        (f'/{UUID}', '/***'),
        (f'/a;token={UUID}/b', '/a***'),
        ('/a%0Ab%22c%1B', '/a?b?c?'),
        ('/' + 'a/' * 200, '/' + ('a/' * 64)[:-1]),
    ])
    def test_shows(self, target, shown):
        assert requests.loggable_path(target) == shown

    @hypothesis.given(before=TEXTS, after=TEXTS, uuid=st.uuids())
    def test_never_shows_a_token(self, before, after, uuid):
        for token in (str(uuid), uuid.hex):
            shown = requests.loggable_path(f'{before}{token}{after}')
            assert token not in shown
            assert shown.isprintable()


@hypothesis.given(value=TEXTS)
def test_a_host_header_is_parsed_or_not(value):
    host = requests.parse_host_header(value)
    assert host is None or host == requests.normalize_host(host)


def test_a_token_in_the_target():
    assert requests.has_token('/?token=x')
    assert not requests.has_token('/?token=')
