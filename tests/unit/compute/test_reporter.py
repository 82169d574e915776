# SPDX-License-Identifier: Apache-2.0
import itertools
import threading

import pytest

from nova_vnc import exception, objects
from nova_vnc.compute.reporter import Reporter
from tests.fixtures.fail import unexpected
from tests.fixtures.hypervisor import FakeHypervisor
from tests.fixtures.polling import wait_until

ONE = objects.InstanceRecord(uuid='9169fdb2-5b74-46b1-9803-60d2926bd97c')
TWO = objects.InstanceRecord(uuid='5f1b2a53-7f0b-4a4a-9d7e-2f3f0c2ad1c9')
NEVER_S = 3600


class Listener:
    """Stands where rpc.consoleauth.ConsoleAuthAPI does, and takes reports.

    :ivar error: what sending raises
    """

    def __init__(self) -> None:
        self.reports: list[list[objects.InstanceRecord]] = []
        self.attempts = 0
        self.error: Exception | None = None
        self.may_pass = threading.Event()
        self.may_pass.set()

    def report_instances(self, ctxt, host, instances):
        assert host == 'compute1'
        self.attempts += 1
        self.may_pass.wait(10)
        if self.error is not None:
            raise self.error
        self.reports.append(list(instances))

    def wait_for_reports(self, count):
        wait_until(lambda: len(self.reports) >= count, 20, f'{count} reports', interval_s=0.005)


@pytest.fixture
def listener():
    return Listener()


@pytest.fixture
def hypervisor():
    return FakeHypervisor()


@pytest.fixture
def start(hypervisor, listener):
    started = []

    def start_reporter(interval_s=NEVER_S, settle_s=0.01, retry_s=0.01, follow_ups=0, **options):
        options.setdefault('min_interval_s', 0)
        reporter = Reporter(hypervisor.list_instances, listener, 'compute1', interval_s, settle_s=settle_s,
                            retry_s=retry_s, follow_ups=follow_ups, **options)
        hypervisor.start(reporter.report_soon, unexpected)
        reporter.start(unexpected)
        started.append(reporter)
        return reporter
    yield start_reporter
    for reporter in started:
        reporter.stop()


def test_at_start_with_the_host(start, hypervisor, listener):
    hypervisor.add(ONE, '5900')
    start()
    listener.wait_for_reports(1)
    (reported,), = listener.reports
    assert (reported.uuid, reported.host, reported.vm_state) == (ONE.uuid, 'compute1', 'active')


def test_a_host_without_vms_says_so(start, listener):
    start()
    listener.wait_for_reports(1)
    assert listener.reports == [[]]


def test_after_changes(start, hypervisor, listener):
    start()
    listener.wait_for_reports(1)
    hypervisor.add(ONE, '5900')
    listener.wait_for_reports(2)
    hypervisor.remove(ONE)
    listener.wait_for_reports(3)
    assert [len(report) for report in listener.reports] == [0, 1, 0]


def test_periodically(start, listener):
    start(interval_s=0.01)
    listener.wait_for_reports(5)


def test_the_first_ones_may_be_lost(start, listener):
    start(follow_ups=3)
    listener.wait_for_reports(4)


def test_those_after_a_failure_may_be_lost(start, listener):
    listener.error = exception.ServiceUnavailable(service='consoleauth')
    start(follow_ups=3)
    wait_until(lambda: listener.attempts >= 3, 20, 'some attempts', interval_s=0.005)
    listener.error = None
    listener.wait_for_reports(3)


def test_many_changes_make_one_report(start, hypervisor, listener):
    start(settle_s=0.5)
    listener.wait_for_reports(1)
    for _ in range(100):
        hypervisor.add(ONE, '5900')
    hypervisor.add(TWO, '5901')
    wait_until(lambda: len(listener.reports[-1]) == 2, 20, 'the last change to be reported')
    assert len(listener.reports) <= 3


def test_a_change_during_a_report_is_not_lost(start, hypervisor, listener):
    listener.may_pass.clear()
    start()
    wait_until(lambda: listener.attempts, 10, 'the first report to be under way')
    hypervisor.add(ONE, '5900')
    listener.may_pass.set()
    wait_until(lambda: listener.reports and len(listener.reports[-1]) == 1, 10, 'the change to be reported')


class Pacer:
    """Stands where threading.Event does in a reporter: time passes only while it is waited for.

    :ivar pauses: how long the reporter waited after each report and its news, in seconds
    """

    def __init__(self) -> None:
        self.now = 1000.0
        self.pauses: list[float] = []
        self.stopped = threading.Event()

    def is_set(self):
        return self.stopped.is_set() or len(self.pauses) >= 5

    def set(self):
        self.stopped.set()

    def wait(self, timeout_s):
        self.pauses.append(timeout_s)
        self.now += timeout_s


def test_news_all_the_time_makes_one_report_a_second(hypervisor, listener):
    pacer = Pacer()
    sent_at = []

    def list_instances():
        sent_at.append(pacer.now)
        pacer.now += 0.1        # libvirt takes its time
        reporter.report_soon()
        return []
    reporter = Reporter(list_instances, listener, 'compute1', NEVER_S, follow_ups=0, clock=lambda: pacer.now)
    reporter._stopping = pacer
    reporter._run()
    assert [later - earlier for earlier, later in itertools.pairwise(sent_at)] == pytest.approx([1.0] * 4)


def test_the_first_news_after_a_quiet_time_is_reported_soon(hypervisor, listener):
    pacer = Pacer()
    reporter = Reporter(hypervisor.list_instances, listener, 'compute1', NEVER_S, follow_ups=0,
                        clock=lambda: pacer.now)

    class News(threading.Event):
        def wait(self, timeout_s):
            pacer.now += 30     # nothing happens for so long
    reporter._news, reporter._stopping = News(), pacer
    reporter._run()
    assert pacer.pauses == [0.5] * 5


def test_no_report_while_the_hypervisor_is_away(start, hypervisor, listener):
    hypervisor.add(ONE, '5900')
    hypervisor.is_away = True
    reporter = start()
    for _ in range(5):
        reporter.report_soon()
    hypervisor.come_back()
    listener.wait_for_reports(1)
    assert all(len(report) == 1 for report in listener.reports)


def test_while_nobody_takes_reports_it_is_said_once_and_none_piles_up(start, hypervisor, listener, caplog):
    listener.error = exception.ServiceUnavailable(service='consoleauth')
    start()
    wait_until(lambda: listener.attempts >= 5, 20, 'some attempts', interval_s=0.005)
    hypervisor.add(ONE, '5900')
    listener.error = None
    listener.wait_for_reports(1)
    wait_until(lambda: len(listener.reports[-1]) == 1, 10, 'the present state to be reported')
    assert len(listener.reports) <= 3
    assert caplog.text.count('Cannot report') == 1


def test_an_unforeseen_failure_does_not_end_it(start, listener, caplog):
    listener.error = RuntimeError('the broker refuses us')
    start()
    wait_until(lambda: listener.attempts >= 3, 20, 'some attempts', interval_s=0.005)
    listener.error = None
    listener.wait_for_reports(1)
    assert caplog.text.count('the broker refuses us') == 1


def test_nobody_takes_reports_until_somebody_does(start, hypervisor, listener, caplog):
    answers = iter([None, None, False, False, False])
    start(interval_s=0.01, listens=lambda: next(answers, True))
    listener.wait_for_reports(1)
    assert next(answers, 'all') == 'all'
    assert not [record for record in caplog.records if record.levelname == 'WARNING']


def test_nothing_is_sent_where_nobody_takes_it(start, hypervisor, listener):
    asked = []
    reporter = start(interval_s=0.01, listens=lambda: bool(asked.append(1)))
    wait_until(lambda: len(asked) > 5, 20, 'some looks', interval_s=0.005)
    hypervisor.add(ONE, '5900')
    reporter.stop()
    assert not listener.attempts


def test_stopping_reports_nothing(start, hypervisor, listener):
    reporter = start(interval_s=0.01)
    listener.wait_for_reports(1)
    reporter.stop()
    wait_until(lambda: not any(thread.name == 'reporter' for thread in threading.enumerate()), 10, 'its thread to end')
    assert all(report == [] for report in listener.reports)
