# SPDX-License-Identifier: Apache-2.0

import logging
import os
import socket
import ssl
import threading

import pytest
from cryptography.hazmat.primitives import serialization

from nova_vnc import exception
from nova_vnc.net.deadline import Deadline
from nova_vnc.net.stream import TransportStream
from nova_vnc.net.tls import TruncatedStream, wrap
from nova_vnc.net.transport import PlainTransport
from nova_vnc.novncproxy.compute_tls import ComputeTLS, Files
from nova_vnc.rfb.errors import UnexpectedEOF
from nova_vnc.rfb.security import VeNCryptSubtype
from tests.fixtures.certificates import CertificateAuthority, server_context
from tests.fixtures.polling import wait_until

X509 = VeNCryptSubtype.X509_NONE
HOST = '192.0.2.7'
TIMEOUT_S = 20


@pytest.fixture(scope='module')
def authority(tmp_path_factory):
    return CertificateAuthority(tmp_path_factory.mktemp('ca'))


@pytest.fixture(scope='module')
def stranger(tmp_path_factory):
    return CertificateAuthority(tmp_path_factory.mktemp('other-ca'), 'another CA')


def shake_hands(tls, server, subtype=X509, host=HOST):
    """Return what goes wrong for the client, None where it hears from the server inside of TLS; and its transport."""
    ours, theirs = socket.socketpair()

    def serve():
        stream = TransportStream(PlainTransport(theirs))
        stream.set_deadline(Deadline(TIMEOUT_S))
        try:
            stream.upgrade(wrap(server, server_side=True))
            stream.write(b'!')
            stream.read(1)
        except OSError:
            pass    # the client says why
        stream.close()

    thread = threading.Thread(target=serve)
    thread.start()
    stream = TransportStream(PlainTransport(ours))
    stream.set_deadline(Deadline(TIMEOUT_S))
    try:
        stream.upgrade(tls.wrapper(subtype, host))
        said = stream.read(1)
        transport = stream.release()
        transport.close()
        return (None if said else 'the end'), transport
    except OSError as error:
        return error, None
    finally:
        stream.close()
        thread.join(TIMEOUT_S)


def test_a_certificate_of_the_authority_is_taken(authority):
    tls = ComputeTLS(Files(str(authority.ca)))
    error, transport = shake_hands(tls, server_context(authority.server('elsewhere')))
    assert error is None
    assert transport.version() == 'TLSv1.3'


@pytest.mark.parametrize(('certificate', 'said'), [
    (lambda authority, stranger: stranger.server(), 'unable to get local issuer certificate'),
    (lambda authority, stranger: authority.expired(), 'certificate has expired'),
    (lambda authority, stranger: authority.not_yet_valid(), 'certificate is not yet valid'),
    (lambda authority, stranger: authority.client(), 'unsuitable certificate purpose'),
], ids=['wrong CA', 'expired', 'not yet valid', 'of a client'])
def test_one_that_is_not(authority, stranger, certificate, said):
    tls = ComputeTLS(Files(str(authority.ca)))
    error, _ = shake_hands(tls, server_context(certificate(authority, stranger)))
    assert tls.describe(error) == (
        f'its certificate is not accepted: {said} ([vnc]vencrypt_ca_certs = {authority.ca})')


class TestNames:

    @pytest.mark.parametrize(('names', 'host'), [
        (['192.0.2.7'], '192.0.2.7'), (['compute1.example'], 'compute1.example'), (['2001:db8::7'], '2001:db8::7'),
        (['a.example', '192.0.2.7'], '192.0.2.7'), (['*.cell1.example'], 'compute1.cell1.example')])
    def test_of_the_host(self, authority, names, host):
        tls = ComputeTLS(Files(str(authority.ca)), check_hostname=True)
        assert shake_hands(tls, server_context(authority.server(*names)), host=host)[0] is None

    @pytest.mark.parametrize(('names', 'host'), [
        (['192.0.2.8'], '192.0.2.7'), (['compute2.example'], 'compute1.example'), (['compute1.example'], '192.0.2.7')])
    def test_of_another_one(self, authority, names, host):
        tls = ComputeTLS(Files(str(authority.ca)), check_hostname=True)
        error, _ = shake_hands(tls, server_context(authority.server(*names)), host=host)
        assert tls.describe(error).startswith(
            'its certificate is for another host ([novncproxy]vencrypt_check_hostname = True): ')

    def test_do_not_count_by_default(self, authority):
        tls = ComputeTLS(Files(str(authority.ca)))
        assert shake_hands(tls, server_context(authority.server('elsewhere.example')))[0] is None


class TestOurCertificate:

    @pytest.fixture(params=['TLSv1_2', 'TLSv1_3'])
    def server(self, request, authority):
        context = server_context(authority.server(), asks_for=authority.ca)
        context.maximum_version = context.minimum_version = ssl.TLSVersion[request.param]
        return context

    def test_is_shown(self, authority, server):
        mine = authority.client()
        tls = ComputeTLS(Files(str(authority.ca), str(mine.cert), str(mine.key)))
        assert shake_hands(tls, server)[0] is None

    def test_that_is_of_the_wrong_authority(self, authority, stranger, server):
        mine = stranger.client()
        tls = ComputeTLS(Files(str(authority.ca), str(mine.cert), str(mine.key)))
        error, _ = shake_hands(tls, server)
        assert tls.describe(error) == ('it does not accept the certificate of the proxy: TLS failed: tlsv1 alert '
                                       'unknown ca '
                                       f'([vnc]vencrypt_client_cert = {mine.cert})')

    def test_that_is_lacking(self, authority, server):
        tls = ComputeTLS(Files(str(authority.ca)))
        error, _ = shake_hands(tls, server)
        # In TLS 1.2 there is no word for it but "handshake failure".
        assert ('([vnc]vencrypt_client_cert is not set)' in tls.describe(error)
                or tls.describe(error) == 'TLS failed: sslv3 alert handshake failure')


def test_without_certificates_there_is_tlsnone():
    tls = ComputeTLS(None)
    server = server_context(None, ciphers='aNULL:@SECLEVEL=0', version=ssl.TLSVersion.TLSv1_2)
    assert shake_hands(tls, server, VeNCryptSubtype.TLS_NONE)[0] is None
    with pytest.raises(ValueError, match='needs certificates'):
        tls.wrapper(X509, HOST)


def test_anonymous_ciphers_are_never_taken_where_a_certificate_is_wanted(authority):
    tls = ComputeTLS(Files(str(authority.ca)))
    error, _ = shake_hands(tls, server_context(None, ciphers='aNULL:@SECLEVEL=0', version=ssl.TLSVersion.TLSv1_2))
    assert tls.describe(error) == 'TLS failed: sslv3 alert handshake failure'


@pytest.mark.parametrize(('error', 'said'), [
    (TruncatedStream('the stream ended without the end of TLS'), 'the stream ended without the end of TLS'),
    (UnexpectedEOF('the peer closed'), 'the peer closed'),
    (ConnectionResetError(104, 'Connection reset by peer'), 'Connection reset by peer'),
])
def test_an_end_without_a_word(authority, error, said):
    description = ComputeTLS(Files(str(authority.ca))).describe(error)
    assert description.startswith('it closed when TLS was to start: ')
    assert said in description
    assert description.endswith('[vnc]vencrypt_client_cert is not set')


class TestFiles:

    def refuse(self, files):
        with pytest.raises(exception.ConfigurationError) as caught:
            ComputeTLS(files)
        text = str(caught.value)
        assert '\n' not in text
        return text

    def test_that_are_not_there(self, authority, tmp_path):
        mine = authority.client()
        nowhere = str(tmp_path / 'nowhere.pem')
        end = f' = {nowhere}: No such file or directory.'
        assert self.refuse(Files(nowhere)) == '[vnc]vencrypt_ca_certs' + end
        assert self.refuse(Files(str(authority.ca), nowhere, str(mine.key))) == '[vnc]vencrypt_client_cert' + end
        assert self.refuse(Files(str(authority.ca), str(mine.cert), nowhere)) == '[vnc]vencrypt_client_key' + end

    def test_that_hold_something_else(self, authority, tmp_path):
        mine, other = authority.client(), authority.client()
        empty = tmp_path / 'empty.pem'
        empty.touch()
        assert self.refuse(Files(str(empty))).startswith(f'[vnc]vencrypt_ca_certs = {empty}: ')
        for cert, key, option in ((empty, mine.key, 'cert'), (mine.cert, empty, 'key'), (mine.cert, other.key, 'key')):
            text = self.refuse(Files(str(authority.ca), str(cert), str(key)))
            assert text.startswith(f'[vnc]vencrypt_client_{option} = ')

    def test_a_key_with_a_password_asks_nobody(self, authority, tmp_path):
        mine = authority.client()
        key = serialization.load_pem_private_key(mine.key.read_bytes(), None)
        locked = tmp_path / 'locked.pem'
        locked.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                             serialization.BestAvailableEncryption(b'secret')))
        assert 'encrypted' in self.refuse(Files(str(authority.ca), str(mine.cert), str(locked)))


class TestRenewal:

    @pytest.fixture
    def ca_certs(self, authority, tmp_path):
        path = tmp_path / 'ca-cert.pem'
        path.write_bytes(authority.ca.read_bytes())
        return path

    def replace(self, path, content):
        fresh = path.with_name('fresh.pem')
        fresh.write_bytes(content)
        os.replace(fresh, path)

    def test_a_changed_file_is_read_again(self, authority, stranger, ca_certs):
        tls = ComputeTLS(Files(str(ca_certs)))
        self.replace(ca_certs, stranger.ca.read_bytes())
        wait_until(lambda: shake_hands(tls, server_context(stranger.server()))[0] is None, 20, 'the new one')
        assert shake_hands(tls, server_context(authority.server()))[0] is not None

    @pytest.mark.parametrize('content', [b'', None])
    def test_one_that_cannot_be_used_is_told_once_and_what_was_read_stays(self, authority, stranger, ca_certs, caplog,
                                                                          content):
        tls = ComputeTLS(Files(str(ca_certs)))
        if content is None:
            ca_certs.unlink()
        else:
            self.replace(ca_certs, content)

        def still_works():
            assert shake_hands(tls, server_context(authority.server()))[0] is None
            return bool(caplog.records)

        with caplog.at_level(logging.ERROR):
            wait_until(still_works, 20, 'a line in the log')
            still_works()
        assert [record.getMessage().startswith(f'[vnc]vencrypt_ca_certs = {ca_certs}: ')
                for record in caplog.records] == [True]
        self.replace(ca_certs, stranger.ca.read_bytes())
        wait_until(lambda: shake_hands(tls, server_context(stranger.server()))[0] is None, 20, 'the new one')
