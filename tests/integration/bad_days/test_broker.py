# SPDX-License-Identifier: Apache-2.0
"""RabbitMQ is away, comes back, or stops moving."""

import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import pytest

from nova_vnc.compute.virt.demo.driver import demo_instance_uuid
from tests.fixtures.cloud import Cloud
from tests.fixtures.console_client import open_console
from tests.fixtures.rabbitmq import RabbitMQ
from tests.integration.bad_days.outage import (
    assert_api_says_unavailable,
    assert_browser_reads_unavailable,
    assert_no_traceback,
    lines_with,
    wait_for_session,
)

TOKEN = '0c5e3f6e-7d0a-4c1e-9a55-3f2b1c0d9e8f'
PASSWORD = 'guest:guest'


def test_absent_at_start():
    broker = RabbitMQ()
    # Not helped by frequent reports.
    cloud = Cloud(broker.url, options={'compute': {'report_interval': None}})
    try:
        cloud.start()
        away = rf'The message broker 127\.0\.0\.1:{broker.port} of \[DEFAULT\]transport_url cannot be used'
        for service in cloud.services:
            service.wait_for_line(away)
        url = f'http://127.0.0.1:{cloud.proxy_port}/vnc_auto.html?path=%3Ftoken%3D{TOKEN}'
        instance_uuid = demo_instance_uuid(cloud.host)
        with ThreadPoolExecutor() as pool:
            browsers = [pool.submit(assert_browser_reads_unavailable, url) for _ in range(5)]
            assert_api_says_unavailable(cloud, instance_uuid)
            for browser in browsers:
                browser.result()
        for service in cloud.services:
            assert len(lines_with(away, service)) == 1, service.output()
            assert len(lines_with(rf':{broker.port}\b', service)) == 1, service.output()
            assert PASSWORD not in service.output()

        broker.start()
        with wait_for_session(cloud, instance_uuid) as session:
            session.see_typed('afterwards')
        for service in cloud.services:
            service.wait_for_line(rf'The message broker 127\.0\.0\.1:{broker.port} can be used again')
            assert len(lines_with(away, service)) == 1
        assert_no_traceback(cloud.services)
    finally:
        cloud.close()
        broker.close()


class Outage(NamedTuple):
    begin: Callable[[RabbitMQ], None]
    end: Callable[[RabbitMQ], None]


OUTAGES = {
    'restart': Outage(RabbitMQ.stop, RabbitMQ.start),
    'crash': Outage(RabbitMQ.kill, RabbitMQ.start),
    'freeze': Outage(RabbitMQ.pause, RabbitMQ.resume),
}


class TestWhileSessionsRun:
    @pytest.fixture(scope='class')
    @staticmethod
    def broker() -> Iterator[RabbitMQ]:
        with RabbitMQ() as broker:
            yield broker

    @pytest.fixture(scope='class')
    @staticmethod
    def cloud(broker: RabbitMQ) -> Iterator[Cloud]:
        with Cloud(broker.url) as cloud:
            yield cloud

    @pytest.mark.parametrize('kind', OUTAGES)
    def test_open_sessions_do_not_notice(self, broker: RabbitMQ, cloud: Cloud, kind: str):
        instance_uuid = demo_instance_uuid(cloud.host)
        cloud.wait_for_server(instance_uuid)
        url = cloud.console_url(instance_uuid)
        marks = [service.mark() for service in cloud.services]
        with open_console(url) as session:
            session.see_typed(f'before {kind}')
            OUTAGES[kind].begin(broker)
            try:
                session.see_typed(f'during {kind}')
                with ThreadPoolExecutor() as pool:
                    browser = pool.submit(assert_browser_reads_unavailable, url)
                    assert_api_says_unavailable(cloud, instance_uuid)
                    browser.result()
                session.see_typed(f'late {kind}')
            finally:
                OUTAGES[kind].end(broker)
            with wait_for_session(cloud, instance_uuid) as other:
                other.see_typed(f'new {kind}')
            session.see_typed(f'after {kind}')
        with open_console(url) as again:
            again.see_typed(f'again {kind}')
        assert_no_traceback(cloud.services)
        for service, mark in zip(cloud.services, marks, strict=True):
            said = service.output(mark)
            assert len(re.findall('The message broker .* cannot be used', said)) <= 1, said

    def test_compute_restarted_meanwhile(self, broker: RabbitMQ, cloud: Cloud):
        broker.kill()
        try:
            cloud.compute.restart()
            cloud.compute.wait_for_line('cannot be used')
        finally:
            broker.start()
        with wait_for_session(cloud, demo_instance_uuid(cloud.host)) as session:
            session.see_typed('restarted')
