# SPDX-License-Identifier: Apache-2.0
"""The compute service on the in-process bus, as its callers see it."""

import contextlib
import threading
import uuid

import oslo_messaging
import pytest

from nova_vnc import context, exception, objects
from nova_vnc.compute import factory
from nova_vnc.rpc import caller as rpc_caller
from nova_vnc.rpc import compute as compute_rpc
from nova_vnc.rpc import consoleauth as consoleauth_rpc
from tests.fixtures.bus import in_process_bus
from tests.fixtures.hypervisor import FakeHypervisor
from tests.fixtures.polling import wait_until

HOST = 'compute1'
TIMEOUT_S = 30
_real_build_driver = factory.build_driver
RUNNING = objects.InstanceRecord(uuid='9169fdb2-5b74-46b1-9803-60d2926bd97c', host=HOST, display_name='one')
STOPPED = objects.InstanceRecord(uuid='5f1b2a53-7f0b-4a4a-9d7e-2f3f0c2ad1c9', host=HOST)
UNKNOWN = objects.InstanceRecord(uuid='00000000-7f0b-4a4a-9d7e-2f3f0c2ad1c9', host=HOST)

# The versions that Nova's releases from Icehouse to 2026.1 send, and where they send them.
NOVA_CALLS = [('compute', version) for version in ('3.2', '3.3', '4.0', '5.0', '6.0')] + [('compute-alt', '6.0')]


class ReportTaker:
    """The part of nova-consoleauth that takes reports."""

    target = oslo_messaging.Target(namespace=consoleauth_rpc.NAMESPACE, version=consoleauth_rpc.NAMESPACE_VERSION)

    def __init__(self) -> None:
        self.messages: list[dict] = []

    def report_instances(self, ctxt, **arguments):
        self.messages.append(arguments)

    def latest(self) -> dict[str, dict]:
        """Return the VMs of the latest report, by uuid; empty while it is not complete."""
        number = max((message['report_number'] for message in self.messages), default=None)
        parts = [message for message in self.messages if message['report_number'] == number]
        found = {entry['uuid']: entry for part in parts for entry in part['instances']}
        return found if parts and len(found) == parts[0]['total'] else {}


@contextlib.contextmanager
def started_service(bus):
    bus.conf.set_override('host', HOST)
    bus.conf.set_override('novncproxy_base_url', 'http://proxy.example.org/vnc_auto.html', 'vnc')
    built = factory.build_service(bus.conf, bus.transport)
    built.start(pytest.fail)
    try:
        yield built
    finally:
        built.stop(threading.Event())


@pytest.fixture(scope='module')
def shared_bus():
    # Its servers take a second to stop, so one service is there for all tests that leave it as it was.
    with in_process_bus() as bus:
        yield bus


@pytest.fixture(scope='module')
def reports(shared_bus):
    taker = ReportTaker()
    with shared_bus.serving(consoleauth_rpc.TOPIC, [taker]):
        yield taker


@pytest.fixture(scope='module')
def shared_hypervisor(shared_bus, reports):
    driver = FakeHypervisor(vnc_host='192.0.2.7')
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(factory, 'build_driver', lambda conf: driver)
        with started_service(shared_bus):
            yield driver


@pytest.fixture(autouse=True)
def hypervisor(shared_hypervisor):
    """The hypervisor of the shared service, with its two VMs."""
    shared_hypervisor.is_away = False
    for instance in shared_hypervisor.list_instances():
        shared_hypervisor.remove(instance)
    shared_hypervisor.add(RUNNING, '5901')
    shared_hypervisor.add(STOPPED)
    return shared_hypervisor


@pytest.fixture
def client(shared_bus):
    opened = rpc_caller.Caller(shared_bus.transport)
    yield opened
    opened.close()


@pytest.fixture
def api(client):
    return compute_rpc.ComputeAPI(client, timeout_s=TIMEOUT_S)


CTXT = context.service_context()


def test_a_console(api):
    console = api.get_vnc_console(CTXT, RUNNING, 'novnc')
    assert console == {'token': console['token'], 'host': '192.0.2.7', 'port': '5901', 'internal_access_path': None,
                       'access_url': f'http://proxy.example.org/vnc_auto.html?path=%3Ftoken%3D{console["token"]}'}


@pytest.mark.parametrize(('host', 'port', 'expected'), [
    ('192.0.2.7', '5901', True), ('192.0.2.7', '5902', False), ('192.0.2.8', '5901', False)])
def test_host_and_port_are_compared(api, host, port, expected):
    assert api.validate_console(CTXT, RUNNING, host, port, 'novnc') is expected


@pytest.mark.parametrize(('topic', 'version'), NOVA_CALLS)
def test_callers_of_all_releases_of_nova(client, topic, version):
    target = oslo_messaging.Target(topic=topic, server=HOST, version=version)
    # The primitive of another release, with objects within and fields that nobody here knows.
    instance = RUNNING.to_primitive()
    instance['nova_object.version'] = '2.8'
    instance['nova_object.changes'] = ['flavor']
    instance['nova_object.data'] |= {'flavor': {'nova_object.name': 'Flavor', 'nova_object.data': {'id': 1}},
                                     'uuid': RUNNING.uuid.upper(), 'compute_id': 1}

    console = client.call(target, CTXT, 'get_vnc_console', TIMEOUT_S, instance=instance, console_type='novnc')
    assert set(console) == {'token', 'host', 'port', 'internal_access_path', 'access_url'}
    for port, expected in (('5901', True), (5901, True), ('5902', False)):
        assert client.call(target, CTXT, 'validate_console_port', TIMEOUT_S, instance=instance, port=port,
                           console_type='novnc') is expected


def test_arguments_of_later_releases_are_left(client):
    target = oslo_messaging.Target(topic='compute', server=HOST, version='5.0')
    assert client.call(target, CTXT, 'get_vnc_console', TIMEOUT_S, instance=RUNNING.to_primitive(),
                       console_type='novnc', tls=True)['port'] == '5901'


@pytest.mark.parametrize(('version', 'method'), [('7.0', 'get_vnc_console'), ('6.6', 'get_vnc_console'),
                                                 ('5.0', 'get_spice_console'), ('2.0', 'get_vnc_console')])
def test_what_is_not_known(client, version, method):
    target = oslo_messaging.Target(topic='compute', server=HOST, version=version)
    with pytest.raises(rpc_caller.UnknownMethod):
        client.call(target, CTXT, method, TIMEOUT_S, instance=RUNNING.to_primitive(), console_type='novnc')


@pytest.mark.parametrize(('instance', 'console_type', 'error'), [
    (RUNNING, 'xvpvnc', exception.ConsoleTypeInvalid), (STOPPED, 'novnc', exception.InstanceNotReady),
    (UNKNOWN, 'novnc', exception.InstanceNotFound)])
def test_errors_have_novas_names(api, instance, console_type, error):
    with pytest.raises(error):
        api.get_vnc_console(CTXT, instance, console_type)
    with pytest.raises(error):
        api.validate_console(CTXT, instance, '192.0.2.7', '5901', console_type)


@pytest.mark.parametrize('instance', [{}, None, 'x', {'nova_object.data': None}, {'nova_object.data': {'uuid': 'x'}}])
def test_an_instance_without_uuid(client, instance):
    target = oslo_messaging.Target(topic='compute', server=HOST, version='5.0')
    with pytest.raises(exception.InvalidInput):
        client.call(target, CTXT, 'get_vnc_console', TIMEOUT_S, instance=instance, console_type='novnc')


def test_a_hypervisor_that_is_away_is_said_at_once(api, hypervisor):
    hypervisor.is_away = True
    with pytest.raises(exception.HypervisorUnavailable):
        api.get_vnc_console(CTXT, RUNNING, 'novnc')


def test_reports_at_start_and_after_changes(reports, hypervisor):
    wait_until(lambda: set(reports.latest()) == {RUNNING.uuid, STOPPED.uuid}, TIMEOUT_S, 'the first report')
    entry = reports.latest()[RUNNING.uuid]
    assert (entry['host'], entry['display_name'], entry['vm_state']) == (HOST, 'one', 'active')
    assert {message['host'] for message in reports.messages} == {HOST}

    hypervisor.remove(STOPPED)
    wait_until(lambda: set(reports.latest()) == {RUNNING.uuid}, TIMEOUT_S, 'the report of the change')


def test_a_host_with_many_vms(reports, hypervisor):
    many = [objects.InstanceRecord(uuid=str(uuid.uuid4())) for _ in range(1201)]
    for instance in many:
        hypervisor.add(instance, '5999')
    wait_until(lambda: len(reports.latest()) == 1203, TIMEOUT_S, 'the report of all')
    assert all(len(message['instances']) <= consoleauth_rpc.MAX_REPORT for message in reports.messages)


def test_stopping(monkeypatch):
    driver = FakeHypervisor()
    driver.add(RUNNING, '5901')
    monkeypatch.setattr(factory, 'build_driver', lambda conf: driver)
    with in_process_bus() as bus, started_service(bus) as service:
        client = rpc_caller.Caller(bus.transport)
        api = compute_rpc.ComputeAPI(client, timeout_s=TIMEOUT_S)
        assert api.get_vnc_console(CTXT, RUNNING, 'novnc')['port'] == '5901'
        assert driver.is_started
        service.stop(threading.Event())
        assert not driver.is_started
        with pytest.raises(exception.ServiceUnavailable):
            compute_rpc.ComputeAPI(client, timeout_s=0.5).get_vnc_console(CTXT, RUNNING, 'novnc')
        client.close()
        service.stop(threading.Event())   # once more does no harm


def test_vnc_disabled_on_this_host(hypervisor):
    with in_process_bus() as bus:
        bus.conf.set_override('enabled', False, 'vnc')
        with started_service(bus):
            client = rpc_caller.Caller(bus.transport)
            with pytest.raises(exception.ConsoleTypeUnavailable):
                compute_rpc.ComputeAPI(client, timeout_s=TIMEOUT_S).get_vnc_console(CTXT, RUNNING, 'novnc')
            client.close()


def test_the_demo_guest_through_the_whole_service(monkeypatch):
    taker = ReportTaker()
    with in_process_bus() as bus:
        bus.conf.set_override('compute_driver', 'demo')
        monkeypatch.setattr(factory, 'build_driver', _real_build_driver)
        with bus.serving(consoleauth_rpc.TOPIC, [taker]), started_service(bus):
            found = wait_until(taker.latest, TIMEOUT_S, 'the report')
            instance = objects.InstanceRecord.from_dict(next(iter(found.values())))
            client = rpc_caller.Caller(bus.transport)
            console = compute_rpc.ComputeAPI(client, timeout_s=TIMEOUT_S).get_vnc_console(CTXT, instance, 'novnc')
            client.close()
    assert console['host'] == '127.0.0.1'
    assert int(console['port']) > 0
