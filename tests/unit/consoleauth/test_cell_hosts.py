# SPDX-License-Identifier: Apache-2.0
"""Compute hosts of cells: two that have one name have nothing else in common."""

from __future__ import annotations

import types
from typing import Any

import pytest

from nova_vnc import exception, objects
from nova_vnc.consoleauth import tokens
from nova_vnc.consoleauth.cell_hosts import CellHosts
from nova_vnc.consoleauth.directory.base import Entry
from nova_vnc.consoleauth.host_checks import HostChecks, Hosts, build_places
from nova_vnc.context import service_context
from nova_vnc.net.deadline import Deadline
from nova_vnc.rpc import caller as rpc_caller
from nova_vnc.rpc.compute import ComputeAPI
from nova_vnc.rpc.silent_hosts import SilentHosts

UUID = '9169fdb2-5b74-46b1-9803-60d2926bd97c'
GIVEN = tokens.build_authorization(token='x', console_type='novnc', host='192.0.2.1', port=5900, instance_uuid=UUID,
                                   internal_access_path=None, access_url=None, now=0, ttl_s=1, request_id=None)


class Bus:
    """Stands where rpc.caller.Caller does."""

    def __init__(self, is_silent: bool = False) -> None:
        self.is_silent = is_silent
        self.asked = 0
        self.is_closed = False

    def call(self, *arguments: object, **more: object) -> bool:
        self.asked += 1
        if self.is_silent:
            raise rpc_caller.NoAnswer(service='compute')
        return True

    def close(self) -> None:
        self.is_closed = True


class Rig:
    def __init__(self) -> None:
        self.buses = {'rabbit://a': Bus(is_silent=True), 'rabbit://b': Bus()}
        self.own = Bus()
        self.connected: list[str] = []
        cells = types.SimpleNamespace(by_uuid=self._cell)
        self.hosts = CellHosts(self._hosts(self.own), lambda: cells, self._connect)     # type: ignore[arg-type]
        self.checks = HostChecks(self.hosts.of, build_places(8))

    def _cell(self, uuid: str) -> Any:
        urls = {'a': 'rabbit://a', 'b': 'rabbit://b', 'odd': 'odd'}
        if uuid not in urls:
            return None
        return types.SimpleNamespace(mapping=types.SimpleNamespace(name=uuid, transport_url=urls[uuid]))

    def _connect(self, url: str) -> Any:
        self.connected.append(url)
        if url not in self.buses:
            raise exception.ConfigurationError(reason='it is none')
        return self._hosts(self.buses[url]), self.buses[url]

    @staticmethod
    def _hosts(bus: Any) -> Hosts:
        silent = SilentHosts(rest_s=60, least_wait_s=0)
        return Hosts(ComputeAPI(bus, silent_hosts=silent, ask_extensions=False), silent)

    def check(self, cell: str | None) -> bool:
        entry = Entry(objects.InstanceRecord(uuid=UUID, host='h1'), cell=cell)
        return self.checks.validate(service_context(), entry, GIVEN, Deadline(30))


def test_a_host_is_asked_on_the_bus_of_its_cell():
    rig = Rig()
    assert [rig.check(cell) for cell in ('b', 'b', None)] == [True] * 3
    assert (rig.buses['rabbit://b'].asked, rig.own.asked) == (2, 1)
    assert rig.connected == ['rabbit://b']
    rig.hosts.close()
    assert rig.buses['rabbit://b'].is_closed


def test_a_silent_host_is_silent_in_its_own_cell():
    rig = Rig()
    with pytest.raises(exception.ServiceUnavailable):
        rig.check('a')
    asked = rig.buses['rabbit://a'].asked
    with pytest.raises(exception.HostSilent):
        rig.check('a')
    assert rig.buses['rabbit://a'].asked == asked
    assert rig.check('b')


def test_a_cell_without_a_bus(caplog: pytest.LogCaptureFixture):
    rig = Rig()
    for cell in ('odd', 'odd', 'unknown'):
        with pytest.raises(exception.ServiceUnavailable):
            rig.check(cell)
    assert [record.getMessage() for record in caplog.records] == ['The hosts of cell odd cannot be asked: it is none']
