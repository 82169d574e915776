# SPDX-License-Identifier: Apache-2.0
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from nova_vnc import exception
from nova_vnc.net.deadline import Deadline
from nova_vnc.rpc import caller
from nova_vnc.rpc.extensions import ASK_AGAIN_S, Extensions
from tests.fixtures.polling import wait_until

UNKNOWN = caller.UnknownMethod('compute', 'validate_console')


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


class Other:
    """Whom one asks.

    :param answer: or what it raises
    """

    def __init__(self, answer: object) -> None:
        self.answer = answer
        self.asked = 0
        self.may_answer = threading.Event()
        self.may_answer.set()

    def ask(self) -> object:
        self.asked += 1
        self.may_answer.wait(20)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def call(extensions: Extensions, other: Other, name: str = 'h1', timeout_s: float = 20) -> object:
    return extensions.call(name, other.ask, Deadline(timeout_s))


def test_who_knows_us_is_asked_each_time():
    extensions, other = Extensions(), Other(True)
    assert [call(extensions, other) for _ in range(3)] == [True] * 3
    assert other.asked == 3


def test_who_does_not_is_asked_once_in_a_day():
    clock = Clock()
    extensions, other = Extensions(clock=clock), Other(UNKNOWN)
    for later_s in (0, ASK_AGAIN_S / 2, ASK_AGAIN_S - 1):
        clock.now = 1000.0 + later_s
        with pytest.raises(caller.UnknownMethod):
            call(extensions, other)
    assert other.asked == 1
    clock.now = 1000.0 + ASK_AGAIN_S + 1
    with pytest.raises(caller.UnknownMethod):
        call(extensions, other)
    assert other.asked == 2


def test_each_is_known_by_itself():
    extensions, novas, ours = Extensions(), Other(UNKNOWN), Other(True)
    with pytest.raises(caller.UnknownMethod):
        call(extensions, novas, 'h1')
    assert call(extensions, ours, 'h2') is True


def test_one_that_was_replaced_by_novas():
    extensions, other = Extensions(), Other(True)
    call(extensions, other)
    other.answer = UNKNOWN
    for _ in range(2):
        with pytest.raises(caller.UnknownMethod):
            call(extensions, other)
    assert other.asked == 2


def test_nobody_is_asked():
    extensions, other = Extensions(is_asked=False), Other(True)
    with pytest.raises(caller.UnknownMethod):
        call(extensions, other)
    assert other.asked == 0


def test_a_crowd_asks_once():
    extensions, other = Extensions(patience_s=20), Other(UNKNOWN)
    other.may_answer.clear()

    def is_unknown(_: int) -> bool:
        with pytest.raises(caller.UnknownMethod):
            call(extensions, other)
        return True
    with ThreadPoolExecutor(20) as pool:
        answers = pool.map(is_unknown, range(20))
        wait_until(lambda: other.asked, 10, 'the first to ask')
        other.may_answer.set()
        assert all(answers)
    assert other.asked == 1


@pytest.mark.parametrize('error', [caller.NoAnswer(service='compute'), caller.NotAsked(service='compute')])
def test_silence_teaches_nothing(error: Exception):
    extensions, other = Extensions(), Other(error)
    for _ in range(2):
        with pytest.raises(type(error)):
            call(extensions, other)
    other.answer = UNKNOWN
    with pytest.raises(caller.UnknownMethod):
        call(extensions, other)
    assert other.asked == 3


def test_an_error_is_an_answer():
    extensions, other = Extensions(), Other(exception.InstanceNotFound(instance_id='x'))
    with pytest.raises(exception.InstanceNotFound):
        call(extensions, other)
    other.may_answer.clear()
    other.answer = True
    with ThreadPoolExecutor(2) as pool:
        answers = [pool.submit(call, extensions, other) for _ in range(2)]
        # Neither waits for the other.
        wait_until(lambda: other.asked == 3, 10, 'both to ask')
        other.may_answer.set()
        assert [answer.result(20) for answer in answers] == [True, True]


@pytest.mark.parametrize(('patience_s', 'timeout_s'), [(0.05, 20), (20, 0.05)])
def test_what_takes_long_is_no_refusal_that_others_need_to_wait_for(patience_s: float, timeout_s: float):
    extensions, other = Extensions(patience_s=patience_s), Other(True)
    other.may_answer.clear()
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(call, extensions, other)
        wait_until(lambda: other.asked, 10, 'the first to ask')
        second = pool.submit(call, extensions, other, timeout_s=timeout_s)
        wait_until(lambda: other.asked == 2, 10, 'the second to ask')
        other.may_answer.set()
        assert first.result(20) is second.result(20) is True


class Slow:
    """Whom one asks what takes long, and who refuses or answers at once what does not."""

    def __init__(self, answer: object, probe: object) -> None:
        self.slow, self.quick = Other(answer), Other(probe)
        self.slow.may_answer.clear()

    def call(self, extensions: Extensions) -> object:
        return extensions.call('h1', self.slow.ask, Deadline(20), probe=self.quick.ask)


def test_what_is_asked_first_keeps_nobody_waiting_for_what_takes_long():
    extensions, other = Extensions(patience_s=20), Slow(True, 'known')
    with ThreadPoolExecutor(20) as pool:
        answers = [pool.submit(other.call, extensions) for _ in range(20)]
        wait_until(lambda: other.slow.asked == 20, 10, 'all to ask')
        other.slow.may_answer.set()
        assert [answer.result(20) for answer in answers] == [True] * 20
    assert other.quick.asked == 1


def test_who_refuses_what_is_asked_first_is_asked_nothing_else():
    extensions, other = Extensions(), Slow(True, UNKNOWN)
    for _ in range(2):
        with pytest.raises(caller.UnknownMethod):
            other.call(extensions)
    assert (other.quick.asked, other.slow.asked) == (1, 0)


def test_what_is_asked_first_may_be_lost():
    extensions, other = Extensions(), Slow(True, caller.NoAnswer(service='compute'))
    other.slow.may_answer.set()
    assert [other.call(extensions) for _ in range(2)] == [True] * 2
    assert other.quick.asked == 1
