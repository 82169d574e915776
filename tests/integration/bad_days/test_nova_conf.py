# SPDX-License-Identifier: Apache-2.0
"""A nova.conf that was written for Nova works as it is."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from nova_vnc.concurrency import DISABLE_VARIABLE
from nova_vnc.objects import InstanceRecord
from tests.fixtures.backend import concurrency_backend
from tests.fixtures.cloud import Cloud
from tests.fixtures.console_client import open_console
from tests.fixtures.guest import Guest
from tests.fixtures.libvirt import Libvirtd
from tests.fixtures.nova_confs import DEPLOYMENTS, DIRECTORY, nova_conf
from tests.fixtures.nova_database import ApiDatabase, create_tables, insert_instances
from tests.fixtures.process import Service, format_conf
from tests.fixtures.rabbitmq import RabbitMQ
from tests.integration.bad_days.outage import wait_for_session

# Lines that have worked since Diablo, and those that took their places.
OLD_LINES = {'vnc_enabled': 'True', 'vncserver_listen': '0.0.0.0', 'vncserver_proxyclient_address': 'localhost'}
NEW_NAMES = {'vnc_enabled': 'enabled', 'vncserver_listen': 'server_listen',
             'vncserver_proxyclient_address': 'server_proxyclient_address',
             'novncproxy_base_url': 'novncproxy_base_url', 'novncproxy_host': 'novncproxy_host',
             'novncproxy_port': 'novncproxy_port'}


class TestLinesOfTheFirstReleases:
    @pytest.fixture(scope='class')
    @staticmethod
    def guest(libvirtd: Libvirtd) -> Iterator[Guest]:
        guest = libvirtd.define_guest(display_name='old lines')
        yield guest
        guest.remove()

    @pytest.fixture(scope='class')
    @staticmethod
    def cloud(rabbitmq: RabbitMQ, libvirtd: Libvirtd) -> Iterator[Cloud]:
        cloud = Cloud(rabbitmq.url, libvirtd.uri)
        base_url = f'http://localhost:{cloud.proxy_port}/vnc_auto.html?view_only=1'
        conf = cloud.conf()
        listens = {'novncproxy_host': '127.0.0.1', 'novncproxy_port': cloud.proxy_port}
        conf['DEFAULT'] |= {**OLD_LINES, **listens, 'novncproxy_base_url': base_url, 'auth_strategy': 'noauth2'}
        del conf['vnc'], conf['api']
        for service in cloud.services:
            service.configure(conf)
        with cloud:
            yield cloud

    def test_a_session(self, cloud: Cloud, guest: Guest):
        cloud.wait_for_server(guest.uuid)
        url = cloud.console_url(guest.uuid)
        assert url.startswith(f'http://localhost:{cloud.proxy_port}/vnc_auto.html?view_only=1&path=%3Ftoken%3D')
        with open_console(url) as session:
            assert session.see_screen() == (640, 480)
        assert re.search(rf'instance {guest.uuid} .* at localhost port {guest.vnc_port()} opened',
                         cloud.novncproxy.output())

    def test_each_old_name_is_warned_of_once(self, cloud: Cloud):
        warnings = re.findall(r'WARNING oslo_config.cfg .*Option "(\w+)" from group "DEFAULT" is deprecated. '
                              r'Use option "(\w+)" from group "vnc"', cloud.output())
        assert sorted(warnings) == sorted(NEW_NAMES.items())

    @pytest.mark.parametrize(('group', 'option'), [('DEFAULT', 'vnc_enabled'), ('vnc', 'enabled')])
    def test_vnc_is_switched_off(self, cloud: Cloud, guest: Guest, group: str, option: str):
        conf = cloud.conf()
        conf[group][option] = 'False'
        cloud.compute.kill()
        cloud.compute.configure(conf)
        mark = cloud.compute.mark()
        cloud.compute.start()
        cloud.compute.wait_for_line('Reported', since=mark)
        answer = cloud.request_console(guest.uuid)
        assert answer.status_code == 400
        assert 'Unavailable console type novnc' in answer.text


OWN_KINDS_OF_QUEUES = ('kolla', 'osa', 'helm')


@pytest.mark.once
@pytest.mark.parametrize('deployment', DEPLOYMENTS)
def test_a_whole_file(rabbitmq: RabbitMQ, libvirtd: Libvirtd, deployment: str):
    """With it, on the database of a cell of Nova's, in which the VM is, there is a session."""
    # They ask for quorum or durable queues, and a queue cannot be of two kinds.
    with RabbitMQ() if deployment in OWN_KINDS_OF_QUEUES else contextlib.nullcontext(rabbitmq) as broker:
        cloud = Cloud(broker.url, libvirtd.uri)
        guest = libvirtd.define_guest(display_name=deployment)
        try:
            database = f'sqlite:///{cloud.directory / "nova.sqlite"}'
            create_tables(database, '34.0.0')
            insert_instances(database, [InstanceRecord(
                guest.uuid, 7, 'instance-00000007', deployment, cloud.host, 'a11ce', 'alice')])
            api_database = ApiDatabase(f'sqlite:///{cloud.directory / "nova_api.sqlite"}')
            api_database.add_cell(1, '{scheme}://' + database.removeprefix('sqlite://'), broker.url)
            api_database.map_instance(guest.uuid, 1)
            for service in cloud.services:
                read_file_of(service, cloud, nova_conf(deployment, service.name), database, api_database.url)
            with cloud.api:     # with the Keystone of the file, which is not there
                cloud.api.wait_until(lambda: cloud.api_port in cloud.api.listening_ports(), 60, 'listens')
                assert cloud.request('GET', '/').status_code == 200
            add_lines(cloud.api, {'api': {'auth_strategy': 'noauth2'}})
            with cloud:
                with wait_for_session(cloud, guest.uuid) as session:
                    assert session.see_screen() == (640, 480)
                assert 'Tokens are in the store database' in cloud.consoleauth.output()
                knows_cells = '[api_database]' in nova_conf(deployment, 'nova-consoleauth').read_text()
                assert ('of each cell' in cloud.consoleauth.output()) is knows_cells
                assert_nothing_to_worry_about(cloud)
        finally:
            cloud.close()
            guest.remove()


def read_file_of(service: Service, cloud: Cloud, path: Path, database: str, api_database: str) -> None:
    """Let a service read this file, and after it what stands for the machine: names, addresses, directories."""
    conf = cloud.conf()
    names = ('host', 'state_path', 'transport_url', 'osapi_compute_listen_port')
    service.conf_path.write_text(path.read_text())
    add_lines(service, {
        'DEFAULT': {**{name: conf['DEFAULT'][name] for name in names}, 'my_ip': '127.0.0.1',
                    'osapi_compute_listen': '127.0.0.1', 'web': '/usr/share/novnc',
                    'log_dir': '', 'log_file': '', 'use_journal': False,    # there is no journald
                    'log_config_append': DIRECTORY / 'helm-logging.conf' if 'helm' in path.name else ''},
        # Where the file refers to my_ip it does so still.
        'vnc': {**conf['vnc'], 'server_proxyclient_address': None if '$my_ip' in path.read_text() else '127.0.0.1'},
        'libvirt': conf['libvirt'],
        'database': {'connection': database},
        'api_database': {'connection': api_database} if '[api_database]' in path.read_text() else {},
        'oslo_messaging_notifications': {'transport_url': conf['DEFAULT']['transport_url']}})
    if concurrency_backend() == 'threading':
        service.environment[DISABLE_VARIABLE] = '1'


def add_lines(service: Service, lines: dict[str, dict[str, object]]) -> None:
    """Add one more --config-file."""
    path = service.directory / f'{service.name}-{len(service.argv)}.conf'
    path.write_text(format_conf(lines))
    service.argv += ['--config-file', str(path)]


def assert_nothing_to_worry_about(cloud: Cloud) -> None:
    log = cloud.output()
    assert 'Listening for browsers' in log
    # The test itself may have come too early for nova-consoleauth.
    lines = [line for line in log.splitlines() if 'Request refused: ' not in line]
    for word in ('WARNING', 'ERROR', 'CRITICAL', 'Traceback', 'Logging error', 'Deprecat'):
        assert not [line for line in lines if word in line]
