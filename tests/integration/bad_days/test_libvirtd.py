# SPDX-License-Identifier: Apache-2.0
"""libvirtd is away when nova-vnc-compute starts, is killed later, and comes back; its VMs run on all the time."""

from collections.abc import Iterator

import pytest

from tests.fixtures.cloud import Cloud
from tests.fixtures.console_client import open_console, read_refusal
from tests.fixtures.guest import Guest
from tests.fixtures.libvirt import Libvirtd
from tests.fixtures.polling import wait_until
from tests.fixtures.rabbitmq import RabbitMQ
from tests.integration.bad_days.outage import (
    RECOVERED_WITHIN_S,
    REFUSED_WITHIN_S,
    assert_no_traceback,
    lines_with,
    timed,
    wait_for_session,
)

HOST_SILENT = "The VM's host does not answer. Try again in a minute."
CANNOT_REACH = 'Cannot reach libvirt at .*, will keep trying'
SCREEN = (640, 480)


@pytest.fixture(scope='module')
def daemon() -> Iterator[Libvirtd]:
    with Libvirtd() as daemon:
        yield daemon


@pytest.fixture(scope='module')
def guest(daemon: Libvirtd) -> Guest:
    return daemon.define_guest(display_name='survivor')


@pytest.fixture(scope='module')
def cloud(rabbitmq: RabbitMQ, daemon: Libvirtd, guest: Guest) -> Iterator[Cloud]:
    """A cloud whose compute service was started while there was no libvirtd; there still is none."""
    daemon.kill()
    with Cloud(rabbitmq.url, daemon.uri) as cloud:
        cloud.compute.wait_for_line(CANNOT_REACH)
        wait_until(lambda: cloud.request('GET', '/servers').ok, RECOVERED_WITHIN_S, 'nova-consoleauth to answer')
        yield cloud


def test_absent_at_start(cloud: Cloud, daemon: Libvirtd, guest: Guest):
    assert len(lines_with(CANNOT_REACH, cloud.compute)) == 1
    assert cloud.request_console(guest.uuid).status_code == 404
    daemon.start()
    cloud.wait_for_server(guest.uuid, RECOVERED_WITHIN_S)
    with wait_for_session(cloud, guest.uuid) as session:
        assert session.see_screen() == SCREEN
    assert_no_traceback(cloud.services)


def test_killed_later(cloud: Cloud, daemon: Libvirtd, guest: Guest):
    if not daemon.is_running():
        daemon.start()
    cloud.wait_for_server(guest.uuid, RECOVERED_WITHIN_S)
    url, mark = cloud.console_url(guest.uuid), cloud.compute.mark()
    with open_console(url) as session:
        assert session.see_screen() == SCREEN
        daemon.kill()
        cloud.compute.wait_for_line('Lost the connection to libvirt', since=mark)
        # The VM and its VNC server need no libvirtd.
        assert session.see_screen() == SCREEN
        refusal = read_refusal(url)
        assert refusal.reason.startswith(HOST_SILENT)
        assert refusal.close_code == 4504
        assert refusal.after_s < REFUSED_WITHIN_S
        answer = timed(lambda: cloud.request_console(guest.uuid))
        assert answer.response.status_code == 503
        assert 'The compute host of this server does not answer at the moment.' in answer.response.text
        # What is known of the VM is not forgotten.
        assert cloud.request('GET', f'/servers/{guest.uuid}').ok
        daemon.start()
        wait_for_session(cloud, guest.uuid).close()
        open_console(url).close()
        assert session.see_screen() == SCREEN
    said = cloud.compute.output(mark)
    assert said.count('Lost the connection to libvirt') == 1, said
    assert said.count('Cannot reach libvirt') <= 1, said
    assert_no_traceback(cloud.services)
