# SPDX-License-Identifier: Apache-2.0
"""Our four services in a cloud with a released Keystone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.fixtures.keystone import Keystone
from tests.fixtures.openstack_release import released_openstack
from tests.fixtures.rabbitmq import RabbitMQ
from tests.integration.keystone.cloud import KeystoneCloud

_BUILD_TIMEOUT_S = 900


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.parent.name == 'keystone':
            item.add_marker(pytest.mark.timeout(_BUILD_TIMEOUT_S))


@pytest.fixture(scope='package')
def keystone() -> Iterator[Keystone]:
    with Keystone(released_openstack()) as service:
        yield service


@pytest.fixture(scope='package')
def cloud(rabbitmq: RabbitMQ, keystone: Keystone) -> Iterator[KeystoneCloud]:
    with KeystoneCloud(rabbitmq.url, keystone) as cloud:
        yield cloud
