# SPDX-License-Identifier: Apache-2.0

from nova_vnc.rfb.errors import ConnectionFailed, NoAcceptableSecurity, NoAcceptableSubtype


def test_connection_failed_says_when_there_is_no_reason():
    assert str(ConnectionFailed('')) == 'refused by the peer: no reason given'
    assert str(ConnectionFailed('busy')) == 'refused by the peer: busy'
    assert str(ConnectionFailed('', 'VeNCrypt')) == 'VeNCrypt refused by the peer: no reason given'


def test_no_acceptable_security_keeps_integers_and_prints_names():
    error = NoAcceptableSecurity(b'\x02\x4d')
    assert error.offered == (2, 77)
    assert str(error).endswith('VNC_AUTHENTICATION (2), unknown (77)')


def test_no_acceptable_subtype_keeps_integers_and_prints_names():
    error = NoAcceptableSubtype((257, 1000))
    assert error.offered == (257, 1000)
    assert str(error).endswith('TLS_NONE (257), unknown (1000)')
    assert str(NoAcceptableSubtype(())).endswith('offered: none')
