# SPDX-License-Identifier: Apache-2.0
import io
from http.server import BaseHTTPRequestHandler

import hypothesis
import pytest
from hypothesis import strategies as st

from nova_vnc.novncproxy import request_line
from nova_vnc.novncproxy.request_line import BadRequestLine, RequestLine


class Reference(BaseHTTPRequestHandler):
    """http.server's own reading of a first line."""

    protocol_version = 'HTTP/1.1'

    def __init__(self, line):
        self.raw_requestline = line
        self.rfile = io.BytesIO(b'\r\n')
        self.status = None
        self.is_good = self.parse_request()

    def send_error(self, code, message=None, explain=None):
        self.status = code


@pytest.mark.parametrize(('line', 'expected'), [
    (b'GET / HTTP/1.1\r\n', RequestLine('GET', '/', 'HTTP/1.1')),
    (b'HEAD /a?b=c%20d HTTP/1.0\n', RequestLine('HEAD', '/a?b=c%20d', 'HTTP/1.0')),
    (b'PATCH //x HTTP/1.9\r\n', RequestLine('PATCH', '//x', 'HTTP/1.9')),
    (b'OPTIONS * HTTP/1.1\r\n', RequestLine('OPTIONS', '*', 'HTTP/1.1')),
])
def test_good(line, expected):
    assert request_line.parse(line) == expected


@pytest.mark.parametrize('line', [
    b'', b'\r\n', b'GET /', b'GET /\r\n', b'GET / HTTP/1.1', b'GET / HTTP/1.1\r', b'GET / HTTP/1.1\r\r\n',
    b'GET  / HTTP/1.1\r\n',
    b' GET / HTTP/1.1\r\n',
    b'GET / HTTP/1.1 \r\n', b'GET\t/ HTTP/1.1\r\n', b'GET /a b HTTP/1.1\r\n',
    b'GET /\xc3\xbc HTTP/1.1\r\n', b'GET /\0 HTTP/1.1\r\n', b'G(T / HTTP/1.1\r\n', b'GET / http/1.1\r\n',
    b'GET / HTTP/1\r\n',
    b'GET / HTTP/1.10\r\n', b'GET / HTTP/01.1\r\n', b'GET / HTTP/\xb2.1\r\n',
    b'GET / RTSP/1.0\r\n', b'\x16\x03\x01\x02\n',
])
def test_malformed(line):
    with pytest.raises(BadRequestLine) as caught:
        request_line.parse(line)
    assert caught.value.status == 400


@pytest.mark.parametrize('version', [b'0.9', b'2.0', b'3.0'])
def test_another_major_version(version):
    with pytest.raises(BadRequestLine) as caught:
        request_line.parse(b'GET / HTTP/' + version + b'\r\n')
    assert caught.value.status == 505


WORDS = st.one_of(
    st.sampled_from(['GET', 'HEAD', '/', '//a', '/?token=x', 'HTTP/1.1', 'HTTP/1.0', 'HTTP/2.0', 'HTTP/1.', '']),
    st.text(st.characters(max_codepoint=0xff, exclude_characters='\n'), max_size=4),
    st.from_regex(r'HTTP/[0-9]{1,2}\.[0-9]{1,2}', fullmatch=True))
LINES = st.builds(lambda words, gap, end: gap.join(words).encode('latin-1') + end, st.lists(WORDS, max_size=4),
                  st.sampled_from([' ', ' ', ' ', '  ', '\t', '\xa0']), st.sampled_from([b'\r\n', b'\n']))


@hypothesis.given(LINES)
def test_what_passes_is_read_by_http_server_in_the_same_way(line):
    reference = Reference(line)
    try:
        found = request_line.parse(line)
    except BadRequestLine:
        return
    assert reference.is_good
    assert (reference.command, reference.request_version) == (found.method, found.version)
    # It takes surplus slashes away.
    assert reference.path.lstrip('/') == found.target.lstrip('/')
