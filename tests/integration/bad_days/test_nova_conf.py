# SPDX-License-Identifier: Apache-2.0
"""A nova.conf that was written for Nova works as it is."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from nova_vnc.compute.virt.demo.driver import demo_instance_uuid
from nova_vnc.monkey_patch import DISABLE_VARIABLE
from tests.fixtures.backend import concurrency_backend
from tests.fixtures.cloud import Cloud
from tests.fixtures.console_client import open_console
from tests.fixtures.guest import Guest
from tests.fixtures.libvirt import Libvirtd
from tests.fixtures.rabbitmq import RabbitMQ
from tests.integration.bad_days.outage import wait_for_session

FILES = Path(__file__).parent / 'nova_conf'

# Lines that have worked since Diablo, and those that took their places.
OLD_LINES = {'vnc_enabled': 'True', 'vncserver_listen': '127.0.0.1', 'vncserver_proxyclient_address': 'localhost'}
NEW_LINES = {'enabled': 'True', 'server_listen': '127.0.0.1', 'server_proxyclient_address': 'localhost'}


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


@pytest.mark.parametrize('name', ['devstack', 'kolla'])
def test_a_whole_file(rabbitmq: RabbitMQ, name: str):
    # kolla-ansible asks for quorum queues, and a queue cannot be of two kinds.
    with RabbitMQ() if name == 'kolla' else contextlib.nullcontext(rabbitmq) as broker:
        cloud = Cloud(broker.url)
        (cloud.directory / 'log').mkdir()
        text = fill_in(FILES / f'{name}.conf', cloud, broker)
        for service in cloud.services:
            service.conf_path.write_text(text)
            if concurrency_backend() == 'threading':
                service.environment[DISABLE_VARIABLE] = '1'
        with cloud:
            instance_uuid = demo_instance_uuid(cloud.host)
            with wait_for_session(cloud, instance_uuid) as session:
                session.see_typed(name)
            assert cloud.console_url(instance_uuid).startswith(
                f'http://127.0.0.1:{cloud.proxy_port}/vnc_auto.html?path=%3Ftoken%3D')
            assert_nothing_to_worry_about(cloud)


def fill_in(path: Path, cloud: Cloud, broker: RabbitMQ) -> str:
    values = {'TRANSPORT_URL': broker.url, 'HOST': cloud.host, 'DIRECTORY': str(cloud.directory),
              'API_PORT': str(cloud.api_port), 'PROXY_PORT': str(cloud.proxy_port)}
    lines = (line for line in path.read_text().splitlines(keepends=True) if not line.startswith('#'))
    return re.sub('@([A-Z_]+)@', lambda found: values[found[1]], ''.join(lines))


def assert_nothing_to_worry_about(cloud: Cloud) -> None:
    log = cloud.output() + ''.join(path.read_text() for path in (cloud.directory / 'log').iterdir())
    assert 'Listening for browsers' in log
    # The test itself may have come too early for nova-consoleauth.
    lines = [line for line in log.splitlines() if 'Request refused: ' not in line]
    for word in ('WARNING', 'ERROR', 'CRITICAL', 'Traceback', 'Logging error', 'Deprecat'):
        assert not [line for line in lines if word in line]
