# SPDX-License-Identifier: Apache-2.0
"""A service that cannot start says why in one line and ends with status 1; one that runs already goes on."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nova_vnc.compute.virt.demo.driver import demo_instance_uuid
from tests.fixtures.cloud import Cloud
from tests.fixtures.console_client import open_console
from tests.fixtures.process import Service
from tests.fixtures.rabbitmq import RabbitMQ
from tests.integration.bad_days.outage import lines_with, wait_for_session

END_TIMEOUT_S = 30


@pytest.fixture(scope='module')
def cloud(rabbitmq: RabbitMQ) -> Iterator[Cloud]:
    with Cloud(rabbitmq.url) as cloud:
        cloud.wait_for_server(demo_instance_uuid(cloud.host))
        yield cloud


def read_complaint(service: Service) -> str:
    """Wait until a service has refused to start, and return the one line that it said about that."""
    assert service.wait(END_TIMEOUT_S) == 1
    output = service.output()
    assert 'Traceback' not in output
    # Before there is a log they say it on stderr.
    complaints = lines_with(' CRITICAL ', service) or output.splitlines()
    assert len(complaints) == 1, output
    return complaints[0]


@pytest.mark.parametrize(('command', 'port_option'), [
    ('nova-novncproxy', 'novncproxy_port'), ('nova-vnc-api', 'osapi_compute_listen_port')])
def test_second_start_on_the_same_port(cloud: Cloud, command: str, port_option: str):
    port = cloud.proxy_port if command == 'nova-novncproxy' else cloud.api_port
    with open_console(cloud.console_url(demo_instance_uuid(cloud.host))) as session, \
            cloud.add_service(command, f'{command}-2') as second:
        complaint = read_complaint(second)
        assert port_option in complaint
        assert str(port) in complaint
        session.see_typed('first goes on')
        # With SO_REUSEPORT every other connection would have gone to the second one.
        for _ in range(8):
            open_console(cloud.console_url(demo_instance_uuid(cloud.host))).close()


def test_second_compute_of_the_same_host(cloud: Cloud):
    with cloud.add_service('nova-vnc-compute', 'nova-vnc-compute-2') as second:
        complaint = read_complaint(second)
        assert f'[DEFAULT]host = {cloud.host} must be unique' in complaint
        assert 'answers' in complaint
    for _ in range(4):
        open_console(cloud.console_url(demo_instance_uuid(cloud.host))).close()


def test_compute_killed_and_started_again(cloud: Cloud):
    cloud.compute.kill()
    cloud.compute.start()
    wait_for_session(cloud, demo_instance_uuid(cloud.host)).close()


def test_compute_waits_out_its_own_ghost(rabbitmq: RabbitMQ, cloud: Cloud):
    """A machine that vanishes leaves a consumer behind until the broker misses its heartbeats."""
    options = {'DEFAULT': {'host': f'{cloud.host}-ghost'},
               'oslo_messaging_rabbit': {'heartbeat_timeout_threshold': 4, 'heartbeat_rate': 2}}
    ghost, heir = (cloud.add_service('nova-vnc-compute', name, options) for name in ('ghost', 'heir'))
    instance_uuid = demo_instance_uuid(f'{cloud.host}-ghost')
    try:
        ghost.start()
        cloud.wait_for_server(instance_uuid)
        # Before the heir has come so far as to look; after that the broker waits for 5 to 8 s.
        heir.start()
        ghost.signal(signal.SIGSTOP)
        heir.wait_for_line(rf'The queue compute\.{cloud.host}-ghost has a consumer already')
        wait_for_session(cloud, instance_uuid).close()
    finally:
        heir.kill()
        ghost.kill()


BAD_OPTIONS = [
    ('nova-novncproxy', 'DEFAULT', 'web', '/nonexistent/novnc'),
    ('nova-novncproxy', 'DEFAULT', 'transport_url', 'no url'),
    ('nova-novncproxy', 'DEFAULT', 'concurrency_backend', 'fibres'),
    ('nova-novncproxy', 'DEFAULT', 'ssl_only', 'True'),
    ('nova-novncproxy', 'vnc', 'novncproxy_port', '70000'),
    ('nova-novncproxy', 'vnc', 'auth_schemes', 'rot13'),
    ('nova-novncproxy', 'novncproxy', 'target_networks', '192.0.2.0/99'),
    ('nova-vnc-api', 'api', 'auth_strategy', 'keystone'),
    ('nova-vnc-api', 'api', 'auth_strategy', 'password'),
    ('nova-vnc-compute', 'DEFAULT', 'compute_driver', 'hyperv.HyperVDriver'),
    ('nova-vnc-compute', 'DEFAULT', 'host', 'no host name'),
    ('nova-consoleauth', 'consoleauth', 'token_store', 'punch cards'),
    ('nova-consoleauth', 'consoleauth', 'token_ttl', 'soon'),
    ('nova-consoleauth', 'DEFAULT', 'state_path', '/dev/null/nova'),
    ('nova-consoleauth', 'database', 'connection', 'no url'),
]


@pytest.mark.parametrize(('command', 'group', 'option', 'value'), BAD_OPTIONS,
                         ids=[f'{command}-{option}-{value.split()[0]}' for command, _, option, value in BAD_OPTIONS])
def test_option_that_it_cannot_start_with(tmp_path: Path, command: str, group: str, option: str, value: str):
    conf: dict[str, dict[str, Any]] = {
        'DEFAULT': {'transport_url': 'rabbit://nobody:secret@127.0.0.1:1/', 'state_path': tmp_path,
                    'compute_driver': 'demo', 'host': 'nowhere', 'osapi_compute_listen_port': 0},
        'api': {'auth_strategy': 'noauth2'},
        'vnc': {'novncproxy_host': '127.0.0.1', 'novncproxy_port': 0}}
    conf.setdefault(group, {})[option] = value
    with Service(command, conf, tmp_path) as service:
        complaint = read_complaint(service)
    # oslo.config calls an option that the command line may set too by its name there.
    assert re.search(rf'(\[{group}\]|--){option}\b', complaint), complaint
    assert 'secret' not in complaint


@pytest.mark.parametrize('command', ['nova-consoleauth', 'nova-novncproxy', 'nova-vnc-api', 'nova-vnc-compute'])
def test_a_file_that_is_not_there(tmp_path: Path, command: str):
    with Service(command, {}, tmp_path, arguments=['--config-file', '/nonexistent/nova.conf']) as service:
        assert '/nonexistent/nova.conf' in read_complaint(service)
