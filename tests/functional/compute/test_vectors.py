# SPDX-License-Identifier: Apache-2.0
"""Real messages of Nova's callers of a compute service, given to the dispatcher as the driver does."""

from __future__ import annotations

from typing import Any

import oslo_messaging
import pytest
from oslo_messaging.rpc import dispatcher as oslo_dispatcher

from nova_vnc import objects
from nova_vnc.compute import manager
from nova_vnc.rpc.serializer import ContextSerializer
from tests.fixtures.hypervisor import FakeHypervisor
from tests.fixtures.vectors import Incoming, Vector

GET = Vector('nova-34.0.0-get_vnc_console')
VALIDATE = [Vector('nova-34.0.0-validate_console_port'), Vector('queens-17.0.13-validate_console_port')]

# From the table: what each release sends for (get_vnc_console, validate_console_port); the arguments bear the same
# names since 3.2 and 3.3.
OLDER = {'icehouse': ('3.2', '3.3'), 'juno': ('3.2', '3.3'), 'kilo': ('4.0', '4.0'), 'pike': ('4.0', '4.0'),
         'queens capped': ('4.0', '4.0'), 'rocky to victoria': ('5.0', '5.0'), 'wallaby to 2026.1': ('6.0', '6.0')}


@pytest.fixture
def dispatcher() -> Any:
    hypervisor = FakeHypervisor(vnc_host='192.0.2.7')
    for vector in (GET, *VALIDATE):
        uuid = vector.args['instance']['nova_object.data']['uuid']
        hypervisor.add(objects.InstanceRecord(uuid=uuid, host='compute1'), VALIDATE[0].args['port'])
    endpoints = manager.build_endpoints(manager.ComputeManager(hypervisor, 'http://proxy.example.org/vnc_auto.html'))
    return oslo_dispatcher.RPCDispatcher(endpoints, ContextSerializer(), oslo_messaging.DefaultRPCAccessPolicy)


def assert_console(answer: Any) -> None:
    assert (answer['host'], answer['port'], answer['internal_access_path']) == ('192.0.2.7', '15900', None)
    assert answer['access_url'].endswith(answer['token'])


def test_get_vnc_console(dispatcher: Any):
    assert GET.routing_key == 'compute.compute1'
    assert_console(dispatcher.dispatch(GET.incoming()))


@pytest.mark.parametrize('vector', VALIDATE, ids=['34.0.0', '17.0.13'])
@pytest.mark.parametrize(('port', 'is_there'), [('15900', True), (15900, True), ('5999', False)])
def test_validate_console_port(dispatcher: Any, vector: Vector, port: object, is_there: bool):
    message = Incoming({**vector.message, 'args': {**vector.args, 'port': port}})
    assert dispatcher.dispatch(message) is is_there


@pytest.mark.parametrize('release', OLDER)
def test_other_releases(dispatcher: Any, release: str):
    get, validate = OLDER[release]
    assert_console(dispatcher.dispatch(Incoming({**GET.message, 'version': get})))
    for vector in VALIDATE:
        assert dispatcher.dispatch(Incoming({**vector.message, 'version': validate})) is True


@pytest.mark.parametrize('version', ['2.0', '3.41', '4.23', '5.14', '6.6', '7.0'])
def test_versions_that_nobody_sends(dispatcher: Any, version: str):
    with pytest.raises(oslo_messaging.UnsupportedVersion):
        dispatcher.dispatch(Incoming({**GET.message, 'version': version}))
