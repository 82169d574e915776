# SPDX-License-Identifier: Apache-2.0

import logging
import threading
import uuid

import pytest
from oslo_context.context import get_current as current_context

from nova_vnc import exception, objects
from nova_vnc.consoleauth import tokens
from nova_vnc.consoleauth.checker import TokenChecker
from nova_vnc.consoleauth.directory.base import Report
from nova_vnc.consoleauth.directory.reported import ReportedInstanceDirectory
from nova_vnc.consoleauth.host_checks import HostChecks, build_places
from nova_vnc.consoleauth.host_checks import Hosts as HostsOfBus
from nova_vnc.consoleauth.stores.database import DatabaseTokenStore
from nova_vnc.context import service_context
from nova_vnc.db.engine import Database
from nova_vnc.rpc.silent_hosts import SilentHosts

NOW = 2000000000.0
TTL_S = 600
TOKEN = '6f1c56b1-dbd3-4a3c-a3f7-4bbf0c3d0f7a'
INSTANCE = objects.InstanceRecord(uuid='9169fdb2-5b74-46b1-9803-60d2926bd97c', host='compute1', display_name='web1')
URL = f'http://127.0.0.1:6080/vnc_auto.html?path=%3Ftoken%3D{TOKEN}'


class Compute:
    """Stands where rpc.compute.ComputeAPI does."""

    def __init__(self) -> None:
        self.asked: list[tuple] = []
        self.answer: bool | Exception = True

    def validate_console(self, ctxt, instance, host, port, console_type, deadline, host_is_silent):
        self.asked.append((instance, host, port, console_type, round(deadline.remaining(), 1)))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def checks_of(compute: Compute) -> HostChecks:
    return HostChecks(lambda cell: HostsOfBus(compute, SilentHosts()), build_places(64))


class Rig:
    def __init__(self, database: Database) -> None:
        self.now = NOW
        self.compute = Compute()
        self.store = DatabaseTokenStore(database)
        self.directory = ReportedInstanceDirectory(database, 180, lambda: self.now)
        self.checker = TokenChecker(self.store, self.directory, checks_of(self.compute), TTL_S, lambda: self.now)
        self.report(INSTANCE)
        self.store.add(tokens.build_authorization(
            token=TOKEN, console_type='novnc', host='192.0.2.1', port=5901, instance_uuid=INSTANCE.uuid,
            internal_access_path=None, access_url=URL, now=NOW, ttl_s=TTL_S, request_id='req-1'))

    def report(self, *records: objects.InstanceRecord) -> None:
        self.directory.report(Report('compute1', int(self.now * 1000), len(records), records))

    def check(self, token: object = TOKEN) -> objects.TokenCheck:
        self.now += 0.01
        return self.checker.check(service_context(), token)


@pytest.fixture
def rig(database: Database) -> Rig:
    return Rig(database)


def test_valid(rig: Rig):
    assert rig.check() == objects.TokenCheck(
        objects.ConnectInfo(token=TOKEN, console_type='novnc', host='192.0.2.1', port='5901',
                            instance_uuid=INSTANCE.uuid, access_url=URL, last_activity_at=NOW),
        None, 'web1', int(NOW) + TTL_S, 'req-1')
    assert rig.compute.asked == [(INSTANCE, '192.0.2.1', '5901', 'novnc', 5.0)]


@pytest.mark.parametrize('token', ['', 'another', 'x' * 1000, None, 5, 'a\nb', TOKEN.upper()])
def test_unknown_and_malformed(rig: Rig, token: object):
    assert rig.check(token) == objects.TokenCheck(None, objects.REASON_INVALID)
    assert rig.compute.asked == []


def test_expired_looks_like_unknown(rig: Rig):
    rig.now += TTL_S
    assert rig.check() == objects.TokenCheck(None, objects.REASON_INVALID)


@pytest.mark.parametrize(('answer', 'reason'), [
    (False, objects.REASON_MOVED),
    (exception.InstanceNotReady(instance_id=INSTANCE.uuid), objects.REASON_NOT_READY),
    (exception.InstanceNotFound(instance_id=INSTANCE.uuid), objects.REASON_NOT_READY),
    (exception.ConsoleTypeUnavailable(console_type='novnc'), objects.REASON_MOVED),
    (exception.ServiceUnavailable(service='compute'), objects.REASON_HOST_SILENT),
])
def test_of_no_use_now(rig: Rig, answer: bool | Exception, reason: str):
    rig.compute.answer = answer
    check = rig.check()
    assert (check.connect_info, check.reason, check.display_name) == (None, reason, 'web1')
    rig.compute.answer = True
    assert rig.check().connect_info is not None


def test_vm_is_gone(rig: Rig):
    rig.now += 1
    rig.report()
    assert rig.check().reason == objects.REASON_NOT_READY
    assert rig.compute.asked == []


def test_silent_host_is_asked_but_not_for_long(rig: Rig):
    rig.now += 181
    assert rig.check().connect_info is not None
    assert rig.compute.asked[-1][-1] == 2.0


def test_no_token_in_the_log(rig: Rig, caplog: pytest.LogCaptureFixture):
    caplog.set_level(0)
    for answer in (True, False, exception.ConsoleTypeUnavailable(console_type='novnc')):
        rig.compute.answer = answer
        rig.check()
    assert TOKEN not in caplog.text


class SomeHung(Compute):
    """Compute hosts, one of which does not answer before come_back is set."""

    def __init__(self) -> None:
        super().__init__()
        self.hung = 'hung'
        self.come_back = threading.Event()

    def validate_console(self, ctxt, instance, *arguments):
        if instance.host == self.hung:
            self.come_back.wait(10)
        return super().validate_console(ctxt, instance, *arguments)


class TestMany:

    @pytest.fixture
    def hosts(self, rig: Rig):
        hosts = SomeHung()
        rig.checker._hosts = checks_of(hosts)
        yield hosts
        hosts.come_back.set()

    def add(self, rig: Rig, host: str) -> str:
        """Return a token of a VM of its own."""
        record = objects.InstanceRecord(uuid=str(uuid.uuid4()), host=host)
        rig.now += 0.01
        rig.directory.report(Report(host, int(rig.now * 1000), 1, [record]))
        token = str(uuid.uuid4())
        rig.store.add(tokens.build_authorization(
            token=token, console_type='novnc', host='192.0.2.1', port=5901, instance_uuid=record.uuid,
            internal_access_path=None, access_url=None, now=NOW, ttl_s=TTL_S))
        return token

    def check(self, rig: Rig, *tokens: object, patience_s: float = 5) -> list[objects.TokenCheck | None]:
        rig.now += 0.01
        return rig.checker.check_many([(service_context(), token) for token in tokens], patience_s)

    @pytest.mark.parametrize('answer', [True, False, exception.InstanceNotReady(instance_id=INSTANCE.uuid),
                                        exception.ConsoleTypeUnavailable(console_type='novnc'),
                                        exception.ServiceUnavailable(service='compute')])
    def test_answers_are_those_of_check(self, rig: Rig, answer: bool | Exception):
        rig.compute.answer = answer
        wanted = ['unknown', TOKEN, None, 'a\nb', TOKEN]
        assert self.check(rig, *wanted) == [rig.check(token) for token in wanted]

    def test_equal_tokens_are_one_question(self, rig: Rig, hosts: SomeHung):
        hosts.hung = 'compute1'
        assert self.check(rig, *[TOKEN] * 5, patience_s=0.05) == [None] * 5
        hosts.come_back.set()
        assert all(answer.connect_info for answer in self.check(rig, *[TOKEN] * 5))
        assert len(hosts.asked) <= 2

    def test_a_hung_host_keeps_the_others_waiting_for_a_moment(self, rig: Rig, hosts: SomeHung):
        hung, well = self.add(rig, 'hung'), self.add(rig, 'well')
        slow, quick, first, unknown = self.check(rig, hung, well, TOKEN, 'unknown', patience_s=0.3)
        assert slow is None
        assert (quick.connect_info.token, first.connect_info.token) == (well, TOKEN)
        assert unknown.reason == objects.REASON_INVALID

    def test_a_host_that_owes_an_answer_for_long_is_not_waited_for(self, rig: Rig):
        rig.checker._hosts = HostChecks(lambda cell: hosts_that_owe(), build_places(64))
        assert self.check(rig, TOKEN, patience_s=10) == [None]

    def test_a_directory_that_cannot_tell_of_one(self, rig: Rig, monkeypatch: pytest.MonkeyPatch):
        other = self.add(rig, 'well')
        monkeypatch.setattr(rig.directory, 'get_many', lambda uuids: {INSTANCE.uuid: rig.directory.get(INSTANCE.uuid)})
        good, bad = self.check(rig, TOKEN, other)
        assert good.connect_info
        assert bad.reason == objects.REASON_UNAVAILABLE

    def test_a_store_that_is_away(self, rig: Rig, monkeypatch: pytest.MonkeyPatch):
        def fail(*arguments: object) -> None:
            raise exception.StoreUnavailable(reason='away')
        monkeypatch.setattr(rig.store, 'get_many', fail)
        assert [answer.reason for answer in self.check(rig, TOKEN, None)] == [
            objects.REASON_UNAVAILABLE, objects.REASON_INVALID]

    def test_each_is_logged_under_its_own_request(self, rig: Rig, caplog: pytest.LogCaptureFixture):
        caplog.set_level(logging.INFO)
        rig.compute.answer = False
        contexts = [service_context() for _ in range(2)]
        seen = []
        monitor = logging.Handler()
        monitor.emit = lambda record: seen.append(current_context().request_id)
        logger = logging.getLogger('nova_vnc.consoleauth.checker')
        logger.addHandler(monitor)
        try:
            rig.checker.check_many([(contexts[0], TOKEN), (contexts[1], self.add(rig, 'well'))])
        finally:
            logger.removeHandler(monitor)
        assert seen == [ctxt.request_id for ctxt in contexts]
        assert TOKEN not in caplog.text


def hosts_that_owe() -> HostsOfBus:
    silent = SilentHosts()
    silent.owing_s = lambda host: 1.0
    return HostsOfBus(Compute(), silent)
