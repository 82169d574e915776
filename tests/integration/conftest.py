# SPDX-License-Identifier: Apache-2.0
"""The real parts as pytest fixtures.

Broker and libvirtd are shared by the whole run, since they take seconds to start. A test that stops, kills or counts
something there takes a part of its own: with RabbitMQ() as broker: ...
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from nova_vnc.compute.virt.demo.screen import Screen
from nova_vnc.compute.virt.demo.server import DemoServer
from tests.fixtures.browser import Browser
from tests.fixtures.fail import unexpected
from tests.fixtures.libvirt import Libvirtd
from tests.fixtures.rabbitmq import RabbitMQ

_DIRECTORY = Path(__file__).parent
_TIMEOUT_S = 300

# What tests of these directories are marked with (pyproject.toml).
_MARKS = {'cache': 'once', 'database': 'once', 'keystone': 'released', 'load_balancers': 'once', 'networks': 'once',
          'small_cloud': 'released', 'vnc_servers': 'once'}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption('--write-screenshots', metavar='DIRECTORY',
                     help='where test_console_page_audit.py writes the pictures of the user guide')


# First, since pytest's own hook applies -m.
@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if _DIRECTORY not in item.path.parents:
            continue
        for directory, mark in _MARKS.items():
            if _DIRECTORY / directory in item.path.parents:
                item.add_marker(mark)
        if item.get_closest_marker('timeout') is None:
            item.add_marker(pytest.mark.timeout(_TIMEOUT_S))
        if 'browser' in getattr(item, 'fixturenames', ()):
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope='session')
def rabbitmq() -> Iterator[RabbitMQ]:
    with RabbitMQ() as broker:
        yield broker


@pytest.fixture(scope='session')
def libvirtd() -> Iterator[Libvirtd]:
    with Libvirtd() as daemon:
        yield daemon


@pytest.fixture
def browser() -> Iterator[Browser]:
    with Browser() as window:
        yield window


@pytest.fixture
def guest() -> Iterator[DemoServer]:
    guest = DemoServer(Screen('demo'), b'demo-guest')
    guest.start(unexpected)
    yield guest
    guest.stop()
