# SPDX-License-Identifier: Apache-2.0
"""Options that other tests leave at their defaults do what they say."""

from collections.abc import Iterator
from typing import Any

import pytest

from nova_vnc.api import factory as api_factory
from nova_vnc.compute import factory as compute_factory
from nova_vnc.consoleauth import factory as consoleauth_factory
from nova_vnc.rpc import server as rpc_server
from tests.fixtures.bus import Bus, in_process_bus, new_conf
from tests.fixtures.services import DirectCaller


@pytest.fixture
def bus() -> Iterator[Bus]:
    with in_process_bus() as made:
        made.conf.set_override('compute_driver', 'demo')
        yield made


def arguments_of(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str) -> list[tuple[Any, ...]]:
    """Note with which arguments something is called, and call it."""
    noted: list[tuple[Any, ...]] = []
    original = getattr(owner, name)

    def note(*args: Any, **kwargs: Any) -> Any:
        noted.append(args)
        return original(*args, **kwargs)
    monkeypatch.setattr(owner, name, note)
    return noted


def test_host(bus: Bus, tmp_path: Any, monkeypatch: pytest.MonkeyPatch):
    bus.conf.set_override('host', 'the-host')
    bus.conf.set_override('state_path', str(tmp_path))
    of_compute = arguments_of(monkeypatch, rpc_server, 'BackgroundServer')
    of_consoleauth = arguments_of(monkeypatch, consoleauth_factory, 'BackgroundServer')
    compute_factory.build_service(bus.conf, bus.transport)
    consoleauth_factory.build_service(bus.conf, bus.transport)
    assert {name for _, _, name, _ in of_compute} == {'the-host'}
    assert {name for _, _, name, _ in of_consoleauth} == {'the-host'}


def test_base_url(bus: Bus, monkeypatch: pytest.MonkeyPatch):
    bus.conf.set_override('novncproxy_base_url', 'https://console.example/vnc_lite.html', 'vnc')
    made = arguments_of(monkeypatch, compute_factory.manager, 'ComputeManager')
    compute_factory.build_service(bus.conf, bus.transport)
    assert made[0][1] == 'https://console.example/vnc_lite.html'


def test_max_limit(bus: Bus, monkeypatch: pytest.MonkeyPatch):
    bus.conf.set_override('auth_strategy', 'noauth2', 'api')
    bus.conf.set_override('max_limit', 7, 'api')
    made = arguments_of(monkeypatch, api_factory.application, 'Application')
    api_factory.build_app(bus.conf, DirectCaller({}))
    assert 7 in made[0]


@pytest.mark.parametrize(('lines', 'reference', 'value'), [
    ('my_ip = 192.0.2.7', '$my_ip', '192.0.2.7'),
    ('my_ip = 192.0.2.7', '$my_block_storage_ip', '192.0.2.7'),
    ('my_block_storage_ip = 192.0.2.8', '$my_block_storage_ip', '192.0.2.8'),
    ('my_shared_fs_storage_ip = 192.0.2.9', '$my_shared_fs_storage_ip', '192.0.2.9'),
    ('pybasedir = /opt/nova', '$pybasedir', '/opt/nova'),
    ('bindir = /opt/bin', '${bindir}', '/opt/bin'),
    ('instances_path = /srv', '$instances_path', '/srv'),
    ('state_path = /data', '$instances_path', '/data/instances'),
])
def test_values_that_others_refer_to(tmp_path: Any, lines: str, reference: str, value: str):
    path = tmp_path / 'nova.conf'
    path.write_text(f'[DEFAULT]\n{lines}\ncert = {reference}/x\n')
    assert new_conf(path).cert == f'{value}/x'
