# SPDX-License-Identifier: Apache-2.0

import dataclasses

import pytest

from nova_vnc import context, exception, objects
from nova_vnc.api.ceilings import Ceilings
from nova_vnc.api.console_plane import ConsolePlane
from nova_vnc.net.deadline import Deadline
from nova_vnc.rpc import caller
from nova_vnc.rpc.compute import ComputeAPI
from nova_vnc.rpc.consoleauth import ConsoleAuthAPI
from nova_vnc.rpc.silent_hosts import SilentHosts
from tests.fixtures.services import DirectCaller
from tests.unit.api.client import OTHER_UUID, OWNERLESS_UUID, UNKNOWN_UUID, UUID, three_servers

ADMIN = context.RequestContext(user_id='admin', project_id='ops', is_admin=True, overwrite=False)
ALICE = context.RequestContext(user_id='alice', project_id='a11ce', overwrite=False)
NOBODY = context.RequestContext(overwrite=False)
SOON = Deadline(60)


@pytest.fixture
def cloud():
    return three_servers()


@pytest.fixture
def plane(cloud):
    rpc_caller = DirectCaller(cloud.endpoints())
    return ConsolePlane(ConsoleAuthAPI(rpc_caller), ComputeAPI(rpc_caller), Ceilings(100))


def change(cloud, **fields):
    cloud.instances[UUID] = dataclasses.replace(cloud.instances[UUID], **fields)


def console(plane, ctxt, instance_id, *kind, deadline=SOON):
    return plane.create_console(ctxt, plane.get_instance(ctxt, instance_id, deadline), *kind, deadline)


def asked(cloud):
    return [method for method, _ in cloud.requests]


@pytest.mark.parametrize('given', [UUID, UUID.upper(), UUID.replace('-', '')])
def test_a_server_is_found_in_any_spelling_of_its_uuid(plane, given):
    assert plane.get_instance(ALICE, given, SOON).instance.uuid == UUID


@pytest.mark.parametrize('given', [OTHER_UUID, OWNERLESS_UUID, UNKNOWN_UUID, 'web', '', 'é', UUID + 'x'])
def test_another_projects_server_is_as_unknown_as_one_that_is_not_there(plane, given):
    with pytest.raises(exception.InstanceNotFound) as caught:
        plane.get_instance(ALICE, given, SOON)
    assert caught.value.message == f'Instance {given} could not be found.'


def test_who_is_of_no_project_owns_nothing(plane):
    with pytest.raises(exception.InstanceNotFound):
        plane.get_instance(NOBODY, OWNERLESS_UUID, SOON)


@pytest.mark.parametrize('given', [UUID, OTHER_UUID, OWNERLESS_UUID])
def test_an_administrator_sees_all(plane, given):
    assert plane.get_instance(ADMIN, given, SOON).instance.uuid == given


def test_pages_are_fetched_as_they_are_needed(plane, cloud):
    entries = plane.iterate_instances(ADMIN, None, None, 1, None, SOON)
    assert next(entries).instance.uuid == UUID
    assert asked(cloud) == ['list_instances']
    assert [entry.instance.uuid for entry in entries] == [OTHER_UUID, OWNERLESS_UUID]


def test_the_flow_of_a_console(plane, cloud):
    url = console(plane, ALICE, UUID, 'vnc', 'novnc')
    assert asked(cloud) == ['get_instance', 'get_vnc_console', 'authorize_console']
    (token, info), = cloud.authorized.items()
    assert url.endswith(token)
    assert info == objects.ConnectInfo(token, 'novnc', '192.0.2.7', '5901', UUID, None, url)


@pytest.mark.parametrize('task_state', ['deleting', 'migrating'])
def test_no_console_of_a_server_that_is_about_to_leave(plane, cloud, task_state):
    change(cloud, task_state=task_state)
    with pytest.raises(exception.InstanceInvalidState) as caught:
        console(plane, ALICE, UUID, 'vnc', 'novnc')
    assert task_state in caught.value.message
    assert asked(cloud) == ['get_instance']


def test_no_console_of_a_server_without_a_host(plane, cloud):
    change(cloud, host=None)
    with pytest.raises(exception.InstanceNotReady):
        console(plane, ALICE, UUID, 'vnc', 'novnc')


def test_a_host_that_has_stopped_reporting_is_not_even_asked(plane, cloud):
    cloud.silent_hosts.add('host-1')
    with pytest.raises(exception.HostSilent):
        console(plane, ALICE, UUID, 'vnc', 'novnc')
    assert asked(cloud) == ['get_instance']


class HungHost(DirectCaller):
    """The compute services never answer while `hangs`."""

    hangs = True

    def call(self, target, ctxt, method, timeout_s, **kwargs):
        if target.topic == 'compute' and self.hangs:
            raise caller.NoAnswer(service=target.topic)
        return super().call(target, ctxt, method, timeout_s, **kwargs)


def test_a_host_that_has_just_not_answered_is_left_alone_for_a_while(cloud):
    now = 0.0
    rpc_caller = HungHost(cloud.endpoints())
    hosts = SilentHosts(10.0, least_wait_s=0, clock=lambda: now)
    plane = ConsolePlane(ConsoleAuthAPI(rpc_caller), ComputeAPI(rpc_caller, silent_hosts=hosts), Ceilings(100))
    with pytest.raises(caller.NoAnswer):
        console(plane, ALICE, UUID, 'vnc', 'novnc')
    rpc_caller.hangs = False
    with pytest.raises(exception.HostSilent):
        console(plane, ALICE, UUID, 'vnc', 'novnc')
    assert console(plane, ADMIN, OTHER_UUID, 'vnc', 'novnc')    # of another host
    now = 10.1
    assert console(plane, ALICE, UUID, 'vnc', 'novnc')


class SlowCaller(DirectCaller):
    """Answers each call after three seconds of a clock of its own, or not at all when there is less time than that."""

    now = 0.0

    def call(self, target, ctxt, method, timeout_s, **kwargs):
        self.now += min(3.0, timeout_s)
        if timeout_s < 3.0:
            raise exception.ServiceUnavailable(service=target.topic)
        return super().call(target, ctxt, method, timeout_s, **kwargs)


@pytest.mark.parametrize('what', [
    lambda plane, deadline: console(plane, ALICE, UUID, 'vnc', 'novnc', deadline=deadline),
    lambda plane, deadline: list(plane.iterate_instances(ADMIN, None, None, 1, None, deadline)),
    lambda plane, deadline: plane.get_instance(ADMIN, UUID, deadline) and plane.check_token(ADMIN, 't', deadline)])
@pytest.mark.parametrize('budget_s', [2, 4, 7, 8])
def test_all_calls_of_a_request_have_one_budget(cloud, what, budget_s):
    rpc_caller = SlowCaller(cloud.endpoints())
    plane = ConsolePlane(ConsoleAuthAPI(rpc_caller), ComputeAPI(rpc_caller), Ceilings(100))
    try:
        what(plane, Deadline(budget_s, lambda: rpc_caller.now))
    except exception.ServiceUnavailable:
        assert rpc_caller.now == budget_s
    assert rpc_caller.now <= budget_s


def test_other_protocols_are_not_available(plane, cloud):
    with pytest.raises(exception.ConsoleTypeUnavailable):
        console(plane, ALICE, UUID, 'spice', 'spice-html5')
    with pytest.raises(exception.InstanceNotFound):
        console(plane, ALICE, OTHER_UUID, 'spice', 'spice-html5')
    assert set(asked(cloud)) == {'get_instance'}


@pytest.mark.parametrize('answer', [{'token': ''}, {'token': None}, {'access_url': None}, {'port': '0'}, {'port': None},
                                    {'host': ''}])
def test_a_useless_answer_of_a_compute_service_is_not_stored(plane, cloud, answer):
    cloud.connect_info = answer
    with pytest.raises(exception.InvalidConnectionInfo):
        console(plane, ALICE, UUID, 'vnc', 'novnc')
    assert not cloud.authorized


def test_what_a_token_stands_for(plane, cloud):
    info = objects.ConnectInfo('t', 'novnc', 'h', '5900', UUID)
    cloud.checks['t'] = objects.TokenCheck(info)
    assert plane.check_token(ADMIN, 't', SOON) == info
    assert plane.check_token(ADMIN, 'unknown', SOON) is None


@pytest.mark.parametrize(('reason', 'error'), [
    (objects.REASON_HOST_SILENT, exception.ServiceUnavailable),
    (objects.REASON_UNAVAILABLE, exception.StoreUnavailable)])
def test_that_nobody_can_tell_is_not_that_there_is_no_token(plane, cloud, reason, error):
    cloud.checks['t'] = objects.TokenCheck(None, reason)
    with pytest.raises(error):
        plane.check_token(ADMIN, 't', SOON)


@pytest.mark.parametrize('reason', [objects.REASON_INVALID, objects.REASON_MOVED, objects.REASON_NOT_READY])
def test_a_token_that_opens_nothing(plane, cloud, reason):
    cloud.checks['t'] = objects.TokenCheck(None, reason)
    assert plane.check_token(ADMIN, 't', SOON) is None
