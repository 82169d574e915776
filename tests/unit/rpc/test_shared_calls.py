# SPDX-License-Identifier: Apache-2.0
import threading
from concurrent import futures

import pytest

from nova_vnc.rpc import background
from nova_vnc.rpc.shared_calls import SharedCalls
from nova_vnc.spare_threads import SpareThreads
from tests.fixtures.polling import wait_until


class Question:
    def __init__(self):
        self.asked = 0
        self.answer = threading.Event()

    def __call__(self):
        self.asked += 1
        self.answer.wait(30)
        return self.asked


def test_equal_questions_at_once_are_asked_once():
    calls = SharedCalls('test')
    question = Question()
    joined = [calls.join('a', question) for _ in range(50)]
    question.answer.set()
    assert {future.result(10) for future in joined} == {1}


def test_another_question_does_not_wait():
    calls = SharedCalls('test')
    question = Question()
    first = calls.join('a', question)
    assert calls.join('b', lambda: 'answer').result(10) == 'answer'
    assert not first.done()
    question.answer.set()


def test_a_question_that_has_its_answer_is_asked_again():
    calls = SharedCalls('test')
    question = Question()
    question.answer.set()
    for number in (1, 2, 3):
        assert calls.join('a', question).result(10) == number
        wait_until(lambda: not calls._under_way, 10, 'it to be forgotten')


def test_all_are_told_of_a_failure_and_it_is_forgotten():
    calls = SharedCalls('test')
    go_on = threading.Event()

    def fail():
        go_on.wait(30)
        raise ZeroDivisionError
    joined = [calls.join('a', fail) for _ in range(3)]
    go_on.set()
    for future in joined:
        with pytest.raises(ZeroDivisionError):
            future.result(10)
    wait_until(lambda: not calls._under_way, 10, 'it to be forgotten')


def test_no_thread_to_be_had(monkeypatch):
    def refuse(self):
        raise RuntimeError("can't start new thread")
    calls = SharedCalls('test')
    with monkeypatch.context() as patched:
        patched.setattr(background, '_threads', SpareThreads('background'))
        patched.setattr(threading.Thread, 'start', refuse)
        future = calls.join('a', lambda: 1)
    with pytest.raises(RuntimeError):
        future.result(0)
    assert calls.join('a', lambda: 2).result(10) == 2


class TestInThisThread:

    def test_it_is_asked_here(self):
        assert SharedCalls().ask('a', threading.current_thread, 10) is threading.current_thread()

    def test_equal_questions_at_once_are_asked_once(self):
        calls = SharedCalls()
        question = Question()
        with futures.ThreadPoolExecutor(10) as pool:
            asked = [pool.submit(calls.ask, 'a', question, 30) for _ in range(10)]
            wait_until(lambda: question.asked, 10, 'the question')
            assert calls.ask('b', lambda: 'answer', 10) == 'answer'
            question.answer.set()
            assert {future.result(10) for future in asked} <= {1, 2}    # who came late asked again
        assert not calls._under_way

    def test_who_waits_may_give_up(self):
        calls = SharedCalls()
        question = Question()
        with futures.ThreadPoolExecutor(1) as pool:
            first = pool.submit(calls.ask, 'a', question, 30)
            wait_until(lambda: question.asked, 10, 'the question')
            with pytest.raises(TimeoutError):
                calls.ask('a', question, 0.01)
            question.answer.set()
            assert first.result(10) == 1

    def test_all_are_told_of_a_failure_and_it_is_forgotten(self):
        calls = SharedCalls()
        go_on = threading.Event()
        asked = []

        def fail():
            asked.append(1)
            go_on.wait(30)
            raise ZeroDivisionError
        with futures.ThreadPoolExecutor(3) as pool:
            first = pool.submit(calls.ask, 'a', fail, 30)
            wait_until(lambda: asked, 10, 'the question')
            others = [pool.submit(calls.ask, 'a', fail, 30) for _ in range(2)]
            go_on.set()
            for future in (first, *others):
                with pytest.raises(ZeroDivisionError):
                    future.result(10)
        assert not calls._under_way
