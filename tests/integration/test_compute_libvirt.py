# SPDX-License-Identifier: Apache-2.0
"""The libvirt driver on a real libvirtd with QEMU guests, on the daemon's bad days."""

import time
import uuid

import pytest

from nova_vnc import exception
from nova_vnc.compute.virt.libvirt import connection
from nova_vnc.compute.virt.libvirt.driver import LibvirtDriver
from tests.fixtures.fail import unexpected
from tests.fixtures.libvirt import Libvirtd
from tests.fixtures.polling import wait_until

TIMEOUT_S = 60
# A request's callers wait 5 s for their answer.
ANSWER_S = 4.5


class Watched:
    """A driver of the daemon, and how often it told of a change."""

    def __init__(self, daemon: Libvirtd) -> None:
        self.changes = 0
        self.driver = LibvirtDriver(daemon.uri, '127.0.0.1', connection.Connection, connection.start_event_loop)

    def __enter__(self) -> 'Watched':
        self.driver.start(self._count, unexpected)
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.driver.stop()

    def _count(self) -> None:
        self.changes += 1

    def wait_for_change(self, since: int) -> None:
        wait_until(lambda: self.changes > since, TIMEOUT_S, 'news from libvirt')

    def wait_until_reachable(self) -> None:
        wait_until(lambda: not self.is_unavailable(), TIMEOUT_S, 'libvirt to be reached')

    def wait_until_unavailable(self) -> None:
        wait_until(self.is_unavailable, TIMEOUT_S, 'libvirt to be known as away')

    def is_unavailable(self) -> bool:
        started = time.monotonic()
        try:
            self.driver.get_vnc_console(str(uuid.uuid4()))
        except exception.HypervisorUnavailable:
            return True
        except exception.InstanceNotFound:
            return False
        finally:
            assert time.monotonic() - started < ANSWER_S
        pytest.fail('a console of nobody')


@pytest.fixture
def watched(libvirtd):
    with Watched(libvirtd) as made:
        made.wait_until_reachable()
        yield made


def test_guests_of_nova(watched, libvirtd):
    guest = libvirtd.define_guest(display_name='Prüfstand', project='p1', user='u1')
    try:
        instance = next(found for found in watched.driver.list_instances() if found.uuid == guest.uuid)
        assert (instance.name, instance.display_name) == (guest.name, 'Prüfstand')
        assert (instance.project_id, instance.user_id, instance.vm_state) == ('p1', 'u1', 'paused')

        address = watched.driver.get_vnc_console(guest.uuid.upper())
        assert (address.host, address.port) == ('127.0.0.1', str(guest.vnc_port()))
        guest.destroy()
        with pytest.raises(exception.InstanceNotReady):
            watched.driver.get_vnc_console(guest.uuid)
    finally:
        guest.remove()
    with pytest.raises(exception.InstanceNotFound):
        watched.driver.get_vnc_console(guest.uuid)


def test_a_guest_without_vnc(watched, libvirtd):
    guest = libvirtd.define_guest(vnc=False)
    try:
        with pytest.raises(exception.ConsoleTypeUnavailable):
            watched.driver.get_vnc_console(guest.uuid)
    finally:
        guest.remove()


def test_events(watched, libvirtd):
    seen = watched.changes
    guest = libvirtd.define_guest()
    for change in (guest.resume, guest.suspend, guest.destroy, guest.undefine):
        watched.wait_for_change(seen)
        seen = watched.changes
        change()
    watched.wait_for_change(seen)


@pytest.fixture
def own_libvirtd():
    """A daemon of this test's own, not started."""
    daemon = Libvirtd()
    yield daemon
    daemon.close()


def test_absent_at_start_then_killed_then_restarted(own_libvirtd, caplog):
    with Watched(own_libvirtd) as watched:
        watched.wait_until_unavailable()
        with pytest.raises(exception.HypervisorUnavailable):
            watched.driver.list_instances()
        assert watched.changes == 0

        own_libvirtd.start()
        watched.wait_until_reachable()
        watched.wait_for_change(0)
        guest = own_libvirtd.define_guest(display_name='survivor')
        port = watched.driver.get_vnc_console(guest.uuid).port

        own_libvirtd.kill()
        watched.wait_until_unavailable()
        seen = watched.changes
        own_libvirtd.start()
        watched.wait_until_reachable()
        watched.wait_for_change(seen)
        assert watched.driver.get_vnc_console(guest.uuid).port == port
        assert [found.display_name for found in watched.driver.list_instances()] == ['survivor']

        own_libvirtd.restart()
        watched.wait_until_reachable()
        assert watched.driver.get_vnc_console(guest.uuid).port == port
        # Events come through the new connection too.
        seen = watched.changes
        guest.resume()
        watched.wait_for_change(seen)
    assert caplog.text.count('Cannot reach libvirt') <= 3
    assert caplog.text.count('Lost the connection to libvirt') == 2


def test_a_daemon_that_stops_answering(own_libvirtd):
    own_libvirtd.start()
    guest = own_libvirtd.define_guest()
    with Watched(own_libvirtd) as watched:
        watched.wait_until_reachable()
        own_libvirtd.pause()
        # At first requests wait for an answer, each for its time; then the connection is given up as dead.
        watched.wait_until_unavailable()
        wait_until(lambda: _answers_at_once(watched), TIMEOUT_S, 'the connection to be given up')

        own_libvirtd.resume()
        watched.wait_until_reachable()
        assert watched.driver.get_vnc_console(guest.uuid).port == str(guest.vnc_port())


def _answers_at_once(watched: Watched) -> bool:
    started = time.monotonic()
    return watched.is_unavailable() and time.monotonic() - started < 0.5
