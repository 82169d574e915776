# SPDX-License-Identifier: Apache-2.0
import itertools

import hypothesis
import pytest
from hypothesis import strategies as st

from nova_vnc.novncproxy.access_path import MAX_ANSWER_BYTES, AnswerReader, BadAnswer, MalformedPath, build_request


def read(*pieces: bytes) -> AnswerReader:
    reader = AnswerReader()
    for piece in pieces:
        reader.receive_data(piece)
    return reader


def test_the_request_is_novas():
    assert build_request('/console?ref=OpaqueRef:1') == b'CONNECT /console?ref=OpaqueRef:1 HTTP/1.1\r\n\r\n'


@pytest.mark.parametrize('path', ['', 'a b', 'a\r\nHost: b', 'a\0', '\u00fc'])
def test_a_path_that_does_not_fit_into_a_request(path):
    with pytest.raises(MalformedPath):
        build_request(path)


@pytest.mark.parametrize('answer', [
    b'HTTP/1.1 200 OK\r\n\r\n', b'HTTP/1.0 200\r\n\r\n', b'HTTP/1.1 200 \r\nA: b\r\nC: d\r\n\r\n'])
@hypothesis.given(trailing=st.binary(max_size=20), cuts=st.lists(st.integers(1, 40), max_size=5))
def test_what_opens_the_path_in_pieces_of_any_size(answer, trailing, cuts):
    data = answer + trailing
    points = sorted({0, *(cut for cut in cuts if cut < len(data)), len(data)})
    reader, fed = AnswerReader(), 0
    for begin, end in itertools.pairwise(points):
        if not reader.done:
            reader.receive_data(data[begin:end])
            fed = end
    assert reader.done
    assert reader.trailing_data == data[len(answer):fed]


@pytest.mark.parametrize(('answer', 'word'), [
    (b'HTTP/1.1 403 Forbidden\r\n\r\n', '403'), (b'HTTP/1.1 403 200\r\n\r\n', '403'),
    (b'HTTP/1.1 100 Continue\r\n\r\n', '100'), (b'HTTP/1.1 201 Created\r\n\r\n', '201'),
    (b'HTTP/1.1 2000 OK\r\n\r\n', 'malformed'), (b'HTTP/1.1  200 OK\r\n\r\n', 'malformed'),
    (b'HTTP/1.1 OK 200\r\n\r\n', 'malformed'), (b'HTTP/2.0 200 OK\r\n\r\n', 'no answer'),
    (b'RFB 003.008\n', 'no answer'),
    (b'\r\nHTTP/1.1 200 OK\r\n\r\n', 'no answer'), (b'HTTP/1.1 200 OK\r\n' + b'a' * MAX_ANSWER_BYTES, 'more than'),
])
def test_what_does_not(answer, word):
    with pytest.raises(BadAnswer, match=word):
        read(answer)
    with pytest.raises(BadAnswer, match=word):
        read(*(bytes([byte]) for byte in answer))


@pytest.mark.parametrize('begin', [b'', b'HTTP/1.1', b'HTTP/1.1 200 OK\r\n\r'])
def test_the_other_side_closes_too_early(begin):
    reader = AnswerReader()
    if begin:
        reader.receive_data(begin)
    with pytest.raises(BadAnswer, match='ended'):
        reader.receive_data(b'')


@hypothesis.given(st.lists(st.binary(min_size=1, max_size=200), max_size=60))
def test_whatever_comes_it_never_holds_more_than_its_bound(pieces):
    reader = AnswerReader()
    try:
        for piece in pieces:
            if reader.done:
                break
            reader.receive_data(piece)
            assert len(reader._received) < MAX_ANSWER_BYTES + 200
    except BadAnswer:
        pass
