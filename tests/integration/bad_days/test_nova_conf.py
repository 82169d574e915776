# SPDX-License-Identifier: Apache-2.0
"""A nova.conf that was written for Nova works as it is."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator

import pytest

from tests.fixtures.cloud import Cloud
from tests.fixtures.console_client import open_console
from tests.fixtures.guest import Guest
from tests.fixtures.libvirt import Libvirtd
from tests.fixtures.nova_confs import DEPLOYMENTS, nova_conf
from tests.fixtures.rabbitmq import RabbitMQ
from tests.integration.whole_files import check_a_session

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
    # They ask for quorum or durable queues, and a queue cannot be of two kinds.
    with RabbitMQ() if deployment in OWN_KINDS_OF_QUEUES else contextlib.nullcontext(rabbitmq) as broker:
        check_a_session(broker, libvirtd, deployment, lambda command: nova_conf(deployment, command))
