# SPDX-License-Identifier: Apache-2.0
"""Several cells of a Nova behind its API database: the choice of it, store, directory, hosts."""

import contextlib
import dataclasses
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nova_vnc import exception
from nova_vnc.consoleauth import open_cells
from nova_vnc.consoleauth.cells import Cells
from nova_vnc.consoleauth.choice import Choice, Drivers
from nova_vnc.consoleauth.directory.cells import CellsInstanceDirectory
from nova_vnc.consoleauth.directory.nova import NovaInstanceDirectory
from nova_vnc.consoleauth.resources import Resources
from nova_vnc.consoleauth.stores.cells import CellsTokenStore
from nova_vnc.db import factory as db_factory
from nova_vnc.objects import InstanceRecord
from tests.fixtures.bus import new_conf
from tests.fixtures.nova_database import (
    RELEASES,
    ApiDatabase,
    administrator,
    cell_uuid,
    create_tables,
    insert_instances,
)
from tests.unit.consoleauth.directory.test_contract import uuid, uuids_of
from tests.unit.consoleauth.stores.test_contract import GIVEN, NOW, TOKEN


def instance(number: int, host: str = 'h1') -> InstanceRecord:
    return InstanceRecord(uuid=uuid(number), id=number + 1, host=host, project_id='p1', display_name=f'vm{number}')


class Region:
    """An API database and two cells: VMs of even numbers are in the first, the others in the second."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.said: list[str] = []
        self.api = ApiDatabase(self.url('api'))
        for number in (1, 2):
            create_tables(self.url(f'cell{number}'), RELEASES[-1])
            self.api.add_cell(number, self.url(f'cell{number}'))
        for number in range(6):
            insert_instances(self.url(f'cell{1 + number % 2}'), [instance(number)])
            self.api.map_instance(uuid(number), 1 + number % 2)

    def url(self, name: str) -> str:
        return f'sqlite:///{self.directory}/{name}.sqlite'

    def rows(self, name: str) -> int:
        with administrator(self.url(name)) as connection:
            return connection.exec_driver_sql('SELECT count(*) FROM console_auth_tokens').scalar_one()

    @contextlib.contextmanager
    def away(self, name: str) -> Iterator[None]:
        """A directory in its place cannot be opened."""
        path = self.directory / f'{name}.sqlite'
        hidden = path.rename(self.directory / f'{name}.hidden')
        path.mkdir()
        try:
            yield
        finally:
            path.rmdir()
            hidden.rename(path)

    def parts(self, **options: Any) -> Resources:
        conf = new_conf()
        db_factory.register_opts(conf)
        conf.set_override('state_path', str(self.directory))
        conf.set_override('connection', self.url('api'), 'api_database')
        conf.set_override('connection', self.url('nova_cell0'), 'database')
        for name, value in options.items():
            conf.set_override(name, value, 'consoleauth')
        return Resources(conf)


@pytest.fixture
def region(tmp_path: Path) -> Region:
    return Region(tmp_path)


@pytest.fixture
def parts(region: Region) -> Iterator[Resources]:
    with contextlib.closing(region.parts()) as parts:
        yield parts


@pytest.fixture
def drivers(region: Region, parts: Resources) -> Drivers:
    return Choice(parts, region.said.append).drivers()


@pytest.fixture
def store(drivers: Drivers) -> CellsTokenStore:
    assert isinstance(drivers.store, CellsTokenStore)
    return drivers.store


@pytest.fixture
def directory(drivers: Drivers) -> CellsInstanceDirectory:
    assert isinstance(drivers.directory, CellsInstanceDirectory)
    return drivers.directory


def given(number: int) -> Any:
    return dataclasses.replace(GIVEN, token=f'{number}-{TOKEN}', instance_uuid=uuid(number))


class TestChoice:
    def test_cells_are_named(self, region: Region, drivers: Drivers):
        assert region.said == [
            'Tokens are in the store database ([consoleauth]token_store = auto), VMs in the directory nova '
            f'(instance_directory = auto), of each cell: [api_database]connection = {region.url("api")} maps 2 cells '
            'beside cell0']

    def test_explicit_options_mean_one_cell(self, region: Region):
        create_tables(region.url('nova_cell0'), RELEASES[-1])
        insert_instances(region.url('nova_cell0'), [instance(9)])
        with contextlib.closing(region.parts(token_store='database', instance_directory='nova')) as parts:
            assert isinstance(Choice(parts).drivers().directory, NovaInstanceDirectory)

    def test_without_cells_the_database_is_asked(self, region: Region):
        with administrator(region.url('api')) as connection:
            connection.exec_driver_sql("DELETE FROM cell_mappings WHERE name <> 'cell0'")
        create_tables(region.url('nova_cell0'), RELEASES[-1])
        with contextlib.closing(region.parts()) as parts, \
                pytest.raises(exception.ConfigurationError, match='cell0'):
            Choice(parts).drivers()

    def test_an_api_database_that_is_away_is_waited_for(self, region: Region, parts: Resources):
        choice = Choice(parts)
        assert choice.needs_the_database
        with region.away('api'), pytest.raises(exception.StoreUnavailable):
            choice.drivers()
        assert isinstance(choice.drivers().store, CellsTokenStore)

    def test_another_database_in_its_place(self, region: Region, parts: Resources):
        parts.conf.set_override('connection', region.url('cell1'), 'api_database')
        with pytest.raises(exception.ConfigurationError, match=r'\[api_database\]connection = .* API database'):
            Choice(parts).drivers()

    def test_malformed(self, parts: Resources):
        parts.conf.set_override('connection', 'x', 'api_database')
        with pytest.raises(exception.ConfigurationError, match=r'\[api_database\]connection is not a URL'):
            Choice(parts)


class TestStore:
    def test_each_token_is_in_the_cell_of_its_vm(self, region: Region, store: CellsTokenStore):
        store.add(given(0))
        store.add(given(1))
        store.add(given(3))
        assert (region.rows('cell1'), region.rows('cell2')) == (1, 2)
        for number in (0, 1, 3):
            assert store.get(given(number).token, NOW).instance_uuid == uuid(number)
        assert store.get('unknown', NOW) is None
        assert store.delete_for_instance(uuid(1)) == 1
        assert store.get(given(1).token, NOW) is None
        assert store.purge(GIVEN.expires) == 2
        assert (region.rows('cell1'), region.rows('cell2')) == (0, 0)

    def test_a_vm_in_no_cell(self, region: Region, store: CellsTokenStore):
        region.api.map_instance(uuid(8), None)
        region.api.map_instance(uuid(9), 100)       # cell0
        for number in (7, 8, 9):
            with pytest.raises(exception.InstanceNotFound):
                store.add(given(number))
            assert store.delete_for_instance(uuid(number)) == 0

    def test_what_is_taken(self, store: CellsTokenStore):
        store.add(given(1))
        with pytest.raises(exception.TokenInUse):
            store.add(dataclasses.replace(given(1), port='5999'))

    def test_a_cell_that_is_away(self, region: Region, store: CellsTokenStore, caplog: pytest.LogCaptureFixture):
        store.add(given(0))
        store.add(given(1))
        with region.away('cell2'):
            _forget_connections(store)
            for _ in range(3):
                assert store.get(given(0).token, NOW) is not None
                with pytest.raises(exception.StoreUnavailable):
                    store.get(given(1).token, NOW)
            store.add(given(2))
            with pytest.raises(exception.StoreUnavailable):
                store.add(given(3))
            with pytest.raises(exception.StoreUnavailable):
                store.delete_for_instance(uuid(1))
            assert store.delete_for_instance(uuid(2)) == 1
            assert store.purge(GIVEN.expires) == 1
        assert store.get(given(1).token, NOW) is not None
        said = [record.getMessage() for record in caplog.records if record.name.endswith('asked')]
        assert sum('of cell cell2 does not answer' in line for line in said) == 1

    def test_a_cell_that_hangs_is_waited_for_by_none_but_its_own(self, store: CellsTokenStore):
        store.add(given(0))
        store.add(given(1))
        hung = store._cells.by_uuid(cell_uuid(2))
        come_back = threading.Event()
        real, hung.store.get = hung.store.get, lambda token, now: come_back.wait(30) and real(token, now)
        try:
            assert store.get(given(0).token, NOW) is not None
            with pytest.raises(exception.StoreUnavailable):
                store.get(given(1).token, NOW)
            assert hung.asked.is_away
            assert store.get(given(0).token, NOW) is not None
        finally:
            come_back.set()

    def test_without_the_api_database(self, region: Region, store: CellsTokenStore):
        store.add(given(0))
        with region.away('api'):
            store._cells._api.close()
            assert store.get(given(0).token, NOW) is not None
            store.add(given(1))
            assert region.rows('cell2') == 1


class TestDirectory:
    def test_get(self, directory: CellsInstanceDirectory):
        entry = directory.get(uuid(3))
        assert (entry.instance.display_name, entry.cell) == ('vm3', cell_uuid(2))
        assert directory.get(uuid(0)).cell == cell_uuid(1)
        assert directory.get(uuid(77)) is None
        assert directory.reported() is None

    def test_pages(self, directory: CellsInstanceDirectory):
        everything = [uuid(number) for number in range(6)]
        assert uuids_of(directory) == everything
        assert uuids_of(directory, limit=4) == everything[:4]
        assert uuids_of(directory, limit=4, marker=uuid(3)) == everything[4:]
        assert uuids_of(directory, name='vm5') == [uuid(5)]
        assert uuids_of(directory, project_id='p2') == []
        with pytest.raises(exception.MarkerNotFound):
            uuids_of(directory, marker=uuid(77))
        with pytest.raises(exception.MarkerNotFound):
            uuids_of(directory, marker=uuid(0), project_id='p2')

    def test_a_cell_that_is_away_is_left_out(self, region: Region, directory: CellsInstanceDirectory):
        with region.away('cell1'):
            assert uuids_of(directory) == [uuid(1), uuid(3), uuid(5)]
            with pytest.raises(exception.StoreUnavailable):
                directory.get(uuid(0))
            with region.away('cell2'), pytest.raises(exception.StoreUnavailable):
                uuids_of(directory)

    def test_without_the_api_database(self, region: Region, directory: CellsInstanceDirectory):
        with region.away('api'):
            directory._cells._api.close()
            assert directory.get(uuid(3)).cell == cell_uuid(2)
            assert directory.get(uuid(77)) is None


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class TestChanges:
    @pytest.fixture
    def clock(self, parts: Resources) -> Clock:
        clock = Clock()
        open_cells.cells_of(parts)._clock = clock
        return clock

    @pytest.fixture
    def cells(self, parts: Resources, clock: Clock) -> Cells:
        cells = open_cells.cells_of(parts)
        assert cells.prepare() == 2
        return cells

    def test_a_cell_that_is_added(self, region: Region, cells: Cells, clock: Clock):
        create_tables(region.url('cell3'), RELEASES[-1])
        region.api.add_cell(3, region.url('cell3'))
        assert len(cells.all()) == 2
        region.api.map_instance(uuid(50), 3)
        clock.now = 1.1
        assert cells.cell_of(uuid(50)).mapping.name == 'cell3'

    def test_a_cell_that_is_moved(self, region: Region, cells: Cells, clock: Clock):
        before = cells.all()
        create_tables(region.url('moved'), RELEASES[-1])
        region.api.move_cell(2, region.url('moved'))
        clock.now = 61
        after = cells.all()
        assert after[0] is before[0]
        assert after[1].database.name == region.url('moved')

    def test_a_mapping_of_no_use(self, region: Region, cells: Cells, clock: Clock, caplog: pytest.LogCaptureFixture):
        region.api.add_cell(3, '{scheme}://{username}:{password}@x/cell3')
        clock.now = 61
        assert len(cells.all()) == 2
        assert not cells.are_complete()
        assert 'The consoles of cell cell3 are unavailable: A cell mapping is a template that needs' in caplog.text
        region.api.map_instance(uuid(50), 3)
        with pytest.raises(exception.StoreUnavailable):
            cells.cell_of(uuid(50))
        with pytest.raises(exception.StoreUnavailable):
            CellsTokenStore(cells).get('unknown', NOW)

    def test_a_template(self, region: Region, cells: Cells, clock: Clock):
        region.api.move_cell(2, '{scheme}:////' + f'{region.directory}/cell2.sqlite'.lstrip('/'))
        clock.now = 61
        assert cells.all()[1].database.name == region.url('cell2')


def _forget_connections(store: CellsTokenStore) -> None:
    """As of a server that went away."""
    for cell in store._cells.all():
        cell.database.close()
