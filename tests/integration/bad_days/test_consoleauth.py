# SPDX-License-Identifier: Apache-2.0
"""nova-consoleauth is killed, or there are two of it."""

import signal
from collections.abc import Iterator
from concurrent import futures

import pytest

from nova_vnc.compute.virt.demo.driver import demo_instance_uuid
from nova_vnc.conf import opts
from tests.fixtures.cloud import Cloud
from tests.fixtures.console_client import open_console
from tests.fixtures.polling import wait_until
from tests.fixtures.process import Service
from tests.fixtures.rabbitmq import RabbitMQ
from tests.integration.bad_days.outage import (
    RECOVERED_WITHIN_S,
    assert_api_says_unavailable,
    assert_browser_reads_unavailable,
    assert_no_traceback,
    wait_for_session,
)

REQUESTS = 20


@pytest.fixture(scope='module')
def cloud(rabbitmq: RabbitMQ) -> Iterator[Cloud]:
    with Cloud(rabbitmq.url) as cloud:
        cloud.wait_for_server(demo_instance_uuid(cloud.host))
        yield cloud


def count_consumers(broker: RabbitMQ) -> int:
    return [row['queue_name'] for row in broker.consumers()].count('consoleauth')


def test_killed_and_restarted(cloud: Cloud):
    instance_uuid = demo_instance_uuid(cloud.host)
    url = cloud.console_url(instance_uuid)
    with open_console(url) as session:
        session.see_typed('before')
        cloud.consoleauth.kill()
        try:
            assert_browser_reads_unavailable(url)
            assert_api_says_unavailable(cloud, instance_uuid)
            session.see_typed('during')
        finally:
            cloud.consoleauth.start()
        with wait_for_session(cloud, instance_uuid) as other:
            other.see_typed('new')
        with open_console(url) as again:
            again.see_typed('with the token of before')
        session.see_typed('after')
    assert_no_traceback(cloud.services)


def test_two_on_one_file(cloud: Cloud, rabbitmq: RabbitMQ):
    instance_uuid = demo_instance_uuid(cloud.host)
    second = cloud.add_service('nova-consoleauth', 'nova-consoleauth-2')
    with second:
        wait_until(lambda: count_consumers(rabbitmq) == 2, RECOVERED_WITHIN_S, 'two consumers')
        # Messages go round, so of each console one has authorized the token and the other one checks it, or the same.
        for url in [cloud.console_url(instance_uuid) for _ in range(REQUESTS)]:
            open_console(url).close()
        assert_token_crosses(cloud, cloud.consoleauth, second, rabbitmq)
        assert_token_crosses(cloud, second, cloud.consoleauth, rabbitmq)
        assert_no_traceback([*cloud.services, second])


def test_one_of_two_stands_still(cloud: Cloud, rabbitmq: RabbitMQ):
    """It takes a few questions, which are asked again, and then the broker gives it no more."""
    instance_uuid = demo_instance_uuid(cloud.host)
    with cloud.add_service('nova-consoleauth', 'nova-consoleauth-still') as still:
        wait_until(lambda: count_consumers(rabbitmq) == 2, RECOVERED_WITHIN_S, 'two consumers')
        mark = cloud.api.mark()
        still.signal(signal.SIGSTOP)
        try:
            with futures.ThreadPoolExecutor(REQUESTS) as pool:
                answers = list(pool.map(lambda _: cloud.request_console(instance_uuid).status_code, range(REQUESTS)))
            assert set(answers) == {200}
            assert cloud.api.output(since=mark).count('asking again') <= opts.RABBIT_QOS_PREFETCH_COUNT
            for _ in range(REQUESTS):
                open_console(cloud.console_url(instance_uuid)).close()
        finally:
            still.signal(signal.SIGCONT)


def assert_token_crosses(cloud: Cloud, giver: Service, checker: Service, broker: RabbitMQ) -> None:
    """Show that what one has authorized is valid for the other, each being alone at its time; leaves both running."""
    checker.kill()
    wait_until(lambda: count_consumers(broker) == 1, RECOVERED_WITHIN_S, 'one consumer')
    wait_for_session(cloud, demo_instance_uuid(cloud.host)).close()
    url = cloud.console_url(demo_instance_uuid(cloud.host))
    checker.start()
    wait_until(lambda: count_consumers(broker) == 2, RECOVERED_WITHIN_S, 'two consumers')
    giver.kill()
    wait_until(lambda: count_consumers(broker) == 1, RECOVERED_WITHIN_S, 'one consumer')
    open_console(url).close()
    giver.start()
    wait_until(lambda: count_consumers(broker) == 2, RECOVERED_WITHIN_S, 'two consumers')


def test_two_that_start_at_once_on_a_new_file(rabbitmq: RabbitMQ, cloud: Cloud):
    cloud.consoleauth.kill()
    state_path = cloud.directory / 'new' / 'state'
    newcomers = [cloud.add_service('nova-consoleauth', f'nova-consoleauth-new-{number}',
                                   {'DEFAULT': {'state_path': state_path}}) for number in range(2)]
    try:
        for newcomer in newcomers:
            newcomer.start()
        wait_until(lambda: count_consumers(rabbitmq) == 2, RECOVERED_WITHIN_S, 'two consumers')
        cloud.wait_for_server(demo_instance_uuid(cloud.host))
        for _ in range(REQUESTS):
            open_console(cloud.console_url(demo_instance_uuid(cloud.host))).close()
        assert_no_traceback(newcomers)
        assert (state_path / 'nova-vnc.sqlite').stat().st_mode & 0o077 == 0
    finally:
        for newcomer in newcomers:
            newcomer.kill()
        cloud.consoleauth.start()
