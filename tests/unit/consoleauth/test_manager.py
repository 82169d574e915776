# SPDX-License-Identifier: Apache-2.0

import dataclasses
import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import oslo_messaging
import pytest

from nova_vnc import exception, objects
from nova_vnc.consoleauth import manager
from nova_vnc.consoleauth.checker import TokenChecker
from nova_vnc.consoleauth.directory.base import InstanceDirectory, Report
from nova_vnc.consoleauth.directory.reported import ReportedInstanceDirectory
from nova_vnc.consoleauth.stores.database import DatabaseTokenStore
from nova_vnc.context import service_context
from nova_vnc.db.engine import Database
from nova_vnc.rpc import consoleauth as contract
from nova_vnc.rpc.errors import WireError
from tests.fixtures.polling import wait_until
from tests.unit.consoleauth.test_checker import Compute, checks_of

UUID = '9169fdb2-5b74-46b1-9803-60d2926bd97c'
TOKEN = '6f1c56b1-dbd3-4a3c-a3f7-4bbf0c3d0f7a'
ARGUMENTS = {'token': TOKEN, 'console_type': 'novnc', 'host': '192.0.2.1', 'port': '15900',
             'internal_access_path': None, 'instance_uuid': UUID,
             'access_url': f'http://127.0.0.1:6080/vnc_auto.html?token={TOKEN}'}


@pytest.fixture
def work(database: Database) -> manager.Manager:
    store, directory = DatabaseTokenStore(database), ReportedInstanceDirectory(database, 180)
    return manager.Manager(store, directory, TokenChecker(store, directory, checks_of(Compute()), 600), 600,
                           manager.build_report_places(64))


@pytest.fixture
def nova(work: manager.Manager) -> manager.NovaEndpoint:
    return manager.NovaEndpoint(work)


@pytest.fixture
def ours(work: manager.Manager) -> manager.NovaVNCEndpoint:
    endpoint = manager.NovaVNCEndpoint(work)
    report(endpoint, 'h1', [{'uuid': UUID, 'host': 'h1', 'display_name': 'web1', 'project_id': 'p1'}])
    return endpoint


def report(ours: manager.NovaVNCEndpoint, host: Any, instances: Any, number: Any = 1, total: Any = None) -> None:
    ours.report_instances(service_context(), host=host, report_number=number,
                          total=len(instances) if total is None else total, instances=instances)


def raised_by(method: Any, **arguments: Any) -> str:
    """Return the name under which a failure travels."""
    with pytest.raises(oslo_messaging.ExpectedException) as caught:
        method(service_context(), **arguments)
    error = caught.value.exc_info[1]
    assert isinstance(error, WireError)
    assert TOKEN not in str(error)
    return type(error).__name__


class TestNovasMethods:
    def test_round_trip(self, nova: manager.NovaEndpoint, ours: manager.NovaVNCEndpoint):
        nova.authorize_console(service_context(), **ARGUMENTS)
        nova.authorize_console(service_context(), **ARGUMENTS)
        info = nova.check_token(service_context(), token=TOKEN)
        assert isinstance(info.pop('last_activity_at'), float)
        assert info == ARGUMENTS

    def test_other_data(self, nova: manager.NovaEndpoint):
        nova.authorize_console(service_context(), **ARGUMENTS)
        assert raised_by(nova.authorize_console, **{**ARGUMENTS, 'port': '1'}) == 'TokenInUse'

    def test_malformed(self, nova: manager.NovaEndpoint):
        assert raised_by(nova.authorize_console, **{**ARGUMENTS, 'port': 'x'}) == 'InvalidInput'
        assert raised_by(nova.authorize_console, **{**ARGUMENTS, 'console_type': 'x'}) == 'ConsoleTypeInvalid'
        assert raised_by(nova.delete_tokens_for_instance, instance_uuid='x') == 'InvalidInput'

    def test_unknown_token(self, nova: manager.NovaEndpoint):
        assert nova.check_token(service_context(), token='another') is None
        assert nova.check_token(service_context(), token=None) is None

    def test_delete(self, nova: manager.NovaEndpoint, ours: manager.NovaVNCEndpoint):
        nova.authorize_console(service_context(), **ARGUMENTS)
        nova.delete_tokens_for_instance(service_context(), instance_uuid=UUID.upper())
        assert nova.check_token(service_context(), token=TOKEN) is None

    def test_grizzly(self, work: manager.Manager, ours: manager.NovaVNCEndpoint, caplog: pytest.LogCaptureFixture):
        old = manager.GrizzlyEndpoint(work)
        arguments = {key: value for key, value in ARGUMENTS.items() if key not in ('instance_uuid', 'access_url')}
        old.authorize_console(service_context(), **arguments)
        assert old.check_token(service_context(), token=TOKEN) is None
        assert [record.levelno for record in caplog.records] == [logging.WARNING]
        old.authorize_console(service_context(), **arguments, instance_uuid=UUID)
        assert old.check_token(service_context(), token=TOKEN)['access_url'] is None

    def test_no_token_in_the_log(self, nova: manager.NovaEndpoint, ours: manager.NovaVNCEndpoint,
                                 caplog: pytest.LogCaptureFixture):
        caplog.set_level(0)
        nova.authorize_console(service_context(), **ARGUMENTS)
        nova.check_token(service_context(), token=TOKEN)
        raised_by(nova.authorize_console, **{**ARGUMENTS, 'port': '1'})
        assert TOKEN not in caplog.text


class TestStoreAway:
    @pytest.fixture(autouse=True)
    def _fail(self, database: Database, monkeypatch: pytest.MonkeyPatch):
        database.prepare()

        def fail(*args: object) -> None:
            raise exception.StoreUnavailable(reason='database is locked')
        monkeypatch.setattr(Database, '_run', fail)

    def test_novas_methods_fail(self, nova: manager.NovaEndpoint):
        assert raised_by(nova.authorize_console, **ARGUMENTS) == 'StoreUnavailable'
        assert raised_by(nova.check_token, token=TOKEN) == 'StoreUnavailable'
        assert raised_by(nova.delete_tokens_for_instance, instance_uuid=UUID) == 'StoreUnavailable'

    def test_ours_say_so(self, work: manager.Manager):
        ours = manager.NovaVNCEndpoint(work)
        assert ours.check_token(service_context(), token=TOKEN)['reason'] == objects.REASON_UNAVAILABLE
        assert raised_by(ours.get_instance, instance_uuid=UUID) == 'StoreUnavailable'
        assert raised_by(ours.list_instances) == 'StoreUnavailable'
        report(ours, 'h1', [])      # a cast: nobody is there to be told


class TestOurMethods:
    def test_check_token(self, nova: manager.NovaEndpoint, ours: manager.NovaVNCEndpoint):
        ctxt = service_context()
        nova.authorize_console(ctxt, **ARGUMENTS)
        answer = objects.TokenCheck.from_dict(ours.check_token(service_context(), token=TOKEN))
        assert answer.connect_info.access_url == ARGUMENTS['access_url']
        assert (answer.reason, answer.display_name, answer.request_id) == (None, 'web1', ctxt.request_id)
        assert ours.check_token(service_context(), token='another') == \
            objects.TokenCheck(None, objects.REASON_INVALID).to_dict()

    def test_check_token_always_answers(self, work: manager.Manager, ours: manager.NovaVNCEndpoint,
                                        monkeypatch: pytest.MonkeyPatch):
        def fail(*args: object) -> None:
            raise ZeroDivisionError
        monkeypatch.setattr(TokenChecker, 'check', fail)
        assert ours.check_token(service_context(), token=TOKEN)['reason'] == objects.REASON_UNAVAILABLE

    def test_get_instance(self, ours: manager.NovaVNCEndpoint):
        found = ours.get_instance(service_context(), instance_uuid=UUID.upper())
        assert (found['uuid'], found['display_name'], found['host_is_silent']) == (UUID, 'web1', False)
        for unknown in ('x', None, UUID.replace('9', '8')):
            assert raised_by(ours.get_instance, instance_uuid=unknown) == 'InstanceNotFound'

    def test_list_instances(self, ours: manager.NovaVNCEndpoint):
        def uuids(**arguments: object) -> list[str]:
            return [found['uuid'] for found in ours.list_instances(service_context(), **arguments)]
        assert uuids() == [UUID]
        assert uuids(project_id='p1', name='^web1$', limit=10 ** 9) == [UUID]
        assert uuids(project_id='p2') == uuids(name='web2') == uuids(limit=0) == uuids(marker=UUID.upper()) == []

    @pytest.mark.parametrize(('arguments', 'name'), [
        ({'limit': -1}, 'InvalidInput'), ({'limit': 'x'}, 'InvalidInput'), ({'name': 5}, 'InvalidInput'),
        ({'name': 'x' * 513}, 'InvalidInput'), ({'name': '\ud800'}, 'InvalidInput'),
        ({'project_id': 5}, 'InvalidInput'), ({'project_id': ['p1']}, 'InvalidInput'),
        ({'project_id': 'p1\x00'}, 'InvalidInput'), ({'project_id': '\ud800'}, 'InvalidInput'),
        ({'project_id': 'x' * 256}, 'InvalidInput'),
        ({'marker': 'x'}, 'MarkerNotFound'), ({'marker': UUID.replace('9', '8')}, 'MarkerNotFound')])
    def test_list_instances_malformed(self, ours: manager.NovaVNCEndpoint, arguments: dict[str, Any], name: str):
        assert raised_by(ours.list_instances, **arguments) == name

    @pytest.mark.parametrize('change', [
        {'host': ''}, {'host': None}, {'host': 'x' * 256}, {'host': 'a\nforged line'}, {'number': 'x'},
        {'number': 2 ** 63}, {'number': -1}, {'total': 'x'}, {'instances': None, 'total': 0},
        {'instances': [{'uuid': 'x'}]}, {'instances': [{'host': 'h1'}]}, {'instances': [{'uuid': UUID}] * 501},
        {'instances': [None]}, {'instances': ['x']}, {'instances': [{'uuid': UUID}, []]},
    ])
    def test_malformed_report(self, ours: manager.NovaVNCEndpoint, caplog: pytest.LogCaptureFixture,
                              change: dict[str, Any]):
        report(ours, **{'host': 'h1', 'instances': [], 'number': 2, **change})
        assert [record.levelno for record in caplog.records] == [logging.WARNING]
        assert '\n' not in caplog.records[0].getMessage()
        assert ours.get_instance(service_context(), instance_uuid=UUID)

    def test_fields_of_a_later_release_are_left_out(self, ours: manager.NovaVNCEndpoint):
        report(ours, 'h1', [{'uuid': UUID, 'host': 'h1', 'new_field': 5}], number=2)
        assert 'new_field' not in ours.get_instance(service_context(), instance_uuid=UUID)


class SlowDirectory(ReportedInstanceDirectory):
    """Reports of the host `evil` take until released."""

    def __init__(self) -> None:
        self.released = threading.Event()
        self.heard: list[str] = []

    def report(self, report: Report) -> None:
        self.heard.append(report.host)
        if report.host == 'evil':
            assert self.released.wait(30)


def test_a_host_that_reports_too_much_leaves_threads_for_others(work: manager.Manager,
                                                                caplog: pytest.LogCaptureFixture):
    directory = SlowDirectory()
    ours = manager.NovaVNCEndpoint(dataclasses.replace(work, directory=directory))
    with ThreadPoolExecutor(64) as pool:
        try:
            sent = [pool.submit(report, ours, 'evil', []) for _ in range(64)]
            wait_until(lambda: sum(one.done() for one in sent) == 64 - 8, 30, 'all but an eighth to be left out')
            pool.submit(report, ours, 'h1', []).result(30)
        finally:
            directory.released.set()
    report(ours, 'evil', [])
    assert directory.heard == ['evil'] * 8 + ['h1', 'evil']
    assert [record.getMessage() for record in caplog.records] == [
        'Left out a report of host evil, which sends more of them than can be handled']


class NovasDirectory(InstanceDirectory):
    @classmethod
    def build(cls, parts: object) -> InstanceDirectory:
        return cls()

    def get(self, instance_uuid: str) -> None:
        return None

    def page(self, *arguments: object) -> list[Any]:
        return []


def test_reports_that_nobody_needs_are_left_out_and_that_is_said_once(work: manager.Manager,
                                                                     caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO)
    ours = manager.NovaVNCEndpoint(dataclasses.replace(work, directory=NovasDirectory()))
    report(ours, 'h1', [{'uuid': UUID}])
    report(ours, 'h2', [])
    assert [record.getMessage().partition(',')[0] for record in caplog.records] == [
        'Compute hosts report their instances']


class TestCheckTokens:

    @pytest.fixture(autouse=True)
    def stored(self, nova: manager.NovaEndpoint) -> None:
        nova.authorize_console(service_context(), **ARGUMENTS)

    def check(self, ours: manager.NovaVNCEndpoint, *tokens: Any) -> list[Any]:
        return ours.check_tokens(service_context(), checks=[
            {'token': token, 'request_id': f'req-{number}'} for number, token in enumerate(tokens)])

    def test_answers_are_those_of_check_token(self, ours: manager.NovaVNCEndpoint):
        tokens = [TOKEN, 'unknown', None, 5, TOKEN]
        assert self.check(ours, *tokens) == [ours.check_token(service_context(), token) for token in tokens]

    def test_none(self, ours: manager.NovaVNCEndpoint):
        assert self.check(ours) == []

    def test_more_than_may_be_are_left_for_another_time(self, ours: manager.NovaVNCEndpoint):
        answers = self.check(ours, *[TOKEN] * (contract.MAX_CHECKS + 3))
        assert all(answer['connect_info'] for answer in answers[:contract.MAX_CHECKS])
        assert answers[contract.MAX_CHECKS:] == [None] * 3

    def test_a_defect(self, ours: manager.NovaVNCEndpoint, caplog: pytest.LogCaptureFixture):
        answers = ours.check_tokens(service_context(), checks=[{'token': TOKEN}, {}])
        assert answers[0]['connect_info']
        assert answers[1]['reason'] == objects.REASON_INVALID
        ours._manager.checker._directory = None
        assert [answer['reason'] for answer in self.check(ours, TOKEN, 'unknown')] == [objects.REASON_UNAVAILABLE] * 2
        assert TOKEN not in caplog.text


def test_contracts():
    targets = [endpoint.target for endpoint in (manager.NovaEndpoint, manager.GrizzlyEndpoint, manager.NovaVNCEndpoint)]
    assert [(target.namespace, target.version) for target in targets] == \
        [(None, '2.1'), (None, '1.2'), ('nova_vnc', '1.1')]
