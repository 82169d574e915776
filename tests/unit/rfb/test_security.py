# SPDX-License-Identifier: Apache-2.0

from nova_vnc.rfb.security import SecurityType, VeNCryptSubtype, security_type_name, subtype_name


def test_a_known_type_is_named():
    assert security_type_name(19) == 'VENCRYPT (19)'
    assert security_type_name(SecurityType.NONE) == 'NONE (1)'


def test_an_unknown_type_is_a_value_not_a_crash():
    assert security_type_name(77) == 'unknown (77)'


def test_subtypes_of_vencrypt_likewise():
    assert subtype_name(260) == 'X509_NONE (260)'
    assert subtype_name(VeNCryptSubtype.TLS_SASL) == 'TLS_SASL (264)'
    assert subtype_name(2) == 'VNC_AUTHENTICATION (2)'
    assert subtype_name(2**32 - 1) == 'unknown (4294967295)'
