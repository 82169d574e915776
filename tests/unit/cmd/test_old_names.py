# SPDX-License-Identifier: Apache-2.0
"""What is read by an older name is warned of."""

import signal
from pathlib import Path

import pytest

from tests.fixtures.ports import free_port
from tests.fixtures.process import Service


def heeds_signals(service: Service) -> bool:
    status = Path(f'/proc/{service.pid}/status').read_text()
    caught = next(line for line in status.splitlines() if line.startswith('SigCgt'))
    return bool(int(caught.split()[1], 16) >> (signal.SIGTERM - 1) & 1)


# What each service reads by an older name: the group and the line, and what it is called now.
OLD_NAMES = {
    'nova-vnc-compute': {
        ('DEFAULT', 'vnc_enabled = True'): ('vnc', 'enabled'),
        ('DEFAULT', 'vncserver_listen = 0.0.0.0'): ('vnc', 'server_listen'),
        ('DEFAULT', 'vncserver_proxyclient_address = 127.0.0.1'): ('vnc', 'server_proxyclient_address'),
        ('DEFAULT', 'novncproxy_base_url = http://localhost/vnc_auto.html'): ('vnc', 'novncproxy_base_url')},
    'nova-vnc-compute of Pike': {
        ('vnc', 'vncserver_listen = 0.0.0.0'): ('vnc', 'server_listen'),
        ('vnc', 'vncserver_proxyclient_address = 127.0.0.1'): ('vnc', 'server_proxyclient_address')},
    'nova-novncproxy': {
        ('DEFAULT', 'novncproxy_host = localhost'): ('vnc', 'novncproxy_host'),
        ('DEFAULT', f'novncproxy_port = {free_port()}'): ('vnc', 'novncproxy_port'),
        ('DEFAULT', 'console_allowed_origins = a.example'): ('console', 'allowed_origins')},
    'nova-consoleauth': {('DEFAULT', 'console_token_ttl = 60'): ('consoleauth', 'token_ttl')},
    'nova-vnc-api': {
        ('DEFAULT', 'auth_strategy = noauth2'): ('api', 'auth_strategy'),
        ('DEFAULT', 'osapi_max_limit = 10'): ('api', 'max_limit')},
}


ALL_OLD_NAMES = {line for command, lines in OLD_NAMES.items() if ' of ' not in command for line in lines}


@pytest.mark.libvirt
@pytest.mark.parametrize('command', OLD_NAMES)
def test_each_old_name_is_warned_of_once_by_whom_it_concerns(tmp_path, command):
    (tmp_path / 'core').mkdir()
    (tmp_path / 'core/rfb.js').touch()
    path = tmp_path / 'old.conf'
    lines = OLD_NAMES[command] if ' of ' in command else ALL_OLD_NAMES
    path.write_text('\n'.join(f'[{group}]\n{line}' for group, line in lines))
    with Service(command.split()[0], {
            'DEFAULT': {'transport_url': f'rabbit://127.0.0.1:{free_port()}/', 'state_path': tmp_path, 'web': tmp_path,
                        'osapi_compute_listen_port': free_port()},
            'libvirt': {'connection_uri': 'test:///default'}}, tmp_path,
            arguments=['--config-file', str(path)]) as service:
        service.wait_until(lambda: heeds_signals(service), 60, 'it to be built')
        warnings = [said for said in service.output().splitlines() if 'eprecated' in said]
    for (group, line), (new_group, new_name) in OLD_NAMES[command].items():
        name = line.partition(' ')[0]
        (said,) = [said for said in warnings if f'"{name}" from group "{group}"' in said]
        assert f'Use option "{new_name}" from group "{new_group}"' in said
        assert ' WARNING oslo_config.cfg [-] ' in said
    assert len(warnings) == len(OLD_NAMES[command])
