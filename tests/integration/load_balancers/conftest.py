# SPDX-License-Identifier: Apache-2.0
"""A cloud with two proxies, and one address in front of them at which users find either."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.browser import Browser
from tests.fixtures.certificates import Certificate, CertificateAuthority
from tests.fixtures.cloud import Cloud
from tests.fixtures.console_client import ConsoleClient, open_console
from tests.fixtures.load_balancers import LoadBalancer
from tests.fixtures.ports import free_port
from tests.fixtures.process import Service
from tests.fixtures.rabbitmq import RabbitMQ

# The load balancers connect from 127.0.0.1.
USER, STRANGER = '127.0.0.7', '127.0.0.66'
READY_S = 60


@dataclasses.dataclass(frozen=True)
class Front:
    """
    :ivar port: at which the URLs of consoles say that users connect
    :ivar proxies: the two
    :ivar certificate: for that address
    :ivar ca: file of the authority that has signed it
    """

    cloud: Cloud
    port: int
    proxies: tuple[Service, Service]
    proxy_ports: tuple[int, int]
    certificate: Certificate
    ca: Path

    def balancer(self, kind: type[LoadBalancer], changes: dict[str, str] | None = None) -> LoadBalancer:
        return kind(self.certificate.cert, self.certificate.key, self.proxy_ports, port=self.port, changes=changes)

    def console_url(self) -> str:
        return self.cloud.console_url(self.cloud.wait_for_server())

    def open(self, console_url: str | None = None, **options: Any) -> ConsoleClient:
        """Return an open session of a user who has come through the load balancer."""
        return open_console(console_url or self.console_url(), ca=self.ca, **{'source': USER, **options})

    def marks(self) -> list[tuple[int, int]]:
        return [proxy.mark() for proxy in self.proxies]

    def starting(self, number: int) -> None:
        """Start one of the proxies and wait until it listens."""
        proxy, port = self.proxies[number], self.proxy_ports[number]
        proxy.start()
        proxy.wait_until(lambda: port in proxy.listening_ports(), READY_S, f'listens on {port}')


@pytest.fixture
def browser(front: Front) -> Iterator[Browser]:
    with Browser(trusted_key=front.certificate.key_hash()) as window:
        yield window


@pytest.fixture(scope='package')
def front(rabbitmq: RabbitMQ, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    authority = CertificateAuthority(tmp_path_factory.mktemp('ca'))
    port, second_port = free_port(), free_port()
    with Cloud(rabbitmq.url, options={
            'vnc': {'novncproxy_base_url': f'https://127.0.0.1:{port}/vnc_auto.html'},
            'novncproxy': {'trusted_proxies': '127.0.0.1', 'drain_timeout': 600}}) as cloud:
        second = cloud.add_service('nova-novncproxy', 'second', {'vnc': {'novncproxy_port': second_port}})
        front = Front(cloud, port, (cloud.novncproxy, second), (cloud.proxy_port, second_port), authority.server(),
                      authority.ca)
        front.starting(1)
        yield front
