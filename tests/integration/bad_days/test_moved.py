# SPDX-License-Identifier: Apache-2.0
"""The console is not where it was when its URL was given out; and somebody says that it is with him."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.fixtures.cloud import Cloud
from tests.fixtures.console_client import open_console, read_refusal
from tests.fixtures.libvirt import Libvirtd
from tests.fixtures.polling import wait_until
from tests.fixtures.ports import free_port
from tests.fixtures.process import Service
from tests.fixtures.rabbitmq import RabbitMQ
from tests.integration.bad_days.outage import RECOVERED_WITHIN_S, assert_no_traceback, lines_with, wait_for_refusal

NOT_READY = 'The VM is not running. Start it, then ask for a new console link.'
MOVED = 'The VM has moved. Ask for a new console link.'
HOST_SILENT = "The VM's host does not answer. Try again in a minute."

REPORT_INTERVAL_S = 1
STALE_AFTER_S = 6
OPTIONS = {'compute': {'report_interval': REPORT_INTERVAL_S}, 'consoleauth': {'host_stale_after': STALE_AFTER_S}}


@pytest.fixture(scope='module')
def cloud(rabbitmq: RabbitMQ, libvirtd: Libvirtd) -> Iterator[Cloud]:
    with Cloud(rabbitmq.url, libvirtd.uri, options=OPTIONS) as cloud:
        yield cloud


@pytest.fixture(scope='module')
def other_libvirtd() -> Iterator[Libvirtd]:
    with Libvirtd() as daemon:
        yield daemon


@pytest.fixture(scope='module')
def other_compute(cloud: Cloud, other_libvirtd: Libvirtd) -> Iterator[Service]:
    """A second compute host, with a libvirtd of its own."""
    with cloud.add_service('nova-vnc-compute', 'nova-vnc-compute-2', {
            'DEFAULT': {'host': f'{cloud.host}-2'}, 'libvirt': {'connection_uri': other_libvirtd.uri}}) as service:
        yield service


def console_port(cloud: Cloud, instance_uuid: str) -> int:
    """Return the port of the VNC server that a new console of a VM leads to, as the proxy's log has it."""
    mark = cloud.novncproxy.mark()
    open_console(cloud.console_url(instance_uuid)).close()
    return int(cloud.novncproxy.wait_for_line(rf'instance {instance_uuid} .* at \S+ port (\d+) opened', since=mark)[1])


def wait_for_status(cloud: Cloud, instance_uuid: str, status: str) -> None:
    """The first report may be of the moment before the VM was started, when another host's claim would count."""
    cloud.wait_for_server(instance_uuid)
    wait_until(lambda: cloud.request('GET', f'/servers/{instance_uuid}').json()['server']['status'] == status,
               RECOVERED_WITHIN_S, 'the report of its state')


def test_stopped_since(cloud: Cloud, libvirtd: Libvirtd):
    guest = libvirtd.define_guest(display_name='stopped')
    try:
        cloud.wait_for_server(guest.uuid)
        url = cloud.console_url(guest.uuid)
        guest.destroy()
        refusal = read_refusal(url)
        assert refusal.reason.startswith(NOT_READY)
        assert refusal.close_code == 4409
        guest.undefine()
        assert read_refusal(url).reason.startswith(NOT_READY)
    finally:
        if guest.name in libvirtd.virsh('list', '--all', '--name').split():
            guest.remove()


def test_at_another_port(cloud: Cloud, libvirtd: Libvirtd):
    guest = libvirtd.define_guest(display_name='port', vnc_port=free_port())
    cloud.wait_for_server(guest.uuid)
    url = cloud.console_url(guest.uuid)
    guest.remove()
    guest = libvirtd.define_guest(guest.name, guest.uuid, display_name='port', vnc_port=free_port())
    try:
        # For a moment it is a VM that its host has released.
        assert wait_for_refusal(url, MOVED).close_code == 4410
        open_console(cloud.console_url(guest.uuid)).close()
    finally:
        guest.remove()


def test_another_host_claims_it_and_gets_it_when_it_is_released(
        cloud: Cloud, libvirtd: Libvirtd, other_libvirtd: Libvirtd, other_compute: Service):
    guest = libvirtd.define_guest(display_name='claimed')
    wait_for_status(cloud, guest.uuid, 'PAUSED')
    url, own_port = cloud.console_url(guest.uuid), guest.vnc_port()
    claimed = other_libvirtd.define_guest('claimed', guest.uuid, display_name='claimed', paused=False,
                                          vnc_port=free_port())
    try:
        event = rf'Security event: host {cloud.host}-2 claims instance {guest.uuid}, which host {cloud.host} holds'
        cloud.consoleauth.wait_for_line(event)
        other_compute.wait_for_line(r'Reported \d+ instances', since=other_compute.mark())
        other_compute.wait_for_line(r'Reported \d+ instances', since=other_compute.mark())
        assert len(lines_with(re.escape('Security event'), cloud.consoleauth)) == 1
        assert console_port(cloud, guest.uuid) == own_port
        open_console(url).close()

        guest.remove()
        wait_for_refusal(url, MOVED)
        assert console_port(cloud, guest.uuid) == claimed.vnc_port()
    finally:
        claimed.remove()
        if guest.name in libvirtd.virsh('list', '--all', '--name').split():
            guest.remove()
    assert_no_traceback([*cloud.services, other_compute])


def test_another_host_has_it_after_the_first_one_fell_silent(
        cloud: Cloud, libvirtd: Libvirtd, other_libvirtd: Libvirtd, other_compute: Service):
    guest = libvirtd.define_guest(display_name='evacuated', paused=False)
    wait_for_status(cloud, guest.uuid, 'ACTIVE')
    url = cloud.console_url(guest.uuid)
    cloud.compute.kill()
    evacuated = other_libvirtd.define_guest('evacuated', guest.uuid, display_name='evacuated', vnc_port=free_port())
    try:
        assert read_refusal(url).reason.startswith(HOST_SILENT)
        wait_for_refusal(url, MOVED, STALE_AFTER_S + RECOVERED_WITHIN_S)
        assert console_port(cloud, guest.uuid) == evacuated.vnc_port()
    finally:
        evacuated.remove()
        guest.remove()
        cloud.compute.start()
    wait_until(lambda: cloud.request('GET', f'/servers/{guest.uuid}').status_code == 404, RECOVERED_WITHIN_S,
               'both hosts to release it')
    assert_no_traceback([*cloud.services, other_compute])
