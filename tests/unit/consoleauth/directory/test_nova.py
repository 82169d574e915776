# SPDX-License-Identifier: Apache-2.0
"""What the directory of Nova's tables does beyond test_contract."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from nova_vnc import objects
from nova_vnc.consoleauth.directory.nova import NovaInstanceDirectory, build_name
from nova_vnc.db.engine import Database
from tests.fixtures.nova_database import (
    NAME_TEMPLATE,
    RELEASES,
    administrator,
    fill_nova,
    insert_instances,
    new_nova_database,
)
from tests.unit.consoleauth.directory.test_contract import RECORD, uuid, uuids_of


@pytest.fixture(params=RELEASES)
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    with new_nova_database(tmp_path, request.param) as database:
        yield database


def test_what_nova_alone_knows(database: Database):
    record = dataclasses.replace(RECORD, locked=True, description='of the team', tags=('a', 'b'))
    other = dataclasses.replace(RECORD, uuid=uuid(2), id=13, name='instance-0000000d', tags=('c',))
    directory = fill_nova(database, [record, other])
    assert directory.get(record.uuid).instance == record
    assert [entry.instance for entry in directory.page(None, None, 10, None)] == [record, other]
    assert objects.InstanceRecord.from_dict(record.to_dict()) == record
    assert directory.reported() is None


def test_tags_count_for_no_entries(database: Database):
    directory = fill_nova(database, [
        dataclasses.replace(RECORD, uuid=uuid(number), tags=tuple('abcdef')) for number in range(4)])
    assert uuids_of(directory, limit=2) == [uuid(0), uuid(1)]
    assert uuids_of(directory, limit=2, marker=uuid(1)) == [uuid(2), uuid(3)]


def test_deleted(database: Database):
    insert_instances(database._url, [RECORD], deleted=12, vm_state='deleted')
    directory = NovaInstanceDirectory(database, NAME_TEMPLATE)
    assert directory.get(RECORD.uuid) is None
    assert uuids_of(directory) == []


def test_that_can_be_restored(database: Database):
    """Nova shows it to whoever names it, and lists it not."""
    insert_instances(database._url, [RECORD], vm_state='soft-delete')
    directory = NovaInstanceDirectory(database, NAME_TEMPLATE)
    assert directory.get(RECORD.uuid).instance.vm_state == 'soft-delete'
    assert uuids_of(directory) == []


def test_that_is_being_resized_into_another_cell(database: Database):
    insert_instances(database._url, [RECORD], hidden=True)
    insert_instances(database._url, [dataclasses.replace(RECORD, id=13, uuid=uuid(2))], hidden=None)
    directory = NovaInstanceDirectory(database, NAME_TEMPLATE)
    assert directory.get(RECORD.uuid) is None
    assert uuids_of(directory) == [uuid(2)]


def test_nearly_empty_rows(database: Database):
    """As of a VM for which no host has been found."""
    nulls = dict.fromkeys((
        'host', 'display_name', 'vm_state', 'task_state', 'locked', 'display_description', 'user_id'))
    insert_instances(database._url, [RECORD], **nulls)
    directory = NovaInstanceDirectory(database, NAME_TEMPLATE)
    assert directory.get(RECORD.uuid).instance == objects.InstanceRecord(
        uuid=RECORD.uuid, id=12, name='instance-0000000c', project_id='p1', vm_state=objects.VM_STATE_UNKNOWN)
    assert uuids_of(directory) == [RECORD.uuid]


def test_of_queens(database: Database):
    """Which has no column hidden."""
    with administrator(database._url) as connection:
        connection.execute(sa.text('ALTER TABLE instances DROP COLUMN hidden'))
        connection.execute(sa.text('INSERT INTO instances (uuid, deleted, host) '
                                   f"VALUES ('{RECORD.uuid}', 0, 'h1')"))
    directory = NovaInstanceDirectory(database, NAME_TEMPLATE)
    assert directory.get(RECORD.uuid).instance.host == 'h1'


@pytest.mark.parametrize(('template', 'name'), [
    ('instance-%08x', 'instance-0000000c'), ('vm-%d', 'vm-12'), ('%(uuid)s', 'u'),
    ('%(display_name)s-%(id)x', 'web1-c'), ('%(unknown)s', 'u'), ('vm', 'vm')])
def test_names_in_the_hypervisor(template: str, name: str):
    assert build_name(template, {'id': 12, 'uuid': 'u', 'display_name': 'web1'}) == name
