# SPDX-License-Identifier: Apache-2.0

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import stevedore

from nova_vnc import exception
from nova_vnc.consoleauth import factory
from nova_vnc.consoleauth.directory.base import InstanceDirectory
from nova_vnc.consoleauth.stores.base import TokenStore
from tests.fixtures.bus import Bus, in_process_bus


@pytest.fixture
def bus(tmp_path: Path) -> Iterator[Bus]:
    with in_process_bus() as bus:
        bus.conf.set_override('state_path', str(tmp_path))
        yield bus


def said(caplog: pytest.LogCaptureFixture) -> str:
    return '\n'.join(record.getMessage() for record in caplog.records if record.name == factory.__name__)


def test_options_are_told(bus: Bus, tmp_path: Path, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO)
    factory.build_service(bus.conf, bus.transport)
    assert said(caplog) == (
        'Tokens are in the store database ([consoleauth]token_store = auto), VMs in the directory reported '
        f'(instance_directory = auto): the database is {tmp_path}/nova-vnc.sqlite, since [database]connection is not '
        'set')
    assert not (tmp_path / 'nova-vnc.sqlite').exists()


def test_malformed_connection(bus: Bus):
    factory.build_service(bus.conf, bus.transport)
    bus.conf.set_override('connection', 'x', group='database')
    with pytest.raises(exception.ConfigurationError, match=r'\[database\]connection'):
        factory.build_service(bus.conf, bus.transport)


def test_malformed_upgrade_level(bus: Bus):
    bus.conf.set_override('compute', '3.0', group='upgrade_levels')
    with pytest.raises(exception.ConfigurationError, match=r'\[upgrade_levels\]compute'):
        factory.build_service(bus.conf, bus.transport)


@pytest.mark.parametrize(('value', 'is_asked'), [('auto', True), ('never', False)])
def test_compute_extensions(bus: Bus, value: str, is_asked: bool, monkeypatch: pytest.MonkeyPatch):
    given: dict[str, Any] = {}
    real = factory.compute_contract.ComputeAPI
    monkeypatch.setattr(factory.compute_contract, 'ComputeAPI',
                        lambda *arguments, **options: given.update(options) or real(*arguments, **options))
    bus.conf.set_override('compute_extensions', value, group='consoleauth')
    factory.build_service(bus.conf, bus.transport)
    assert given['ask_extensions'] is is_asked


@pytest.mark.parametrize(('namespace', 'interface'), [
    ('nova_vnc.token_store', TokenStore), ('nova_vnc.instance_directory', InstanceDirectory)])
def test_every_driver_has_the_interface(namespace: str, interface: type):
    drivers = {extension.name: extension.plugin for extension in stevedore.ExtensionManager(namespace)}
    assert drivers
    assert all(issubclass(driver, interface) for driver in drivers.values())
