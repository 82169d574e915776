# SPDX-License-Identifier: Apache-2.0

from nova_vnc.pulse import Answer, Pulse, Watch


class Loop:
    """Answers when the test says so."""

    def __init__(self) -> None:
        self.questions: list[Answer] = []

    def answer(self) -> None:
        while self.questions:
            self.questions.pop()()


def test_who_answers_each_time_is_alive() -> None:
    relay, accept = Loop(), Loop()
    watch = Watch([Pulse('relay', relay.questions.append), Pulse('accept', accept.questions.append)])
    for _ in range(3):
        assert watch.look() == []
        relay.answer()
        accept.answer()


def test_who_has_not_answered_since_the_last_look_is_silent_and_asked_once() -> None:
    relay, accept = Loop(), Loop()
    watch = Watch([Pulse('relay', relay.questions.append), Pulse('accept', accept.questions.append)])
    watch.look()
    for _ in range(3):
        accept.answer()
        assert watch.look() == ['relay']
    assert len(relay.questions) == 1
    assert len(accept.questions) == 1


def test_a_late_answer_brings_it_back() -> None:
    relay = Loop()
    watch = Watch([Pulse('relay', relay.questions.append)])
    watch.look()
    assert watch.look() == ['relay']
    relay.answer()
    assert watch.look() == []


def test_without_pulses_all_is_well() -> None:
    assert Watch([]).look() == []
