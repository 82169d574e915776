# SPDX-License-Identifier: Apache-2.0
"""nova-vnc-compute as a process on a real RabbitMQ: its queue is its own, and the broker may come and go."""

import contextlib
import os
import signal
import threading

import kombu
import oslo_messaging
import pytest

from nova_vnc import context, exception, objects
from nova_vnc.compute.virt.demo.driver import demo_instance_uuid
from nova_vnc.conf import opts
from nova_vnc.rpc import caller as rpc_caller
from nova_vnc.rpc import compute as compute_rpc
from nova_vnc.rpc import consoleauth as consoleauth_rpc
from nova_vnc.rpc import transport as rpc_transport
from nova_vnc.rpc.server import BackgroundServer
from tests.fixtures.bus import new_conf
from tests.fixtures.fail import unexpected
from tests.fixtures.polling import wait_until
from tests.fixtures.ports import free_port
from tests.fixtures.process import Service
from tests.fixtures.rabbitmq import RabbitMQ

TIMEOUT_S = 60
# Short, so that ghosts go soon: RabbitMQ gives up after two to three of these.
HEARTBEAT_S = 4
CTXT = context.service_context()


@pytest.fixture
def host():
    """A name that no other test's service has."""
    return f'compute-{free_port()}'


@pytest.fixture
def compute(tmp_path, host):
    """Make a nova-vnc-compute for the demo guest; all of them have the same [DEFAULT]host."""
    made = []

    def make(broker: RabbitMQ, name: str = 'compute') -> Service:
        made.append(Service('nova-vnc-compute', {
            'DEFAULT': {'debug': True, 'host': host, 'transport_url': broker.url, 'compute_driver': 'demo'},
            'oslo_messaging_rabbit': {'heartbeat_timeout_threshold': HEARTBEAT_S}}, tmp_path, name=name))
        return made[-1]
    yield make
    for service in made:
        service.close()


@contextlib.contextmanager
def transport_to(broker: RabbitMQ):
    conf = new_conf()
    conf.set_override('control_exchange', opts.CONTROL_EXCHANGE)
    transport = rpc_transport.build_transport(conf, broker.url)
    try:
        yield transport
    finally:
        transport.cleanup()


@contextlib.contextmanager
def client_of(broker: RabbitMQ):
    with transport_to(broker) as transport:
        caller = rpc_caller.Caller(transport)
        try:
            yield caller
        finally:
            caller.close()


def answers(caller: rpc_caller.Caller, host: str) -> bool:
    """Tell whether somebody answers for the demo guest of the host."""
    instance = objects.InstanceRecord(uuid=demo_instance_uuid(host), host=host)
    try:
        return bool(compute_rpc.ComputeAPI(caller, timeout_s=2).get_vnc_console(CTXT, instance, 'novnc'))
    except exception.ServiceUnavailable:
        return False


def refusal_of(service: Service) -> str:
    """Wait until the process ends by itself, and return the line that says why."""
    assert service.wait(TIMEOUT_S) == 1
    line, = [line for line in service.output().splitlines() if 'CRITICAL' in line]
    assert 'Traceback' not in service.output()
    return line


def test_a_second_start_ends_at_once_and_the_first_goes_on(rabbitmq, compute, host):
    with client_of(rabbitmq) as caller:
        compute(rabbitmq, 'first').start()
        wait_until(lambda: answers(caller, host), TIMEOUT_S, 'the first to answer')

        second = compute(rabbitmq, 'second')
        second.start()
        line = refusal_of(second)
        assert f'[DEFAULT]host = {host}' in line
        assert 'answers' in line
        assert 'guest:guest' not in second.output()
        assert answers(caller, host)


def test_a_restart_is_no_second_start(rabbitmq, compute, host):
    service = compute(rabbitmq)
    with client_of(rabbitmq) as caller:
        for _ in range(2):
            service.start()
            wait_until(lambda: answers(caller, host), TIMEOUT_S, 'it to answer')
            assert service.terminate() == 0
        service.start()
        wait_until(lambda: answers(caller, host), TIMEOUT_S, 'it to answer')
        service.kill()
        service.start()
        wait_until(lambda: answers(caller, host), TIMEOUT_S, 'it to answer')


def test_a_ghost_is_waited_out(rabbitmq, compute, host):
    ghost, service = compute(rabbitmq, 'ghost'), compute(rabbitmq, 'service')
    with client_of(rabbitmq) as caller:
        ghost.start()
        wait_until(lambda: answers(caller, host), TIMEOUT_S, 'the first to answer')
        # To the broker it looks like a machine that went down: the connection is open, and no heartbeat comes.
        os.kill(ghost.pid, signal.SIGSTOP)
        service.start()
        service.wait_for_line('has a consumer already', TIMEOUT_S)
        wait_until(lambda: answers(caller, host), TIMEOUT_S, 'the second to answer')
        assert service.is_running()


class NovaCompute:
    """Answers as Nova's compute service does whatever is not its own: not at all in our namespace."""

    target = oslo_messaging.Target(version='6.5')


def test_beside_novas_compute_it_does_not_start(rabbitmq, compute, host):
    with transport_to(rabbitmq) as transport:
        nova = BackgroundServer(transport, compute_rpc.TOPIC, host, [NovaCompute()])
        nova.start(unexpected)
        assert nova.wait_listening(TIMEOUT_S)
        try:
            service = compute(rabbitmq)
            service.start()
            assert 'answers' in refusal_of(service)
        finally:
            nova.stop()


def test_who_lives_and_does_not_answer_is_no_ghost(rabbitmq, compute, host):
    with kombu.Connection(rabbitmq.url.replace('rabbit://', 'amqp://')) as connection:
        channel = connection.default_channel
        queue = f'{compute_rpc.TOPIC}.{host}'
        channel.queue_declare(queue, durable=False, auto_delete=False)
        channel.basic_consume(queue, callback=lambda message: None)
        service = compute(rabbitmq)
        service.start()
        assert f'queue {queue} and does not answer' in refusal_of(service)


class ReportTaker:
    target = oslo_messaging.Target(namespace=consoleauth_rpc.NAMESPACE, version=consoleauth_rpc.NAMESPACE_VERSION)

    def __init__(self) -> None:
        self.reported: list[str] = []
        self._lock = threading.Lock()

    def report_instances(self, ctxt, host, instances, **_others):
        with self._lock:
            self.reported += [entry['uuid'] for entry in instances]


def test_the_broker_is_absent_at_start_and_restarted_later(compute, host):
    broker = RabbitMQ()
    service = compute(broker)
    taker = ReportTaker()
    try:
        service.start()
        service.wait_for_line('cannot be used', TIMEOUT_S)
        broker.start()
        with client_of(broker) as caller, transport_to(broker) as transport:
            consoleauth = BackgroundServer(transport, consoleauth_rpc.TOPIC, 'taker', [taker])
            consoleauth.start(unexpected)
            wait_until(lambda: answers(caller, host), TIMEOUT_S, 'an answer')
            wait_until(lambda: demo_instance_uuid(host) in taker.reported, TIMEOUT_S, 'a report')

            broker.restart()
            wait_until(lambda: answers(caller, host), TIMEOUT_S, 'an answer after the restart')
            consoleauth.stop()
        # Once for each time that it was away.
        assert service.output().count('cannot be used') <= 2
        assert service.terminate() == 0
    finally:
        broker.close()
