# SPDX-License-Identifier: Apache-2.0
"""Each migration on tables that hold something."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from nova_vnc.db import instances, schema
from tests.fixtures.database import database_of_revision

NOVA, OPERATOR, BOTH, NOBODY, LEFT = (f'00000000-0000-4000-8000-{number:012d}' for number in range(5))


@pytest.fixture
def empty_url(tmp_path: Path) -> str:
    return f'sqlite:///{tmp_path}/old.sqlite'


@pytest.fixture
def before_0002(empty_url: str) -> Iterator[sa.Engine]:
    with database_of_revision(empty_url, '0001') as engine:
        with engine.begin() as connection:
            _fill_0001(connection)
        yield engine


def _fill_0001(connection: sa.Connection) -> None:
    connection.execute(sa.text("INSERT INTO reported_hosts VALUES ('h1', 7, 1000.5), ('h2', 9, 2000.5)"))
    insert = sa.text("INSERT INTO reported_instances VALUES (:uuid, :host, 7, 1, 'domain', :name, :project, :user, "
                     "'active', NULL)")
    connection.execute(insert, [
        {'uuid': uuid, 'host': host, 'name': name, 'project': project, 'user': user}
        for uuid, host, name, project, user in [
            (NOVA, 'h1', 'web', 'p1', 'u1'), (NOVA, 'h2', 'lie', 'p9', 'u9'), (OPERATOR, 'h1', 'vm', None, None),
            (BOTH, 'h1', 'db', 'p1', None), (NOBODY, 'h2', 'vm', None, None)]])
    connection.execute(sa.text('INSERT INTO instance_holders VALUES (:uuid, :host)'), [
        {'uuid': uuid, 'host': host} for uuid, host in
        [(NOVA, 'h1'), (OPERATOR, 'h1'), (BOTH, 'h1'), (NOBODY, 'h2')]])
    connection.execute(sa.text('INSERT INTO instance_owners VALUES (:uuid, :project, :user)'), [
        {'uuid': OPERATOR, 'project': 'p2', 'user': 'u2'}, {'uuid': BOTH, 'project': 'p3', 'user': None},
        {'uuid': LEFT, 'project': 'p4', 'user': None}])


def test_0002_keeps_who_holds_what_and_whose_it_is(before_0002: sa.Engine):
    with before_0002.begin() as connection:
        schema.upgrade(connection)
    with before_0002.begin() as connection:
        found = {row['uuid']: (row['host'], row['project_id'], row['user_id'], row['display_name'])
                 for row in instances.page(connection, None, None, 10, None)}
        assert found == {NOVA: ('h1', 'p1', 'u1', 'web'), OPERATOR: ('h1', 'p2', 'u2', 'vm'),
                         BOTH: ('h1', 'p1', None, 'db'), NOBODY: ('h2', None, None, 'vm')}
        assert instances.homes(connection, [NOVA, NOBODY, LEFT]) == {NOVA: {'h1': 1}, NOBODY: {'h2': 1}}
        assert instances.lock_holders(connection, [NOVA, OPERATOR]) == {
            NOVA: instances.Holder(NOVA, 'h1', 'p1', 'u1', 'web'),
            OPERATOR: instances.Holder(OPERATOR, 'h1', None, None, 'vm')}
        # One that did not count before does not begin to count by the upgrade.
        assert set(connection.scalars(sa.text('SELECT uuid FROM instance_owners'))) == {OPERATOR, LEFT}
        assert instances.unset_owner(connection, OPERATOR)
        assert instances.find(connection, OPERATOR)['project_id'] is None


def test_0002_that_fails_leaves_the_tables_as_they_were(before_0002: sa.Engine, monkeypatch: pytest.MonkeyPatch):
    if before_0002.dialect.name == 'mysql':
        return      # takes no CREATE TABLE back
    with contextlib.suppress(ZeroDivisionError), before_0002.begin() as connection:
        schema.upgrade(connection)
        raise ZeroDivisionError
    with before_0002.begin() as connection:
        assert not schema.is_up_to_date(connection)
        assert 'released_at' not in schema.columns_of(connection, 'instance_holders')
        schema.upgrade(connection)
        assert schema.is_up_to_date(connection)
