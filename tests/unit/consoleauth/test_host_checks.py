# SPDX-License-Identifier: Apache-2.0
import threading
import time
from concurrent import futures

import pytest

from nova_vnc import exception, objects
from nova_vnc.consoleauth import tokens
from nova_vnc.consoleauth.directory.base import Entry
from nova_vnc.consoleauth.host_checks import HostChecks, Hosts, build_places
from nova_vnc.context import service_context
from nova_vnc.net.ceiling import Ceiling
from nova_vnc.net.deadline import Deadline
from nova_vnc.rpc.compute import ComputeAPI
from nova_vnc.rpc.silent_hosts import SilentHosts
from tests.fixtures.polling import wait_until

AT_EASE_S = 0.2


class Compute:
    """Stands where rpc.caller.Caller does, before compute hosts of which some do not answer."""

    def __init__(self):
        self.asked = []
        self.hung = set()
        self.come_back = threading.Event()

    def call(self, target, ctxt, method, timeout_s, **arguments):
        self.asked.append((target.server, arguments['port']))
        if target.server in self.hung:
            self.come_back.wait(timeout_s)
        if not self.come_back.is_set() and target.server in self.hung:
            raise exception.ServiceUnavailable(service='compute')
        return True


class Rig:
    def __init__(self, places, at_ease_s=AT_EASE_S):
        self.compute = Compute()
        self.hosts = SilentHosts()
        self.checks = HostChecks(self.hosts_of, places, at_ease_s)
        self.pool = futures.ThreadPoolExecutor(100)

    def hosts_of(self, cell):
        return Hosts(ComputeAPI(self.compute, silent_hosts=self.hosts), self.hosts)

    def check(self, host, number=0, timeout_s=30):
        return self.pool.submit(self._check, host, number, timeout_s)

    def _check(self, host, number, timeout_s):
        uuid = f'00000000-0000-4000-8000-{number:012d}'
        authorization = tokens.build_authorization(
            token='x', console_type='novnc', host='192.0.2.1', port=5900 + number, instance_uuid=uuid,
            internal_access_path=None, access_url=None, now=0, ttl_s=1, request_id=None)
        entry = Entry(objects.InstanceRecord(uuid=uuid, host=host))
        try:
            return self.checks.validate(service_context(), entry, authorization, Deadline(timeout_s))
        except exception.HostSilent:
            return 'silent'


@pytest.fixture
def rig():
    rig = Rig(Ceiling(total=4, each=2, reserved=2))
    yield rig
    rig.compute.come_back.set()
    rig.pool.shutdown()


def outcomes(checks):
    return [check.result(30) for check in checks]


def test_equal_checks_are_one_call(rig):
    rig.compute.hung = {'h'}
    checks = [rig.check('h') for _ in range(40)]
    wait_until(lambda: sum(check.done() for check in checks) >= 38, 10, 'all but two to be told')
    rig.compute.come_back.set()
    assert sorted(map(str, outcomes(checks))) == ['True'] * 2 + ['silent'] * 38
    assert len(rig.compute.asked) == 1


def test_whoever_asks_a_host_that_owes_an_answer_for_long_is_told_at_once(rig):
    rig.compute.hung = {'h'}
    checks = [rig.check('h') for _ in range(2)]
    wait_until(lambda: rig.checks._places._taken == 2, 10, 'both to wait longer')
    started = time.monotonic()
    assert outcomes([rig.check('h', number) for number in range(20)]) == ['silent'] * 20
    assert time.monotonic() - started < 5
    rig.compute.come_back.set()
    assert outcomes(checks) == [True, True]
    assert len(rig.compute.asked) == 1


def test_a_crowd_before_a_host_that_is_well():
    rig = Rig(Ceiling(total=4, each=2, reserved=2), at_ease_s=20)     # however busy the machine is
    assert outcomes([rig.check('h', number % 50) for number in range(300)]) == [True] * 300
    rig.pool.shutdown()


def test_hosts_that_hang_leave_places_for_others(rig):
    rig.compute.hung = {'a', 'b', 'slow'}
    crowd = [rig.check(host, number) for number in range(10) for host in 'ab']
    wait_until(lambda: rig.checks._places._taken >= 2, 10, 'some to wait longer')
    patient = rig.check('slow')
    wait_until(lambda: (None, 'slow') in rig.checks._places._taken_by, 10, 'one more to wait longer')
    rig.compute.come_back.set()
    assert patient.result(30) is True
    assert outcomes(crowd).count('silent') >= 16


@pytest.mark.parametrize('threads', [1, 2, 4, 8, 16, 64, 1000])
def test_half_of_the_threads_never_wait_for_slow_hosts(threads):
    places = build_places(threads)
    assert 1 <= places._total <= max(1, threads // 2)
    assert 1 <= places._each <= places._total
    assert places._shared >= 1 or threads == 1
