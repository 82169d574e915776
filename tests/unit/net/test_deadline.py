# SPDX-License-Identifier: Apache-2.0
import pytest

from nova_vnc.net.deadline import Deadline, DeadlineExceeded


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_steps_share_one_budget():
    clock = Clock()
    deadline = Deadline(10, clock)
    assert deadline.remaining() == 10
    clock.now += 4
    assert deadline.remaining() == 6
    assert not deadline.expired()
    deadline.check()


@pytest.mark.parametrize('late', [0, 5])
def test_the_end(late):
    clock = Clock()
    deadline = Deadline(10, clock)
    clock.now += 10 + late
    assert deadline.remaining() == 0
    assert deadline.expired()
    with pytest.raises(DeadlineExceeded):
        deadline.check()


def test_it_is_a_timeout_for_those_who_do_not_know_it():
    assert issubclass(DeadlineExceeded, TimeoutError)
