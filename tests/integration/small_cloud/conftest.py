# SPDX-License-Identifier: Apache-2.0
"""One small cloud for all tests here, and a guest in it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.fixtures.backend import concurrency_backend
from tests.fixtures.database_server import MariaDB
from tests.fixtures.libvirt import Libvirtd
from tests.fixtures.openstack_release import released_openstack
from tests.fixtures.rabbitmq import RabbitMQ
from tests.integration.small_cloud.cloud import SmallCloud
from tests.integration.small_cloud.console_plane import ConsolePlane
from tests.integration.small_cloud.server import Server


@pytest.fixture(scope='session')
def cloud(rabbitmq: RabbitMQ, libvirtd: Libvirtd) -> Iterator[SmallCloud]:
    with MariaDB() as database, SmallCloud(released_openstack(), rabbitmq.url, database, libvirtd.uri) as cloud:
        yield cloud


@pytest.fixture(scope='module')
def server(cloud: SmallCloud, libvirtd: Libvirtd) -> Iterator[Server]:
    server = Server.create(cloud, libvirtd, 'web server 1')
    yield server
    server.delete()


@pytest.fixture(scope='session')
def environment() -> dict[str, str]:
    """Return what our processes need in their environment to have this run's backend, which nova.conf does not name."""
    return {} if concurrency_backend() == 'eventlet' else {'OS_NOVA_DISABLE_EVENTLET_PATCHING': '1'}


@pytest.fixture(scope='module')
def console_plane(cloud: SmallCloud, environment: dict[str, str]) -> Iterator[ConsolePlane]:
    """Our two processes, not started."""
    plane = ConsolePlane(cloud, environment)
    yield plane
    plane.close()
