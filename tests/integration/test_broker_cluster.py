# SPDX-License-Identifier: Apache-2.0
"""Three RabbitMQ nodes with quorum queues, as OpenStack deployments have them since 2024; one is lost under load."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from nova_vnc.compute.virt.demo.driver import demo_instance_uuid
from tests.fixtures.cloud import Cloud
from tests.fixtures.polling import wait_until
from tests.fixtures.rabbitmq import RabbitMQ
from tests.fixtures.repeaters import Repeaters
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


def statuses(answers: list[TimedAnswer]) -> set[int]:
    return {answer.response.status_code for answer in answers}


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
            askers, answers = Repeaters(pause_s=0), list[TimedAnswer]()
            for _ in range(ASKERS):
                askers.add(lambda: answers.append(timed(lambda: cloud.request_console(instance_uuid))))
            with askers.busy():
                wait_until(lambda: len(answers) >= ASKERS, API_ANSWERS_WITHIN_S, 'answers')
                assert statuses(answers) == {200}
                lost.kill()
                session.see_typed('meanwhile')
                with wait_for_session(cloud, instance_uuid) as other:
                    other.see_typed('new')
                before = len(answers)
                wait_until(lambda: len(answers) > before + 2 * ASKERS, RECOVERED_WITHIN_S, 'more answers')
                session.see_typed('after')
            assert askers.errors == []
            assert statuses(answers) <= {200, 503}
            assert statuses(answers[-ASKERS:]) == {200}
            assert max(answer.after_s for answer in answers) < API_ANSWERS_WITHIN_S
        assert_no_traceback(cloud.services)
