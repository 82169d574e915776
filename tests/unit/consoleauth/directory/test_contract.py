# SPDX-License-Identifier: Apache-2.0
"""What every driver of [consoleauth]instance_directory answers. A new driver gets a line in DIRECTORIES."""

import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from nova_vnc import exception
from nova_vnc.consoleauth.directory.base import InstanceDirectory, Report
from nova_vnc.consoleauth.directory.reported import ReportedInstanceDirectory
from nova_vnc.db.engine import Database
from nova_vnc.objects import InstanceRecord
from tests.fixtures.database import new_database
from tests.fixtures.nova_database import RELEASES, fill_nova, new_nova_database

UNKNOWN = 'ffffffff-0000-4000-8000-000000000000'


def uuid(number: int) -> str:
    return f'00000000-0000-4000-8000-{number:012d}'


RECORD = InstanceRecord(uuid=uuid(1), id=12, name='instance-0000000c', display_name='web1', host='compute1',
                        project_id='p1', user_id='u1', vm_state='active', task_state='rebooting')

Filled = Callable[[Path, Sequence[InstanceRecord]], AbstractContextManager[InstanceDirectory]]


def fill_reported(database: Database, records: Sequence[InstanceRecord]) -> InstanceDirectory:
    filled = ReportedInstanceDirectory(database, stale_after_s=180)
    for host in {record.host for record in records}:
        here = [record for record in records if record.host == host]
        filled.report(Report(host, 1, len(here), here))
    return filled


@contextlib.contextmanager
def reported(directory: Path, records: Sequence[InstanceRecord]) -> Iterator[InstanceDirectory]:
    with new_database(directory) as database:
        yield fill_reported(database, records)


def nova(release: str) -> Filled:
    @contextlib.contextmanager
    def filled(directory: Path, records: Sequence[InstanceRecord]) -> Iterator[InstanceDirectory]:
        with new_nova_database(directory, release) as database:
            yield fill_nova(database, records)
    return filled


DIRECTORIES: dict[str, Filled] = {'reported': reported, **{f'nova {release}': nova(release) for release in RELEASES}}


@pytest.fixture(params=DIRECTORIES)
def fill(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[..., InstanceDirectory]]:
    """Return a function that makes a directory of VMs."""
    with contextlib.ExitStack() as stack:
        yield lambda *records: stack.enter_context(DIRECTORIES[request.param](tmp_path, records))


def many(count: int, **changes: object) -> list[InstanceRecord]:
    return [dataclasses.replace(RECORD, uuid=uuid(number), **changes) for number in range(count)]


def uuids_of(directory: InstanceDirectory, project_id: str | None = None, name: str | None = None, limit: int = 1000,
             marker: str | None = None) -> list[str]:
    return [entry.instance.uuid for entry in directory.page(project_id, name, limit, marker)]


def test_get(fill: Callable[..., InstanceDirectory]):
    directory = fill(RECORD)
    entry = directory.get(RECORD.uuid)
    assert entry.instance == RECORD
    assert not entry.host_is_silent
    assert directory.get(UNKNOWN) is None


def test_get_many(fill: Callable[..., InstanceDirectory]):
    directory = fill(*many(3))
    assert directory.get_many([uuid(2), UNKNOWN, uuid(0)]) == {
        uuid(2): directory.get(uuid(2)), UNKNOWN: None, uuid(0): directory.get(uuid(0))}


def test_empty(fill: Callable[..., InstanceDirectory]):
    directory = fill()
    assert directory.get(RECORD.uuid) is None
    assert uuids_of(directory) == []


def test_pages(fill: Callable[..., InstanceDirectory]):
    directory = fill(*many(7, host='compute1'), dataclasses.replace(RECORD, uuid=uuid(9), host='compute2'))
    everything = [uuid(number) for number in (0, 1, 2, 3, 4, 5, 6, 9)]
    assert uuids_of(directory) == everything
    assert uuids_of(directory, limit=3) == everything[:3]
    assert uuids_of(directory, limit=3, marker=everything[2]) == everything[3:6]
    assert uuids_of(directory, limit=3, marker=everything[5]) == everything[6:]
    assert uuids_of(directory, marker=everything[-1]) == []
    assert uuids_of(directory, limit=0) == []


def test_projects(fill: Callable[..., InstanceDirectory]):
    mine, others, nobodys = (dataclasses.replace(RECORD, uuid=uuid(number), project_id=project_id)
                             for number, project_id in enumerate(['p1', 'p2', None]))
    directory = fill(mine, others, nobodys)
    assert uuids_of(directory, project_id='p1') == [mine.uuid]
    assert uuids_of(directory) == [mine.uuid, others.uuid, nobodys.uuid]


def test_markers(fill: Callable[..., InstanceDirectory]):
    directory = fill(*many(2), dataclasses.replace(RECORD, uuid=uuid(5), project_id='p2'))
    with pytest.raises(exception.MarkerNotFound):
        uuids_of(directory, marker=UNKNOWN)
    with pytest.raises(exception.MarkerNotFound):
        uuids_of(directory, project_id='p1', marker=uuid(5))


@pytest.fixture
def odd_name() -> str:
    return 'öffentlich 😀'


def test_names(fill: Callable[..., InstanceDirectory], odd_name: str):
    names = ['web1', 'web10', 'Web2', '50% off', odd_name, 'web (old)']
    directory = fill(*(dataclasses.replace(RECORD, uuid=uuid(number), display_name=name)
                       for number, name in enumerate(names)))

    def found(name: str) -> set[str]:
        return {names[int(found[-2:])] for found in uuids_of(directory, name=name)}
    assert found('^web1$') == {'web1'}
    assert found('web1') == {'web1', 'web10'}
    assert found('web2') == {'Web2'}
    assert found('%') == {'50% off'}
    assert found(odd_name) == {odd_name}
    assert found('web (old)') == {'web (old)'}
    assert found('') == set(names)
    assert uuids_of(directory, name='web', project_id='p2') == []
