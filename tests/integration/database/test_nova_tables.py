# SPDX-License-Identifier: Apache-2.0
"""Nova's tables on real servers, used by somebody who may do no more than is said to be needed."""

import contextlib
import dataclasses
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from oslo_config import cfg

from nova_vnc import conf as nova_vnc_conf
from nova_vnc import exception
from nova_vnc.consoleauth.choice import Choice, Drivers
from nova_vnc.consoleauth.directory.base import InstanceDirectory
from nova_vnc.consoleauth.directory.nova import NovaInstanceDirectory
from nova_vnc.consoleauth.resources import Resources
from nova_vnc.consoleauth.stores.database import DatabaseTokenStore
from nova_vnc.db import factory as db_factory
from nova_vnc.db.engine import Database
from nova_vnc.objects import InstanceRecord
from tests.fixtures.database_server import DatabaseServer, MariaDB, open_database
from tests.fixtures.nova_database import (
    RELEASES,
    administrator,
    create_tables,
    fill_nova,
    insert_instances,
)
from tests.unit.consoleauth.directory.test_contract import *  # noqa: F403
from tests.unit.consoleauth.directory.test_contract import RECORD, uuids_of
from tests.unit.consoleauth.directory.test_contract import uuid as uuid_of
from tests.unit.consoleauth.directory.test_nova import test_what_nova_alone_knows  # noqa: F401
from tests.unit.consoleauth.stores.test_contract import GIVEN, INSTANCE, NOW, TOKEN, another
from tests.unit.consoleauth.stores.test_nova_table import *  # noqa: F403

USER = 'nova_vnc'


@pytest.fixture
def nova_url(request: pytest.FixtureRequest, server: DatabaseServer) -> Iterator[str]:
    """Yield the URL of a cell database for Nova's own services; its parameter is their release."""
    with server.new_url() as url:
        create_tables(url, getattr(request, 'param', RELEASES[-1]))
        yield url


@pytest.fixture
def database(nova_url: str) -> Iterator[Database]:
    with contextlib.closing(open_database(nova_url)) as database:
        yield database


@pytest.fixture
def fill(database: Database) -> Callable[..., InstanceDirectory]:
    return lambda *records: fill_nova(database, records)


@pytest.fixture
def odd_name(server: DatabaseServer) -> str:
    """Nova's tables in MariaDB have three bytes for a character."""
    return 'öffentlich €' if isinstance(server, MariaDB) else 'öffentlich 😀'


class Grants:
    """What doc/source/admin/nova-database.rst says."""

    def __init__(self, server: DatabaseServer, nova_url: str) -> None:
        self._server = server
        self._nova_url = nova_url
        self._is_mariadb = isinstance(server, MariaDB)

    def __enter__(self) -> str:
        """Return the URL for a user who may do so much and no more."""
        self._server.execute(f"CREATE USER {USER}@'127.0.0.1'" if self._is_mariadb else f'CREATE ROLE {USER} LOGIN')
        self._run('GRANT SELECT ON instances TO {}', 'GRANT SELECT, INSERT, DELETE ON console_auth_tokens TO {}')
        if not self._is_mariadb:
            self._run('GRANT USAGE ON SEQUENCE console_auth_tokens_id_seq TO {}')
        return sa.make_url(self._nova_url).set(username=USER).render_as_string(hide_password=False)

    def __exit__(self, *error: object) -> None:
        if not self._is_mariadb:
            self._run('DROP OWNED BY {}')
        self._server.execute(f'DROP USER {self._name}')

    @property
    def _name(self) -> str:
        return f"{USER}@'127.0.0.1'" if self._is_mariadb else USER

    def _run(self, *statements: str) -> None:
        with administrator(self._nova_url) as connection:
            for statement in statements:
                connection.exec_driver_sql(statement.format(self._name))


@pytest.fixture
def poor_url(server: DatabaseServer, nova_url: str) -> Iterator[str]:
    with Grants(server, nova_url) as url:
        yield url


@pytest.fixture
def drivers(poor_url: str) -> Iterator[Drivers]:
    """Yield what `auto` chooses."""
    conf = cfg.ConfigOpts()
    nova_vnc_conf.register_opts(conf)
    db_factory.register_opts(conf)
    conf([], default_config_files=[])
    conf.set_override('connection', poor_url, 'database')
    parts = Resources(conf)
    try:
        yield Choice(parts).drivers()
    finally:
        parts.databases.close()


@pytest.mark.parametrize('nova_url', RELEASES, indirect=True)
class TestWithFewRights:
    def test_tokens(self, drivers: Drivers):
        store = drivers.store
        store.add(GIVEN)
        later, other = GIVEN.expires + 60, another()
        store.add(other)
        store.add(dataclasses.replace(GIVEN, expires=later))
        assert store.get(TOKEN, later - 1).expires == later
        with pytest.raises(exception.TokenInUse):
            store.add(dataclasses.replace(GIVEN, port='5999'))
        assert store.purge(GIVEN.expires) == 1
        assert store.get(other.token, NOW) is None
        assert store.delete_for_instance(INSTANCE) == 1
        assert store.get(TOKEN, NOW) is None

    def test_instances(self, drivers: Drivers, nova_url: str):
        records = [RECORD, InstanceRecord(uuid=uuid_of(2), id=13, project_id='p2', display_name='db', tags=('a',))]
        insert_instances(nova_url, records)
        assert isinstance(drivers.directory, NovaInstanceDirectory)
        assert drivers.directory.get(RECORD.uuid).instance == RECORD
        assert drivers.directory.get(uuid_of(2)).instance.tags == ()       # which it may not read
        assert uuids_of(drivers.directory, name='db') == [uuid_of(2)]
        assert uuids_of(drivers.directory, project_id='p1') == [RECORD.uuid]

    def test_it_is_few(self, poor_url: str, nova_url: str):
        insert_instances(nova_url, [RECORD])
        for statement in ("UPDATE instances SET host = 'x'", 'DELETE FROM instances',
                          'UPDATE console_auth_tokens SET expires = 0', 'SELECT * FROM tags', 'CREATE TABLE x (y int)'):
            if 'CREATE' in statement and not poor_url.startswith('mysql'):
                continue    # PostgreSQL before 15 lets everybody
            with pytest.raises(sa.exc.DBAPIError), administrator(poor_url) as connection:
                connection.exec_driver_sql(statement)

    def test_with_fewer(self, poor_url: str, nova_url: str, server: DatabaseServer):
        with administrator(nova_url) as connection:
            name = f"{USER}@'127.0.0.1'" if isinstance(server, MariaDB) else USER
            connection.exec_driver_sql(f'REVOKE SELECT ON instances FROM {name}')
        with contextlib.closing(open_database(poor_url)) as database, \
                pytest.raises(exception.ConfigurationError, match='GRANT SELECT'):
            database.prepare()


def test_tokens_that_are_renewed_and_deleted_at_once(database: Database):
    """By two processes, as it were: neither lock nor deadlock reaches a caller."""
    errors = set()
    store = DatabaseTokenStore(database)
    with contextlib.closing(open_database(database._url)) as other_database:
        other = DatabaseTokenStore(other_database)
        with ThreadPoolExecutor(8) as pool:
            for later in range(1, 20):
                again = dataclasses.replace(GIVEN, expires=GIVEN.expires + later)
                futures = [pool.submit(each.add, again) for each in (store, other) * 3]
                futures += [pool.submit(each.delete_for_instance, INSTANCE) for each in (store, other)]
                for future in futures:
                    try:
                        future.result(30)
                    except exception.StoreUnavailable as error:
                        errors.add(error.kwargs['reason'])
    assert errors <= {'the token was being deleted'}
    store.add(GIVEN)
    assert store.delete_for_instance(INSTANCE) == 1
    assert other.get(TOKEN, NOW) is None
