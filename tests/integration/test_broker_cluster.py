# SPDX-License-Identifier: Apache-2.0
"""Three RabbitMQ nodes with quorum queues, as OpenStack deployments have them since 2024; one is lost under load."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from nova_vnc.compute.virt.demo.driver import demo_instance_uuid
from tests.fixtures.cloud import Cloud
from tests.fixtures.polling import wait_until
from tests.fixtures.rabbitmq import RabbitMQ
from tests.integration.bad_days.outage import (
    API_ANSWERS_WITHIN_S,
    RECOVERED_WITHIN_S,
    TimedAnswer,
    assert_no_traceback,
    timed,
    wait_for_session,
)

NODES = 3
ASKERS = 4
# The lines that kolla-ansible and openstack-ansible write.
QUORUM_QUEUES = {'rabbit_quorum_queue': True, 'rabbit_transient_quorum_queue': True, 'use_queue_manager': True}


@pytest.fixture(scope='module')
def nodes() -> Iterator[list[RabbitMQ]]:
    with contextlib.ExitStack() as stack:
        nodes = [stack.enter_context(RabbitMQ())]
        while len(nodes) < NODES:
            nodes.append(stack.enter_context(RabbitMQ(first=nodes[0])))
        yield nodes


def url_of(nodes: list[RabbitMQ]) -> str:
    return 'rabbit://' + ','.join(f'guest:guest@127.0.0.1:{node.port}' for node in nodes) + '/'


class Askers:
    """Users who ask for consoles all the time."""

    def __init__(self, cloud: Cloud, instance_uuid: str) -> None:
        self._cloud = cloud
        self._instance_uuid = instance_uuid
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._ask) for _ in range(ASKERS)]
        self.answers: list[TimedAnswer] = []

    def __enter__(self) -> Askers:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def statuses(self) -> set[int]:
        return {answer.response.status_code for answer in self.answers}

    def _ask(self) -> None:
        while not self._stop.is_set():
            self.answers.append(timed(lambda: self._cloud.request_console(self._instance_uuid)))


@pytest.mark.once
def test_the_node_of_consoleauth_is_lost_under_load(nodes: list[RabbitMQ], tmp_path: Path):
    options = {'oslo_messaging_rabbit': QUORUM_QUEUES, 'oslo_concurrency': {'lock_path': tmp_path}}
    with Cloud(url_of(nodes), options=options) as cloud:
        instance_uuid = demo_instance_uuid(cloud.host)
        with wait_for_session(cloud, instance_uuid) as session:
            session.see_typed('before')
            types = {queue['name']: queue['type'] for queue in nodes[0].queues()}
            assert types['consoleauth'] == types[f'compute.{cloud.host}'] == 'quorum'

            lost = next(node for node in nodes if cloud.consoleauth.connections(remote_port=node.port))
            with Askers(cloud, instance_uuid) as askers:
                wait_until(lambda: len(askers.answers) >= ASKERS, API_ANSWERS_WITHIN_S, 'answers')
                assert askers.statuses() == {200}
                lost.kill()
                session.see_typed('meanwhile')
                with wait_for_session(cloud, instance_uuid) as other:
                    other.see_typed('new')
                before = len(askers.answers)
                wait_until(lambda: len(askers.answers) > before + 2 * ASKERS, RECOVERED_WITHIN_S, 'more answers')
                session.see_typed('after')
            assert askers.statuses() <= {200, 503}
            assert {answer.response.status_code for answer in askers.answers[-ASKERS:]} == {200}
            assert max(answer.after_s for answer in askers.answers) < API_ANSWERS_WITHIN_S
        assert_no_traceback(cloud.services)
