# SPDX-License-Identifier: Apache-2.0
import logging
import socket

import pytest

from nova_vnc import exception
from nova_vnc.novncproxy import factory
from nova_vnc.rfb.security import NONE, Scheme
from tests.fixtures.bus import in_process_bus
from tests.fixtures.certificates import CertificateAuthority


@pytest.fixture
def bus(tmp_path):
    (tmp_path / 'core').mkdir()
    (tmp_path / 'core' / 'rfb.js').touch()
    with in_process_bus() as bus:
        bus.conf.set_override('web', str(tmp_path))
        bus.conf.set_override('cert', str(tmp_path / 'self.pem'))
        bus.conf.set_override('novncproxy_host', '127.0.0.1', 'vnc')
        bus.conf.set_override('novncproxy_port', 0, 'vnc')
        yield bus


def build(bus):
    return factory.build_service(bus.conf, bus.transport)


def refusal(call, *arguments):
    with pytest.raises(exception.ConfigurationError) as caught:
        call(*arguments)
    text = str(caught.value)
    assert '\n' not in text
    return text


@pytest.mark.parametrize(('option', 'value', 'group', 'named'), [
    ('ssl_only', True, None, '[DEFAULT]ssl_only'),
    ('consoleauth', 'bananas', 'upgrade_levels', '[upgrade_levels]consoleauth'),
    ('auth_schemes', ['vencrypt'], 'vnc', '[vnc]vencrypt_ca_certs is not set, and [vnc]auth_schemes = vencrypt'),
    ('auth_schemes', ['vencrypt', 'none'], 'vnc', '[vnc]vencrypt_ca_certs is not set'),
    ('auth_schemes', [], 'vnc', '[vnc]auth_schemes is empty'),
    ('web', '/does/not/exist', None, '[DEFAULT]web'),
    ('web', '/', None, '[DEFAULT]web'),
    ('target_networks', ['10.0.0.0/8', '10.0.0.0/33'], 'novncproxy', '[novncproxy]target_networks'),
    ('target_networks', ['compute-net'], 'novncproxy', '[novncproxy]target_networks'),
    ('trusted_proxies', ['haproxy'], 'novncproxy', '[novncproxy]trusted_proxies'),
])
def test_refuses_to_start_and_names_the_option(bus, option, value, group, named):
    bus.conf.set_override(option, value, group)
    assert named in refusal(build, bus)


@pytest.fixture
def authority(tmp_path):
    return CertificateAuthority(tmp_path / 'ca')


class TestVeNCrypt:

    def schemes(self, bus):
        return build(bus)._parts.compute_security.schemes

    def test_is_x509none_alone_as_in_nova(self, bus, authority):
        bus.conf.set_override('auth_schemes', ['vencrypt'], 'vnc')
        bus.conf.set_override('vencrypt_ca_certs', str(authority.ca), 'vnc')
        assert self.schemes(bus) == [Scheme(19, (260,))]

    def test_comes_where_the_operator_has_put_it(self, bus, authority):
        bus.conf.set_override('vencrypt_ca_certs', str(authority.ca), 'vnc')
        bus.conf.set_override('vencrypt_subtypes', ['tlsnone', 'x509none'], 'novncproxy')
        assert self.schemes(bus) == [NONE]
        bus.conf.set_override('auth_schemes', ['none', 'vencrypt'], 'vnc')
        assert self.schemes(bus) == [NONE, Scheme(19, (257, 260))]
        bus.conf.set_override('auth_schemes', ['vencrypt', 'none'], 'vnc')
        assert self.schemes(bus) == [Scheme(19, (257, 260)), NONE]

    def test_tlsnone_alone_needs_no_files(self, bus):
        bus.conf.set_override('auth_schemes', ['vencrypt'], 'vnc')
        bus.conf.set_override('vencrypt_subtypes', ['tlsnone'], 'novncproxy')
        assert self.schemes(bus) == [Scheme(19, (257,))]

    def test_no_subtype_is_none_too_few(self, bus):
        bus.conf.set_override('auth_schemes', ['vencrypt'], 'vnc')
        bus.conf.set_override('vencrypt_subtypes', [], 'novncproxy')
        assert '[novncproxy]vencrypt_subtypes is empty' in refusal(build, bus)

    @pytest.mark.parametrize('missing', ['vencrypt_ca_certs', 'vencrypt_client_cert', 'vencrypt_client_key'])
    def test_a_file_that_is_not_there_stops_the_start_where_it_is_needed(self, bus, authority, missing):
        mine = authority.client()
        for name, path in (('ca_certs', authority.ca), ('client_cert', mine.cert), ('client_key', mine.key)):
            bus.conf.set_override(f'vencrypt_{name}', str(path), 'vnc')
        bus.conf.set_override(missing, '/nowhere.pem', 'vnc')
        build(bus)
        bus.conf.set_override('auth_schemes', ['vencrypt', 'none'], 'vnc')
        assert refusal(build, bus) == f'[vnc]{missing} = /nowhere.pem: No such file or directory.'

    @pytest.mark.parametrize('missing', ['vencrypt_client_cert', 'vencrypt_client_key'])
    def test_half_a_certificate_is_none_as_in_nova(self, bus, authority, caplog, missing):
        mine = authority.client()
        for name, path in (('ca_certs', authority.ca), ('client_cert', mine.cert), ('client_key', mine.key)):
            bus.conf.set_override(f'vencrypt_{name}', str(path), 'vnc')
        bus.conf.set_override(missing, None, 'vnc')
        bus.conf.set_override('auth_schemes', ['vencrypt'], 'vnc')
        with caplog.at_level(logging.WARNING):
            build(bus)
        (record,) = caplog.records
        assert '[vnc]vencrypt_client_cert and [vnc]vencrypt_client_key' in record.getMessage()


def test_a_directory_without_novnc_will_do_without_our_page(bus, tmp_path):
    (tmp_path / 'empty').mkdir()
    bus.conf.set_override('web', str(tmp_path / 'empty'))
    bus.conf.set_override('own_console_page', False, 'novncproxy')
    build(bus)


def test_what_is_added_to_a_page_that_is_not_served_has_no_effect(bus, caplog):
    bus.conf.set_override('console_page_banner', 'Hello', 'novncproxy')
    build(bus)
    assert 'console_page_banner' not in caplog.text
    bus.conf.set_override('own_console_page', False, 'novncproxy')
    build(bus)
    assert 'console_page_banner have no effect' in caplog.text


def test_a_logo_that_is_missing(bus):
    bus.conf.set_override('console_page_logo', '/nowhere.svg', 'novncproxy')
    assert refusal(build, bus) == '[novncproxy]console_page_logo = /nowhere.svg: No such file or directory.'


@pytest.mark.parametrize('preferred', [False, True])
def test_ipv6_is_preferred_where_that_is_asked_for(bus, monkeypatch, preferred):
    def listen(host, port, prefer_ipv6):
        raise exception.ConfigurationError(reason=f'listens on {host}, {prefer_ipv6}')
    monkeypatch.setattr('nova_vnc.novncproxy.server.listen', listen)
    bus.conf.set_override('source_is_ipv6', preferred)
    assert f'listens on 127.0.0.1, {preferred}' in refusal(build(bus).start, pytest.fail)


def test_no_directory_serves_no_files(bus):
    bus.conf.set_override('web', '')
    build(bus)


def test_the_port_is_taken(bus):
    with socket.create_server(('127.0.0.1', 0)) as other:
        port = other.getsockname()[1]
        bus.conf.set_override('novncproxy_port', port, 'vnc')
        text = refusal(build(bus).start, pytest.fail)
    assert '[vnc]novncproxy_host = 127.0.0.1' in text
    assert f'novncproxy_port = {port}' in text
    assert 'in use' in text


def test_the_host_is_nobodys(bus):
    bus.conf.set_override('novncproxy_host', 'no-such-host.invalid', 'vnc')
    assert '[vnc]novncproxy_host = no-such-host.invalid' in refusal(build(bus).start, pytest.fail)


def test_says_once_what_has_no_effect(bus, tmp_path, caplog):
    (tmp_path / 'self.pem').touch()
    bus.conf.set_override('allowed_origins', ['https://a.example', 'b.example', '[::1]', '::1', 'FD00:0::1',
                                              '192.0.2.1', 'c.example:443'], 'console')
    bus.conf.set_override('source_is_ipv6', True)
    with caplog.at_level(logging.WARNING):
        build(bus)
    lines = [record.getMessage() for record in caplog.records]
    for word in ('[DEFAULT]source_is_ipv6',
                 "'https://a.example'", "'c.example:443'"):
        assert len([line for line in lines if word in line]) == 1
    assert len(lines) == 4


def test_says_nothing_without_need(bus, caplog):
    with caplog.at_level(logging.WARNING):
        build(bus)
    assert not caplog.records
