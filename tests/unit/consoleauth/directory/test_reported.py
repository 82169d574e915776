# SPDX-License-Identifier: Apache-2.0

import dataclasses
import itertools
import logging
import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nova_vnc import exception
from nova_vnc.consoleauth.directory.base import Report
from nova_vnc.consoleauth.directory.reported import ReportedInstanceDirectory
from nova_vnc.db import instances
from nova_vnc.db.engine import Database
from nova_vnc.objects import InstanceRecord

STALE_AFTER_S = 180
UNKNOWN_AFTER_S = 1800
host_numbers = itertools.count()


def uuid(number: int) -> str:
    return f'00000000-0000-4000-8000-{number:012d}'


class Clock:
    def __init__(self) -> None:
        self.now = 2000000000.0

    def __call__(self) -> float:
        return self.now


class Cloud:
    """Compute hosts that report to several nova-consoleauth on one database, which take turns."""

    def __init__(self, database: Database) -> None:
        self.clock = Clock()
        self.database = database
        self.directories = [self.new_directory() for _ in range(2)]
        self._turns = itertools.cycle(self.directories)
        self._numbers = itertools.count(1)

    def messages(self, host: str, *uuids: str, size: int = 500, **fields: object) -> list[Report]:
        """Return the messages of a full report."""
        records = [InstanceRecord(uuid=uuid, host=host, **fields) for uuid in uuids]
        number = next(self._numbers)
        return [Report(host, number, len(records), records[start:start + size])
                for start in range(0, len(records) or 1, size)]

    def new_directory(self) -> ReportedInstanceDirectory:
        return ReportedInstanceDirectory(self.database, STALE_AFTER_S, self.clock, unknown_after_s=UNKNOWN_AFTER_S)

    def wait(self, seconds: float, host: str, *uuids: str, step_s: float = 60) -> None:
        """Let time pass in which one host goes on reporting."""
        end = self.clock.now + seconds
        while self.clock.now < end:
            self.clock.now = min(self.clock.now + step_s, end)
            self.report(host, *uuids)

    def report(self, host: str, *uuids: str, **fields: object) -> None:
        self.send(self.messages(host, *uuids, **fields))

    def send(self, messages: list[Report]) -> None:
        for message in messages:
            next(self._turns).report(message)

    def holder(self, uuid: str) -> str | None:
        entry = next(self._turns).get(uuid)
        return entry.instance.host if entry else None

    def all(self) -> set[str]:
        return {entry.instance.uuid for entry in next(self._turns).page(None, None, 1000, None)}


@pytest.fixture
def cloud(database: Database) -> Iterator[Cloud]:
    return Cloud(database)


A, B, C = (uuid(number) for number in range(3))


class TestReports:
    def test_the_next_one_replaces_the_last(self, cloud: Cloud):
        cloud.report('h1', A, B)
        cloud.report('h2', C)
        cloud.report('h1', B, display_name='renamed')
        assert cloud.all() == {B, C}
        assert cloud.directories[0].get(B).instance.display_name == 'renamed'

    def test_empty_one_releases_all(self, cloud: Cloud):
        cloud.report('h1', A, B)
        cloud.report('h1')
        assert cloud.all() == set()

    def test_nothing_is_released_before_it_is_complete(self, cloud: Cloud):
        cloud.report('h1', A, B, C)
        first, second = cloud.messages('h1', A, B, size=1)
        cloud.send([second])
        assert cloud.all() == {A, B, C}
        cloud.send([second])
        assert cloud.all() == {A, B, C}
        cloud.send([first])
        assert cloud.all() == {A, B}

    def test_overtaken_messages_do_not_count(self, cloud: Cloud):
        old = cloud.messages('h1', A, B, size=1)
        new = cloud.messages('h1', B, C, size=1)
        cloud.send([old[0], new[1], old[1], new[0], old[0], old[1]])
        assert cloud.all() == {B, C}

    def test_host_whose_clock_was_set_back(self, cloud: Cloud):
        later = cloud.messages('h1', A)
        cloud.send(cloud.messages('h1', B))
        cloud.clock.now += 60
        cloud.send(later)
        assert cloud.all() == {A}

    @settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(st.lists(st.sets(st.integers(0, 9)), min_size=1, max_size=4), st.randoms(use_true_random=False))
    def test_any_order_and_any_number_of_times(self, database: Database, reports: list[set[int]],
                                               rng: random.Random):
        cloud = Cloud(database)
        host = f'host-{next(host_numbers)}'
        messages = [message for numbers in reports
                    for message in cloud.messages(host, *map(uuid, sorted(numbers)), size=2)]
        messages += rng.sample(messages, rng.randint(0, len(messages)))
        rng.shuffle(messages)
        cloud.send(messages)
        assert cloud.all() == {uuid(number) for number in reports[-1]}
        cloud.report(host)

    def test_messages_handled_at_once(self, cloud: Cloud):
        uuids = [uuid(number) for number in range(200)]
        messages = cloud.messages('h1', *uuids, size=10) + cloud.messages('h2', *uuids, size=10)
        random.Random(1).shuffle(messages)
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda pair: cloud.directories[pair[0] % 2].report(pair[1]), enumerate(messages)))
        assert cloud.all() == set(uuids)
        assert {cloud.holder(uuid) for uuid in uuids} <= {'h1', 'h2'}
        cloud.report('h1')
        assert {cloud.holder(uuid) for uuid in uuids} == {'h2'}

    def test_what_senders_get_wrong_does_no_harm(self, cloud: Cloud):
        odd = InstanceRecord(uuid=A, id='x', name=None, display_name='\x00\ud800' + 'n' * 300, vm_state=7)
        cloud.send([Report('h1', 1, 1, [odd])])
        found = cloud.directories[0].get(A).instance
        assert (found.id, found.name, found.vm_state, len(found.display_name)) == (0, '', '7', 255)


class TestClaims:
    def test_of_a_running_vm_of_a_live_host(self, cloud: Cloud, caplog: pytest.LogCaptureFixture):
        cloud.report('h1', A)
        for _ in range(3):
            cloud.report('evil', A, project_id='p-evil', display_name='mine')
        assert cloud.holder(A) == 'h1'
        assert cloud.directories[0].get(A).instance.project_id is None
        lines = [record.getMessage() for record in caplog.records if record.name.startswith('nova_vnc.')]
        # Each nova-consoleauth says it once; two took turns.
        assert len(lines) == 2
        assert lines[0].startswith(f'Security event: host evil claims instance {A}, which host h1 holds: refused.')

    def test_is_said_again_when_it_was_given_up_meanwhile(self, cloud: Cloud, caplog: pytest.LogCaptureFixture,
                                                          monkeypatch: pytest.MonkeyPatch):
        del cloud.directories[1:]
        cloud._turns = itertools.cycle(cloud.directories)
        said = cloud.directories[0]._said
        monkeypatch.setattr(said, '_clock', cloud.clock)
        for pause_s in (0, 60, 60, 60, 60, STALE_AFTER_S + 1):
            cloud.clock.now += pause_s
            cloud.report('h1', A)
            cloud.report('evil', A)
        assert sum('Security event' in record.getMessage() for record in caplog.records) == 2

    def test_after_release(self, cloud: Cloud):
        cloud.report('h1', A)
        cloud.report('h2', A)
        assert cloud.holder(A) == 'h1'
        cloud.report('h1')
        assert cloud.holder(A) == 'h2'

    def test_live_migration(self, cloud: Cloud, caplog: pytest.LogCaptureFixture):
        caplog.set_level(logging.INFO)
        cloud.report('source', A)
        cloud.report('destination', A, vm_state='paused')
        cloud.report('destination', A)
        assert cloud.holder(A) == 'source'
        cloud.report('source', A, vm_state='stopped')
        assert cloud.holder(A) == 'destination'
        cloud.report('source')
        assert cloud.holder(A) == 'destination'
        assert f'Instance {A} is on host destination now; it was on source' in caplog.text

    @pytest.mark.parametrize('vm_state', ['paused', 'suspended'])
    def test_of_a_paused_vm(self, cloud: Cloud, vm_state: str):
        cloud.report('h1', A, vm_state=vm_state)
        cloud.report('h2', A)
        assert cloud.holder(A) == 'h1'

    def test_of_a_stopped_vm(self, cloud: Cloud):
        cloud.report('h1', A, vm_state='stopped')
        cloud.report('h2', A, vm_state='stopped')
        assert cloud.holder(A) == 'h1'
        cloud.report('h2', A)
        assert cloud.holder(A) == 'h2'

    def test_of_a_host_that_went_stale(self, cloud: Cloud):
        cloud.report('h1', A)
        cloud.clock.now += STALE_AFTER_S
        cloud.report('h2', A)
        assert cloud.holder(A) == 'h1'
        cloud.clock.now += 1
        cloud.report('h2', A)
        assert cloud.holder(A) == 'h2'
        cloud.report('h1', A)
        assert cloud.holder(A) == 'h1'

    def test_of_a_host_that_is_gone(self, cloud: Cloud):
        cloud.report('h1', A)
        cloud.wait(UNKNOWN_AFTER_S, 'h2')
        cloud.report('h2', A)
        cloud.wait(1, 'h2')
        cloud.report('h2', A)
        cloud.report('h1', A)
        assert cloud.holder(A) == 'h2'

    def test_of_a_stopped_vm_by_a_liar(self, cloud: Cloud):
        """It gets neither the owner nor the VM: that goes back to its own host when it starts there."""
        cloud.report('h1', A, vm_state='stopped', project_id='p1', user_id='u1', display_name='web')
        cloud.report('evil', A, project_id='p-evil', user_id='u-evil', display_name='mine')
        found = cloud.directories[0].get(A).instance
        assert (found.project_id, found.user_id, found.display_name) == ('p1', 'u1', 'web')
        cloud.report('h1', A, project_id='p1', user_id='u1', display_name='web')
        assert cloud.holder(A) == 'h1'
        cloud.report('evil', A, project_id='p-evil', user_id='u-evil', display_name='mine')
        found = cloud.directories[0].get(A).instance
        assert (found.host, found.project_id, found.user_id, found.display_name) == ('h1', 'p1', 'u1', 'web')

    def test_of_another_owner_is_said_once(self, cloud: Cloud, caplog: pytest.LogCaptureFixture):
        cloud.report('h1', A, vm_state='stopped', project_id='p1')
        for _ in range(4):
            cloud.report('evil', A, project_id='p-evil')
        # One of each nova-consoleauth.
        assert [record.getMessage() for record in caplog.records if record.name.startswith('nova_vnc.')] == [
            f'Security event: host evil says that instance {A} belongs to project p-evil, but it is known to belong to '
            'p1: refused. This is no attack if an administrator has moved or rebuilt it'] * 2

    def test_of_a_vm_that_was_not_described_to_its_host_at_first(self, cloud: Cloud):
        for _ in range(2):
            cloud.report('h1', A, vm_state='unknown', name='instance-1', display_name='instance-1')
            assert cloud.directories[0].get(A).instance.display_name == 'instance-1'
        for _ in range(2):
            cloud.report('h1', A, project_id='p1', user_id='u1', display_name='web')
            cloud.report('h1', A, vm_state='unknown', name='instance-1', display_name='instance-1')
            found = cloud.directories[0].page('p1', 'web', 10, None)[0].instance
            assert (found.uuid, found.user_id, found.display_name, found.vm_state) == (A, 'u1', 'web', 'unknown')

    def test_a_renamed_vm(self, cloud: Cloud):
        cloud.report('h1', A, display_name='old')
        cloud.report('h1', A, display_name='new')
        assert cloud.directories[0].get(A).instance.display_name == 'new'

    def test_nobody_is_stale_because_nobody_listened(self, cloud: Cloud):
        cloud.report('h1', A)
        cloud.clock.now += 10 * STALE_AFTER_S
        restarted = ReportedInstanceDirectory(cloud.database, STALE_AFTER_S, cloud.clock)
        assert not restarted.get(A).host_is_silent
        for directory in (restarted, *cloud.directories):
            directory.report(cloud.messages('evil', A)[0])
            assert directory.get(A).instance.host == 'h1'
            assert not directory.get(A).host_is_silent
        assert [(host.host, host.is_silent) for host in restarted.hosts()] == [('evil', False), ('h1', False)]


class TestMoves:
    """Honest moves while a liar claims the VM: each takes one report."""

    OWNER: ClassVar[dict[str, str]] = {'project_id': 'p1', 'user_id': 'u1'}

    @pytest.mark.parametrize('said', [{}, {'project_id': 'p-evil'}, {'project_id': 'p1', 'user_id': 'u1'}])
    def test_live_migration(self, cloud: Cloud, said: dict[str, str]):
        cloud.report('source', A, **self.OWNER)
        cloud.report('evil', A, **said)
        cloud.clock.now += 60
        cloud.report('destination', A, vm_state='paused', **self.OWNER)
        cloud.report('evil', A, **said)
        assert cloud.holder(A) == 'source'
        cloud.report('source')
        assert cloud.holder(A) == 'destination'
        cloud.report('evil', A, **said)
        cloud.report('destination', A, **self.OWNER)
        assert cloud.holder(A) == 'destination'

    def test_live_migration_that_the_liar_comes_late_for(self, cloud: Cloud):
        cloud.report('source', A, **self.OWNER)
        cloud.report('destination', A, vm_state='paused', **self.OWNER)
        cloud.clock.now += 1
        cloud.report('evil', A, project_id='p-evil')
        cloud.report('source')
        assert cloud.holder(A) == 'destination'

    @pytest.mark.parametrize('is_confirmed', [True, False])
    def test_resize_by_an_administrator(self, cloud: Cloud, is_confirmed: bool):
        cloud.report('source', A, **self.OWNER)
        cloud.report('source', A, vm_state='stopped', **self.OWNER)
        cloud.report('destination', A, project_id='p-admin', user_id='u-admin')
        cloud.report('evil', A, **self.OWNER)
        assert cloud.holder(A) == 'destination'
        if is_confirmed:
            cloud.report('source')
        else:
            cloud.report('destination')
            cloud.report('source', A, **self.OWNER)
        cloud.report('evil', A, **self.OWNER)
        assert cloud.holder(A) == ('destination' if is_confirmed else 'source')
        found = cloud.directories[0].get(A).instance
        assert (found.project_id, found.user_id) == ('p1', 'u1')

    def test_evacuation_and_the_return_of_the_old_host(self, cloud: Cloud):
        cloud.report('old', A, **self.OWNER)
        cloud.wait(STALE_AFTER_S + 1, 'new')
        cloud.report('new', A, project_id='p-admin')
        cloud.report('evil', A, **self.OWNER)
        assert cloud.holder(A) == 'new'
        cloud.report('old', A, vm_state='stopped', **self.OWNER)
        assert cloud.holder(A) == 'new'
        cloud.report('old')
        cloud.report('new', A, vm_state='stopped', project_id='p-admin')
        cloud.report('evil', A, **self.OWNER)
        cloud.report('new', A, project_id='p-admin')
        assert cloud.holder(A) == 'new'
        assert cloud.directories[0].get(A).instance.project_id == 'p1'

    def test_of_a_vm_without_an_owner(self, cloud: Cloud):
        cloud.report('source', A)
        cloud.report('evil', A, project_id='p-evil')
        cloud.report('source')
        assert cloud.holder(A) == 'evil'
        # It does not become visible to a project of the liar's choice.
        assert cloud.directories[0].get(A).instance.project_id is None
        cloud.report('evil')
        cloud.report('destination', A)
        assert cloud.holder(A) == 'destination'


class TestSilence:
    def test_is_told(self, cloud: Cloud):
        cloud.report('h1', A)
        cloud.report('h2', B)
        cloud.wait(STALE_AFTER_S + 1, 'h2', B)
        silent = {entry.instance.uuid: entry.host_is_silent
                  for entry in cloud.directories[0].page(None, None, 10, None)}
        assert silent == {A: True, B: False}
        assert cloud.directories[0].get(A).host_is_silent
        cloud.report('h1', A)
        assert not cloud.directories[0].get(A).host_is_silent


    def test_that_lasts_makes_its_vms_unknown(self, cloud: Cloud):
        cloud.report('h1', A, vm_state='active', task_state='rebooting')
        cloud.wait(UNKNOWN_AFTER_S, 'h2')
        assert cloud.directories[0].get(A).instance.vm_state == 'active'
        cloud.wait(1, 'h2')
        for entry in (cloud.directories[0].get(A), cloud.directories[1].page(None, None, 10, None)[0]):
            assert (entry.instance.vm_state, entry.instance.task_state) == ('unknown', None)
            assert entry.host_is_silent
        assert [(host.host, host.instances, host.is_silent, host.is_unknown)
                for host in cloud.directories[0].hosts()] == [('h1', 1, True, True), ('h2', 0, False, False)]
        cloud.report('h1', A)
        assert cloud.directories[0].get(A).instance.vm_state == 'active'

    def test_for_ever(self, cloud: Cloud):
        patient = ReportedInstanceDirectory(cloud.database, STALE_AFTER_S, cloud.clock)
        cloud.report('h1', A)
        cloud.wait(100 * UNKNOWN_AFTER_S, 'h2', step_s=UNKNOWN_AFTER_S)
        assert patient.get(A).instance.vm_state == 'active'


    def test_after_a_time_in_which_our_clock_was_ahead(self, cloud: Cloud):
        cloud.clock.now += 86400
        late = cloud.messages('h2')
        cloud.report('h1', A)
        cloud.report('h2', B)
        cloud.clock.now -= 86400
        cloud.wait(STALE_AFTER_S + 61, 'h3')     # it counts from the first report on
        assert [host.is_silent for host in cloud.directories[0].hosts()] == [True, True, False]
        cloud.report('h3', A)
        assert cloud.holder(A) == 'h3'
        # The clock of this host was ahead as well.
        cloud.send(late)
        assert cloud.holder(B) is None


class TestOperator:
    def test_names_the_home(self, cloud: Cloud):
        cloud.report('evil', A, project_id='p-evil')
        cloud.report('h1', A, project_id='p1')
        assert cloud.holder(A) == 'evil'
        cloud.directories[0].set_host(A, 'h1')
        assert cloud.holder(A) == 'h1'
        cloud.report('h1', A, vm_state='stopped')
        cloud.report('evil', A)
        assert cloud.holder(A) == 'h1'
        # Once the other host has given the claim up, what it says counts again as that of others.
        cloud.report('evil')
        cloud.report('evil', A)
        assert cloud.holder(A) == 'evil'
        cloud.report('h1', A)
        assert cloud.holder(A) == 'h1'

    def test_names_the_owner_where_a_liar_was_first(self, cloud: Cloud, caplog: pytest.LogCaptureFixture):
        cloud.report('evil', A, vm_state='stopped', project_id='p-evil')
        cloud.report('h1', A, project_id='p1')
        found = cloud.directories[0].get(A).instance
        assert (found.host, found.project_id) == ('h1', 'p-evil')       # nothing tells who lies
        assert f'host h1 says that instance {A} belongs to project p1' in caplog.text
        cloud.database.write(lambda connection: instances.set_owner(connection, A, 'p1', None))
        cloud.report('evil', A, vm_state='stopped', project_id='p-evil')
        found = cloud.directories[0].get(A).instance
        assert (found.host, found.project_id) == ('h1', 'p1')

    def test_names_a_host_that_does_not_have_it(self, cloud: Cloud):
        cloud.report('h1', A)
        with pytest.raises(exception.InvalidInput, match=f'host h2 does not report instance {A}; those that do: h1'):
            cloud.directories[0].set_host(A, 'h2')
        with pytest.raises(exception.InvalidInput, match='those that do: none'):
            cloud.directories[0].set_host(B, 'h2')
        assert cloud.holder(A) == 'h1'

    def test_forgets_a_host(self, cloud: Cloud):
        cloud.report('h1', A, B)
        cloud.report('h2', A)
        assert cloud.directories[0].forget_host('h1') == 2
        assert [host.host for host in cloud.directories[1].hosts()] == ['h2']
        assert cloud.holder(A) == 'h2'
        assert cloud.holder(B) is None
        cloud.report('h1', A, B)
        assert (cloud.holder(A), cloud.holder(B)) == ('h2', 'h1')
        with pytest.raises(exception.InvalidInput, match='no host h3 has reported'):
            cloud.directories[0].forget_host('h3')

    def test_what_nobody_has_is_forgotten_after_a_month(self, cloud: Cloud, database: Database):
        cloud.report('h1', A, B, project_id='p1')
        database.write(lambda connection: instances.set_owner(connection, B, 'p2', None))
        cloud.report('h1')
        cloud.clock.now += 29 * 24 * 3600
        cloud.report('evil', A, project_id='p-evil')
        assert cloud.directories[0].get(A).instance.project_id == 'p1'
        cloud.report('evil')
        for _ in range(2):
            cloud.clock.now += 31 * 24 * 3600
            cloud.report('h1')
        assert set(database.read(lambda connection: instances.lock_holders(connection, [A, B]))) == {B}


class TestOwners:
    def test_of_a_vm_without_metadata(self, cloud: Cloud, database: Database):
        cloud.report('h1', A)
        database.write(lambda connection: instances.set_owner(connection, A, 'p1', 'u1'))
        found = cloud.directories[0].get(A).instance
        assert (found.project_id, found.user_id) == ('p1', 'u1')
        assert [entry.instance for entry in cloud.directories[0].page('p1', None, 10, None)] == [found]
        cloud.report('h1')
        cloud.report('h2', A)
        assert cloud.directories[0].get(A).instance == dataclasses.replace(found, host='h2')
        assert database.write(lambda connection: instances.unset_owner(connection, A))
        assert cloud.directories[0].get(A).instance.project_id is None
        assert not database.write(lambda connection: instances.unset_owner(connection, A))

    def test_the_operators_word_counts_for_a_vm_of_nova_too(self, cloud: Cloud, database: Database):
        cloud.report('h1', A, project_id='p1', user_id='u1')
        database.write(lambda connection: instances.set_owner(connection, A, 'p2', 'u2'))
        cloud.report('h1', A, project_id='p1', user_id='u1')
        found = cloud.directories[0].get(A).instance
        assert (found.project_id, found.user_id) == ('p2', 'u2')
        assert cloud.directories[0].page('p1', None, 10, None) == []
        database.write(lambda connection: instances.unset_owner(connection, A))
        found = cloud.directories[0].get(A).instance
        assert (found.project_id, found.user_id) == ('p1', 'u1')
