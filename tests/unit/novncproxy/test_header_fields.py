# SPDX-License-Identifier: Apache-2.0
import http.client
import io

import hypothesis
import pytest
from hypothesis import strategies as st

from nova_vnc.novncproxy.header_fields import MAX_FIELDS, Fields, HeaderParser, MalformedHeader, TooManyFields


def parse(*lines):
    parser = HeaderParser()
    for line in (*lines, b'\r\n'):
        parser.take(line)
    return parser.fields


@pytest.mark.parametrize('line', [
    b'Host: a\r\n', b'Host:a\n', b'X-Empty:\r\n', b'X:  a\tb \r\n', b'X: \xfc\r\n', b'X: a:b\r\n',
    b"!#$%&'*+-.^_`|~09: a\r\n",
    b'Content-Length: 0\r\n', b'Transfer-Encoding: chunked\r\n',
])
def test_well_formed(line):
    parse(line)


@pytest.mark.parametrize('line', [
    b'Content-Length : 3\r\n', b'Content-Length\t: 3\r\n',             # whitespace before the colon
    b' Content-Length: 3\r\n', b'\tX\r\n', b' \r\n',                   # obs-fold
    b'X: a\rb\r\n', b'X: a\r\r\n', b'X\r: a\r\n', b'\rX: a\r\n',       # a CR alone
    b'X: a\0\r\n', b'X\0: a\r\n', b'X: a\x7f\r\n', b'X: \x0b\r\n', b'X: \x1b[2J\r\n',
    b'X Y: a\r\n', b'X(: a\r\n', b'"X": a\r\n', b'\xfc: a\r\n', b'X/Y: a\r\n', b'GET / HTTP/1.1\r\n',
    b': a\r\n', b'X\r\n', b'X=a\r\n', b'X: a', b'',
])
def test_malformed(line):
    with pytest.raises(MalformedHeader):
        HeaderParser().take(line)


@pytest.mark.parametrize('lines', [
    [b'Content-Length: 3\r\n', b'Content-Length: 4\r\n'], [b'Content-Length: 3, 4\r\n'], [b'Content-Length: +3\r\n'],
    [b'Content-Length: 3x\r\n'], [b'Content-Length:\r\n'], [b'Content-Length: -1\r\n'], [b'Content-Length: \xb2\r\n'],
    [b'content-LENGTH: 3\r\n', b'X: a\r\n', b'transfer-ENCODING: chunked\r\n'],
    [b'Transfer-Encoding: x\r\n', b'Content-Length: 3\r\n'],
])
def test_lengths_that_disagree(lines):
    with pytest.raises(MalformedHeader):
        parse(*lines)


def test_one_length_told_twice():
    parse(b'Content-Length: 3\r\n', b'Content-Length: 3\r\n')


LINES = st.lists(st.one_of(
    st.binary(max_size=12).map(lambda line: line.replace(b'\n', b'') + b'\r\n'),
    st.from_regex(rb'(Content-Length|Transfer-Encoding|X)[ \t\r]?:[ \t]?[\x00-\x09\x0b-\xff]{0,6}\r?\n',
                  fullmatch=True)))


@hypothesis.given(LINES)
def test_what_passes_is_what_the_parser_of_http_server_reads(lines):
    """A header that is let through has no line that http.server's parser passes over or takes for another one."""
    try:
        fields = parse(*lines)
    except MalformedHeader:
        return
    lines = lines[:next((i for i, line in enumerate(lines) if line in (b'\r\n', b'\n')), None)]
    parsed = http.client.parse_headers(io.BytesIO(b''.join(lines) + b'\r\n'))
    expected = [line.decode('latin-1').rstrip('\r\n').split(':', 1) for line in lines]
    assert [(name, value.strip(' \t')) for name, value in parsed.items()] == [
        (name, value.strip(' \t')) for name, value in expected]
    for name, _ in expected:
        assert fields.get_all(name.swapcase()) == [value.strip(' \t') for value in parsed.get_all(name)]


def test_fields_by_name():
    fields = parse(b'Host: a\r\n', b'COOKIE:  b=c \r\n', b'Cookie:\r\n', b'X: \xfc\r\n')
    assert 'hOST' in fields
    assert 'Origin' not in fields
    assert (fields.get('host'), fields.get('cookie'), fields.get('x')) == ('a', 'b=c', '\xfc')
    assert fields.get_all('cookie') == ['b=c', '']
    assert (fields.get('Origin'), fields.get('Origin', '-')) == (None, '-')
    assert (fields.get_all('Origin'), fields.get_all('Origin', [])) == (None, [])


def test_tokens():
    fields = Fields()
    fields.add('Connection', 'keep-alive, ,Upgrade')
    fields.add('connection', 'CLOSE')
    assert fields.tokens('Connection') == {'keep-alive', 'upgrade', 'close'}
    assert fields.tokens('Via') == set()


def test_a_number_of_fields():
    parse(*[b'X: a\r\n'] * MAX_FIELDS)
    with pytest.raises(TooManyFields):
        parse(*[b'X: a\r\n'] * (MAX_FIELDS + 1))
