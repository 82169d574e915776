# SPDX-License-Identifier: Apache-2.0

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from nova_vnc import exception
from nova_vnc.consoleauth import cell0
from nova_vnc.db.engine import Database
from nova_vnc.objects import InstanceRecord
from tests.fixtures.nova_database import RELEASES, insert_instances, new_nova_database

UUID = '9169fdb2-5b74-46b1-9803-60d2926bd97c'


@pytest.fixture(params=RELEASES)
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[..., Database]]:
    with ExitStack() as stack:
        yield lambda name: stack.enter_context(new_nova_database(tmp_path, request.param, name))


@pytest.mark.parametrize(('name', 'is_it'), [
    ('nova_cell0', True), ('/var/lib/nova/nova_cell0.sqlite', True), ('/var/lib/nova/nova.sqlite_cell0', True),
    ('nova', False), ('nova_cell1', False), ('nova_cell0_old', False), ('', False)])
def test_name(name: str, is_it: bool):
    assert cell0.is_its_name(name) is is_it


@pytest.mark.parametrize('instances', [[], [InstanceRecord(uuid=UUID, vm_state='error')]])
def test_by_its_name(make: Callable[..., Database], instances: list[InstanceRecord]):
    database = make('nova_cell0.sqlite')
    insert_instances(database._url, instances)
    with pytest.raises(exception.ConfigurationError, match=r'\[database\]connection = .* cell0') as caught:
        cell0.refuse(database)
    assert '\n' not in str(caught.value)


@pytest.mark.parametrize('deleted', [0, 12])
def test_a_cell_that_only_has_the_name(make: Callable[..., Database], deleted: int, caplog: pytest.LogCaptureFixture):
    database = make('nova_cell0.sqlite')
    insert_instances(database._url, [InstanceRecord(uuid=UUID, host='compute1')], deleted=deleted)
    cell0.refuse(database)
    assert not caplog.records


def test_one_that_only_lacks_the_name(make: Callable[..., Database], caplog: pytest.LogCaptureFixture):
    database = make('nova.sqlite')
    cell0.refuse(database)
    assert not caplog.records   # a cell that is new
    insert_instances(database._url, [InstanceRecord(uuid=UUID)])
    cell0.refuse(database)
    assert [record.levelname for record in caplog.records] == ['WARNING']
