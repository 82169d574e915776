# SPDX-License-Identifier: Apache-2.0
"""The API with its own HTTP server, on an in-process bus with services that stand for the others."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

import pytest

from nova_vnc.api import factory
from nova_vnc.rpc import compute, consoleauth
from tests.fixtures.bus import Bus, in_process_bus
from tests.fixtures.services import Cloud
from tests.functional.api.api import Api, three_servers


@pytest.fixture
def bus() -> Iterator[Bus]:
    with in_process_bus() as made:
        made.conf.set_override('auth_strategy', 'noauth2', 'api')
        made.conf.set_override('osapi_compute_listen_port', 0)
        yield made


@pytest.fixture
def cloud(bus: Bus) -> Iterator[Cloud]:
    cloud = three_servers()
    endpoints = cloud.endpoints()
    with contextlib.ExitStack() as stack:
        stack.enter_context(bus.serving(consoleauth.TOPIC, endpoints[consoleauth.TOPIC], 'controller'))
        for host in {instance.host for instance in cloud.instances.values()}:
            stack.enter_context(bus.serving(compute.TOPIC, endpoints[compute.TOPIC], str(host)))
        yield cloud


@pytest.fixture
def api(bus: Bus) -> Iterator[Api]:
    """Without the fixture `cloud`, nobody else is on the bus."""
    service = factory.build_service(bus.conf, bus.transport)
    failures: list[str] = []
    service.start(failures.append)
    yield Api(service)
    hurry = threading.Event()
    hurry.set()
    service.stop(hurry)
    assert failures == []
