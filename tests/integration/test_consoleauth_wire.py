# SPDX-License-Identifier: Apache-2.0
"""nova-consoleauth on RabbitMQ, and callers that are a real Queens, byte for byte."""

from __future__ import annotations

import json
import os
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import kombu
import pytest

from nova_vnc import objects
from nova_vnc.conf import opts
from nova_vnc.context import service_context
from nova_vnc.rpc import transport as rpc_transport
from nova_vnc.rpc.caller import Caller
from nova_vnc.rpc.consoleauth import ConsoleAuthAPI
from nova_vnc.rpc.server import BackgroundServer
from tests.fixtures.bus import new_conf
from tests.fixtures.fail import unexpected
from tests.fixtures.polling import wait_until
from tests.fixtures.process import Service
from tests.fixtures.rabbitmq import RabbitMQ
from tests.fixtures.vectors import Vector
from tests.functional.consoleauth.rig import Compute

AUTHORIZE = Vector('queens-17.0.13-authorize_console')
CHECK = Vector('queens-17.0.13-check_token')
DELETE = Vector('queens-17.0.13-delete_tokens_for_instance')
READY_S = 30


class QueensClient:
    """Puts messages on the broker, and reads replies, as oslo.messaging of Queens does."""

    def __init__(self, url: str) -> None:
        self._connection = kombu.Connection(url.replace('rabbit://', 'amqp://', 1))
        self._reply_queue = f'reply_{uuid.uuid4().hex}'
        channel = self._connection.channel()
        self._queue = kombu.Queue(self._reply_queue, channel=channel, durable=False, auto_delete=True)
        self._queue.declare()
        self._producer = kombu.Producer(channel)

    def close(self) -> None:
        self._connection.close()

    def cast(self, vector: Vector, *, routing_key: str | None = None, **changes: Any) -> None:
        self._producer.publish(
            vector.body(**changes), exchange='nova', routing_key=routing_key or vector.routing_key, serializer='json',
            **{key: value for key, value in vector.properties.items() if key in ('delivery_mode', 'priority')})

    def call(self, vector: Vector, *, routing_key: str | None = None, **changes: Any) -> dict[str, Any]:
        """Return the reply: result, failure, ending and so on."""
        msg_id = uuid.uuid4().hex
        self.cast(vector, routing_key=routing_key, _msg_id=msg_id, _reply_q=self._reply_queue,
                  _unique_id=uuid.uuid4().hex, **changes)
        body = wait_until(self._get_reply, READY_S, 'a reply')
        assert body['oslo.version'] == '2.0'
        reply = json.loads(body['oslo.message'])
        assert reply['_msg_id'] == msg_id
        assert reply['ending'] is True
        return reply

    def _get_reply(self) -> Any:
        message = self._queue.get(no_ack=True)
        return message.payload if message else None


@pytest.fixture(scope='module')
def transport(rabbitmq: RabbitMQ) -> Any:
    opts.set_defaults()
    return rpc_transport.build_transport(new_conf(), rabbitmq.url)


@pytest.fixture(scope='module')
def api(transport: Any) -> ConsoleAuthAPI:
    return ConsoleAuthAPI(Caller(transport, max_concurrent=256))


@pytest.fixture(scope='module')
def service(tmp_path_factory: pytest.TempPathFactory, rabbitmq: RabbitMQ) -> Iterator[Service]:
    directory: Path = tmp_path_factory.mktemp('consoleauth')
    with Service('nova-consoleauth', {'DEFAULT': {
            'debug': True, 'host': 'controller', 'state_path': directory, 'transport_url': rabbitmq.url,
            'default_log_levels': 'amqp=DEBUG,kombu=DEBUG,oslo.messaging=DEBUG,oslo_messaging=DEBUG,oslo_db=DEBUG,'
                                  'sqlalchemy=DEBUG'}}, directory) as service:
        yield service


@pytest.fixture(scope='module')
def host(transport: Any, service: Service, api: ConsoleAuthAPI) -> Iterator[str]:
    """A compute host that has reported the VM of the messages to nova-consoleauth."""
    host = f'compute-{uuid.uuid4().hex}'
    compute = BackgroundServer(transport, 'compute', host, [Compute()])
    compute.start(unexpected)
    assert compute.wait_listening(READY_S)
    record = objects.InstanceRecord(uuid=AUTHORIZE.args['instance_uuid'], host=host, display_name='web1')

    def is_known() -> bool:
        api.report_instances(service_context(), host, [record])
        return bool(api.list_instances(service_context()))
    wait_until(lambda: _succeeds(is_known), READY_S, 'nova-consoleauth to know the VM', interval_s=0.5)
    yield host
    compute.stop()


def _succeeds(attempt: Any) -> Any:
    try:
        return attempt()
    except Exception:
        return None


@pytest.fixture
def queens(rabbitmq: RabbitMQ, host: str) -> Iterator[QueensClient]:
    client = QueensClient(rabbitmq.url)
    yield client
    client.close()


def check(queens: QueensClient, token: str) -> Any:
    reply = queens.call(CHECK, args={'token': token})
    assert reply['failure'] is None
    return reply['result']


def test_authorize_check_delete(queens: QueensClient):
    reply = queens.call(AUTHORIZE)
    assert (reply['result'], reply['failure']) == (None, None)
    answer = check(queens, AUTHORIZE.args['token'])
    assert isinstance(answer.pop('last_activity_at'), float)
    assert answer == AUTHORIZE.args
    queens.cast(DELETE)
    wait_until(lambda: check(queens, AUTHORIZE.args['token']) is None, READY_S, 'the token to be deleted')


def test_unknown_token(queens: QueensClient):
    assert check(queens, 'unknown') is None


def test_failure_as_novas_clients_read_it(queens: QueensClient):
    arguments = {**AUTHORIZE.args, 'token': str(uuid.uuid4())}
    queens.call(AUTHORIZE, args=arguments)
    failure = json.loads(queens.call(AUTHORIZE, args={**arguments, 'port': '1'})['failure'])
    assert (failure['module'], failure['class']) == ('nova.exception', 'TokenInUse')


@pytest.mark.parametrize('version', ['2.0', '1.2'])
def test_older_callers(queens: QueensClient, version: str):
    arguments = {**AUTHORIZE.args, 'token': str(uuid.uuid4())}
    del arguments['access_url']
    assert queens.call(AUTHORIZE, args=arguments, version=version)['failure'] is None
    assert check(queens, arguments['token'])['access_url'] is None


def test_method_that_is_not_known(queens: QueensClient):
    failure = json.loads(queens.call(CHECK, method='get_backdoor_port', args={}, version='1.1')['failure'])
    assert failure['class'] == 'NoSuchMethod'


def test_connections_for_many_calls_at_once(api: ConsoleAuthAPI, host: str, rabbitmq: RabbitMQ):
    def count() -> int:
        names = [row['client_properties'].get('connection_name', '') for row in rabbitmq.connections()]
        return sum(f':{os.getpid()}:' in name for name in names)
    others = count()    # of other tests, which the broker has not seen off yet
    with ThreadPoolExecutor(256) as pool:
        answers = list(pool.map(lambda number: api.check_token(service_context(), f'x{number}'), range(500)))
    assert {answer.reason for answer in answers} == {objects.REASON_INVALID}
    # For replies, two to send, and that of the compute service that this process plays as well.
    assert count() <= others + 4


def test_host_that_is_silent_is_waited_for_shortly(api: ConsoleAuthAPI, queens: QueensClient):
    silent = objects.InstanceRecord(uuid=str(uuid.uuid4()), host='nobody')
    api.report_instances(service_context(), 'nobody', [silent])
    wait_until(lambda: len(api.list_instances(service_context())) == 2, READY_S, 'both VMs')
    token = str(uuid.uuid4())
    queens.call(AUTHORIZE, args={**AUTHORIZE.args, 'token': token, 'instance_uuid': silent.uuid})
    started = time.monotonic()
    assert api.check_token(service_context(), token).reason == objects.REASON_HOST_SILENT
    assert time.monotonic() - started < 8
    api.report_instances(service_context(), 'nobody', [])


def test_no_token_in_its_log(queens: QueensClient, service: Service):
    token = str(uuid.uuid4())
    arguments = {**AUTHORIZE.args, 'token': token, 'access_url': f'http://127.0.0.1/vnc_auto.html?token={token}'}
    queens.call(AUTHORIZE, args=arguments)
    queens.call(AUTHORIZE, args={**arguments, 'port': '1'})
    assert check(queens, token) is not None
    queens.call(CHECK, args={'token': token, 'unknown': 1})
    service.wait_for_line('Receive incoming message')
    assert token not in service.output()
