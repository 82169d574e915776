# SPDX-License-Identifier: Apache-2.0
"""x11vnc behind the proxy, on the display of an Xvnc: with security None, with VeNCrypt, and with a password."""

from __future__ import annotations

import pytest

from nova_vnc.novncproxy.refusal import Refusal
from tests.fixtures.xvnc import PASSWORD, X11vnc, Xvnc
from tests.integration.vnc_servers.looks import read_refusal, see_and_point

SECURITY = (Refusal.SECURITY.close_code, Refusal.SECURITY.text)
SILENT = (Refusal.SILENT.close_code, Refusal.SILENT.text)

# TLS begins where VeNCrypt says so, not with the first byte, and vino's older way is not offered.
VENCRYPT_ONLY = ('-vencrypt', 'force', '-anontls', 'never')


@pytest.fixture(scope='module')
def screen():
    with Xvnc() as server:
        yield server


def test_security_none(rig, screen):
    with X11vnc(screen.display) as server:
        see_and_point(rig.start(), server.port, screen)


@pytest.mark.parametrize('check_hostname', [False, True])
def test_x509_none(proxy, rsa_pem, screen, check_hostname):
    """It offers anonymous Diffie-Hellman first, which is not taken."""
    with X11vnc(screen.display, '-ssl', rsa_pem, *VENCRYPT_ONLY) as server:
        see_and_point(proxy(rsa_pem, vencrypt_check_hostname=check_hostname), server.port, screen)


def test_tls_none_where_it_is_allowed_by_name(proxy, screen):
    with X11vnc(screen.display, '-ssl', 'ANON', '-vencrypt', 'nox509:force', '-anontls', 'never',
                anonymous=True) as server:
        see_and_point(proxy(vencrypt_subtypes=['tlsnone']), server.port, screen)


def test_tls_none_is_not_taken_unasked(proxy, authority, screen, caplog):
    with X11vnc(screen.display, '-ssl', 'ANON', '-vencrypt', 'nox509:force', '-anontls', 'never',
                anonymous=True) as server:
        assert read_refusal(proxy(authority.ca), server.port) == SECURITY
    assert 'TLS_NONE (257) ([novncproxy]vencrypt_subtypes)' in caplog.text


def test_vinos_tls_is_no_vencrypt(proxy, rsa_pem, screen, caplog):
    """Security type 18: anonymous Diffie-Hellman without a choice."""
    with X11vnc(screen.display, '-ssl', rsa_pem, '-vencrypt', 'never', '-anontls', 'force') as server:
        assert read_refusal(proxy(rsa_pem), server.port) == SECURITY
    assert 'TLS (18) ([vnc]auth_schemes)' in caplog.text


def test_the_tls_of_vncs_is_no_vencrypt(proxy, rsa_pem, screen):
    """TLS from the first byte, for which it waits."""
    with X11vnc(screen.display, '-ssl', rsa_pem, '-vencrypt', 'never', '-anontls', 'never') as server:
        assert read_refusal(proxy(rsa_pem, handshake_timeout=2), server.port) == SILENT


def test_anonymous_where_openssl_has_no_cipher_for_it(proxy, rsa_pem, screen, caplog):
    """As Debian has it: it is offered and does not work, and certificates are not fallen back to."""
    with X11vnc(screen.display, '-ssl', rsa_pem, *VENCRYPT_ONLY) as server:
        rig = proxy(rsa_pem, vencrypt_subtypes=['tlsnone', 'x509none'])
        assert read_refusal(rig, server.port) == SECURITY
    assert 'TLS failed: ' in caplog.text


def test_the_certificate_of_a_stranger(proxy, authority, rsa_pem, screen, caplog):
    with X11vnc(screen.display, '-ssl', rsa_pem, *VENCRYPT_ONLY) as server:
        assert read_refusal(proxy(authority.ca), server.port) == SECURITY
    assert f'[vnc]vencrypt_ca_certs = {authority.ca}' in caplog.text


def test_one_that_insists_on_a_password(rig, screen, caplog):
    with X11vnc(screen.display, '-passwd', PASSWORD) as server:
        assert read_refusal(rig.start(), server.port) == SECURITY
    assert 'VNC_AUTHENTICATION (2) ([vnc]auth_schemes)' in caplog.text


def test_one_that_insists_on_a_password_within_tls(proxy, rsa_pem, screen, caplog):
    with X11vnc(screen.display, '-passwd', PASSWORD, '-ssl', rsa_pem, '-vencrypt', 'nodh:force', '-anontls',
                'never') as server:
        assert read_refusal(proxy(rsa_pem), server.port) == SECURITY
    assert 'X509_VNC (261) ([novncproxy]vencrypt_subtypes)' in caplog.text
