# SPDX-License-Identifier: Apache-2.0
"""The libvirt driver on libvirt's own test driver, which lives in this process, and on connections that misbehave."""

import contextlib
import itertools
import threading
import time
import uuid

import pytest

from nova_vnc import concurrency, exception
from nova_vnc.compute.virt.libvirt import driver as libvirt_driver
from tests.fixtures.domain_xml import DomainSpec, NovaMetadata, build_domain_xml
from tests.fixtures.fail import unexpected
from tests.fixtures.polling import wait_until

# Where it is missing these tests are left out (run_tests.sh --no-real), or fail.
with contextlib.suppress(ImportError):
    import libvirt

    from nova_vnc.compute.virt.libvirt import connection

pytestmark = pytest.mark.libvirt

URI = 'test:///default'
TIMEOUT_S = 30


class Changes:
    """Counts on_change calls."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self) -> None:
        self.count += 1

    def wait_for_more_than(self, count: int) -> int:
        return wait_until(lambda: self.count if self.count > count else 0, TIMEOUT_S, f'change {count + 1}')


@pytest.fixture
def changes():
    return Changes()


@pytest.fixture
def start(changes):
    started = []

    def start_driver(open_connection=connection.Connection):
        driver = libvirt_driver.LibvirtDriver(
            URI, '192.0.2.5', open_connection, connection.start_event_loop)
        started.append(driver)
        driver.start(changes, unexpected)
        return driver
    yield start_driver
    for driver in started:
        driver.stop()


@pytest.fixture
def driver(start, changes):
    started = start()
    changes.wait_for_more_than(0)
    return started


@pytest.fixture
def define():
    """Define a guest in test:///default by the fields of DomainSpec."""
    opened = libvirt.open(URI)
    defined = []
    numbers = itertools.count(0xc00)

    def define_guest(**spec):
        spec = DomainSpec(**{'name': f'instance-{next(numbers):08x}', 'domain_type': 'test', 'vnc_port': 5903, **spec})
        defined.append(opened.defineXML(build_domain_xml(spec)))
        return defined[-1]
    yield define_guest
    for guest in defined:
        if guest.isActive():
            guest.destroy()
        guest.undefine()


def find(driver, guest):
    return next(instance for instance in driver.list_instances() if instance.uuid == guest.UUIDString())


def test_whose_an_instance_is_and_how_it_is(driver, define):
    guest = define(metadata=NovaMetadata('Prüfstand', project='p1', user='u1'))
    instance = find(driver, guest)
    assert (instance.name, instance.id) == (guest.name(), int(guest.name()[-8:], 16))
    assert (instance.display_name, instance.project_id, instance.user_id) == ('Prüfstand', 'p1', 'u1')
    assert instance.host is None

    states = [instance.vm_state]
    for change in (guest.create, guest.suspend, guest.resume, guest.destroy):
        change()
        states.append(find(driver, guest).vm_state)
    assert states == ['stopped', 'active', 'paused', 'active', 'stopped']


def test_where_its_vnc_server_is(driver, define):
    guest = define()
    with pytest.raises(exception.InstanceNotReady):
        driver.get_vnc_console(guest.UUIDString())
    guest.create()
    address = driver.get_vnc_console(guest.UUIDString())
    assert (address.host, address.port, address.internal_access_path) == ('192.0.2.5', '5903', None)
    assert driver.get_vnc_console(guest.UUIDString().upper()) == address
    guest.suspend()
    assert driver.get_vnc_console(guest.UUIDString()) == address


def test_an_instance_without_vnc(driver, define):
    guest = define(vnc=False)
    guest.create()
    with pytest.raises(exception.ConsoleTypeUnavailable):
        driver.get_vnc_console(guest.UUIDString())


@pytest.mark.parametrize('instance_uuid', [str(uuid.uuid4()), 'test', '', None], ids=[
    'unknown', 'no UUID', 'empty', 'none'])
def test_an_unknown_instance(driver, instance_uuid):
    with pytest.raises(exception.InstanceNotFound):
        driver.get_vnc_console(instance_uuid)


def test_all_that_happens_to_an_instance_is_told(driver, define, changes):
    seen = changes.count
    guest = define()
    for change in (guest.create, guest.suspend, guest.resume, guest.destroy):
        seen = changes.wait_for_more_than(seen)
        change()
    changes.wait_for_more_than(seen)


def test_a_stopped_driver_asks_nobody(driver):
    driver.stop()
    wait_until(lambda: _is_unavailable(driver), TIMEOUT_S, 'the connection to be given up')


def _is_unavailable(driver) -> bool:
    try:
        driver.list_instances()
    except exception.HypervisorUnavailable:
        return True
    return False


class Failing:
    """Stands before a domain of libvirt's, and fails to tell what it is asked.

    :param error: what it raises
    """

    def __init__(self, virt, error) -> None:
        self._virt = virt
        self._error = error

    def __getattr__(self, name):
        return getattr(self._virt, name)

    def XMLDesc(self, _flags):
        raise self._error


@pytest.fixture
def failing_connection():
    """A class of connections to libvirt that fail to describe one domain, that of the uuid `failing`."""
    class FailingConnection(connection.Connection):
        failing = ''

        def __init__(self, uri, on_news) -> None:
            super().__init__(uri, on_news)
            list_all = self._virt.listAllDomains
            self._virt.listAllDomains = lambda flags: [
                Failing(virt, libvirt.libvirtError('cannot acquire state change lock'))
                if virt.UUIDString() == self.failing else virt for virt in list_all(flags)]
    return FailingConnection


def test_a_domain_that_libvirt_fails_to_describe(start, define, changes, caplog, failing_connection):
    caplog.set_level('INFO')
    connection.start_event_loop(unexpected)
    driver = start(failing_connection)
    changes.wait_for_more_than(0)
    good, bad = (define(metadata=NovaMetadata(name, project='p1', user='u1')) for name in ('good', 'bad'))
    bad.create()
    before = find(driver, bad)
    failing_connection.failing = bad.UUIDString()
    for _ in range(3):
        good.create()
        assert find(driver, good).vm_state == 'active'
        good.destroy()
        assert find(driver, good).vm_state == 'stopped'
        assert find(driver, bad) == before
    lines = [record.getMessage() for record in caplog.records if bad.UUIDString() in record.getMessage()]
    assert len(lines) == 1
    assert lines[0].endswith('which is reported as it was last: cannot acquire state change lock')

    bad.suspend()
    failing_connection.failing = ''
    assert find(driver, bad).vm_state == 'paused'
    assert f'describes instance {bad.UUIDString()} again' in caplog.text


def test_a_domain_that_libvirt_never_described(start, define, changes, failing_connection):
    connection.start_event_loop(unexpected)
    bad = define(metadata=NovaMetadata('bad', project='p1', user='u1'))
    failing_connection.failing = bad.UUIDString()
    driver = start(failing_connection)
    changes.wait_for_more_than(0)
    instance = find(driver, bad)
    assert (instance.name, instance.vm_state, instance.project_id) == (bad.name(), 'unknown', None)


# -- connections that misbehave


class FakeConnection:
    """Stands where connection.Connection does.

    :param hold: what get_domain_xml() waits for, as a C function does: in a way that stops the whole thread
    """

    def __init__(self, on_news, hold) -> None:
        self.is_lost = False
        self.is_closed = False
        self._on_news = on_news
        self._hold = hold

    def get_domain_xml(self, instance_uuid):
        self._hold.wait(TIMEOUT_S)
        raise exception.InstanceNotFound(instance_id=instance_uuid)

    def lose(self):
        self.is_lost = True
        concurrency.start_native_thread(self._on_news, 'libvirt-events')

    def close(self):
        self.is_closed = True


class Daemon:
    """Opens FakeConnections, or refuses to.

    :ivar answers: a native event; while it is not set, questions hang
    :ivar accepts: a native event; while it is not set, attempts to connect hang
    """

    def __init__(self) -> None:
        self.connections: list[FakeConnection] = []
        self.is_running = True
        self.attempts = 0
        self.answers, self.accepts = (concurrency.native_threading().Event() for _ in range(2))
        self.answers.set()
        self.accepts.set()

    def __call__(self, uri, on_news):
        assert uri == URI
        self.attempts += 1
        self.accepts.wait(TIMEOUT_S)
        if not self.is_running:
            raise exception.HypervisorUnavailable(reason='Failed to connect socket')
        self.connections.append(FakeConnection(on_news, self.answers))
        return self.connections[-1]


@pytest.fixture
def daemon(monkeypatch):
    monkeypatch.setattr(libvirt_driver, '_RETRY_S', 0.01)
    made = Daemon()
    yield made
    made.answers.set()
    made.accepts.set()


def test_a_daemon_that_is_absent_at_start(start, daemon, changes, caplog):
    daemon.is_running = False
    driver = start(daemon)
    wait_until(lambda: daemon.attempts >= 5, TIMEOUT_S, 'some attempts')
    with pytest.raises(exception.HypervisorUnavailable):
        driver.get_vnc_console(str(uuid.uuid4()))
    with pytest.raises(exception.HypervisorUnavailable):
        driver.list_instances()
    assert changes.count == 0
    assert caplog.text.count('Cannot reach libvirt') == 1

    daemon.is_running = True
    changes.wait_for_more_than(0)
    with pytest.raises(exception.InstanceNotFound):
        driver.get_vnc_console(str(uuid.uuid4()))


def test_a_lost_connection_is_replaced(start, daemon, changes, caplog):
    driver = start(daemon)
    seen = changes.wait_for_more_than(0)
    daemon.is_running = False
    daemon.connections[0].lose()
    wait_until(lambda: daemon.attempts >= 3, TIMEOUT_S, 'some attempts')
    with pytest.raises(exception.HypervisorUnavailable):
        driver.list_instances()
    wait_until(lambda: daemon.connections[0].is_closed, TIMEOUT_S, 'the old one to be closed')

    daemon.is_running = True
    changes.wait_for_more_than(seen)
    with pytest.raises(exception.InstanceNotFound):
        driver.get_vnc_console(str(uuid.uuid4()))
    assert caplog.text.count('Lost the connection') == 1
    assert caplog.text.count('Cannot reach libvirt') == 1


def test_a_daemon_that_hangs_keeps_nobody_waiting(start, daemon, changes, monkeypatch):
    monkeypatch.setattr(libvirt_driver, '_REQUEST_TIMEOUT_S', 0.2)
    driver = start(daemon)
    changes.wait_for_more_than(0)
    daemon.answers.clear()
    ended = []

    def ask():
        with pytest.raises(exception.HypervisorUnavailable):
            driver.get_vnc_console(str(uuid.uuid4()))
        ended.append(time.monotonic())
    started = time.monotonic()
    threads = [threading.Thread(target=ask) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(TIMEOUT_S)
    assert len(ended) == 20
    assert max(ended) - started < TIMEOUT_S / 2


def test_a_daemon_that_hangs_when_it_is_connected_to(start, daemon, changes):
    daemon.accepts.clear()
    driver = start(daemon)
    wait_until(lambda: daemon.attempts, TIMEOUT_S, 'the attempt')
    with pytest.raises(exception.HypervisorUnavailable):
        driver.get_vnc_console(str(uuid.uuid4()))

    driver.stop()   # waits for nobody
    daemon.accepts.set()
    wait_until(lambda: daemon.connections and daemon.connections[0].is_closed, TIMEOUT_S, 'what came late to be closed')
    assert changes.count == 0
