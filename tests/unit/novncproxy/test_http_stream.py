# SPDX-License-Identifier: Apache-2.0
import itertools

import hypothesis
import pytest
from hypothesis import strategies as st

from nova_vnc.net.deadline import DeadlineExceeded
from nova_vnc.novncproxy.header_fields import MalformedHeader
from nova_vnc.novncproxy.http_stream import (
    MAX_HEADER_BYTES,
    MAX_REQUEST_LINE_BYTES,
    HeaderTooLong,
    IncompleteRequest,
    RequestLineTooLong,
    RequestReader,
    SlowRequest,
)


class Pieces:
    """A stream that gives its pieces one by one, and then is silent or at its end."""

    def __init__(self, *pieces, silent=False, ahead=b''):
        self.pieces = list(pieces)
        self.silent = silent
        self.ahead = ahead
        self.deadlines = []

    def read(self, max_bytes):
        if self.pieces:
            piece, rest = self.pieces[0][:max_bytes], self.pieces[0][max_bytes:]
            self.pieces[:1] = [rest] if rest else []
            return piece
        if self.silent:
            raise DeadlineExceeded
        return b''

    def take_ahead(self):
        ahead, self.ahead = self.ahead, b''
        return ahead

    def set_deadline(self, deadline):
        self.deadlines.append(round(deadline.remaining()))


def reading(*pieces, silent=False):
    stream = Pieces(*pieces, silent=silent)
    reader = RequestReader(stream)
    assert reader.wait_for_request(5, 10)
    return reader


@hypothesis.given(st.lists(st.from_regex(rb'[A-Za-z-]{1,9}:[a-z ]{0,20}', fullmatch=True)),
                  st.lists(st.integers(0, 100)))
def test_lines_come_out_as_they_went_in(lines, cuts):
    sent = [line + b'\n' for line in (b'GET', *lines, b'')]
    data = b''.join(sent)
    points = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    reader = reading(*(data[a:b] for a, b in itertools.pairwise(points)))
    assert [reader.readline() for _ in sent] == sent


@pytest.mark.parametrize('data', [b'GET / HTTP/1.1', b'GET / HTTP/1.1\r\nHost: a\r\n', b'GET / HTTP/1.1\r\nHost: a'])
def test_a_connection_that_ends_in_a_header(data):
    reader = reading(data)
    with pytest.raises(IncompleteRequest):
        list(iter(reader.readline, None))


@pytest.mark.parametrize('pieces', [[b'\r\nGET'], [b'\r', b'\n', b'GET'], [b'\n\r\n', b'GET'], [b'\r\n' * 4, b'GET']])
def test_empty_lines_before_a_request_are_skipped(pieces):
    assert reading(*pieces, b' / HTTP/1.1\r\n').readline() == b'GET / HTTP/1.1\r\n'


def test_many_empty_lines_are_no_request():
    assert reading(b'\r\n' * 100).readline() == b'\r\n'


def test_nothing_but_an_empty_line():
    assert not RequestReader(Pieces(b'\r\n')).wait_for_request(5, 10)
    assert not RequestReader(Pieces(b'\r\n', b'\r', silent=True)).wait_for_request(5, 10)


def test_a_malformed_line():
    reader = reading(b'GET / HTTP/1.1\r\nContent-Length : 3\r\n\r\n')
    reader.readline()
    with pytest.raises(MalformedHeader):
        reader.readline()


def test_the_fields_of_a_header():
    reader = reading(b'GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\nx:2 \r\n\r\nGET')
    assert reader.readline() == b'GET / HTTP/1.1\r\n'
    fields = reader.read_fields()
    assert (fields.get('host'), fields.get_all('X')) == ('a', ['1', '2'])
    assert reader.take_ahead() == b'GET'


def test_what_follows_the_header_is_kept():
    reader = reading(b'GET / HTTP/1.1\r\n', b'\r\n\x82\x80')
    assert reader.readline() == b'GET / HTTP/1.1\r\n'
    assert reader.readline() == b'\r\n'
    assert reader.take_ahead() == b'\x82\x80'
    assert reader.take_ahead() == b''


def test_so_is_what_the_stream_has_received():
    reader = RequestReader(Pieces(b'GET / HTTP/1.1\r\n\r\n\x82', ahead=b'\x80'))
    assert reader.wait_for_request(5, 10)
    reader.readline()
    reader.read_fields()
    assert reader.take_ahead() == b'\x82\x80'
    assert reader.take_ahead() == b''


def test_idle_time_and_header_time_are_two_things():
    stream = Pieces(b'a\n', silent=True)
    reader = RequestReader(stream)
    assert reader.wait_for_request(5, 10)
    assert stream.deadlines == [5, 10]
    assert reader.readline() == b'a\n'
    assert not reader.wait_for_request(5, 10)


def test_a_request_that_is_there_already_is_not_waited_for():
    stream = Pieces(b'a\nb\n', silent=True)
    reader = RequestReader(stream)
    reader.wait_for_request(5, 10)
    reader.readline()
    assert reader.wait_for_request(5, 10)
    assert stream.deadlines == [5, 10, 10]


def test_a_connection_that_ends():
    assert not RequestReader(Pieces()).wait_for_request(5, 10)


def test_a_slow_header():
    with pytest.raises(SlowRequest):
        reading(b'GET', silent=True).readline()


def test_a_request_line_as_long_as_may_be():
    line = b'x' * (MAX_REQUEST_LINE_BYTES - 1) + b'\n'
    assert reading(line).readline() == line


@pytest.mark.parametrize('line', [b'x' * MAX_REQUEST_LINE_BYTES + b'\n', b'x' * 10 * MAX_REQUEST_LINE_BYTES])
def test_a_request_line_too_long(line):
    with pytest.raises(RequestLineTooLong):
        reading(line).readline()


@pytest.mark.parametrize('header', [(b'a: ' + b'b' * 997 + b'\n') * (MAX_HEADER_BYTES // 1000 + 1),
                                    b'a' * MAX_HEADER_BYTES])
def test_a_header_too_long(header):
    reader = reading(b'GET / HTTP/1.1\n' + header)

    def read_all():
        while reader.readline():
            pass

    with pytest.raises(HeaderTooLong):
        read_all()


def test_each_request_has_its_own_allowance():
    header = b'x' * (MAX_REQUEST_LINE_BYTES - 1) + b'\n'
    reader = reading(header * 20)
    for _ in range(20):
        assert reader.wait_for_request(5, 10)
        assert reader.readline() == header
