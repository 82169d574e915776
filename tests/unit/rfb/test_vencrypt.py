# SPDX-License-Identifier: Apache-2.0

import itertools
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nova_vnc.rfb.client import ClientHandshake
from nova_vnc.rfb.errors import ConnectionFailed, NoAcceptableSubtype, RFBError
from nova_vnc.rfb.machine import build_reason
from nova_vnc.rfb.security import NONE, VENCRYPT_X509, Scheme, SecurityType, VeNCryptSubtype
from tests.unit.rfb.dialogue import one_by_one, play, split

HELLO = b'RFB 003.008\n'
OFFER = b'\2\x13\1'     # VeNCrypt and None
OK = b'\0\0\0\0'
FAILED = b'\0\0\0\1'
X509_NONE = b'\0\0\1\4'
TLS_NONE = b'\0\0\1\1'
UNKNOWN = b'\xff\xff\xff\xff'
UP_TO_SUBTYPES = HELLO + OFFER + b'\0\2' + b'\0'
CHOICE = HELLO + b'\x13'

X509_OR_TLS = Scheme(SecurityType.VENCRYPT, (VeNCryptSubtype.X509_NONE, VeNCryptSubtype.TLS_NONE))
TLS_OR_X509 = Scheme(SecurityType.VENCRYPT, (VeNCryptSubtype.TLS_NONE, VeNCryptSubtype.X509_NONE))
MISSING = 'NoAcceptableSubtype: no acceptable subtype of VeNCrypt among those offered: '

# name -> what we accept, what the server says in the clear, what inside of TLS (None: TLS is not to start), what we
# say, our error
DIALOGUES = {
    '3.8': ([VENCRYPT_X509], UP_TO_SUBTYPES + b'\1' + X509_NONE + b'\1', OK, CHOICE + b'\0\2' + X509_NONE, None),
    '3.7': ([VENCRYPT_X509], b'RFB 003.007\n' + OFFER + b'\0\2\0\1' + X509_NONE + b'\1', OK,
            b'RFB 003.007\n\x13\0\2' + X509_NONE, None),
    '3.3, where it is dictated': (
        [VENCRYPT_X509, NONE], b'RFB 003.003\n' + b'\0\0\0\x13' + b'\0\2\0\1' + X509_NONE + b'\1', OK,
        b'RFB 003.003\n\0\2' + X509_NONE, None),
    '3.3, where it is dictated and not accepted': (
        [NONE], b'RFB 003.003\n' + b'\0\0\0\x13', None, b'RFB 003.003\n',
        'NoAcceptableSecurity: no acceptable security type among those offered: VENCRYPT (19)'),
    'a higher version of VeNCrypt': (
        [VENCRYPT_X509], HELLO + OFFER + b'\1\0\0\1' + X509_NONE + b'\1', OK, CHOICE + b'\0\2' + X509_NONE, None),
    'VeNCrypt 0.1': ([VENCRYPT_X509], HELLO + OFFER + b'\0\1', None, CHOICE + b'\0\0',
                     'ProtocolError: VeNCrypt version 0.1 is not supported'),
    'VeNCrypt 0.0': ([VENCRYPT_X509], HELLO + OFFER + b'\0\0', None, CHOICE + b'\0\0',
                     'ProtocolError: VeNCrypt version 0.0 is not supported'),
    'our version not taken': ([VENCRYPT_X509], HELLO + OFFER + b'\0\2' + b'\xff', None, CHOICE + b'\0\2',
                              'ConnectionFailed: VeNCrypt version 0.2 refused by the peer: no reason given'),
    'no subtypes': ([VENCRYPT_X509], UP_TO_SUBTYPES + b'\0', None, CHOICE + b'\0\2', MISSING + 'none'),
    'unknown subtypes beside ours': (
        [VENCRYPT_X509], UP_TO_SUBTYPES + b'\4' + UNKNOWN + OK + X509_NONE + TLS_NONE + b'\1', OK,
        CHOICE + b'\0\2' + X509_NONE, None),
    'other subtypes alone': (
        [VENCRYPT_X509, NONE], UP_TO_SUBTYPES + b'\2' + UNKNOWN + TLS_NONE, None, CHOICE + b'\0\2' + OK,
        MISSING + 'unknown (4294967295), TLS_NONE (257)'),
    'a password': ([VENCRYPT_X509], UP_TO_SUBTYPES + b'\2\0\0\1\5\0\0\1\2', None, CHOICE + b'\0\2' + OK,
                   MISSING + 'X509_VNC (261), TLS_VNC (258)'),
    'our order of subtypes': (
        [X509_OR_TLS], UP_TO_SUBTYPES + b'\2' + TLS_NONE + X509_NONE + b'\1', OK, CHOICE + b'\0\2' + X509_NONE, None),
    'our order of subtypes, turned round': (
        [TLS_OR_X509], UP_TO_SUBTYPES + b'\2' + X509_NONE + TLS_NONE + b'\1', OK, CHOICE + b'\0\2' + TLS_NONE, None),
    'our subtype not taken': (
        [VENCRYPT_X509], UP_TO_SUBTYPES + b'\1' + X509_NONE + b'\0', None, CHOICE + b'\0\2' + X509_NONE,
        'ConnectionFailed: VeNCrypt subtype X509_NONE (260) refused by the peer: no reason given'),
    'an answer that is neither yes nor no': (
        [VENCRYPT_X509], UP_TO_SUBTYPES + b'\1' + X509_NONE + b'\2', None, CHOICE + b'\0\2' + X509_NONE,
        'ConnectionFailed: VeNCrypt subtype X509_NONE (260) refused by the peer: no reason given'),
    'refused inside of TLS': (
        [VENCRYPT_X509], UP_TO_SUBTYPES + b'\1' + X509_NONE + b'\1', FAILED + build_reason('busy'),
        CHOICE + b'\0\2' + X509_NONE, 'ConnectionFailed: refused by the peer: busy'),
    'refused inside of TLS in 3.7': (
        [VENCRYPT_X509], b'RFB 003.007\n' + OFFER + b'\0\2\0\1' + X509_NONE + b'\1', FAILED,
        b'RFB 003.007\n\x13\0\2' + X509_NONE, 'ConnectionFailed: refused by the peer: no reason given'),
}
STARTING = sorted(name for name, dialogue in DIALOGUES.items() if dialogue[2] is not None)


def converse(acceptable, pieces, pieces_inside) -> tuple[bytes, str | None, bool]:
    """Return what was said, the error, and whether TLS was started."""
    machine = ClientHandshake(acceptable)
    sent, error = play(machine, pieces)
    if not machine.starts_tls or error is not None:
        return sent, error, False
    machine.tls_started()
    sent_inside, error = play(machine, pieces_inside or [])
    return sent + sent_inside, error, True


@pytest.mark.parametrize(('acceptable', 'said', 'inside', 'answered', 'error'), DIALOGUES.values(), ids=DIALOGUES)
def test_dialogue(acceptable, said, inside, answered, error):
    assert converse(acceptable, one_by_one(said), one_by_one(inside or b'')) == (answered, error, inside is not None)


@given(st.sampled_from(sorted(DIALOGUES)), st.lists(st.integers(0, 100)))
def test_how_the_bytes_are_split_does_not_matter(name, borders):
    acceptable, said, inside, answered, error = DIALOGUES[name]
    assert converse(acceptable, split(said, borders), split(inside or b'', borders)) == (
        answered, error, inside is not None)


@given(st.sampled_from(sorted(DIALOGUES)), st.integers(1, 60))
def test_a_dialogue_that_breaks_off_is_an_rfb_error(name, length):
    acceptable, said, _, _, _ = DIALOGUES[name]
    _, error, started = converse(acceptable, [said[:length], b''], [])
    assert error is not None
    assert not started


@given(st.sampled_from(STARTING), st.binary(min_size=1, max_size=100), st.lists(st.integers(0, 150)))
def test_whatever_is_said_where_tls_starts_is_an_error(name, beyond, borders):
    acceptable, said, _, answered, _ = DIALOGUES[name]
    sent, error, started = converse(acceptable, split(said + beyond, borders), [])
    assert (sent, started) == (answered, False)
    assert error is not None
    assert error.startswith('ProtocolError: the peer sent ')


@given(st.sampled_from(STARTING), st.integers(0, 100), st.binary(max_size=100), st.booleans())
def test_garbage_anywhere_only_raises_rfb_errors(name, length, garbage, at_eof):
    acceptable, said, _, _, _ = DIALOGUES[name]
    converse(acceptable, [said[:length] or b'R', *([garbage] if garbage else []), *([b''] if at_eof else [])],
             [b'', b''])


@given(st.sampled_from(STARTING), st.binary(max_size=400))
def test_garbage_inside_of_tls_only_raises_rfb_errors(name, garbage):
    acceptable, said, _, _, _ = DIALOGUES[name]
    converse(acceptable, [said], [*([garbage] if garbage else []), b''])


@given(st.lists(st.integers(0, 2**32 - 1), max_size=255))
def test_any_list_of_subtypes_is_fine(subtypes):
    """Any number is a value; what we choose is what we accept, or nothing."""
    machine = ClientHandshake([X509_OR_TLS])
    said = UP_TO_SUBTYPES + bytes([len(subtypes)]) + struct.pack(f'!{len(subtypes)}I', *subtypes)
    wanted = next((subtype for subtype in (260, 257) if subtype in subtypes), None)
    if wanted is None:
        with pytest.raises(NoAcceptableSubtype) as caught:
            machine.receive_data(said)
        assert caught.value.offered == tuple(subtypes)
    else:
        machine.receive_data(said)
        assert machine.data_to_send().endswith(struct.pack('!I', wanted))


@given(st.permutations([NONE, VENCRYPT_X509]), st.permutations([1, 2, 19, 250]), st.integers(0, 4))
def test_only_what_is_accepted_is_ever_chosen(acceptable, offered, count):
    accepted = acceptable[:1]
    machine = ClientHandshake(accepted)
    try:
        machine.receive_data(HELLO + bytes([count, *offered[:count]]))
    except RFBError:
        assert machine.data_to_send() == HELLO
    else:
        assert machine.data_to_send() in (HELLO, HELLO + bytes([accepted[0].security_type]))


def test_what_was_agreed_on_can_be_read():
    machine = ClientHandshake([NONE, TLS_OR_X509])
    assert machine.subtype is None
    machine.receive_data(HELLO + b'\1\x13' + b'\0\2\0\1' + X509_NONE + b'\1')
    assert (machine.security_type, machine.subtype) == (SecurityType.VENCRYPT, VeNCryptSubtype.X509_NONE)


def test_none_without_tls_is_as_before():
    machine = ClientHandshake([NONE, VENCRYPT_X509])
    machine.receive_data(HELLO + OFFER + OK)
    assert machine.done
    assert not machine.starts_tls
    assert machine.subtype is None


def test_what_was_refused_is_named():
    machine = ClientHandshake([VENCRYPT_X509])
    with pytest.raises(ConnectionFailed) as caught:
        machine.receive_data(UP_TO_SUBTYPES + b'\1' + X509_NONE + b'\0')
    assert (caught.value.reason, caught.value.refused) == ('', 'VeNCrypt subtype X509_NONE (260)')


def test_every_end_of_an_offer_of_none_alone_is_a_refusal():
    """What one in between makes of an offer, in whatever version."""
    for version, offer in itertools.product((3, 7, 8), (b'\1\1', b'\0\0\0\1')):
        _, error, started = converse([VENCRYPT_X509], [b'RFB 003.00%d\n' % version + offer, b''], [])
        assert error is not None
        assert not started
