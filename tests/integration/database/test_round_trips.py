# SPDX-License-Identifier: Apache-2.0
"""How often the database is waited for. Elsewhere in a data centre each time costs as much as the query itself."""

import contextlib
from collections.abc import Callable, Iterator

import pytest
import sqlalchemy as sa

from nova_vnc.consoleauth.checker import TokenChecker
from nova_vnc.consoleauth.directory.base import Report
from nova_vnc.consoleauth.directory.reported import ReportedInstanceDirectory
from nova_vnc.consoleauth.stores.database import DatabaseTokenStore
from nova_vnc.consoleauth.tokens import build_authorization
from nova_vnc.context import RequestContext
from nova_vnc.db.engine import Database
from nova_vnc.objects import InstanceRecord
from tests.fixtures.database_server import DatabaseServer, open_database
from tests.fixtures.round_trips import RoundTripCounter

NOW = 2000000000.0
RECORD = InstanceRecord(uuid='9169fdb2-5b74-46b1-9803-60d2926bd97c', host='h1', project_id='p1')

# A connection from the pool is pinged before it is used, since the server may have been restarted.
PING = 1


class Hosts:
    """Stands where consoleauth's checks of hosts do, which ask no database."""

    def validate(self, *arguments: object) -> bool:
        return True


@pytest.fixture
def counter(server: DatabaseServer) -> Iterator[RoundTripCounter]:
    with RoundTripCounter(server.port) as counter:
        yield counter


@pytest.fixture
def database(server: DatabaseServer, counter: RoundTripCounter) -> Iterator[Database]:
    with server.new_url() as url:
        through_counter = sa.make_url(url).set(port=counter.port).render_as_string(hide_password=False)
        with contextlib.closing(open_database(through_counter)) as database:
            database.sync()
            yield database


@pytest.fixture
def directory(database: Database) -> ReportedInstanceDirectory:
    directory = ReportedInstanceDirectory(database, 180, lambda: NOW)
    directory.report(Report('h1', 1, 1, [RECORD]))
    return directory


@pytest.fixture
def round_trips(counter: RoundTripCounter) -> Callable[[Callable[[], object]], int]:
    """Return a function that tells what something costs once connections are there."""
    def measure(action: Callable[[], object]) -> int:
        action()
        before = counter.count
        action()
        return counter.count - before
    return measure


def test_to_read_is_one_statement(directory: ReportedInstanceDirectory, round_trips: Callable[..., int]):
    assert round_trips(lambda: directory.get(RECORD.uuid)) == PING + 1
    assert round_trips(lambda: directory.page('p1', None, 10, None)) == PING + 1
    assert round_trips(lambda: directory.page('p1', None, 10, RECORD.uuid)) == PING + 2


def test_a_token_and_its_vm_are_one_visit(database: Database, directory: ReportedInstanceDirectory,
                                          round_trips: Callable[..., int]):
    store = DatabaseTokenStore(database)
    store.add(build_authorization(token='token', console_type='novnc', host='192.0.2.1', port='5900', access_url=None,
                                 internal_access_path=None, instance_uuid=RECORD.uuid, now=NOW, ttl_s=600))
    checker = TokenChecker(store, directory, Hosts(), 600, lambda: NOW, shared_reads=database.shared_reads)
    assert checker.check(RequestContext(), 'token').connect_info.instance_uuid == RECORD.uuid
    assert round_trips(lambda: checker.check(RequestContext(), 'token')) == PING + 2


def test_to_write_costs_no_more_than_a_transaction(database: Database, round_trips: Callable[..., int]):
    store = DatabaseTokenStore(database)
    begin, statement, commit, rollback = 1, 1, 1, 1     # PyMySQL begins without asking, and rolls back at the end
    assert round_trips(lambda: store.purge(NOW)) <= PING + begin + statement + commit + rollback
