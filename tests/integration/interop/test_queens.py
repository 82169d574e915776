# SPDX-License-Identifier: Apache-2.0
"""Queens, whose Python is gone: messages of its real processes (tests/vectors), replayed with a console at hand."""

import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from nova_vnc import objects
from nova_vnc.compute.virt.demo.driver import demo_instance_uuid
from nova_vnc.conf import opts
from nova_vnc.context import service_context
from nova_vnc.rpc import transport as rpc_transport
from nova_vnc.rpc.caller import Caller
from nova_vnc.rpc.compute import ComputeAPI
from tests.fixtures.bus import new_conf
from tests.fixtures.cloud import Cloud
from tests.fixtures.console_client import open_console, read_refusal, url_with_token
from tests.fixtures.polling import wait_until
from tests.fixtures.rabbitmq import RabbitMQ
from tests.fixtures.vectors import Vector
from tests.integration.test_consoleauth_wire import AUTHORIZE, CHECK, DELETE, QueensClient

VALIDATE = Vector('queens-17.0.13-validate_console_port')
AUTHORIZED = pytest.mark.interop('authorize_console of nova-api -> our consoleauth -> our novncproxy', 'queens')
CHECKED = pytest.mark.interop('check_token of nova-novncproxy -> our nova-consoleauth', 'queens')
VALIDATED = pytest.mark.interop('validate_console_port of nova-consoleauth -> our nova-vnc-compute', 'queens')
DELETED = pytest.mark.interop('delete_tokens_for_instance of nova-api -> our nova-consoleauth', 'queens')

pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope='module')
def cloud(rabbitmq: RabbitMQ) -> Iterator[Cloud]:
    with Cloud(rabbitmq.new_vhost()) as cloud:
        cloud.wait_for_server()
        yield cloud


@pytest.fixture(scope='module')
def client(cloud: Cloud) -> Iterator[QueensClient]:
    client = QueensClient(cloud.transport_url)
    yield client
    client.close()


@pytest.fixture(scope='module')
def console(cloud: Cloud) -> dict[str, Any]:
    """What our nova-vnc-compute answers to get_vnc_console: token, host, port, ..."""
    opts.set_defaults()
    transport = rpc_transport.build_transport(new_conf(), cloud.transport_url)
    instance = objects.InstanceRecord(uuid=demo_instance_uuid(cloud.host), host=cloud.host)
    answer = ComputeAPI(Caller(transport)).get_vnc_console(service_context(), instance, 'novnc')
    transport.cleanup()
    return answer


@pytest.fixture
def arguments(cloud: Cloud, client: QueensClient, console: dict[str, Any]) -> dict[str, Any]:
    """Authorize a console as nova-api does, and return the arguments."""
    token = str(uuid.uuid4())
    arguments = {**AUTHORIZE.args, **console, 'token': token, 'instance_uuid': demo_instance_uuid(cloud.host),
                 'access_url': url_with_token(console['access_url'], token)}
    assert sorted(arguments) == sorted(AUTHORIZE.args)
    assert client.call(AUTHORIZE, args=arguments)['failure'] is None
    return arguments


@AUTHORIZED
def test_session(cloud: Cloud, arguments: dict[str, Any]):
    with open_console(arguments['access_url']) as session:
        assert arguments['instance_uuid'] in session.rfb.server_init.name.decode()
        session.see_typed('queens')


@CHECKED
def test_answer_about_a_token(client: QueensClient, arguments: dict[str, Any]):
    answer = client.call(CHECK, args={'token': arguments['token']})['result']
    assert isinstance(answer.pop('last_activity_at'), float)
    assert answer == arguments


@VALIDATED
@pytest.mark.parametrize('is_right', [True, False])
def test_port(cloud: Cloud, client: QueensClient, console: dict[str, Any], is_right: bool):
    instance = {**VALIDATE.args['instance']}
    instance['nova_object.data'] = {**instance['nova_object.data'], 'uuid': demo_instance_uuid(cloud.host)}
    arguments = {**VALIDATE.args, 'instance': instance, 'port': console['port'] if is_right else '1'}
    reply = client.call(VALIDATE, routing_key=f'compute.{cloud.host}', args=arguments)
    assert (reply['result'], reply['failure']) == (is_right, None)


@DELETED
def test_deleted(client: QueensClient, arguments: dict[str, Any]):
    client.cast(DELETE, args={'instance_uuid': arguments['instance_uuid']})
    wait_until(lambda: client.call(CHECK, args={'token': arguments['token']})['result'] is None, 30,
               'the token to be deleted')
    assert read_refusal(arguments['access_url']).close_code == 4401
