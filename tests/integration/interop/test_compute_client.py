# SPDX-License-Identifier: Apache-2.0
"""Nova's own compute client, which nova-api and nova-novncproxy use, calls our nova-vnc-compute."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kombu
import pytest

from nova_vnc.compute.virt.demo.driver import demo_instance_uuid
from tests.fixtures.nova_cell import NovaCell, NovaError
from tests.fixtures.nova_release import RELEASES
from tests.fixtures.polling import wait_until
from tests.fixtures.process import Service
from tests.fixtures.rfb_client import tcp_client
from tests.integration.interop.conftest import ComputeCells

HOST = 'our-compute'
INSTANCE_UUID = demo_instance_uuid(HOST)
GET = pytest.mark.interop("get_vnc_console of Nova's compute client -> our nova-vnc-compute -> VNC server",
                          'nova {release}')
VALIDATE = pytest.mark.interop("validate_console_port of Nova's compute client -> our nova-vnc-compute",
                               'nova {release}')
# Nova 33.0 and later have a second topic, for what must be answered while nova-compute stops.
TOPIC_OF_VALIDATE = {34: 'compute-alt', 26: 'compute'}

pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope='module', params=sorted(RELEASES, reverse=True))
def release(request: pytest.FixtureRequest) -> int:
    return request.param


@pytest.fixture(scope='module')
def compute_cell(release: int, compute_cells: ComputeCells) -> NovaCell:
    return compute_cells[release]


@pytest.fixture(scope='module')
def compute(compute_cell: NovaCell, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    directory: Path = tmp_path_factory.mktemp('compute')
    conf = {'DEFAULT': {'debug': True, 'host': HOST, 'state_path': directory, 'compute_driver': 'demo',
                        'transport_url': compute_cell.transport_url},
            'vnc': {'novncproxy_base_url': compute_cell.base_url}}
    with Service('nova-vnc-compute', conf, directory) as service:
        service.wait_for_line('Answering for the VMs of host', 60)
        yield service


class Watcher:
    """Reads along what is sent to a topic of a host."""

    def __init__(self, transport_url: str, routing_key: str) -> None:
        self._connection = kombu.Connection(transport_url.replace('rabbit://', 'amqp://', 1))
        exchange = kombu.Exchange('nova', type='topic', durable=False)
        self._queue = kombu.Queue('', exchange, routing_key=routing_key, exclusive=True, auto_delete=True,
                                  channel=self._connection.channel())
        self._queue.declare()

    def wait_for_message(self) -> Any:
        """Return the next oslo.message."""
        message = wait_until(lambda: self._queue.get(no_ack=True), 30, 'a message')
        return json.loads(message.payload['oslo.message'])

    def close(self) -> None:
        self._connection.close()


@GET
def test_console(compute: Service, compute_cell: NovaCell):
    info = compute_cell.call('get_vnc_console', host=HOST, instance_uuid=INSTANCE_UUID)
    assert sorted(info) == ['access_url', 'host', 'internal_access_path', 'port', 'token']
    assert info['access_url'].startswith(compute_cell.base_url)
    with tcp_client(info['host'], int(info['port'])) as client:
        assert client.connect().name == b'demo-guest'


@GET
@pytest.mark.parametrize(('instance_uuid', 'console_type', 'error'), [
    ('9169fdb2-5b74-46b1-9803-60d2926bd97c', 'novnc', 'nova.exception.InstanceNotFound'),
    (INSTANCE_UUID, 'xvpvnc', 'nova.exception.ConsoleTypeInvalid')])
def test_errors_are_those_of_nova(compute: Service, compute_cell: NovaCell, instance_uuid: str, console_type: str,
                                  error: str):
    with pytest.raises(NovaError) as raised:
        compute_cell.call('get_vnc_console', host=HOST, instance_uuid=instance_uuid, console_type=console_type)
    assert raised.value.error_class == error


@VALIDATE
def test_port(compute: Service, compute_cell: NovaCell, release: int):
    info = compute_cell.call('get_vnc_console', host=HOST, instance_uuid=INSTANCE_UUID)
    topic = TOPIC_OF_VALIDATE[release]
    watcher = Watcher(compute_cell.transport_url, f'{topic}.{HOST}')
    try:
        assert compute_cell.call('validate_console_port', host=HOST, instance_uuid=INSTANCE_UUID,
                                 port=info['port']) is True
        assert watcher.wait_for_message()['method'] == 'validate_console_port'
    finally:
        watcher.close()


@VALIDATE
@pytest.mark.parametrize('port', ['1', 1])
def test_other_port(compute: Service, compute_cell: NovaCell, port: object):
    assert compute_cell.call('validate_console_port', host=HOST, instance_uuid=INSTANCE_UUID, port=port) is False
