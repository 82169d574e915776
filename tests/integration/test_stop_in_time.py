# SPDX-License-Identifier: Apache-2.0
"""All services stop within two seconds of SIGTERM, on RabbitMQ and without it, and have nothing to complain of."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
import uuid
from collections.abc import Iterator

import pytest

from nova_vnc import exception, objects
from nova_vnc.compute.virt.demo.driver import demo_instance_uuid
from nova_vnc.conf import opts
from nova_vnc.context import service_context
from nova_vnc.rpc import caller as rpc_caller
from nova_vnc.rpc import transport as rpc_transport
from nova_vnc.rpc.compute import ComputeAPI
from nova_vnc.rpc.consoleauth import ConsoleAuthAPI
from tests.fixtures.bus import new_conf
from tests.fixtures.cloud import Cloud
from tests.fixtures.polling import wait_until
from tests.fixtures.ports import free_port
from tests.fixtures.process import Service
from tests.fixtures.rabbitmq import RabbitMQ

IN_TIME_S = 2.0
READY_S = 60
CTXT = service_context()


class Load:
    """Asks both all the time, so that messages are in flight whenever it ends.

    :ivar answered: by (consoleauth, compute)
    """

    def __init__(self, broker: RabbitMQ, host: str) -> None:
        opts.set_defaults()
        caller = rpc_caller.Caller(rpc_transport.build_transport(new_conf(), broker.url))
        self._instance = objects.InstanceRecord(uuid=demo_instance_uuid(host), host=host)
        self._compute, self._consoleauth = ComputeAPI(caller, timeout_s=2), ConsoleAuthAPI(caller, timeout_s=2)
        self._stopping = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(number,), daemon=True) for number in range(6)]
        self.answered = [0, 0]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join(READY_S)

    def _ask(self, number: int) -> None:
        while not self._stopping.is_set():
            with contextlib.suppress(exception.NovaVNCError):
                if number % 2:
                    self._compute.get_vnc_console(CTXT, self._instance, 'novnc')
                else:
                    self._consoleauth.check_token(CTXT, str(uuid.uuid4()))
                self.answered[number % 2] += 1


def stop_all(services: list[Service]) -> dict[str, float]:
    """Send SIGTERM to all of them at once, and return how long each took to end."""
    began = time.monotonic()
    for service in services:
        service.signal(signal.SIGTERM)
    ended: dict[str, float] = {}

    def look() -> bool:
        for service in services:
            if service.name not in ended and not service.is_running():
                ended[service.name] = time.monotonic() - began
        return len(ended) == len(services)
    wait_until(look, READY_S, f'the end of {[service.name for service in services]}', interval_s=0.01)
    return ended


def assert_in_time_and_in_peace(services: list[Service]) -> None:
    took = stop_all(services)
    assert max(took.values()) < IN_TIME_S, took
    for service in services:
        assert service.returncode == 0
        output = service.output()
        assert 'Traceback' not in output
        assert 'closing channel' not in output
        assert 'rpc-stop' not in output


def deserted_queues(broker: RabbitMQ) -> set[str]:
    """Return the queues of broadcasts that nobody reads: left behind by processes that did not close in order."""
    return {row['name'] for row in broker.queues() if '_fanout_' in row['name'] and not row['consumers']}


@pytest.fixture(scope='module')
def cloud(rabbitmq: RabbitMQ) -> Iterator[Cloud]:
    # At DEBUG it would take its time to write what the load makes it say.
    with Cloud(rabbitmq.url, debug=False) as cloud:
        yield cloud


def test_in_the_middle_of_their_work(cloud: Cloud, rabbitmq: RabbitMQ):
    cloud.wait_for_server(demo_instance_uuid(cloud.host))
    with Load(rabbitmq, cloud.host) as load:
        wait_until(lambda: min(load.answered) > 20, READY_S, 'some answers')
        before = deserted_queues(rabbitmq)
        assert_in_time_and_in_peace(list(cloud.services))
    assert deserted_queues(rabbitmq) == before


def test_idle(cloud: Cloud, rabbitmq: RabbitMQ):
    """The listener of oslo.messaging looks up ever less often, every five seconds in the end."""
    services = [cloud.add_service(service.name, f'{service.name}-idle', {
        'DEFAULT': {'debug': True, 'default_log_levels': 'PIL=INFO', 'host': f'idle-{uuid.uuid4()}'},
        'compute': {'report_instances': 'never'}}) for service in (cloud.consoleauth, cloud.compute)]
    for service in services:
        service.start()
    for service, listeners in zip(services, (1, 2), strict=True):
        # Each doubles its time, from a millisecond on.
        service.wait_until(lambda service=service, listeners=listeners:
                           service.output().count('AMQPListener connection timeout') > 12 * listeners,
                           READY_S, 'it to look up less often')
    before = deserted_queues(rabbitmq)
    assert_in_time_and_in_peace(services)
    assert deserted_queues(rabbitmq) == before


def test_without_a_broker(cloud: Cloud):
    nowhere = f'rabbit://guest:guest@127.0.0.1:{free_port()}/'
    services = [cloud.add_service(service.name, f'{service.name}-alone', {'DEFAULT': {'transport_url': nowhere}})
                for service in (cloud.consoleauth, cloud.compute)]
    for service in services:
        service.start()
        service.wait_for_line('cannot be used', READY_S)
    assert_in_time_and_in_peace(services)
