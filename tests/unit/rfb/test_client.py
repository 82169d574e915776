# SPDX-License-Identifier: Apache-2.0

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nova_vnc.rfb.client import ClientHandshake
from nova_vnc.rfb.errors import ConnectionFailed, NoAcceptableSecurity, RFBError, UnexpectedEOF
from nova_vnc.rfb.machine import build_reason
from nova_vnc.rfb.security import NONE, VENCRYPT_X509, Scheme, SecurityType, VeNCryptSubtype
from tests.unit.rfb.dialogue import one_by_one, play, split

OK = b'\0\0\0\0'
FAILED = b'\0\0\0\1'

# name -> what the server says, what we say, our error
DIALOGUES = {
    '3.3': (b'RFB 003.003\n' + b'\0\0\0\1', b'RFB 003.003\n', None),
    '3.7': (b'RFB 003.007\n' + b'\1\1', b'RFB 003.007\n\1', None),
    '3.8': (b'RFB 003.008\n' + b'\1\1' + OK, b'RFB 003.008\n\1', None),
    '3.8 with a choice': (b'RFB 003.008\n' + b'\3\x13\2\1' + OK, b'RFB 003.008\n\1', None),
    '3.889': (b'RFB 003.889\n' + b'\1\1' + OK, b'RFB 003.008\n\1', None),
    '3.5': (b'RFB 003.005\n' + b'\0\0\0\1', b'RFB 003.003\n', None),
    '3.3 refused': (b'RFB 003.003\n' + b'\0\0\0\0' + build_reason('busy'), b'RFB 003.003\n',
                    'ConnectionFailed: refused by the peer: busy'),
    '3.7 refused': (b'RFB 003.007\n' + b'\0' + build_reason('busy'), b'RFB 003.007\n',
                    'ConnectionFailed: refused by the peer: busy'),
    '3.8 refused': (b'RFB 003.008\n' + b'\0' + build_reason('busy'), b'RFB 003.008\n',
                    'ConnectionFailed: refused by the peer: busy'),
    '3.8 failed': (b'RFB 003.008\n' + b'\1\1' + FAILED + build_reason('go'), b'RFB 003.008\n\1',
                   'ConnectionFailed: refused by the peer: go'),
    '3.8 too many': (b'RFB 003.008\n' + b'\1\1' + b'\0\0\0\2' + build_reason(''),
                     b'RFB 003.008\n\1', 'ConnectionFailed: refused by the peer: no reason given'),
    '3.3 with a password': (b'RFB 003.003\n' + b'\0\0\0\2', b'RFB 003.003\n',
                            'NoAcceptableSecurity: no acceptable security type among those '
                            'offered: VNC_AUTHENTICATION (2)'),
    '3.3 with an unknown type': (b'RFB 003.003\n' + b'\xff\0\0\0', b'RFB 003.003\n',
                                 'NoAcceptableSecurity: no acceptable security type among those '
                                 'offered: unknown (4278190080)'),
    '3.8 without None': (b'RFB 003.008\n' + b'\2\x13\xfa', b'RFB 003.008\n',
                         'NoAcceptableSecurity: no acceptable security type among those '
                         'offered: VENCRYPT (19), unknown (250)'),
    'not RFB': (b'SSH-2.0-OpenSSH_9.2\r\n', b'',
                "ProtocolError: not an RFB ProtocolVersion message: b'SSH-2.0-Open'"),
    'UltraVNC repeater': (b'RFB 000.000\n', b'', 'ProtocolError: RFB version 0.0 is not supported'),
}


@pytest.mark.parametrize(('said', 'answered', 'error'), DIALOGUES.values(), ids=DIALOGUES)
def test_dialogue(said, answered, error):
    assert play(ClientHandshake(), one_by_one(said)) == (answered, error)


@given(st.sampled_from(sorted(DIALOGUES)), st.lists(st.integers(0, 400)))
def test_how_the_bytes_are_split_does_not_matter(name, borders):
    said, answered, error = DIALOGUES[name]
    assert play(ClientHandshake(), split(said, borders)) == (answered, error)


@given(st.sampled_from(sorted(DIALOGUES)), st.integers(0, 60))
def test_a_dialogue_that_breaks_off_is_an_rfb_error(name, length):
    said, _, _ = DIALOGUES[name]
    machine = ClientHandshake()
    try:
        machine.receive_data(said[:length] or b'R')
        machine.receive_data(b'')
    except RFBError:
        return
    assert machine.done


@given(st.binary(max_size=400), st.lists(st.integers(0, 400), max_size=20))
def test_garbage_only_raises_rfb_errors(garbage, borders):
    play(ClientHandshake(), [*split(garbage, borders), b''])


@given(st.sampled_from([b'RFB 003.003\n', b'RFB 003.007\n', b'RFB 003.008\n']),
       st.binary(max_size=400))
def test_garbage_after_a_version_only_raises_rfb_errors(version, garbage):
    play(ClientHandshake(), [version, garbage, b''])


def test_what_was_agreed_on_can_be_read():
    machine = ClientHandshake()
    play(machine, [b'RFB 003.889\n' + b'\1\1' + OK])
    assert (machine.server_version, machine.version) == ((3, 889), (3, 8))
    assert machine.security_type is SecurityType.NONE
    assert machine.done


def test_the_types_on_offer_are_kept():
    machine = ClientHandshake()
    with pytest.raises(NoAcceptableSecurity) as caught:
        machine.receive_data(b'RFB 003.008\n' + b'\2\x13\xfa')
    assert caught.value.offered == (19, 250)


def test_255_security_types_are_fine():
    types = bytes(range(2, 256)) + b'\1'
    assert play(ClientHandshake(), [b'RFB 003.008\n' + b'\xff' + types + OK])[1] is None


def test_a_server_that_says_more_keeps_it_for_the_next_reader():
    machine = ClientHandshake()
    machine.receive_data(b'RFB 003.008\n' + b'\1\1' + OK + b'early')
    assert machine.trailing_data == b'early'


def test_a_reason_of_4_gib_fails_at_once():
    machine = ClientHandshake()
    with pytest.raises(ConnectionFailed) as caught:
        machine.receive_data(b'RFB 003.008\n' + b'\0' + struct.pack('!I', 2**32 - 1) + b'x' * 9000)
    assert caught.value.reason == 'x' * 256


def test_silence_then_eof():
    with pytest.raises(UnexpectedEOF):
        ClientHandshake().receive_data(b'')


@pytest.mark.parametrize('scheme', [
    Scheme(SecurityType.VNC_AUTHENTICATION), Scheme(SecurityType.VENCRYPT),
    Scheme(SecurityType.VENCRYPT, (VeNCryptSubtype.X509_NONE, VeNCryptSubtype.X509_VNC)),
], ids=str)
def test_a_type_that_cannot_be_carried_out_is_a_bug_of_the_caller(scheme):
    with pytest.raises(ValueError, match='None'):
        ClientHandshake(acceptable=(scheme, NONE))


def test_the_order_is_ours_not_the_servers():
    both = b'RFB 003.008\n' + b'\2\1\x13'
    assert play(ClientHandshake((VENCRYPT_X509, NONE)), [both]) == (b'RFB 003.008\n\x13', None)
    assert play(ClientHandshake((NONE, VENCRYPT_X509)), [both]) == (b'RFB 003.008\n\1', None)


def test_a_type_that_the_server_lacks_is_passed_over():
    assert play(ClientHandshake((VENCRYPT_X509, NONE)), [b'RFB 003.008\n' + b'\1\1']) == (
        b'RFB 003.008\n\1', None)


@pytest.mark.parametrize('said', [b'RFB 003.008\n\1\1', b'RFB 003.007\n\1\1', b'RFB 003.003\n\0\0\0\1'])
def test_none_is_not_fallen_back_to_where_it_is_not_accepted(said):
    assert play(ClientHandshake([VENCRYPT_X509]), one_by_one(said)) == (
        said[:12], 'NoAcceptableSecurity: no acceptable security type among those offered: NONE (1)')
