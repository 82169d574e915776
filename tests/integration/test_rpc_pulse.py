# SPDX-License-Identifier: Apache-2.0
"""What systemd hears of an RPC server on a real RabbitMQ: a broker that is in trouble does not restart the service."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fixtures.polling import wait_until
from tests.fixtures.rabbitmq import RabbitMQ
from tests.fixtures.service_manager import ServiceManager, hanging_service

pytestmark = pytest.mark.once

# By default it is 150.
HUNG_AFTER_S = 12
WATCHDOG_S = 2.0
# Four within WATCHDOG_S: longer than HUNG_AFTER_S.
SIGNS = 28
# For one of them, on a busy machine.
SIGN_TIMEOUT_S = 20
TIMEOUT_S = 100


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[ServiceManager]:
    made = ServiceManager(tmp_path, WATCHDOG_S)
    yield made
    made.close()


def hear(manager: ServiceManager) -> None:
    manager.read()
    for _ in range(SIGNS):
        manager.wait_for('WATCHDOG=1', SIGN_TIMEOUT_S)


def hears(manager: ServiceManager) -> bool:
    try:
        hear(manager)
    except TimeoutError:
        return False
    return True


# In a process of its own: in this one, connections of other tests to brokers that are gone may be under way.
ASK = """
import sys
import oslo_messaging
from nova_vnc.rpc import transport
from tests.fixtures.bus import new_conf
target = oslo_messaging.Target(topic='compute', server='here', namespace='baseapi', version='1.0')
client = oslo_messaging.get_rpc_client(transport.build_transport(new_conf(), sys.argv[1]), target, timeout=5)
client.call({}, 'ping', arg=1)
"""


def is_answered(broker: RabbitMQ) -> bool:
    with contextlib.suppress(subprocess.TimeoutExpired):
        return subprocess.run([sys.executable, '-c', ASK, broker.url], cwd=Path(__file__).parents[2], timeout=20,
                              capture_output=True).returncode == 0
    return False


@pytest.mark.timeout(600)
def test_no_trouble_of_the_broker_ends_the_signs_of_life_and_blocked_workers_do(
        manager: ServiceManager, tmp_path: Path) -> None:
    with RabbitMQ() as broker, hanging_service(
            manager, tmp_path, 'rpc', broker.url, str(HUNG_AFTER_S)) as process:
        wait_until(lambda: is_answered(broker), TIMEOUT_S, 'an answer')

        broker.pause()
        hear(manager)
        broker.resume()
        wait_until(lambda: is_answered(broker), TIMEOUT_S, 'an answer after it hung')

        # With an alarm it takes connections, and nothing that is published.
        broker.rabbitmqctl('set_vm_memory_high_watermark', '0')
        hear(manager)
        broker.rabbitmqctl('set_vm_memory_high_watermark', '0.6')
        wait_until(lambda: is_answered(broker), TIMEOUT_S, 'an answer after the alarm')

        broker.kill()
        hear(manager)
        assert 'No sign of life' not in process.output()
        broker.start()
        wait_until(lambda: is_answered(broker), TIMEOUT_S, 'an answer after a restart')
        # oslo.messaging may need longer than HUNG_AFTER_S to get back.
        wait_until(lambda: hears(manager), TIMEOUT_S, 'signs of life after a restart')

        process.signal(signal.SIGUSR1)
        manager.wait_for_silence(TIMEOUT_S)
        assert process.is_running()
