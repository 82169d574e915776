# SPDX-License-Identifier: Apache-2.0
import logging
import socket

import pytest

from nova_vnc import exception
from nova_vnc.novncproxy import factory
from tests.fixtures.bus import in_process_bus


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
    ('auth_schemes', ['vencrypt'], 'vnc', '[vnc]auth_schemes'),
    ('web', '/does/not/exist', None, '[DEFAULT]web'),
    ('web', '/', None, '[DEFAULT]web'),
    ('target_networks', ['10.0.0.0/8', '10.0.0.0/33'], 'novncproxy', '[novncproxy]target_networks'),
    ('target_networks', ['compute-net'], 'novncproxy', '[novncproxy]target_networks'),
    ('trusted_proxies', ['haproxy'], 'novncproxy', '[novncproxy]trusted_proxies'),
])
def test_refuses_to_start_and_names_the_option(bus, option, value, group, named):
    bus.conf.set_override(option, value, group)
    assert named in refusal(build, bus)


def test_a_directory_without_novnc_will_do_without_our_page(bus, tmp_path):
    (tmp_path / 'empty').mkdir()
    bus.conf.set_override('web', str(tmp_path / 'empty'))
    bus.conf.set_override('own_console_page', False, 'novncproxy')
    build(bus)


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
    bus.conf.set_override('auth_schemes', ['vencrypt', 'none'], 'vnc')
    bus.conf.set_override('allowed_origins', ['https://a.example', 'b.example', '[::1]', '::1', 'FD00:0::1',
                                              '192.0.2.1', 'c.example:443'], 'console')
    bus.conf.set_override('source_is_ipv6', True)
    with caplog.at_level(logging.WARNING):
        build(bus)
    lines = [record.getMessage() for record in caplog.records]
    for word in ('[DEFAULT]source_is_ipv6', '[vnc]auth_schemes = vencrypt,none',
                 "'https://a.example'", "'c.example:443'"):
        assert len([line for line in lines if word in line]) == 1
    assert len(lines) == 5


def test_says_nothing_without_need(bus, caplog):
    with caplog.at_level(logging.WARNING):
        build(bus)
    assert not caplog.records
