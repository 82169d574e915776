# SPDX-License-Identifier: Apache-2.0
"""nova-novncproxy is told to stop while sessions are open."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator

import pytest

from nova_vnc.compute.virt.demo.driver import demo_instance_uuid
from tests.fixtures.cloud import Cloud
from tests.fixtures.console_client import ConsoleClient, open_console
from tests.fixtures.polling import wait_until
from tests.fixtures.ports import is_listening
from tests.fixtures.process import Service
from tests.fixtures.rabbitmq import RabbitMQ

GOING_AWAY = 1001
AT_ONCE_S = 3
DRAIN_S = 4


@pytest.fixture(scope='module')
def cloud(rabbitmq: RabbitMQ) -> Iterator[Cloud]:
    with Cloud(rabbitmq.url) as cloud:
        cloud.wait_for_server(demo_instance_uuid(cloud.host))
        yield cloud


@pytest.fixture
def url(cloud: Cloud) -> str:
    return cloud.console_url(demo_instance_uuid(cloud.host))


def start_proxy(cloud: Cloud, drain_timeout_s: int) -> Service:
    """Start the proxy anew, with another drain_timeout."""
    conf = cloud.conf()
    conf.setdefault('novncproxy', {})['drain_timeout'] = drain_timeout_s
    cloud.novncproxy.kill()
    cloud.novncproxy.configure(conf)
    cloud.novncproxy.start()
    cloud.wait_until_listening()
    return cloud.novncproxy


def wait_until_closed_to_others(cloud: Cloud) -> None:
    wait_until(lambda: not is_listening(cloud.proxy_port), AT_ONCE_S, 'new connections to be refused')


def assert_ended_at_once(proxy: Service, session: ConsoleClient, told_at: float) -> None:
    session.wait_for_close()
    assert proxy.wait() == 0
    assert time.monotonic() - told_at < AT_ONCE_S
    assert 'Traceback' not in proxy.output()


def test_sessions_go_on_for_drain_timeout(cloud: Cloud, url: str):
    proxy = start_proxy(cloud, DRAIN_S)
    with open_console(url) as session:
        session.see_typed('before')
        told_at = time.monotonic()
        proxy.signal(signal.SIGTERM)
        wait_until_closed_to_others(cloud)
        session.see_typed('draining')
        assert time.monotonic() - told_at < DRAIN_S
        assert session.wait_for_close() == GOING_AWAY
        assert DRAIN_S - 0.5 < time.monotonic() - told_at < DRAIN_S + AT_ONCE_S
        assert proxy.wait() == 0
    assert 'Traceback' not in proxy.output()


def test_it_ends_with_the_last_session(cloud: Cloud, url: str):
    proxy = start_proxy(cloud, 60)
    with open_console(url) as session:
        proxy.signal(signal.SIGTERM)
        wait_until_closed_to_others(cloud)
        session.see_typed('the last one')
    assert proxy.wait(AT_ONCE_S) == 0


@pytest.mark.parametrize('second', [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_ends_it_now(cloud: Cloud, url: str, second: int):
    proxy = start_proxy(cloud, 60)
    with open_console(url) as session:
        proxy.signal(signal.SIGTERM)
        wait_until_closed_to_others(cloud)
        session.see_typed('draining')
        told_at = time.monotonic()
        proxy.signal(second)
        assert_ended_at_once(proxy, session, told_at)


def test_drain_timeout_of_0_ends_at_once(cloud: Cloud, url: str):
    proxy = start_proxy(cloud, 0)
    with open_console(url) as session:
        session.see_typed('before')
        told_at = time.monotonic()
        proxy.signal(signal.SIGTERM)
        assert_ended_at_once(proxy, session, told_at)
        assert session.close_code == GOING_AWAY


def test_a_proxy_started_anew_takes_over_the_port(cloud: Cloud, url: str):
    """Sessions of before leave connections in TIME_WAIT, which must not keep the port."""
    proxy = start_proxy(cloud, 0)
    with open_console(url):
        proxy.signal(signal.SIGTERM)
        assert proxy.wait() == 0
    proxy.start()
    cloud.wait_until_listening()
    open_console(url).close()
