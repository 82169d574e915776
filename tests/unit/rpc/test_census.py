# SPDX-License-Identifier: Apache-2.0

import itertools
from collections.abc import Callable

import pytest

from nova_vnc import exception
from nova_vnc.rpc import caller, census

OURS, FOREIGN = None, caller.UnknownMethod('consoleauth', 'list_instances')
SILENT = caller.NoAnswer(service='consoleauth')


def consumers(*answers: Exception | None) -> Callable[[], None]:
    """Return what asks consumers that get the questions in turn."""
    turns = itertools.cycle(answers)

    def ask() -> None:
        answer = next(turns)
        if answer is not None:
            raise answer
    return ask


def test_nobody():
    assert census.take(0, consumers(OURS)) == census.Census(0)


@pytest.mark.parametrize('answers', [
    (OURS,), (FOREIGN,), (SILENT,), (OURS, FOREIGN), (FOREIGN, OURS, OURS), (SILENT, OURS), (FOREIGN,) * 5,
    (exception.StoreUnavailable(reason='x'), FOREIGN)])
def test_all_kinds_are_met(answers: tuple[Exception | None, ...]):
    counted = census.take(len(answers), consumers(*answers))
    assert bool(counted.foreign) == (FOREIGN in answers)
    assert bool(counted.silent) == (SILENT in answers)
    assert bool(counted.ours) == any(answer not in (FOREIGN, SILENT) for answer in answers)


def test_a_crowd_is_not_asked_without_end():
    counted = census.take(1000, consumers(OURS))
    assert counted.ours < 100


def test_a_broker_that_goes_away():
    assert census.take(4, consumers(OURS, caller.NotAsked(service='consoleauth'))) == census.Census(4, ours=1)
