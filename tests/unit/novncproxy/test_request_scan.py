# SPDX-License-Identifier: Apache-2.0
import itertools

import hypothesis
import pytest
from hypothesis import strategies as st

from nova_vnc.net.deadline import DeadlineExceeded
from nova_vnc.novncproxy import request_line
from nova_vnc.novncproxy.header_fields import MalformedHeader, TooManyFields
from nova_vnc.novncproxy.http_stream import (
    MAX_HEADER_BYTES,
    MAX_REQUEST_LINE_BYTES,
    HeaderTooLong,
    RequestLineTooLong,
    RequestReader,
    SlowRequest,
)
from nova_vnc.novncproxy.request_scan import RequestScan, Sight

LINE = b'GET / HTTP/1.1\r\n'
REFUSALS = (HeaderTooLong, RequestLineTooLong, MalformedHeader, TooManyFields, request_line.BadRequestLine)
# Lines of requests, more or less.
SCRAPS = st.sampled_from([LINE, b'\r\n', b'\n', b'\r', b'GET', b'Host: a\r\n', b'X: b\n', b': c\r\n', b'\0',
                          b'X: ' + b'y' * 5000 + b'\r\n', b'z' * 9000, b'X: y\r\n' * 60])


class Said:
    """A stream of what was said, on which no more is waited for."""

    def __init__(self, data):
        self.data = data

    def read(self, max_bytes):
        piece, self.data = self.data[:max_bytes], self.data[max_bytes:]
        if not piece:
            raise DeadlineExceeded
        return piece

    def set_deadline(self, deadline):
        pass


def read(data):
    """Return what a reader makes of it: nothing, where it has to wait for more."""
    reader = RequestReader(Said(data))
    try:
        if not reader.wait_for_request(5, 5):
            return None
        request_line.parse(reader.readline())
        reader.read_fields()
    except SlowRequest:
        return None
    except REFUSALS:
        return 'refused'
    return 'read'


def look(*pieces):
    """Return what is seen after each piece."""
    scan = RequestScan()
    return [scan.look_at(data) for data in itertools.accumulate(pieces)]


@hypothesis.given(st.lists(SCRAPS, max_size=12).map(b''.join), st.lists(st.integers(0, 300), max_size=8))
def test_who_goes_on_with_it_never_waits_and_who_waits_has_to(data, cuts):
    points = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    scan = RequestScan()
    for end in points[1:]:
        sight = scan.look_at(data[:end])
        made = read(data[:end])
        if sight is Sight.HOPELESS:
            assert made == 'refused'
        elif sight is Sight.WHOLE:
            assert made in ('read', 'refused')
        else:
            assert made != 'read'   # a field that is malformed may wait for the end of the header
        if sight is not Sight.PARTIAL:
            return


@pytest.mark.parametrize('request_bytes', [LINE + b'\r\n', LINE + b'Host: a\r\n\r\n', b'GET / HTTP/1.0\n\n',
                                           b'\r\n\n' + LINE + b'X: y\n\r\n'])
def test_byte_by_byte(request_bytes):
    sights = look(*(bytes([byte]) for byte in request_bytes))
    assert sights == [Sight.PARTIAL] * (len(request_bytes) - 1) + [Sight.WHOLE]


@pytest.mark.parametrize('behind', [b'\x82\x80mask', LINE, b'\r\n'])
def test_what_follows_does_not_matter(behind):
    assert look(LINE + b'\r\n' + behind) == [Sight.WHOLE]


@pytest.mark.parametrize('line', [b'hello\r\n', b'RFB 003.008\n', b'GET / HTTP/2.0\r\n', b'\r\n' * 5])
def test_what_is_no_request_need_not_come_to_an_end(line):
    assert look(line[:-1], line[-1:]) == [Sight.PARTIAL, Sight.HOPELESS]


def test_a_line_as_long_as_may_be():
    line = b'GET /' + b'x' * (MAX_REQUEST_LINE_BYTES - 15) + b' HTTP/1.1\n'
    assert len(line) == MAX_REQUEST_LINE_BYTES
    assert look(line[:-1], b'\n', b'\n') == [Sight.PARTIAL, Sight.PARTIAL, Sight.WHOLE]
    assert look(line[:5], b'x', line[5:]) == [Sight.PARTIAL, Sight.PARTIAL, Sight.HOPELESS]
    assert look(b'x' * MAX_REQUEST_LINE_BYTES, b'x') == [Sight.PARTIAL, Sight.HOPELESS]


def test_a_header_as_long_as_may_be():
    begin = LINE + b'X: '
    fill = b'y' * (MAX_HEADER_BYTES - len(begin) - 4)
    assert look(begin + fill, b'\r\n', b'\r\n') == [Sight.PARTIAL, Sight.PARTIAL, Sight.WHOLE]
    assert look(begin + fill, b'yyyy', b'y') == [Sight.PARTIAL, Sight.PARTIAL, Sight.HOPELESS]


def test_each_byte_is_looked_at_once():
    """Whoever sends single bytes makes nobody look through all of them each time."""
    class Counting(bytes):
        looked = 0

        def find(self, sub, start=0):
            Counting.looked += len(self) - start
            return super().find(sub, start)

    scan = RequestScan()
    for length in range(1, 2000):
        scan.look_at(Counting((LINE + b'X' * 2000)[:length]))
    assert Counting.looked < 20_000
