# SPDX-License-Identifier: Apache-2.0
"""What reports and lists cost the database."""

import contextlib
import dataclasses
import itertools
from collections.abc import Callable, Iterator, Sequence

import pytest
import sqlalchemy as sa

from nova_vnc.consoleauth.directory.base import Report
from nova_vnc.consoleauth.directory.reported import ReportedInstanceDirectory
from nova_vnc.db import instances, models
from nova_vnc.db.engine import Database
from nova_vnc.objects import InstanceRecord

COUNT = 50
RECORDS = [InstanceRecord(uuid=f'00000000-0000-4000-8000-{number:012d}', id=number, host='h1', project_id='p1',
                          display_name=f'web{number}') for number in range(COUNT)]
PROJECTS, OF_EACH = 250, 40

numbers = itertools.count(1)


class Statements:
    """What was sent to a database.

    :ivar sent: each statement with its parameters; executemany has a list of these
    """

    def __init__(self) -> None:
        self.sent: list[tuple[str, object]] = []

    def note(self, connection: object, cursor: object, statement: str, parameters: object, *_: object) -> None:
        self.sent.append((statement, parameters))

    def written_rows(self) -> int:
        """Return how many rows were named to be written; those of a WHERE IN count as one."""
        return sum(len(parameters) if isinstance(parameters, list) else 1 for statement, parameters in self.sent
                   if statement.lstrip().startswith(('INSERT', 'UPDATE', 'DELETE')))


@contextlib.contextmanager
def noted() -> Iterator[Statements]:
    statements = Statements()
    sa.event.listen(sa.Engine, 'before_cursor_execute', statements.note)
    try:
        yield statements
    finally:
        sa.event.remove(sa.Engine, 'before_cursor_execute', statements.note)


@pytest.fixture
def directory(database: Database) -> ReportedInstanceDirectory:
    directory = ReportedInstanceDirectory(database, 180)
    report(directory, RECORDS)
    return directory


def report(directory: ReportedInstanceDirectory, records: Sequence[InstanceRecord]) -> None:
    directory.report(Report('h1', next(numbers), len(records), records))


def test_of_an_unchanged_report_only_the_host_is_written(directory: ReportedInstanceDirectory):
    with noted() as statements:
        report(directory, RECORDS)
    assert statements.written_rows() == 1
    assert len(statements.sent) <= 3    # with BEGIN, in SQLite


def test_of_one_vm_that_changed_one_row_is_written(directory: ReportedInstanceDirectory):
    with noted() as statements:
        report(directory, [*RECORDS[:-1], dataclasses.replace(RECORDS[-1], vm_state='stopped')])
    assert statements.written_rows() == 2
    assert directory.get(RECORDS[-1].uuid).instance.vm_state == 'stopped'


def test_of_one_vm_that_went_its_rows_are_written(directory: ReportedInstanceDirectory):
    with noted() as statements:
        report(directory, RECORDS[:-1])
    assert statements.written_rows() <= 4
    assert directory.get(RECORDS[-1].uuid) is None


@pytest.fixture
def crowd(database: Database) -> Database:
    """Return a database with some thousand VMs of many projects."""
    holders = [{'uuid': f'00000000-0000-4000-{project:04d}-{number:012d}', 'host': 'h1', 'project_id': f'p{project}',
                'display_name': 'web'} for number in range(OF_EACH) for project in range(PROJECTS)]
    rows = [{'uuid': holder['uuid'], 'host': 'h1', 'report_number': 1, 'instance_id': 1, 'name': 'domain',
             'display_name': 'web', 'vm_state': 'active'} for holder in holders]

    def fill(connection: sa.Connection) -> None:
        connection.execute(models.reported_hosts.insert().values(host='h1', report_number=1, last_report_at=0))
        connection.execute(models.instance_holders.insert(), holders)
        connection.execute(models.reported_instances.insert(), rows)
        analyze(connection)
    database.write(fill)
    return database


def analyze(connection: sa.Connection) -> None:
    """Let the database know what its tables hold."""
    if connection.dialect.name == 'mysql':
        for table in ('instance_holders', 'reported_instances'):
            connection.execute(sa.text(f'ANALYZE TABLE {table}')).fetchall()
    else:
        connection.execute(sa.text('ANALYZE'))


def test_what_a_project_lists_is_found_by_an_index(crowd: Database):
    marker = f'00000000-0000-4000-0007-{5:012d}'
    plan = plan_of(crowd, lambda connection: instances.page(connection, 'p7', None, 25, marker), 25)
    assert 'instance_holders_project_id_uuid_idx' in plan
    assert 'Seq Scan on reported_instances' not in plan
    assert 'SCAN reported_instances' not in plan


def test_a_page_of_a_large_project_is_not_joined_before_it_is_chosen(crowd: Database):
    def give_all_to_one(connection: sa.Connection) -> None:
        connection.execute(models.instance_holders.update().values(project_id='p7'))
        analyze(connection)
    crowd.write(give_all_to_one)
    plan = plan_of(crowd, lambda connection: instances.page(connection, 'p7', None, 25, None), 25)
    assert not plan.startswith("[('Limit")      # PostgreSQL: the limit is outermost
    assert 'Seq Scan on reported_instances' not in plan
    assert 'SCAN reported_instances' not in plan


def test_vms_are_counted_once_for_all_hosts(crowd: Database):
    plan = plan_of(crowd, instances.hosts, 1)
    # Of MariaDB: select_type and table.
    assert "'SIMPLE', 'instance_holders'" not in plan


def plan_of(database: Database, look_up: Callable[[sa.Connection], Sequence[object]], count: int) -> str:
    """Return how the database finds what a look-up finds.

    :param count: of what it finds
    """
    def explain(connection: sa.Connection) -> str:
        with noted() as statements:
            assert len(look_up(connection)) == count
        statement, parameters = statements.sent[-1]
        word = 'EXPLAIN QUERY PLAN' if connection.dialect.name == 'sqlite' else 'EXPLAIN'
        return str(connection.exec_driver_sql(f'{word} {statement}', parameters).fetchall())
    return database.read(explain)
