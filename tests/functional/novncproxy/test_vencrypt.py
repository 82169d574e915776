# SPDX-License-Identifier: Apache-2.0
"""Sessions over VeNCrypt, and VNC servers that say the wrong thing, one step after the other."""

import logging
import os
import ssl

import pytest
import websocket

from nova_vnc.novncproxy.refusal import Refusal
from nova_vnc.rfb.machine import build_reason
from tests.fixtures.certificates import CertificateAuthority, server_context
from tests.fixtures.polling import wait_until
from tests.fixtures.rfb_client import RFBClient
from tests.functional.novncproxy.rig import DISPLAY_NAME, INSTANCE_UUID
from tests.functional.novncproxy.vencrypt_server import (
    FAILED,
    OK,
    SERVER_INIT,
    TLS,
    TLS_NONE,
    X509_NONE,
    be_silent,
    dialogue,
    echo,
    hear,
    play,
    reset,
    say,
    slowly,
)

ANONYMOUS = 'aNULL:@SECLEVEL=0'


@pytest.fixture(scope='module')
def authority(tmp_path_factory):
    return CertificateAuthority(tmp_path_factory.mktemp('ca'))


@pytest.fixture(scope='module')
def stranger(tmp_path_factory):
    return CertificateAuthority(tmp_path_factory.mktemp('other-ca'), 'another CA')


@pytest.fixture(scope='module')
def good(authority):
    """A TLS server that is as it should be."""
    return server_context(authority.server())


@pytest.fixture
def vencrypt(rig, authority):
    """Return a function that starts the proxy, which asks for VeNCrypt; options are those of [novncproxy]."""
    def start(schemes=('vencrypt',), client=None, **options):
        rig.ask_for_vencrypt(authority, client, schemes)
        return rig.start(**options)
    return start


def open_session(rig, steps):
    """Return a client that has seen ServerInit, and what it says comes back."""
    stream = rig.open_console(rig.console(play(steps)))
    client = RFBClient(stream.read, stream.write)
    assert client.connect().name.decode().startswith(DISPLAY_NAME)
    return stream


def assert_carries(stream, data):
    stream.write(data)
    # What the client has said of pixel formats and encodings comes back too.
    received = b''
    while not received.endswith(data):
        received += stream.read(65536)


def refuse(rig, steps, caplog, host=None):
    """Return the refusal, and what the operator reads of it."""
    server = rig.vnc_server(play(steps))
    with caplog.at_level(logging.INFO), pytest.raises(websocket.WebSocketBadStatusException) as caught:
        rig.open_console(rig.grant(host or server.host, server.port))
    refusal = next(each for each in Refusal if caught.value.resp_body.decode().startswith(each.text))
    assert refusal.status == caught.value.status_code
    lines = [record.getMessage() for record in caplog.records if f'instance {INSTANCE_UUID}: ' in record.getMessage()]
    assert not [record for record in caplog.records if record.exc_info]
    (line,) = lines
    return refusal, line.partition(f'instance {INSTANCE_UUID}: ')[2]


class TestSession:

    @pytest.mark.parametrize('version', [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
    def test_over_x509none(self, vencrypt, authority, version):
        rig = vencrypt()
        stream = open_session(rig, dialogue(server_context(authority.server(), version=version)))
        assert_carries(stream, os.urandom(300_000))
        stream.client.close()
        wait_until(lambda: not rig.proxy._parts.registry.list(), 20, 'the session to end')

    def test_ends_with_the_vnc_server(self, vencrypt, good):
        inside = [say(OK), hear(1), say(SERVER_INIT + b'all of it'), lambda line: line.end_tls()]
        stream = open_session(vencrypt(), dialogue(good, inside=inside))
        data, close_frame = stream.read_to_close()
        assert data == b'all of it'
        assert close_frame[0] == 1000

    def test_with_a_certificate_of_ours(self, vencrypt, authority):
        rig = vencrypt(client=authority.client())
        assert_carries(open_session(rig, dialogue(server_context(authority.server(), asks_for=authority.ca))), b'hi')

    def test_what_is_said_along_with_the_security_result_is_not_lost(self, vencrypt, good):
        inside = [say(OK + SERVER_INIT + b'early'), hear(1), echo]
        stream = open_session(vencrypt(), dialogue(good, inside=inside))
        assert stream.read_exactly(5) == b'early'
        assert_carries(stream, b'hi')

    def test_a_server_that_speaks_byte_by_byte(self, vencrypt, good):
        steps = dialogue(good, inside=[slowly(OK), hear(1), slowly(SERVER_INIT), echo])
        steps[0], steps[2], steps[4] = slowly(b'RFB 003.008\n'), slowly(b'\2\x12\x13'), slowly(b'\0\2')
        steps[6] = slowly(b'\0\2' + TLS_NONE + X509_NONE)
        assert_carries(open_session(vencrypt(), steps), b'hi')

    @pytest.mark.parametrize('version', [b'RFB 003.007\n', b'RFB 003.889\n'])
    def test_in_other_versions_of_rfb(self, vencrypt, good, version):
        assert_carries(open_session(vencrypt(), dialogue(good, version=version)), b'hi')

    def test_in_rfb_3_3_where_it_is_dictated(self, vencrypt, good):
        steps = dialogue(good, version=b'RFB 003.003\n', types=b'\0\0\0\x13')
        del steps[3]    # the client has no choice
        assert_carries(open_session(vencrypt(), steps), b'hi')

    def test_over_tlsnone_where_that_is_allowed(self, vencrypt):
        anonymous = server_context(None, ciphers=ANONYMOUS, version=ssl.TLSVersion.TLSv1_2)
        rig = vencrypt(vencrypt_subtypes=['x509none', 'tlsnone'])
        assert_carries(open_session(rig, dialogue(anonymous, subtypes=TLS_NONE)), b'hi')

    def test_the_order_is_the_operators(self, vencrypt, good):
        # The server takes the one for the other, so that only what was asked for works.
        subtypes = {'subtypes': TLS_NONE + X509_NONE, 'types': b'\3\1\x13\2'}
        rig = vencrypt(['vencrypt', 'none'], vencrypt_subtypes=['x509none', 'tlsnone'])
        assert_carries(open_session(rig, dialogue(good, **subtypes)), b'hi')

    def test_none_first_is_none(self, vencrypt):
        rig = vencrypt(['none', 'vencrypt'])
        plain = [say(b'RFB 003.008\n'), hear(12), say(b'\2\x13\1'), hear(1), say(OK), hear(1), say(SERVER_INIT), echo]
        assert_carries(open_session(rig, plain), b'hi')

    def test_a_server_without_vencrypt_where_none_is_allowed(self, vencrypt):
        rig = vencrypt(['vencrypt', 'none'])
        plain = [say(b'RFB 003.008\n'), hear(12), say(b'\1\1'), hear(1), say(OK), hear(1), say(SERVER_INIT), echo]
        assert_carries(open_session(rig, plain), b'hi')

    def test_the_name_of_the_host_is_checked_where_that_is_asked_for(self, vencrypt, authority):
        rig = vencrypt(vencrypt_check_hostname=True)
        assert_carries(open_session(rig, dialogue(server_context(authority.server('127.0.0.1')))), b'hi')


class TestDowngrade:
    """One in between takes VeNCrypt out of the offer."""

    @pytest.mark.parametrize('said', [
        [say(b'RFB 003.008\n'), hear(12), say(b'\1\1')],
        [say(b'RFB 003.007\n'), hear(12), say(b'\1\1')],
        [say(b'RFB 003.003\n'), hear(12), say(b'\0\0\0\1')],
    ], ids=['3.8', '3.7', '3.3'])
    def test_none_alone_is_not_taken(self, vencrypt, caplog, said):
        steps = [*said, hear(1), say(OK + SERVER_INIT), be_silent]
        assert refuse(vencrypt(), steps, caplog) == (Refusal.SECURITY, (
            'VNC server: no acceptable security type among those offered: NONE (1) ([vnc]auth_schemes)'))

    def test_tls_without_certificates_is_not_taken(self, vencrypt, good, caplog):
        steps = dialogue(good, subtypes=TLS_NONE)
        assert refuse(vencrypt(['vencrypt', 'none']), steps, caplog) == (Refusal.SECURITY, (
            'VNC server: no acceptable subtype of VeNCrypt among those offered: TLS_NONE (257) '
            '([novncproxy]vencrypt_subtypes)'))

    def test_a_password_is_not_given(self, vencrypt, caplog):
        steps = [say(b'RFB 003.008\n'), hear(12), say(b'\1\2'), be_silent]
        assert refuse(vencrypt(['vencrypt', 'none']), steps, caplog) == (Refusal.SECURITY, (
            'VNC server: no acceptable security type among those offered: VNC_AUTHENTICATION (2) ([vnc]auth_schemes)'))


class TestBeforeTLS:

    @pytest.mark.parametrize(('position', 'step', 'refusal', 'said'), [
        (4, say(b'\0\1'), Refusal.NOT_VNC, 'VeNCrypt version 0.1 is not supported'),
        (6, say(b'\1'), Refusal.SECURITY, 'VeNCrypt version 0.2 refused by the peer: no reason given'),
        (6, say(b'\0\0'), Refusal.SECURITY,
         'no acceptable subtype of VeNCrypt among those offered: none ([novncproxy]vencrypt_subtypes)'),
        (6, say(b'\0\1\0\0\1\5'), Refusal.SECURITY, 'no acceptable subtype of VeNCrypt among those offered: '
         'X509_VNC (261) ([novncproxy]vencrypt_subtypes)'),
        (6, say(b'\0\1\xff\xff\xff\xff'), Refusal.SECURITY, 'no acceptable subtype of VeNCrypt among those offered: '
         'unknown (4294967295) ([novncproxy]vencrypt_subtypes)'),
        (8, say(b'\0'), Refusal.SECURITY, 'VeNCrypt subtype X509_NONE (260) refused by the peer: no reason given'),
        (8, say(b'\1' + OK), Refusal.NOT_VNC, 'the peer sent 4 bytes or more before TLS had started'),
    ], ids=lambda value: value if isinstance(value, str) else None)
    def test_the_wrong_answer(self, vencrypt, good, caplog, position, step, refusal, said):
        steps = dialogue(good)
        steps[position:] = [step, be_silent]
        assert refuse(vencrypt(), steps, caplog) == (refusal, f'VNC server: {said}')

    @pytest.mark.parametrize('position', range(0, TLS, 2))
    def test_an_end(self, vencrypt, good, caplog, position):
        assert refuse(vencrypt(), dialogue(good)[:position], caplog) == (
            Refusal.NOT_VNC, 'VNC server: the peer closed the connection in the middle of a message')

    @pytest.mark.parametrize('position', [*range(0, TLS, 2), TLS])
    def test_silence(self, vencrypt, good, caplog, position):
        steps = [*dialogue(good)[:position], be_silent]
        which = 'RFB handshake' if position < TLS else 'handshake of TLS'
        assert refuse(vencrypt(handshake_timeout=1), steps, caplog) == (
            Refusal.SILENT, f'the VNC server was silent during the {which}')


class TestTLS:

    @pytest.mark.parametrize(('certificate', 'said'), [
        (lambda authority, stranger: stranger.server(), 'unable to get local issuer certificate'),
        (lambda authority, stranger: authority.expired(), 'certificate has expired'),
        (lambda authority, stranger: authority.not_yet_valid(), 'certificate is not yet valid'),
        (lambda authority, stranger: authority.client(), 'unsuitable certificate purpose'),
    ], ids=['wrong CA', 'expired', 'not yet valid', 'of a client'])
    def test_a_certificate_that_is_not_taken(self, vencrypt, authority, stranger, caplog, certificate, said):
        steps = dialogue(server_context(certificate(authority, stranger)))
        assert refuse(vencrypt(), steps, caplog) == (Refusal.SECURITY, (
            f'VNC server: its certificate is not accepted: {said} ([vnc]vencrypt_ca_certs = {authority.ca})'))

    def test_the_certificate_of_another_host(self, vencrypt, authority, caplog):
        steps = dialogue(server_context(authority.server('compute2.example')))
        refusal, said = refuse(vencrypt(vencrypt_check_hostname=True), steps, caplog)
        assert refusal is Refusal.SECURITY
        assert said.startswith('VNC server: its certificate is for another host '
                               '([novncproxy]vencrypt_check_hostname = True): ')

    @pytest.mark.parametrize('version', [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
    def test_a_certificate_of_ours_that_is_not_taken(self, vencrypt, authority, stranger, caplog, version):
        mine = stranger.client()
        context = server_context(authority.server(), asks_for=authority.ca, version=version)
        refusal, said = refuse(vencrypt(client=mine), dialogue(context), caplog)
        assert refusal is Refusal.SECURITY
        assert f'[vnc]vencrypt_client_cert = {mine.cert}' in said

    def test_a_certificate_of_ours_that_is_not_there(self, vencrypt, authority, caplog):
        context = server_context(authority.server(), asks_for=authority.ca)
        refusal, said = refuse(vencrypt(), dialogue(context), caplog)
        assert refusal is Refusal.SECURITY
        assert '[vnc]vencrypt_client_cert is not set' in said

    @pytest.mark.parametrize('context', [
        lambda authority: server_context(authority.server(), ciphers='CAMELLIA', version=ssl.TLSVersion.TLSv1_2),
        lambda authority: server_context(None, ciphers=ANONYMOUS, version=ssl.TLSVersion.TLSv1_2),
        lambda authority: server_context(authority.server(), ciphers='ALL:@SECLEVEL=0', version=ssl.TLSVersion.TLSv1),
    ], ids=['ciphers', 'anonymous', 'TLS 1.0'])
    def test_nothing_in_common(self, vencrypt, authority, caplog, context):
        refusal, said = refuse(vencrypt(), dialogue(context(authority)), caplog)
        assert refusal is Refusal.SECURITY
        assert said.startswith('VNC server: TLS failed: ')

    @pytest.mark.parametrize('said', [
        OK + SERVER_INIT, b'HTTP/1.1 400 Bad Request\r\n\r\n', b'\x15\3\3\0\2\2\x28', b'\x16\3\3\xff\xff',
    ], ids=['security result', 'HTTP', 'alert', 'too long'])
    def test_something_else_in_its_place(self, vencrypt, good, caplog, said):
        # Only once the client has begun; else it would come too early.
        steps = [*dialogue(good)[:TLS], hear(1), say(said), be_silent]
        refusal, told = refuse(vencrypt(), steps, caplog)
        assert refusal is Refusal.SECURITY
        assert told.startswith('VNC server: TLS failed: ')

    @pytest.mark.parametrize('last', [[], [reset]], ids=['end', 'reset'])
    @pytest.mark.parametrize('steps', [[hear(1)], [hear(1), say(b'\x16\3\3')]], ids=['at once', 'in a record'])
    def test_an_end(self, vencrypt, good, caplog, steps, last):
        refusal, told = refuse(vencrypt(), [*dialogue(good)[:TLS], *steps, *last], caplog)
        assert refusal is Refusal.SECURITY
        assert told.startswith('VNC server: it closed when TLS was to start: ')

    def test_silence_in_its_middle(self, vencrypt, good, caplog):
        steps = [*dialogue(good)[:TLS], hear(1), say(b'\x16\3\3'), be_silent]
        assert refuse(vencrypt(handshake_timeout=1), steps, caplog)[0] is Refusal.SILENT


class TestInsideOfTLS:

    def test_a_refusal(self, vencrypt, good, caplog):
        steps = dialogue(good, inside=[say(FAILED + build_reason('busy')), be_silent])
        assert refuse(vencrypt(), steps, caplog) == (Refusal.DECLINED, 'VNC server: refused by the peer: busy')

    @pytest.mark.parametrize('inside', [[], [lambda line: line.end_tls()], [reset], [say(OK[:2])]],
                             ids=['end', 'end of TLS', 'reset', 'half a result'])
    def test_an_end(self, vencrypt, good, caplog, inside):
        refusal, told = refuse(vencrypt(), dialogue(good, inside=inside), caplog)
        assert refusal is Refusal.SECURITY
        assert told.startswith('VNC server: it closed when TLS was to start: ')

    def test_bytes_outside_of_tls(self, vencrypt, good, caplog):
        steps = dialogue(good, inside=[lambda line: line.sock.sendall(OK + SERVER_INIT), be_silent])
        refusal, told = refuse(vencrypt(), steps, caplog)
        assert refusal is Refusal.SECURITY
        assert told.startswith('VNC server: TLS failed: ')

    def test_silence(self, vencrypt, good, caplog):
        refusal, _ = refuse(vencrypt(handshake_timeout=1), dialogue(good, inside=[be_silent]), caplog)
        assert refusal is Refusal.SILENT


def test_tls_is_not_ended_to_start_it_again(vencrypt, good, caplog):
    """Whoever is in between cannot have what he says taken for what comes behind TLS."""
    inside = [lambda line: line.end_tls(), lambda line: line.sock.sendall(OK + SERVER_INIT), be_silent]
    steps = dialogue(good, inside=inside)
    assert refuse(vencrypt(handshake_timeout=1), steps, caplog)[0] is Refusal.SECURITY


def test_a_renewed_authority_needs_no_restart(rig, authority, stranger, tmp_path):
    ca_certs = tmp_path / 'ca-cert.pem'
    ca_certs.write_bytes(authority.ca.read_bytes())
    rig.conf.set_override('auth_schemes', ['vencrypt'], 'vnc')
    rig.conf.set_override('vencrypt_ca_certs', str(ca_certs), 'vnc')
    rig.start()
    assert_carries(open_session(rig, dialogue(server_context(authority.server()))), b'hi')
    ca_certs.write_bytes(authority.ca.read_bytes() + stranger.ca.read_bytes())
    steps = dialogue(server_context(stranger.server()))

    def opens():
        try:
            open_session(rig, steps)
        except websocket.WebSocketBadStatusException:
            return False
        return True

    wait_until(opens, 20, 'the new authority to be taken')
