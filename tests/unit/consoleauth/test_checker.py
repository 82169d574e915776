# SPDX-License-Identifier: Apache-2.0

import pytest

from nova_vnc import exception, objects
from nova_vnc.consoleauth import tokens
from nova_vnc.consoleauth.checker import TokenChecker
from nova_vnc.consoleauth.directory.base import Report
from nova_vnc.consoleauth.directory.reported import ReportedInstanceDirectory
from nova_vnc.consoleauth.host_checks import HostChecks, Hosts, build_places
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
    return HostChecks(lambda cell: Hosts(compute, SilentHosts()), build_places(64))


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
