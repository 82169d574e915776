# SPDX-License-Identifier: Apache-2.0
import logging

import pytest

from nova_vnc.compute.audience import Audience, Nobody
from nova_vnc.rpc import caller

DAY_S = 24 * 3600


class ConsoleAuth:
    """
    :ivar answer: or what it raises
    """

    def __init__(self, answer: object) -> None:
        self.answer = answer
        self.asked = 0

    def takes_reports(self, ctxt, deadline=None):
        self.asked += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture(autouse=True)
def _level(caplog):
    caplog.set_level(logging.INFO)


def look(audience, clock, seconds, step_s=10):
    """Ask every ten seconds for so long, and return the answers that there were."""
    end = clock.now + seconds
    answers = []
    while clock.now < end:
        answers.append(audience.listens())
        clock.now += step_s
    return set(answers)


@pytest.mark.parametrize('spread', [0.0, 1.0])
def test_one_of_ours_is_asked_every_five_minutes(clock, spread, caplog):
    api = ConsoleAuth(True)
    assert look(Audience(api, clock, lambda: spread), clock, 3600) == {True}
    assert 12 <= api.asked <= 14
    assert not caplog.records


@pytest.mark.parametrize('spread', [0.0, 1.0])
def test_novas_own_is_asked_once_an_hour(clock, spread, caplog):
    api = ConsoleAuth(False)
    assert look(Audience(api, clock, lambda: spread), clock, DAY_S) == {False}
    assert 24 <= api.asked <= 27
    said, = caplog.records
    assert (said.levelno, "Nova's own" in said.getMessage()) == (logging.INFO, True)


def test_another_one_is_noticed(clock):
    api = ConsoleAuth(True)
    audience = Audience(api, clock)
    assert audience.listens()
    api.answer = False
    look(audience, clock, 310)
    assert audience.listens() is False
    api.answer = True
    assert look(audience, clock, 3000) == {False}
    look(audience, clock, 700)
    assert audience.listens() is True


def test_nothing_is_known_while_nobody_answers(clock, caplog):
    api = ConsoleAuth(caller.NoAnswer(service='consoleauth'))
    audience = Audience(api, clock)
    assert [audience.listens() for _ in range(5)] == [None] * 5
    assert api.asked == 5
    said, = caplog.records
    assert said.levelno == logging.WARNING
    api.answer = True
    assert audience.listens() is True


def test_that_the_broker_is_away_is_said_elsewhere(clock, caplog):
    audience = Audience(ConsoleAuth(caller.NotAsked(service='consoleauth')), clock)
    assert [audience.listens() for _ in range(5)] == [None] * 5
    assert not caplog.records


@pytest.mark.parametrize('known', [True, False])
def test_who_has_fallen_silent_counts_as_what_he_was(clock, known):
    api = ConsoleAuth(known)
    audience = Audience(api, clock)
    audience.listens()
    api.answer, api.asked = caller.NoAnswer(service='consoleauth'), 0
    clock.now += DAY_S
    assert look(audience, clock, 600) == {known}
    assert api.asked == 10


def test_never():
    assert Nobody().listens() is False
