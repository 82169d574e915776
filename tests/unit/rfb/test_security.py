# SPDX-License-Identifier: Apache-2.0

from nova_vnc.rfb.security import SecurityType, security_type_name


def test_a_known_type_is_named():
    assert security_type_name(19) == 'VENCRYPT (19)'
    assert security_type_name(SecurityType.NONE) == 'NONE (1)'


def test_an_unknown_type_is_a_value_not_a_crash():
    assert security_type_name(77) == 'unknown (77)'
