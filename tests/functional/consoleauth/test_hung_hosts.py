# SPDX-License-Identifier: Apache-2.0
"""Compute hosts that do not answer: their own users are told so, and nobody else notices."""

import contextlib
import dataclasses
import time
import uuid
from collections.abc import Iterator
from concurrent import futures

import pytest

from nova_vnc import objects
from nova_vnc.consoleauth import checker
from nova_vnc.context import service_context
from nova_vnc.rpc.caller import Caller
from nova_vnc.rpc.consoleauth import ConsoleAuthAPI
from tests.fixtures.polling import wait_until
from tests.functional.consoleauth.rig import HOST, INSTANCE, TOKEN, Compute, Rig

CROWD = 256
# What a user who has nothing to do with it may notice: far from the 5 s that a hung host is waited for. The crowd's
# messages are ahead in the queue, and take a second of CPU time.
SOON_S = 3.0
# For how long a host that hangs is waited for where that must not be mistaken for a busy machine.
LONG_S = 12.0


class Cloud:
    """Hosts with one VM each, on a nova-consoleauth; a host without a compute service hangs."""

    def __init__(self, rig: Rig) -> None:
        self._rig = rig
        self.api = ConsoleAuthAPI(Caller(rig.bus.transport, max_concurrent=2000), timeout_s=20)
        self._pool = futures.ThreadPoolExecutor(2000)
        self.tokens: dict[str, str] = {}

    def add_host(self, host: str) -> None:
        instance = dataclasses.replace(INSTANCE, uuid=str(uuid.uuid4()), host=host)
        self._rig.report(instance, host=host)
        self.tokens[host] = str(uuid.uuid4())
        self._rig.authorize(token=self.tokens[host], instance_uuid=instance.uuid)

    def check(self, host: str) -> str | None:
        """Return the reason why not."""
        return self.api.check_token(service_context(), self.tokens[host]).reason

    def start_checks(self, *hosts: str) -> list[futures.Future[str | None]]:
        return [self._pool.submit(self.check, host) for host in hosts]

    def close(self) -> None:
        self._pool.shutdown()


@pytest.fixture
def cloud(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    monkeypatch.setattr(checker, '_COMPUTE_TIMEOUT_S', 2.0)
    rig.start()
    rig.start_compute()
    rig.report(INSTANCE)
    rig.authorize()
    with contextlib.closing(Cloud(rig)) as built:
        yield built


def within(seconds: float, ask: object) -> object:
    started = time.monotonic()
    answer = ask()
    assert time.monotonic() - started < seconds
    return answer


def test_a_crowd_before_a_hung_host_keeps_nobody_else_waiting(rig: Rig, cloud: Cloud):
    cloud.add_host('hung')
    crowd = cloud.start_checks(*['hung'] * CROWD)
    for _ in range(10):
        entry = within(SOON_S, lambda: rig.api.get_instance(service_context(), INSTANCE.uuid))
        assert entry.instance.host == HOST
        assert within(SOON_S, rig.check).connect_info is not None
        time.sleep(0.1)
    assert {check.result(30) for check in crowd} == {objects.REASON_HOST_SILENT}


def test_a_crowd_before_a_host_that_is_well(cloud: Cloud):
    cloud.tokens[HOST] = TOKEN
    answers = [check.result(30) for check in cloud.start_checks(*[HOST] * CROWD)]
    assert answers.count(None) >= 0.4 * CROWD    # a busy machine answers late for some, who may ask again


def test_equal_checks_at_once_are_one_call_to_the_host(rig: Rig, cloud: Cloud):
    cloud.tokens[HOST] = TOKEN
    for check in cloud.start_checks(*[HOST] * CROWD):
        check.result(30)
    assert len(rig.compute.asked) < CROWD / 4


@pytest.fixture
def hanging_long(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have hosts that hang be waited for long, and callers who do not know nova-consoleauth yet for each other."""
    monkeypatch.setattr(checker, '_COMPUTE_TIMEOUT_S', LONG_S)
    monkeypatch.setattr(cloud.api._extensions, '_patience_s', LONG_S)


def test_half_of_the_hosts_hang(rig: Rig, cloud: Cloud, hanging_long: None):
    hung = [f'hung-{number}' for number in range(10)]
    well = [f'well-{number}' for number in range(10)]
    for host in well:
        rig.start_compute(Compute(), host)
    for host in hung + well:
        cloud.add_host(host)
    crowd = cloud.start_checks(*hung * (CROWD // len(hung)))
    slowest_s = 0.0
    for _ in range(3):
        started = time.monotonic()
        assert {check.result(30) for check in cloud.start_checks(*well)} == {None}
        slowest_s = max(slowest_s, time.monotonic() - started)
    assert slowest_s < LONG_S / 3
    assert not all(check.done() for check in crowd)
    assert {check.result(30) for check in crowd} == {objects.REASON_HOST_SILENT}


def test_the_first_check_of_all_is_of_a_host_that_hangs(cloud: Cloud, hanging_long: None):
    cloud.add_host('hung')
    cloud.tokens[HOST] = TOKEN
    first, = cloud.start_checks('hung')
    time.sleep(0.3)     # until it is under way
    assert within(LONG_S / 3, lambda: cloud.check(HOST)) is None
    assert not first.done()
    assert first.result(30) == objects.REASON_HOST_SILENT


def test_a_host_that_has_not_answered_is_answered_for_at_once(cloud: Cloud):
    cloud.add_host('hung')
    assert cloud.check('hung') == objects.REASON_HOST_SILENT
    trying, = cloud.start_checks('hung')
    time.sleep(0.3)     # until it is under way
    assert within(SOON_S, lambda: cloud.check('hung')) == objects.REASON_HOST_SILENT
    assert not trying.done()


def test_a_host_that_comes_back_is_used_again(rig: Rig, cloud: Cloud):
    cloud.add_host('hung')
    assert cloud.check('hung') == objects.REASON_HOST_SILENT
    rig.start_compute(Compute(), 'hung')
    started = time.monotonic()
    wait_until(lambda: cloud.check('hung') is None, 20, 'the host to be used')
    assert time.monotonic() - started < 5
    answers = [check.result(30) for check in cloud.start_checks(*['hung'] * CROWD)]
    assert answers.count(None) >= 0.4 * CROWD    # a busy machine answers late for some, who may ask again
