# SPDX-License-Identifier: Apache-2.0
"""One nova-consoleauth for two cells of a Nova: each with a database on a server of its own, and a vhost of its own.

Its user may do so much in them as doc/source/admin/consoleauth.rst says, and no more.
"""

from __future__ import annotations

import contextlib
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import oslo_messaging
import pytest
import sqlalchemy as sa

from nova_vnc import exception, objects
from nova_vnc.conf import opts
from nova_vnc.context import service_context
from nova_vnc.net.deadline import Deadline
from nova_vnc.rpc import caller as rpc_caller
from nova_vnc.rpc import transport as rpc_transport
from nova_vnc.rpc.consoleauth import ConsoleAuthAPI
from nova_vnc.rpc.server import BackgroundServer
from tests.fixtures.bus import new_conf
from tests.fixtures.database_server import MariaDB
from tests.fixtures.fail import unexpected
from tests.fixtures.nova_database import RELEASES, ApiDatabase, create_tables, insert_instances
from tests.fixtures.process import Service
from tests.fixtures.rabbitmq import RabbitMQ

pytestmark = pytest.mark.once

HOST = 'compute1'       # in both cells
READY_S = 90
CTXT = service_context()
USER = 'nova_vnc'
FIRST, SECOND = str(uuid.uuid4()), str(uuid.uuid4())


class Compute:
    """What a nova-compute of Nova's knows, in one cell."""

    target = oslo_messaging.Target(version='5.0')

    def __init__(self) -> None:
        self.asked: list[str] = []

    def validate_console_port(self, ctxt: Any, instance: dict[str, Any], port: str, console_type: str) -> bool:
        self.asked.append(objects.instance_uuid_of(instance))
        return True


class Cell:
    def __init__(self, server: MariaDB, vhost: str, database: str) -> None:
        self.server = server
        self.vhost = vhost
        self.url = sa.make_url(server.url).set(database=database).render_as_string(hide_password=False)
        self.compute = Compute()
        server.execute(f'CREATE DATABASE {database}')
        create_tables(self.url, RELEASES[-1])
        _grant(server, f'SELECT ON {database}.instances', f'SELECT, INSERT, DELETE ON {database}.console_auth_tokens')

    @contextlib.contextmanager
    def serving(self) -> Iterator[None]:
        transport = rpc_transport.build_transport(new_conf(), self.vhost)
        server = BackgroundServer(transport, 'compute', HOST, [self.compute])
        server.start(unexpected)
        assert server.wait_listening(READY_S)
        try:
            yield
        finally:
            server.stop()
            transport.cleanup()


def _grant(server: MariaDB, *rights: str) -> None:
    server.execute(f"CREATE USER IF NOT EXISTS {USER}@'127.0.0.1'")
    for right in rights:
        server.execute(f"GRANT {right} TO {USER}@'127.0.0.1'")


def _poor(url: str) -> str:
    return sa.make_url(url).set(username=USER).render_as_string(hide_password=False)


class Region:
    """Two cells whose API database is on the server of the first one."""

    def __init__(self, servers: list[MariaDB], broker: RabbitMQ, directory: Path) -> None:
        self.bus = broker.new_vhost()
        self.cells = [Cell(server, broker.new_vhost(), f'nova_cell{number}')
                      for number, server in enumerate(servers, 1)]
        servers[0].execute('CREATE DATABASE nova_api')
        self.api_url = sa.make_url(servers[0].url).set(database='nova_api').render_as_string(hide_password=False)
        api = ApiDatabase(self.api_url)
        _grant(servers[0], 'SELECT ON nova_api.cell_mappings', 'SELECT ON nova_api.instance_mappings')
        for number, (cell, instance) in enumerate(zip(self.cells, (FIRST, SECOND), strict=True), 1):
            # One in the form of a template.
            vhost = cell.vhost.rpartition('/')[2]
            api.add_cell(number, _poor(cell.url),
                         cell.vhost if number == 1 else '{scheme}://{username}:{password}@{hostname}:{port}/' + vhost)
            insert_instances(cell.url, [objects.InstanceRecord(uuid=instance, host=HOST, project_id='p1',
                                                               display_name=f'in cell {number}')])
            api.map_instance(instance, number)
        self.consoleauth = Service('nova-consoleauth', {
            'DEFAULT': {'debug': True, 'transport_url': self.bus, 'host': 'controller', 'state_path': directory},
            'api_database': {'connection': _poor(self.api_url)},
            'database': {'connection': 'mysql+pymysql://nobody@127.0.0.1/nova_cell0'}}, directory)
        self.transport = rpc_transport.build_transport(new_conf(), self.bus)
        self.api = ConsoleAuthAPI(rpc_caller.Caller(self.transport), timeout_s=READY_S)

    def authorize(self, instance_uuid: str) -> str:
        token = str(uuid.uuid4())
        self.api.authorize_console(CTXT, objects.ConnectInfo(
            token=token, console_type='novnc', host='192.0.2.1', port='5900', instance_uuid=instance_uuid,
            internal_access_path=None, access_url=f'http://127.0.0.1:6080/vnc_auto.html?path=%3Ftoken%3D{token}'))
        return token

    def answers(self) -> bool:
        # A message that comes before its queue is dropped.
        try:
            return self.api.check_token(CTXT, 'unknown', Deadline(3)).reason == 'invalid'
        except exception.ServiceUnavailable:
            return False

    def reason(self, token: str) -> str | None:
        return self.api.check_token(CTXT, token).reason

    def count(self, cell: Cell) -> int:
        return cell.server.execute(
            f'SELECT count(*) FROM {sa.make_url(cell.url).database}.console_auth_tokens')[0][0]


@pytest.fixture(scope='module')
def region(rabbitmq: RabbitMQ, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Region]:
    opts.set_defaults()
    with contextlib.ExitStack() as stack:
        servers = [stack.enter_context(MariaDB()) for _ in range(2)]
        region = Region(servers, rabbitmq, tmp_path_factory.mktemp('region'))
        stack.callback(region.transport.cleanup)
        for cell in region.cells:
            stack.enter_context(cell.serving())
        stack.enter_context(region.consoleauth)
        region.consoleauth.wait_for_line('maps 2 cells beside cell0', READY_S)
        region.consoleauth.wait_until(region.answers, READY_S, 'an answer on the bus')
        yield region


def test_the_whole_path_in_each_cell(region: Region):
    """The hosts have one name, and each is asked about its own VM alone."""
    for number, instance in enumerate((FIRST, SECOND), 1):
        answer = region.api.check_token(CTXT, region.authorize(instance))
        assert (answer.reason, answer.display_name) == (None, f'in cell {number}')
        assert (answer.connect_info.host, answer.connect_info.instance_uuid) == ('192.0.2.1', instance)
    assert [set(cell.compute.asked) for cell in region.cells] == [{FIRST}, {SECOND}]
    assert [region.count(cell) for cell in region.cells] == [1, 1]
    assert region.reason('unknown') == 'invalid'
    assert [entry.instance.uuid for entry in region.api.list_instances(CTXT)] == sorted([FIRST, SECOND])


def test_a_cell_whose_database_is_down(region: Region):
    first, second = region.authorize(FIRST), region.authorize(SECOND)
    assert (region.reason(first), region.reason(second)) == (None, None)
    down = region.cells[1]
    for end, back in ((down.server.pause, down.server.resume), (down.server.kill, down.server.start)):
        end()
        try:
            for _ in range(3):
                began = time.monotonic()
                assert region.reason(first) is None
                assert time.monotonic() - began < 5
                assert region.reason(second) == 'unavailable'
            assert [entry.instance.uuid for entry in region.api.list_instances(CTXT)] == [FIRST]
        finally:
            back()
        region.consoleauth.wait_until(lambda: region.reason(second) is None, READY_S, 'the cell to be back')
    assert 'of cell cell2 does not answer' in region.consoleauth.output()
    assert 'Traceback' not in region.consoleauth.output()


def test_deleting_is_in_the_cell_of_the_vm(region: Region):
    first, second = region.authorize(FIRST), region.authorize(SECOND)
    region.api.delete_tokens_for_instance(CTXT, SECOND)
    region.consoleauth.wait_until(lambda: region.reason(second) == 'invalid', READY_S, 'the token to be gone')
    assert region.reason(first) is None
