# SPDX-License-Identifier: Apache-2.0
import ssl

import pytest

from nova_vnc.net import tls_context
from nova_vnc.net.tls_context import ReloadingContext, UnusableFile
from tests.fixtures.certificates import CertificateAuthority


@pytest.fixture(scope='module')
def ca(tmp_path_factory):
    return CertificateAuthority(tmp_path_factory.mktemp('ca'))


@pytest.mark.parametrize(('word', 'version'), [
    ('tlsv1_1', ssl.TLSVersion.TLSv1_1), ('tlsv1_2', ssl.TLSVersion.TLSv1_2), ('tlsv1_3', ssl.TLSVersion.TLSv1_3)])
def test_a_context_of_either_side_goes_by_what_it_is_told(ca, word, version, recwarn):
    certificate = ca.server()
    server = tls_context.server_context(str(certificate.cert), str(certificate.key),
                                        'ECDHE-ECDSA-AES128-GCM-SHA256', word)
    client = tls_context.client_context(str(ca.ca), minimum_version=word)
    for context in (server, client):
        assert context.minimum_version == version
        assert context.options & ssl.OP_NO_RENEGOTIATION
        assert context.options & ssl.OP_NO_COMPRESSION
    assert {found['name'] for found in server.get_ciphers() if found['protocol'] != 'TLSv1.3'} == {
        'ECDHE-ECDSA-AES128-GCM-SHA256'}
    assert client.verify_mode == ssl.CERT_REQUIRED
    assert not client.check_hostname
    assert not recwarn.list


def test_default_is_what_this_system_has(ca):
    context = tls_context.server_context(str(ca.server().both))
    assert context.minimum_version == ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).minimum_version
    assert tls_context.client_context().cert_store_stats() == ssl.create_default_context().cert_store_stats()


def test_unknown_ciphers_are_named(ca):
    with pytest.raises(tls_context.UnusableCiphers, match=r'^NONSENSE: OpenSSL knows none of these ciphers$'):
        tls_context.server_context(str(ca.server().both), ciphers='NONSENSE')


def write(path, content):
    path.write_bytes(content)
    return str(path)


@pytest.mark.parametrize(('build', 'what', 'reason'), [
    (lambda c, d: (str(d / 'none'), None), 'cert', 'No such file or directory'),
    (lambda c, d: (str(c.cert), str(d / 'none')), 'key', 'No such file or directory'),
    (lambda c, d: (str(d), None), 'cert', 'Is a directory'),
    (lambda c, d: (str(c.cert), None), 'cert', 'no certificate and key in PEM format, or the key is encrypted'),
    (lambda c, d: (write(d / 'half', c.both.read_bytes()[:400]), None), 'cert',
     'no certificate and key in PEM format, or the key is encrypted'),
    (lambda c, d: (write(d / 'half', c.cert.read_bytes()[:200]), str(c.key)), 'cert',
     'not in PEM format, or encrypted'),
    (lambda c, d: (write(d / 'empty', b''), str(c.key)), 'cert', 'not in PEM format, or encrypted'),
    (lambda c, d: (str(c.cert), write(d / 'half', c.key.read_bytes()[:100])), 'key', 'not in PEM format, or encrypted'),
])
def test_a_file_that_cannot_be_used_is_named(ca, tmp_path, build, what, reason):
    cert, key = build(ca.server(), tmp_path)
    with pytest.raises(UnusableFile) as caught:
        tls_context.server_context(cert, key)
    assert (caught.value.what, caught.value.path) == (what, cert if what == 'cert' else key)
    assert str(caught.value) == f'{caught.value.path}: {reason}'


def test_a_key_of_another_certificate_is_named(ca):
    one, other = ca.server(), ca.server()
    with pytest.raises(UnusableFile, match=f'^{other.key}: the key does not belong to the certificate in {one.cert}$'):
        tls_context.server_context(str(one.cert), str(other.key))


@pytest.mark.parametrize(('content', 'reason'), [(None, 'No such file or directory'),
                                                 (b'', 'no certificates in PEM format'),
                                                 (b'nonsense', 'no certificates in PEM format')])
def test_authorities_that_cannot_be_used_are_named(tmp_path, content, reason):
    path = tmp_path / 'ca'
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UnusableFile, match=f'^{path}: {reason}$') as caught:
        tls_context.client_context(str(path))
    assert caught.value.what == 'ca'


class Clock:
    now = 0.0

    def __call__(self):
        self.now += 2.0
        return self.now


@pytest.fixture
def renewed(ca, tmp_path):
    class Renewed:
        cert, key = tmp_path / 'cert.pem', tmp_path / 'key.pem'

        def __init__(self):
            self.failures, self.built, self.clock = [], [], Clock()

        def build(self):
            self.built.append(tls_context.server_context(str(self.cert), str(self.key)))
            return self.built[-1]

        def install(self):
            ca.server().copy_to(self.cert, self.key)
    made = Renewed()
    made.context = ReloadingContext(made.build, [str(made.cert), str(made.key)],
                                    lambda failure, is_in_use: made.failures.append(failure), made.clock)
    return made


def test_files_are_read_again_when_they_have_changed_only(renewed):
    renewed.install()
    first = renewed.context.current()
    assert renewed.context.current() is first
    assert len(renewed.built) == 1
    renewed.install()
    second = renewed.context.current()
    assert second is not first
    assert renewed.context.current() is second
    assert len(renewed.built) == 2
    assert not renewed.failures


def test_files_are_looked_at_once_in_a_second(renewed):
    renewed.install()
    first = renewed.context.current()
    renewed.install()
    renewed.clock.now -= 1.5
    assert renewed.context.current() is first
    assert renewed.context.current() is not first


def test_half_a_renewal_keeps_what_is_there_and_is_told_once(renewed, ca):
    renewed.install()
    first = renewed.context.current()
    renewed.cert.write_bytes(ca.server().cert.read_bytes())
    assert renewed.context.current() is first is renewed.context.current()
    assert [failure.what for failure in renewed.failures] == ['key']
    renewed.key.unlink()
    assert renewed.context.current() is first is renewed.context.current()
    assert [str(failure) for failure in renewed.failures[1:]] == [f'{renewed.key}: No such file or directory']
    renewed.install()
    assert renewed.context.current() not in (first, None)
    assert len(renewed.failures) == 2


def test_files_may_come_later(renewed):
    assert renewed.context.current() is None is renewed.context.current()
    assert [failure.what for failure in renewed.failures] == ['cert']
    renewed.install()
    assert renewed.context.current() is renewed.built[0]
