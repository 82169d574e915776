# SPDX-License-Identifier: Apache-2.0
"""Clouds in which both kinds of processes meet, and the table at the end of the run."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from nova_vnc import exception, objects
from nova_vnc.conf import opts
from nova_vnc.context import service_context
from nova_vnc.rpc import transport as rpc_transport
from nova_vnc.rpc.caller import Caller
from nova_vnc.rpc.consoleauth import ConsoleAuthAPI
from tests.fixtures.bus import new_conf
from tests.fixtures.database_server import SERVERS, DatabaseServer
from tests.fixtures.distribution import is_worker
from tests.fixtures.nova_cell import NovaCell
from tests.fixtures.nova_release import RELEASES, NovaRelease
from tests.fixtures.placement import Placement
from tests.fixtures.ports import free_port
from tests.fixtures.process import Service
from tests.fixtures.qemu import QEMU
from tests.fixtures.rabbitmq import RabbitMQ
from tests.integration.interop.matrix import Matrix, places

_ROOT = Path(__file__).parents[3]
_TABLE = _ROOT / 'build/interop-matrix.txt'
_READY_S = 60
DATABASES = ('mariadb', 'postgresql', 'sqlite')

# -- the table. With pytest -n the tests are collected and run by workers, and it is the first process that prints it.

_MATRIX = pytest.StashKey[Matrix]()
_PROPERTY = 'interop'


def pytest_configure(config: pytest.Config) -> None:
    matrix = config.stash[_MATRIX] = Matrix()
    config.pluginmanager.register(_Notes(matrix))


@pytest.hookimpl(trylast=True)      # behind what -k and -m leave out
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    expected = config.stash[_MATRIX].expected
    for item in items:
        for chain, release in places(item):
            item.user_properties.append((_PROPERTY, (chain, release)))
            expected.append((chain, release, item.nodeid))
    if is_worker(config):
        config.workeroutput[_PROPERTY] = expected


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    node.config.stash[_MATRIX].expected += map(tuple, getattr(node, 'workeroutput', {}).get(_PROPERTY, []))


class _Notes:

    def __init__(self, matrix: Matrix) -> None:
        self._matrix = matrix

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == 'call' or not report.passed:
            for name, place in report.user_properties:
                if name == _PROPERTY:
                    self._matrix.note(*place, report.nodeid, report.passed)


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    matrix = config.stash[_MATRIX]
    if matrix:
        terminalreporter.section('interop matrix')
        terminalreporter.write(matrix.format())
        _TABLE.parent.mkdir(exist_ok=True)
        _TABLE.write_text(matrix.format())
        terminalreporter.write_line(f'(also in {_TABLE.relative_to(_ROOT)})')


# -- Nova's side


@pytest.fixture(scope='package')
def placement() -> Iterator[Placement]:
    with Placement() as placement:
        yield placement


@pytest.fixture(scope='package')
def servers() -> Iterator[dict[str, DatabaseServer]]:
    with contextlib.ExitStack() as stack:
        yield {name: stack.enter_context(server()) for name, server in SERVERS.items()}


@pytest.fixture(scope='package')
def vnc_server() -> Iterator[QEMU]:
    with QEMU('web1') as qemu:
        yield qemu


class Place(NamedTuple):
    """A kind of cell, as a parameter of tests."""

    release: int
    database: str


PLACES = [Place(release, database) for release in sorted(RELEASES, reverse=True) for database in DATABASES]


class ComputeCells:
    """For each release a cell on MariaDB with its nova-conductor and nova-compute, alone on its broker."""

    def __init__(self, stack: contextlib.ExitStack, new_cell: Callable[[int], Any]) -> None:
        self._stack = stack
        self._new_cell = new_cell
        self._cells: dict[int, NovaCell] = {}

    def __getitem__(self, release: int) -> NovaCell:
        if release not in self._cells:
            self._cells[release] = self._stack.enter_context(self._new_cell(release))
            self._cells[release].start_compute()
        return self._cells[release]


@pytest.fixture(scope='package')
def compute_cells(rabbitmq: RabbitMQ, servers: dict[str, DatabaseServer],
                  placement: Placement) -> Iterator[ComputeCells]:
    """They stay until the end, since they take their time to start."""
    with contextlib.ExitStack() as stack:
        yield ComputeCells(stack, lambda release: _new_cell(
            RELEASES[release](), rabbitmq.new_vhost(), 'mariadb', servers, placement=placement))


@pytest.fixture(scope='package', params=PLACES, ids=lambda place: f'{place.release}-{place.database}')
def place(request: pytest.FixtureRequest) -> Place:
    return request.param


@pytest.fixture(scope='package')
def compute_cell(place: Place, compute_cells: ComputeCells) -> NovaCell:
    """The cell in which nova-compute runs.

    It answers the cells on other databases too: for what it is asked here it reads none.
    """
    return compute_cells[place.release]


@pytest.fixture(scope='package')
def cell(place: Place, compute_cell: NovaCell, servers: dict[str, DatabaseServer]) -> Iterator[NovaCell]:
    """A cell of the release on the kind of database."""
    if place.database == 'mariadb':
        yield compute_cell
    else:
        with _new_cell(compute_cell.release, compute_cell.transport_url, place.database, servers,
                       host=compute_cell.host) as cell:
            yield cell


@contextlib.contextmanager
def _new_cell(release: NovaRelease, transport_url: str, database: str, servers: dict[str, DatabaseServer],
              **kwargs: Any) -> Iterator[NovaCell]:
    with contextlib.ExitStack() as stack:
        url = stack.enter_context(servers[database].new_url()) if database in servers else None
        if database == 'mariadb':
            url = f'{url}?charset=utf8'     # of Nova's tables; as its installation guide has it
        yield stack.enter_context(NovaCell(release, transport_url, url, **kwargs))


@pytest.fixture
def instance_uuid(cell: NovaCell, compute_cell: NovaCell, vnc_server: QEMU) -> str:
    """An instance on the host of nova-compute, in the tables of the cell, with a screen."""
    instance_uuid = str(uuid.uuid4())
    cell.call('create_instance', uuid=instance_uuid, host=cell.host, display_name='web1', vm_state='active',
              project_id='3f6b8b1a3f8e4b3f9a5d0e4f7b8c9d0e', user_id='9d0e3f6b8b1a4b3f9a5d0e4f7b8c3f8e')
    compute_cell.set_console(instance_uuid, '127.0.0.1', str(vnc_server.port))
    return instance_uuid


# -- ours, on the nova.conf of the cell


@pytest.fixture(scope='package')
def consoleauth(cell: NovaCell) -> Iterator[ConsoleAuthAPI]:
    """Our nova-consoleauth, as one more unit of the cell."""
    with _directory() as directory, Service('nova-consoleauth', cell.conf(), directory) as service:
        opts.set_defaults()
        transport = rpc_transport.build_transport(new_conf(), cell.transport_url)
        api = ConsoleAuthAPI(Caller(transport), timeout_s=10)
        service.wait_until(lambda: _answers(api), _READY_S, 'answers')
        yield api
        transport.cleanup()


def _answers(api: ConsoleAuthAPI) -> bool:
    try:
        return api.check_token(service_context(), 'unknown').reason == objects.REASON_INVALID
    except exception.ServiceUnavailable:
        return False


@pytest.fixture(scope='package')
def novncproxy_url(cell: NovaCell, consoleauth: ConsoleAuthAPI) -> Iterator[str]:
    """Our nova-novncproxy: what http://host:port of a console URL is to be."""
    port = free_port()
    conf = cell.conf()
    conf['vnc']['novncproxy_port'] = port
    with _directory() as directory, Service('nova-novncproxy', conf, directory) as service:
        service.wait_until(lambda: port in service.listening_ports(), _READY_S, f'listens on {port}')
        yield f'http://127.0.0.1:{port}'


@contextlib.contextmanager
def _directory() -> Iterator[Path]:
    directory = Path(tempfile.mkdtemp(prefix='nova-vnc-interop-', dir='/tmp'))
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)
