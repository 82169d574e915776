# SPDX-License-Identifier: Apache-2.0

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nova_vnc.rfb.client import ClientHandshake
from nova_vnc.rfb.errors import ConnectionFailed
from nova_vnc.rfb.machine import build_reason
from nova_vnc.rfb.server import RefusalHandshake, ServerHandshake
from nova_vnc.rfb.version import PUBLISHED_VERSIONS, build_version
from tests.unit.rfb.dialogue import connect, one_by_one, play, split

OK = b'\0\0\0\0'

# name -> what the client says, what we say, our error
OPEN = {
    '3.3': (b'RFB 003.003\n', b'RFB 003.008\n' + b'\0\0\0\1', None),
    '3.5': (b'RFB 003.005\n', b'RFB 003.008\n' + b'\0\0\0\1', None),
    '3.7': (b'RFB 003.007\n\1', b'RFB 003.008\n' + b'\1\1', None),
    '3.8': (b'RFB 003.008\n\1', b'RFB 003.008\n' + b'\1\1' + OK, None),
    '3.889': (b'RFB 003.889\n\1', b'RFB 003.008\n' + b'\1\1' + OK, None),
    '3.7 wrong type': (b'RFB 003.007\n\2', b'RFB 003.008\n' + b'\1\1',
                       'ProtocolError: the client chose security type VNC_AUTHENTICATION (2), '
                       'which was not offered'),
    '3.8 wrong type': (b'RFB 003.008\n\xee', b'RFB 003.008\n' + b'\1\1' + b'\0\0\0\1'
                       + build_reason('This security type is not offered.'),
                       'ProtocolError: the client chose security type unknown (238), '
                       'which was not offered'),
    'not RFB': (b'GET / HTTP/1.1\r\n', b'RFB 003.008\n',
                "ProtocolError: not an RFB ProtocolVersion message: b'GET / HTTP/1'"),
}
CLOSED = {
    '3.3': (b'RFB 003.003\n', b'RFB 003.008\n' + b'\0\0\0\0' + build_reason('No.'), None),
    '3.7': (b'RFB 003.007\n', b'RFB 003.008\n' + b'\0' + build_reason('No.'), None),
    '3.8': (b'RFB 003.008\n', b'RFB 003.008\n' + b'\0' + build_reason('No.'), None),
    '5.0': (b'RFB 005.000\n', b'RFB 003.008\n' + b'\0' + build_reason('No.'), None),
    'not RFB': (b'GET / HTTP/1.1\r\n', b'RFB 003.008\n',
                "ProtocolError: not an RFB ProtocolVersion message: b'GET / HTTP/1'"),
}


@pytest.mark.parametrize(('said', 'answered', 'error'), OPEN.values(), ids=OPEN)
def test_open_door(said, answered, error):
    assert play(ServerHandshake(), one_by_one(said)) == (answered, error)


@pytest.mark.parametrize(('said', 'answered', 'error'), CLOSED.values(), ids=CLOSED)
def test_closed_door(said, answered, error):
    assert play(RefusalHandshake('No.'), one_by_one(said)) == (answered, error)


@given(st.sampled_from(sorted(OPEN)), st.lists(st.integers(0, 400)))
def test_how_the_bytes_are_split_does_not_matter(name, borders):
    said, answered, error = OPEN[name]
    assert play(ServerHandshake(), split(said, borders)) == (answered, error)


@given(st.sampled_from([ServerHandshake, lambda: RefusalHandshake('No.')]),
       st.sampled_from([b'', b'RFB 003.003\n', b'RFB 003.007\n', b'RFB 003.008\n']),
       st.binary(min_size=1, max_size=60), st.lists(st.integers(0, 400), max_size=20))
def test_garbage_only_raises_rfb_errors(build_machine, start, garbage, borders):
    play(build_machine(), [*split(start + garbage, borders), b''])


@pytest.mark.parametrize(('ours', 'theirs'),
                         list(itertools.product(PUBLISHED_VERSIONS, repeat=2)))
def test_client_and_server_of_all_versions_understand_each_other(ours, theirs):
    client, server = ClientHandshake(max_version=ours), ServerHandshake(max_version=theirs)
    connect(client, server)
    assert client.done
    assert server.done
    assert client.version == server.version == min(ours, theirs)
    assert (client.trailing_data, server.trailing_data) == (b'', b'')


@pytest.mark.parametrize('version', PUBLISHED_VERSIONS)
def test_a_refused_client_of_any_version_reads_the_reason(version):
    client, server = ClientHandshake(max_version=version), RefusalHandshake('Ask for a new link.')
    with pytest.raises(ConnectionFailed) as caught:
        connect(client, server)
    assert caught.value.reason == 'Ask for a new link.'
    assert server.done


@pytest.mark.parametrize('ours', PUBLISHED_VERSIONS)
def test_a_client_is_not_spoken_to_above_our_offer(ours):
    server = ServerHandshake(max_version=ours)
    server.receive_data(build_version((3, 889)) + b'\1')
    assert server.client_version == (3, 889)
    assert server.version == ours


def test_an_early_client_init_is_kept_for_the_next_reader():
    server = ServerHandshake()
    server.receive_data(b'RFB 003.008\n' + b'\1' + b'\1')
    assert server.done
    assert server.trailing_data == b'\1'


def test_a_reason_carries_no_control_characters():
    server = RefusalHandshake('a\x1b[31m\nb')
    server.receive_data(b'RFB 003.008\n')
    assert server.data_to_send().endswith(b'\0\0\0\0\6a[31mb')
