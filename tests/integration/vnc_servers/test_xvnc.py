# SPDX-License-Identifier: Apache-2.0
"""TigerVNC's Xvnc behind the proxy: with security None, with VeNCrypt, and with a password, which it does not get."""

from __future__ import annotations

import pytest

from nova_vnc.novncproxy.refusal import Refusal
from tests.fixtures.certificates import CertificateAuthority
from tests.fixtures.xvnc import Xvnc
from tests.integration.vnc_servers.looks import open_console, read_refusal, see_and_point

SECURITY = (Refusal.SECURITY.close_code, Refusal.SECURITY.text)
DECLINED = (Refusal.DECLINED.close_code, Refusal.DECLINED.text)

VERBOSE = ('-Log', '*:stderr:100')


@pytest.fixture
def certificate(authority):
    return authority.server()


def with_certificate(certificate, security_types='X509None', **kwargs):
    return Xvnc(security_types, cert=certificate.cert, key=certificate.key, **kwargs)


@pytest.mark.parametrize('options', [(), ('-Protocol3.3',)])
def test_security_none(rig, options):
    with Xvnc(options=options) as server:
        see_and_point(rig.start(), server.port, server)


@pytest.mark.parametrize('check_hostname', [False, True])
def test_x509_none(proxy, authority, certificate, check_hostname):
    with with_certificate(certificate) as server:
        see_and_point(proxy(authority.ca, vencrypt_check_hostname=check_hostname), server.port, server)


def test_tls_none_where_it_is_allowed_by_name(proxy):
    with Xvnc('TLSNone') as server:
        see_and_point(proxy(vencrypt_subtypes=['tlsnone']), server.port, server)


@pytest.mark.parametrize(('subtypes', 'chosen'), [
    (['x509none', 'tlsnone'], 'X509None'), (['tlsnone', 'x509none'], 'TLSNone')])
def test_the_operator_says_which_subtype_is_wanted_most(proxy, authority, certificate, subtypes, chosen):
    """Its plain security types stand first among the subtypes."""
    with with_certificate(certificate, 'None,VncAuth,TLSNone,X509None,X509Vnc', options=VERBOSE) as server:
        see_and_point(proxy(authority.ca, vencrypt_subtypes=subtypes), server.port, server)
        assert f'Client requests security type {chosen} (' in server.output()


def test_vencrypt_is_taken_though_none_is_offered_first(proxy, authority, certificate):
    with with_certificate(certificate, 'None,X509None', options=VERBOSE) as server:
        see_and_point(proxy(authority.ca, ('vencrypt', 'none')), server.port, server)
        assert 'Client requests security type X509None (' in server.output()


def test_tls_none_is_not_taken_unasked(proxy, authority, caplog):
    with Xvnc('TLSNone') as server:
        assert read_refusal(proxy(authority.ca), server.port) == SECURITY
    assert 'TLS_NONE (257) ([novncproxy]vencrypt_subtypes)' in caplog.text


def test_none_is_not_fallen_back_to(proxy, authority, caplog):
    with Xvnc('None') as server:
        assert read_refusal(proxy(authority.ca), server.port) == SECURITY
    assert 'NONE (1) ([vnc]auth_schemes)' in caplog.text


def test_the_certificate_of_a_stranger(proxy, tmp_path, certificate, caplog):
    other = CertificateAuthority(tmp_path / 'other', 'another CA')
    with with_certificate(certificate) as server:
        assert read_refusal(proxy(other.ca), server.port) == SECURITY
    assert f'[vnc]vencrypt_ca_certs = {other.ca}' in caplog.text


def test_a_certificate_for_another_host(proxy, authority, caplog):
    with with_certificate(authority.server('compute-7.example.org')) as server:
        assert read_refusal(proxy(authority.ca, vencrypt_check_hostname=True), server.port) == SECURITY
    assert '[novncproxy]vencrypt_check_hostname' in caplog.text


@pytest.mark.parametrize(('security_types', 'named'), [
    ('VncAuth', 'VNC_AUTHENTICATION (2) ([vnc]auth_schemes)'),
    ('X509Vnc', 'X509_VNC (261) ([novncproxy]vencrypt_subtypes)'),
    ('TLSVnc,VncAuth', 'TLS_VNC (258), VNC_AUTHENTICATION (2) ([novncproxy]vencrypt_subtypes)'),
])
def test_one_that_insists_on_a_password(proxy, authority, certificate, caplog, security_types, named):
    with with_certificate(certificate, security_types) as server:
        assert read_refusal(proxy(authority.ca), server.port) == SECURITY
    assert named in caplog.text


def test_one_of_rfb_3_3_that_insists_on_a_password(rig, caplog):
    with Xvnc('VncAuth', options=('-Protocol3.3',)) as server:
        assert read_refusal(rig.start(), server.port) == SECURITY
    assert 'VNC_AUTHENTICATION (2) ([vnc]auth_schemes)' in caplog.text


@pytest.mark.parametrize('security_types', ['VncAuth', 'X509None'])
def test_it_shuts_out_who_leaves_too_often_and_says_so(proxy, tmp_path, certificate, caplog, security_types):
    """Its own blacklist: five times without getting in are enough, be it for the certificate."""
    other = CertificateAuthority(tmp_path / 'other', 'another CA')
    with with_certificate(certificate, security_types) as server:
        rig = proxy(other.ca)
        assert [read_refusal(rig, server.port) for _ in range(5)] == [SECURITY] * 5
        assert read_refusal(rig, server.port) == DECLINED
    assert 'Too many security failures' in caplog.text


def test_without_its_blacklist_nobody_is_shut_out(rig):
    with Xvnc('VncAuth', options=('-UseBlacklist=0',)) as server:
        rig.start()
        assert [read_refusal(rig, server.port) for _ in range(7)] == [SECURITY] * 7


@pytest.mark.parametrize('security_types', ['None', 'X509None'])
def test_the_server_ends(proxy, authority, certificate, security_types):
    with with_certificate(certificate, security_types) as server:
        stream = open_console(proxy(authority.ca, ('vencrypt', 'none')), server.port)
        server.terminate()
        _, (code, _) = stream.read_to_close()
        assert code == 1000
