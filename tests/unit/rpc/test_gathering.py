# SPDX-License-Identifier: Apache-2.0
"""A Gathering whose messages arrive when the test says so."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent import futures

import pytest

from nova_vnc.net.deadline import Deadline
from nova_vnc.rpc.gathering import Gathering
from tests.fixtures.polling import wait_until

WAIT_S = 20


class Message:
    """:ivar questions: what is in it"""

    def __init__(self, questions: Sequence[int]) -> None:
        self.questions = list(questions)
        self._answer: futures.Future[list[str | None]] = futures.Future()

    def answer(self, answer: Callable[[int], str | None] = str) -> None:
        self._answer.set_result([answer(question) for question in self.questions])

    def fail(self, error: BaseException) -> None:
        self._answer.set_exception(error)

    def wait(self) -> list[str | None]:
        return self._answer.result(WAIT_S)


class Rig:
    def __init__(self, most: int = 5, max_under_way: int = 1, patience_s: float = WAIT_S) -> None:
        self._messages: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self.gathering: Gathering[int, str] = Gathering(self._send, most, max_under_way=max_under_way,
                                                        patience_s=patience_s)
        self.pool = futures.ThreadPoolExecutor(50)

    def _send(self, questions: Sequence[int]) -> list[str | None]:
        message = Message(questions)
        self._messages.put(message)
        return message.wait()

    def ask(self, question: int, seconds: float = WAIT_S) -> futures.Future[str | None]:
        return self.pool.submit(self.gathering.ask, question, Deadline(seconds))

    def ask_and_wait(self, *questions: int) -> list[futures.Future[str | None]]:
        """Ask one after the other, each of which waits then."""
        asked = []
        for question in questions:
            before = len(self.gathering._waiting)
            asked.append(self.ask(question))
            wait_until(lambda before=before: len(self.gathering._waiting) == before + 1, WAIT_S, 'it to wait')
        return asked

    def message(self) -> Message:
        return self._messages.get(timeout=WAIT_S)

    def is_at_rest(self) -> bool:
        return self.gathering._under_way == 0 and not self.gathering._waiting


@pytest.fixture
def rig() -> Iterator[Rig]:
    rig = Rig()
    yield rig
    wait_until(rig.is_at_rest, WAIT_S, 'nothing to be under way')
    rig.pool.shutdown()


def answers(asked: Sequence[futures.Future[str | None]]) -> list[str | None]:
    return [one.result(WAIT_S) for one in asked]


def test_who_asks_alone_waits_for_nobody(rig: Rig):
    for question in (1, 2):
        asked = rig.ask(question)
        message = rig.message()
        assert message.questions == [question]
        message.answer()
        assert asked.result(WAIT_S) == str(question)


def test_what_comes_meanwhile_shares_a_message(rig: Rig):
    first = rig.ask(0)
    message = rig.message()
    others = rig.ask_and_wait(1, 2, 3)
    message.answer()
    assert first.result(WAIT_S) == '0'
    message = rig.message()
    assert message.questions == [1, 2, 3]
    message.answer()
    assert answers(others) == ['1', '2', '3']


def test_a_message_has_a_bound(rig: Rig):
    first = rig.ask(0)
    message = rig.message()
    others = rig.ask_and_wait(*range(1, 13))
    message.answer()
    sizes = []
    for _ in range(3):
        message = rig.message()
        sizes.append(len(message.questions))
        message.answer()
    assert sizes == [5, 5, 2]
    assert answers([first, *others]) == [str(number) for number in range(13)]


def test_several_messages_under_way():
    rig = Rig(max_under_way=2)
    asked = [rig.ask(0), rig.ask(1)]
    slow, quick = rig.message(), rig.message()
    waiting = rig.ask_and_wait(2, 3)
    quick.answer()
    message = rig.message()
    assert message.questions == [2, 3]
    message.answer()
    assert answers(waiting) == ['2', '3']
    slow.answer()
    assert answers(asked) == ['0', '1']
    wait_until(rig.is_at_rest, WAIT_S, 'nothing to be under way')


def test_those_without_an_answer_ask_alone_and_the_others_have_theirs(rig: Rig):
    first = rig.ask(0)
    message = rig.message()
    others = rig.ask_and_wait(1, 2, 3)
    message.answer()
    rig.message().answer(lambda question: None if question == 2 else str(question))
    assert answers([first, *others]) == ['0', '1', None, '3']


@pytest.mark.parametrize('spoil', [
    lambda message: message.fail(ZeroDivisionError()), lambda message: message.fail(TimeoutError()),
    lambda message: (message.questions.pop(), message.answer()), lambda message: message._answer.set_result(None)])
def test_a_message_that_fails(rig: Rig, spoil: Callable[[Message], None]):
    first = rig.ask(0)
    message = rig.message()
    others = rig.ask_and_wait(1, 2)
    message.answer()
    spoil(rig.message())
    assert answers([first, *others]) == ['0', None, None]


def test_who_leads_may_die_and_the_rest_goes_on(rig: Rig):
    class Killed(BaseException):
        pass
    first = rig.ask(0)
    message = rig.message()
    others = rig.ask_and_wait(1, 2)
    message.fail(Killed())
    with pytest.raises(Killed):
        first.result(WAIT_S)
    rig.message().answer()
    assert answers(others) == ['1', '2']


def test_nobody_waits_long_for_a_message_that_hangs():
    rig = Rig(patience_s=0.05)
    first = rig.ask(0)
    message = rig.message()
    assert answers([rig.ask(1), rig.ask(2)]) == [None, None]
    message.answer()
    assert first.result(WAIT_S) == '0'
    wait_until(rig.is_at_rest, WAIT_S, 'nothing to be under way')


def test_a_deadline_that_is_over_while_others_send():
    rig = Rig()
    first = rig.ask(0)
    message = rig.message()
    assert rig.ask(1, seconds=0.05).result(WAIT_S) is None
    message.answer()
    assert first.result(WAIT_S) == '0'
    wait_until(rig.is_at_rest, WAIT_S, 'nothing to be under way')


@pytest.mark.parametrize('patience_s', [WAIT_S, 0.001])
def test_everybody_has_an_answer_of_his_own(patience_s: float):
    """A crowd, and answers that come at any time."""
    gathering: Gathering[int, int] = Gathering(lambda numbers: [-number for number in numbers], 7, max_under_way=2,
                                               patience_s=patience_s)
    wrong = []

    def ask(begin: int) -> None:
        for number in range(begin, begin + 200):
            answer = gathering.ask(number, Deadline(WAIT_S))
            if answer is None and patience_s < WAIT_S:
                continue
            if answer != -number:
                wrong.append((number, answer))
    threads = [threading.Thread(target=ask, args=(1 + 1000 * number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert gathering._under_way == 0
    assert gathering._waiting == []
