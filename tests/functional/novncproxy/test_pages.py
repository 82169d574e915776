# SPDX-License-Identifier: Apache-2.0
import errno
import gzip
import json
import logging
import os
import socket
import time

import pytest

from nova_vnc.novncproxy.http_stream import MAX_HEADER_BYTES, MAX_REQUEST_LINE_BYTES
from tests.fixtures.connections import receive_until_eof
from tests.fixtures.polling import wait_until
from tests.functional.novncproxy.rig import build_request, build_upgrade, parse_response

TOKEN = 'd3c5f3a0-4b0c-4f4c-9d3e-6a4b8b1f0f2e'


def test_our_page(rig):
    response = rig.start().get('/vnc_auto.html?path=%3Ftoken%3D' + TOKEN)
    assert response.status == 200
    assert b'nova-vnc/main.js' in response.body
    assert response.headers['content-type'] == 'text/html; charset=utf-8'
    assert response.headers['cache-control'] == 'no-cache'
    assert response.headers['referrer-policy'] == 'no-referrer'
    assert "script-src 'self'" in response.headers['content-security-policy']


def test_nothing_forbids_the_iframe_of_a_dashboard(rig):
    headers = rig.start().get('/vnc_auto.html').headers
    assert 'x-frame-options' not in headers
    assert 'frame-ancestors' not in headers['content-security-policy']


def test_the_installed_page_where_it_is_wanted(rig):
    response = rig.start(own_console_page=False).get('/vnc_auto.html')
    assert response.body == b'<title>noVNC, installed</title>'
    assert 'content-security-policy' not in response.headers


def test_what_the_operator_adds_to_our_page(rig, tmp_path):
    logo = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
    (tmp_path / 'logo').write_bytes(logo)
    rig.start(console_page_logo=str(tmp_path / 'logo'), console_page_home_url='https://cloud.example.org/',
              console_page_banner='Who may </script>')
    response = rig.get('/nova-vnc/site.json')
    assert (response.status, response.headers['content-type']) == (200, 'application/json')
    assert json.loads(response.body) == {
        'logo': 'logo.svg', 'home_url': 'https://cloud.example.org/', 'banner': 'Who may </script>'}
    assert response.headers['cache-control'] == 'no-cache'
    picture = rig.get('/nova-vnc/logo.svg')
    assert (picture.body, picture.headers['content-type']) == (logo, 'image/svg+xml')
    assert picture.headers['cache-control'] == 'no-cache'
    assert picture.headers['content-security-policy'].startswith("default-src 'none'; ")
    assert 'sandbox' in picture.headers['content-security-policy']
    modified = picture.headers['last-modified']
    assert rig.get('/nova-vnc/logo.svg', If_Modified_Since=modified).status == 304


def test_where_the_operator_adds_nothing(rig):
    assert rig.start().get('/nova-vnc/site.json').body == b'{}'
    assert rig.get('/nova-vnc/logo.svg').status == 404


@pytest.mark.parametrize(('target', 'content_type'), [
    ('/vnc.html', 'text/html; charset=utf-8'), ('/core/rfb.js?v=1', 'text/javascript; charset=utf-8'),
    ('/nova-vnc/console.css', 'text/css; charset=utf-8'), ('/app/images/icon.svg', 'image/svg+xml'),
])
def test_files(rig, target, content_type):
    response = rig.start().get(target)
    assert response.status == 200
    assert response.headers['content-type'] == content_type
    assert int(response.headers['content-length']) == len(response.body) > 0
    assert response.headers['x-content-type-options'] == 'nosniff'


def test_a_large_file(rig, web):
    data = bytes(range(256)) * 8192
    (web / 'large.bin').write_bytes(data)
    assert rig.start().get('/large.bin').body == data


def test_a_browser_gets_text_packed(rig, web):
    data = b'export default 1;\n' * 1000
    (web / 'core' / 'large.js').write_bytes(data)
    rig.start()
    response = rig.get('/core/large.js', Accept_Encoding='gzip, deflate, br')
    assert response.headers['content-encoding'] == 'gzip'
    assert response.headers['vary'] == 'Accept-Encoding'
    assert int(response.headers['content-length']) == len(response.body) < len(data) / 4
    assert gzip.decompress(response.body) == data
    modified = response.headers['last-modified']
    assert rig.get('/core/large.js', Accept_Encoding='gzip', If_Modified_Since=modified).status == 304
    head = rig.get('/core/large.js', method='HEAD', Accept_Encoding='gzip')
    assert (head.headers['content-length'], head.body) == (response.headers['content-length'], b'')


@pytest.mark.parametrize('accepted', [{}, {'Accept_Encoding': 'br'}, {'Accept_Encoding': 'gzip;q=0, br'}])
def test_whoever_does_not_take_that_gets_the_file_as_it_is(rig, web, accepted):
    (web / 'core' / 'large.js').write_bytes(b'a' * 1000)
    response = rig.start().get('/core/large.js', **accepted)
    assert response.body == b'a' * 1000
    assert 'content-encoding' not in response.headers
    assert response.headers['vary'] == 'Accept-Encoding'     # for caches on the way


def test_what_is_packed_already_is_not_packed(rig, web):
    (web / 'large.png').write_bytes(b'a' * 1000)
    response = rig.start().get('/large.png', Accept_Encoding='gzip')
    assert response.body == b'a' * 1000
    assert 'vary' not in response.headers


def test_head(rig):
    response = rig.start().get('/vnc.html', method='HEAD')
    assert response.status == 200
    assert response.headers['content-length'] == '20'
    assert response.body == b''


def test_what_has_not_changed_is_not_sent_again(rig):
    rig.start()
    modified = rig.get('/core/rfb.js').headers['last-modified']
    response = rig.get('/core/rfb.js', If_Modified_Since=modified)
    assert response.status == 304
    assert response.body == b''


@pytest.mark.parametrize('number', [errno.EMFILE, errno.ENFILE, errno.ENOMEM])
def test_a_file_that_cannot_be_opened_now_is_not_missing(rig, monkeypatch, caplog, number):
    os_open = os.open

    def fail(path, *args, **kwargs):
        if str(path).endswith('vnc.html'):
            raise OSError(number, os.strerror(number))
        return os_open(path, *args, **kwargs)

    rig.start()
    monkeypatch.setattr(os, 'open', fail)
    response = rig.get('/vnc.html')
    assert (response.status, response.headers['retry-after']) == (503, '5')
    assert f'cannot open a file: {os.strerror(number)}' in caplog.text


@pytest.mark.parametrize('target', [
    '/nothing.html', '/core', '/core/', '/../secret', '/%2e%2e/%2e%2e/etc/passwd', '/.git/config', '/core/../vnc.html',
])
def test_what_is_not_there(rig, target):
    response = rig.start().get(target)
    assert response.status == 404
    assert response.body == b'Not Found\n'


@pytest.mark.parametrize('target', ['//evil.example/', '//evil.example/..', '//vnc.html?token=' + TOKEN, '///'])
def test_two_slashes(rig, target):
    response = rig.start().get(target)
    assert response.status == 400
    assert 'location' not in response.headers


@pytest.mark.parametrize('method', ['GET', 'HEAD'])
def test_a_page_as_queens_asked_for_it(rig, method):
    response = rig.start().get(f'/vnc_auto.html?token={TOKEN}&title=web(1)', method=method)
    assert response.status == 302
    assert response.headers['location'] == f'./vnc_auto.html?path=%3Ftoken%3D{TOKEN}&title=web(1)'
    assert response.headers['cache-control'] == 'no-store'


def test_a_page_with_two_tokens(rig):
    assert rig.start().get('/vnc_auto.html?token=a&token=b').status == 400


@pytest.mark.parametrize('target', ['/', '/websockify', '/?token=' + TOKEN, '/any/path?token=' + TOKEN])
def test_plain_http_on_the_path_of_the_websocket(rig, target):
    response = rig.start().get(target)
    assert response.status == 426
    assert response.headers['upgrade'] == 'websocket'
    assert b'takes WebSocket connections' in response.body


def test_a_load_balancer_that_does_not_pass_websockets_on(rig, caplog):
    request = build_upgrade('/?token=' + TOKEN).replace(b'Upgrade: websocket\r\n', b'').replace(b'Upgrade', b'close')
    with caplog.at_level(logging.WARNING):
        assert rig.start().send_raw(request).status == 426
    assert 'load balancer' in caplog.text


@pytest.mark.parametrize('method', ['POST', 'PUT', 'DELETE', 'OPTIONS', 'CONNECT', 'PROPFIND', 'get'])
def test_other_methods(rig, method):
    response = rig.start().get('/vnc.html', method=method)
    assert response.status == 405
    assert response.headers['allow'] == 'GET, HEAD'


class TestBadRequests:

    @pytest.mark.parametrize('request_line', [
        b'GET\r\n\r\n', b'GET /vnc.html HTTP/x\r\n\r\n', b'a b c d\r\n\r\n', b'\x15\x03\x01\x02\x00\x01\r\n',
        b'GET vnc.html HTTP/1.1\r\n\r\n', b'GET http://a/vnc.html HTTP/1.1\r\n\r\n',
        b'GET /\xc3\xbc HTTP/1.1\r\n\r\n', b'GET /\x1b[2J HTTP/1.1\r\n\r\n', b'?token=secret / HTTP/9.9.9\r\n\r\n',
    ])
    def test_malformed(self, rig, request_line):
        response = rig.start().send_raw(request_line)
        assert response.status == 400
        assert response.body == b'Bad Request\n'
        assert response.headers['connection'] == 'close'

    def test_another_version(self, rig):
        assert rig.start().send_raw(b'GET / HTTP/2.0\r\n\r\n').status == 505

    def test_a_request_line_too_long(self, rig):
        response = rig.start().get('/?token=' + 'x' * MAX_REQUEST_LINE_BYTES)
        assert response.status == 414

    @pytest.mark.parametrize('header', ['a' * MAX_HEADER_BYTES, 'b\r\nX: ' * 100])
    def test_headers_too_long_or_too_many(self, rig, header):
        response = rig.start().get('/vnc.html', Cookie=header)
        assert response.status == 431

    def test_a_client_that_goes_on_sending_is_not_reset(self, rig):
        sock = rig.start().connect()
        sock.sendall(b'x' * 2 * MAX_REQUEST_LINE_BYTES)
        answer = sock.recv(4096)
        for _ in range(3):
            sock.sendall(b'x' * 10_000)
            time.sleep(0.05)  # for a reset to arrive
        assert parse_response(answer + receive_until_eof(sock)).status == 414

    def test_a_slow_header(self, rig):
        sock = rig.start(header_timeout=1).connect()
        sock.sendall(b'GET /vnc.html HTTP/1.1\r\nHost: a\r\n')
        response = parse_response(receive_until_eof(sock))
        assert response.status == 408

    def test_a_header_that_comes_byte_by_byte_gets_no_more_time(self, rig):
        sock = rig.start(header_timeout=1).connect()
        sock.settimeout(0.05)
        received = b''
        while not received:
            sock.sendall(b'X')
            try:
                received = sock.recv(100)
            except TimeoutError:
                continue
        assert received.startswith(b'HTTP/1.0 408') or received.startswith(b'HTTP/1.1 408')

    def test_a_connection_on_which_nothing_comes(self, rig):
        sock = rig.start(header_timeout=1).connect()
        assert sock.recv(1) == b''


class TestKeepAlive:

    def test_several_requests(self, rig):
        sock = rig.start().connect()
        sock.sendall(build_request('/vnc.html') * 2 + build_request('/nothing', Connection='close'))
        data = receive_until_eof(sock)
        assert data.count(b'HTTP/1.1 200 ') == 2
        assert data.count(b'HTTP/1.1 404 ') == 1

    def test_idle(self, rig):
        sock = rig.start(keep_alive_timeout=1).connect()
        sock.sendall(build_request('/vnc.html'))
        assert parse_response(receive_until_eof(sock)).status == 200

    @pytest.mark.parametrize('timeout', [0, 60])
    def test_switched_off_or_not(self, rig, timeout):
        sock = rig.start(keep_alive_timeout=timeout).connect()
        sock.sendall(build_request('/vnc.html'))
        answer = b''
        while b'</title>' not in answer:
            answer += sock.recv(4096)
        assert (b'Connection: close' in answer) == (timeout == 0)

    def test_http_1_0(self, rig):
        response = rig.start().send_raw(b'GET /vnc.html HTTP/1.0\r\n\r\n')
        assert response.status == 200
        assert response.headers['connection'] == 'close'

    def test_a_body_is_not_taken_for_the_next_request(self, rig):
        body = build_request('/nothing')
        sock = rig.start().connect()
        sock.sendall(build_request('/vnc.html', Content_Length=str(len(body))) + body)
        data = receive_until_eof(sock)
        assert data.count(b'HTTP/1.1') == 1


class TestSmuggling:
    """A body that could pass for the next request is never answered as one."""

    @pytest.mark.parametrize('header', [
        'Content-Length : {}', 'Content-Length\t: {}', 'X\r\nContent-Length: {}', ' X: a\r\nContent-Length: {}',
        'X: a\r\n Content-Length: {}', ': a\r\nContent-Length: {}', 'X Y: a\r\nContent-Length: {}',
        'X: a\0\r\nContent-Length: {}', 'X: a\rContent-Length: {}', 'X: a\x0bContent-Length: {}', '\xfc: a',
        'Content-Length: 0\r\nContent-Length: {}', 'Content-Length: 0, {}', 'Content-Length: +{}',
        'Content-Length: 0\r\nTransfer-Encoding: chunked', 'Transfer-Encoding: identity\r\nContent-Length: {}',
    ])
    @pytest.mark.parametrize('method', ['GET', 'POST'])
    def test_a_malformed_header(self, rig, header, method):
        body = build_request('/vnc.html?smuggled')
        request = (f'{method} /nothing HTTP/1.1\r\nHost: 127.0.0.1\r\n{header.format(len(body))}\r\n'
                   'X-Last: a\r\n\r\n').encode('latin-1')
        sock = rig.start().connect()
        sock.sendall(request + body)
        data = receive_until_eof(sock)
        response = parse_response(data)
        assert response.status == 400
        assert response.headers['connection'] == 'close'
        assert data.count(b'HTTP/1.1 ') == 1

    def test_behind_a_good_request(self, rig):
        sock = rig.start().connect()
        sock.sendall(build_request('/vnc.html') + build_request('/vnc.html', **{'Content-Length ': '99'}) +
                     build_request('/vnc.html'))
        data = receive_until_eof(sock)
        assert data.count(b'HTTP/1.1 200 ') == 1
        assert data.count(b'HTTP/1.1 400 ') == 1
        assert data.count(b'HTTP/1.1 ') == 2

    def test_a_header_that_is_cut_off_is_no_request(self, rig):
        sock = rig.start().connect()
        sock.sendall(b'GET /vnc.html HTTP/1.1\r\nHost: a\r\n')
        sock.shutdown(socket.SHUT_WR)
        assert receive_until_eof(sock) == b''

    def test_a_websocket_is_not_opened_either(self, rig):
        token = rig.start().console()
        request = build_upgrade('/?token=' + token, **{'X ': 'a'})
        assert rig.send_raw(request).status == 400
        assert rig.consoleauth.asked == 0


def test_one_access_line_without_query_for_each_request(rig, caplog):
    with caplog.at_level(logging.INFO, 'nova_vnc.novncproxy.handler'):
        rig.start().get(f'/vnc_auto.html?path=%3Ftoken%3D{TOKEN}')
        rig.get('/nothing%0a')
        wait_until(lambda: len(caplog.records) == 2, 10, 'two lines')
    first, second = (record.getMessage() for record in caplog.records)
    assert first.endswith(' "GET /vnc_auto.html" 200')
    assert first.startswith('127.0.0.1:')
    assert second.endswith(' "GET /nothing?" 404')


def test_the_files_of_a_page_are_worth_no_line(rig, caplog):
    """One for the page, redirects, what is missing; for the rest at DEBUG."""
    rig.start()
    modified = rig.get('/core/rfb.js').headers['last-modified']
    with caplog.at_level(logging.DEBUG, 'nova_vnc.novncproxy.handler'):
        for target in ('/vnc_auto.html', '/vnc_auto.html?token=a', '/core/rfb.js', '/nova-vnc/console.css',
                       '/app/images/icon.svg', '/core/nothing.js'):
            rig.get(target)
        assert rig.get('/core/rfb.js', If_Modified_Since=modified).status == 304
        wait_until(lambda: len(caplog.records) == 7, 10, 'seven lines')
    levels = [(record.levelname, record.getMessage().partition(' ')[2]) for record in caplog.records]
    assert levels == [
        ('INFO', '"GET /vnc_auto.html" 200'), ('INFO', '"GET /vnc_auto.html" 302'), ('DEBUG', '"GET /core/rfb.js" 200'),
        ('DEBUG', '"GET /nova-vnc/console.css" 200'), ('DEBUG', '"GET /app/images/icon.svg" 200'),
        ('INFO', '"GET /core/nothing.js" 404'), ('DEBUG', '"GET /core/rfb.js" 304')]


def test_a_refusal_behind_a_file_on_one_connection_is_worth_a_line(rig, caplog):
    with caplog.at_level(logging.INFO, 'nova_vnc.novncproxy.handler'):
        sock = rig.start().connect()
        sock.sendall(build_request('/core/rfb.js') + b'GET /vnc.html HTTP/1.1\r\nX : a\r\n\r\n')
        receive_until_eof(sock)
    line, = caplog.records
    assert line.getMessage().endswith('"GET /vnc.html" 400')


class TestWebSocketHandshake:

    @pytest.mark.parametrize(('changes', 'status'), [
        ({'Sec_WebSocket_Key': ''}, 400), ({'Connection': 'close'}, 400), ({'Sec_WebSocket_Version': '8'}, 426),
        ({'Sec_WebSocket_Protocol': 'base64'}, 400),
    ])
    def test_refused(self, rig, changes, status):
        response = rig.start().send_raw(build_upgrade('/?token=' + TOKEN, **changes))
        assert response.status == status
        assert response.headers['sec-websocket-version'] == '13'
        assert rig.consoleauth.asked == 0

    def test_other_methods_are_none(self, rig):
        request = build_upgrade('/vnc.html').replace(b'GET', b'HEAD').replace(b'Connection: Upgrade',
                                                                              b'Connection: close')
        assert rig.start().send_raw(request).status == 200

    @pytest.mark.parametrize(('offered', 'answered'), [
        (None, None), ('binary', 'binary'), ('binary, base64', 'binary'), ('base64, binary', 'binary'),
        ('nova-vnc.notices, binary', 'nova-vnc.notices'), ('binary, nova-vnc.notices', 'binary')])
    def test_subprotocol(self, rig, offered, answered):
        token = rig.start().console()
        sock = rig.connect()
        changes = {} if offered is None else {'Sec_WebSocket_Protocol': offered}
        sock.sendall(build_upgrade('/?token=' + token, **changes))
        answer = b''
        while b'RFB 003.008\n' not in answer:
            answer += sock.recv(4096)
        response = parse_response(answer)
        assert response.status == 101
        assert response.headers.get('sec-websocket-protocol') == answered


def test_an_empty_line_before_a_request(rig):
    rig.start()
    request = build_request('/vnc.html', Connection='close')
    assert rig.send_raw(b'\r\n' + request).status == 200
    # As clients do that send one behind a body.
    sock = rig.connect()
    sock.sendall(build_request('/vnc.html') + b'\r\n' + request)
    assert receive_until_eof(sock).count(b'HTTP/1.1 200 OK') == 2
