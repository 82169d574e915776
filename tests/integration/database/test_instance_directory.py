# SPDX-License-Identifier: Apache-2.0
"""What every instance directory answers, and all that the one of reports does, on real servers."""

import contextlib
import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from nova_vnc.consoleauth.directory.base import InstanceDirectory, Report
from nova_vnc.consoleauth.directory.reported import ReportedInstanceDirectory
from nova_vnc.db.engine import Database
from nova_vnc.objects import InstanceRecord
from tests.fixtures.database_server import DatabaseServer, open_database
from tests.unit.consoleauth.directory.test_contract import *  # noqa: F403
from tests.unit.consoleauth.directory.test_contract import fill_reported, uuid
from tests.unit.consoleauth.directory.test_report_cost import *  # noqa: F403
from tests.unit.consoleauth.directory.test_reported import *  # noqa: F403


@pytest.fixture
def fill(database: Database) -> Callable[..., InstanceDirectory]:
    return lambda *records: fill_reported(database, records)


def test_reports_of_the_same_vms_at_once_are_all_kept(server: DatabaseServer, database: Database,
                                                      caplog: pytest.LogCaptureFixture):
    """By two processes, as it were; each host names the VMs in another order."""
    hosts, uuids = [f'h{number}' for number in range(32)], [uuid(number) for number in range(40)]
    with contextlib.closing(open_database(database._url)) as other:
        directories = [ReportedInstanceDirectory(database, 180), ReportedInstanceDirectory(other, 180)]

        def send(number: int) -> None:
            rng = random.Random(number)
            records = [InstanceRecord(uuid=uuid, host=hosts[number % 32]) for uuid in rng.sample(uuids, 30)]
            directories[number % 2].report(Report(hosts[number % 32], number, len(records), records))
        for first in (0, 32):   # when nobody holds them, and when they are held
            with ThreadPoolExecutor(32) as pool:
                list(pool.map(send, range(first, first + 32)))      # raises what any of them raises
    assert {state.host for state in directories[0].hosts()} == set(hosts)
    count = sa.text('SELECT count(*) FROM reported_instances')
    assert database.read(lambda connection: connection.execute(count).scalar()) == 32 * 30
    assert not any(record.exc_info for record in caplog.records)


def test_first_messages_of_a_host_at_once_are_all_kept(server: DatabaseServer, database: Database):
    with contextlib.closing(open_database(database._url)) as other, ThreadPoolExecutor(4) as pool:
        directories = [ReportedInstanceDirectory(database, 180), ReportedInstanceDirectory(other, 180)]
        for number in range(40):
            records = [InstanceRecord(uuid=uuid(4 * number + k), host=f'new-{number}') for k in range(4)]
            messages = [Report(f'new-{number}', 1, len(records), [record]) for record in records]
            list(pool.map(lambda pair: directories[pair[0] % 2].report(pair[1]), enumerate(messages)))
    count = sa.text('SELECT host, count(*) FROM reported_instances GROUP BY host HAVING count(*) < 4')
    assert database.read(lambda connection: connection.execute(count).fetchall()) == []
