# SPDX-License-Identifier: Apache-2.0
import threading
import time
from concurrent import futures

import pytest

from nova_vnc import context, exception, objects
from nova_vnc.net.ceiling import Crowded
from nova_vnc.novncproxy.token_checks import TokenChecks, build_places
from nova_vnc.rpc.caller import NoAnswer, NotAsked, UnknownMethod
from tests.fixtures.polling import wait_until


class API:
    """Answers, but not for tokens of hung hosts before come_back is set; a token is HOST/NUMBER."""

    def __init__(self):
        self.asked = []
        self.hung = set()
        self.come_back = threading.Event()
        self.under_way = 0
        self.patience_s = 30

    def may_check_tokens(self):
        return False

    def check_token(self, ctxt, token, deadline):
        host = token.partition('/')[0]
        self.asked.append(token)
        self.under_way += 1
        try:
            if host in self.hung and not self.come_back.wait(min(self.patience_s, deadline.remaining())):
                raise NoAnswer(service='consoleauth')
        finally:
            self.under_way -= 1
        return objects.TokenCheck(objects.ConnectInfo(token, 'novnc', host, '5901', 'uuid'))


class Rig:
    def __init__(self, most=16, timeout_s=30, **arguments):
        self.api = API()
        self.checks = TokenChecks(self.api, timeout_s, build_places(most), **arguments)
        self.pool = futures.ThreadPoolExecutor(100)

    def check(self, token):
        return self.pool.submit(self._check, token)

    def _check(self, token):
        try:
            return self.checks.check(context.service_context(), token).connect_info.host
        except Exception as error:
            return type(error)


@pytest.fixture
def rig():
    rig = Rig()
    yield rig
    rig.api.come_back.set()
    rig.pool.shutdown()


def outcomes(checks):
    return [check.result(30) for check in checks]


def test_equal_checks_at_once_are_one_call(rig):
    rig.api.hung = {'h'}
    checks = [rig.check('h/1') for _ in range(60)]
    wait_until(lambda: rig.api.asked, 10, 'the call')
    assert outcomes([rig.check(f'well/{number}') for number in range(8)]) == ['well'] * 8
    rig.api.come_back.set()
    assert outcomes(checks) == ['h'] * 60
    assert rig.api.asked.count('h/1') == 1


def test_a_token_that_has_its_answer_is_asked_for_again(rig):
    assert outcomes([rig.check('h/1')]) == outcomes([rig.check('h/1')]) == ['h']
    assert rig.api.asked == ['h/1'] * 2


def test_no_place(rig):
    rig.api.hung = {'h'}
    held = [rig.check(f'h/{number}') for number in range(16)]
    wait_until(lambda: rig.api.under_way == 16, 10, 'all places to be taken')
    assert outcomes([rig.check('well/1')]) == [Crowded]
    rig.api.come_back.set()
    assert outcomes(held) == ['h'] * 16


def test_the_tokens_of_one_host_leave_places_for_others(rig):
    tokens = [f'h/{number}' for number in range(16)]
    assert outcomes(map(rig.check, tokens)) == ['h'] * 16
    rig.api.hung = {'h'}
    held = [rig.check(token) for token in tokens]
    wait_until(lambda: sum(check.done() for check in held) == 8, 10, 'half of them to be turned away')
    assert outcomes([rig.check(f'well/{number}') for number in range(3)]) == ['well'] * 3
    rig.api.come_back.set()
    assert sorted(map(str, outcomes(held))) == sorted(map(str, [Crowded] * 8 + ['h'] * 8))


def test_tokens_that_were_not_answered_are_tried_again_by_few():
    rig = Rig(max_retries=2)
    rig.api.hung = {'h'}
    rig.api.patience_s = 0.1
    tokens = [f'h/{number}' for number in range(10)]
    assert outcomes(map(rig.check, tokens)) == [NoAnswer] * 10
    rig.api.patience_s = 30
    retries = [rig.check(token) for token in tokens]
    wait_until(lambda: rig.api.under_way == 2, 10, 'two of them')
    assert outcomes([rig.check('well/1')]) == ['well']
    assert rig.api.under_way == 2
    rig.api.come_back.set()
    assert outcomes(retries) == ['h'] * 10
    assert all(token not in rig.checks._unanswered for token in tokens)
    rig.pool.shutdown()


def test_a_deadline_for_all_of_it():
    rig = Rig(timeout_s=0.5, max_retries=1)
    rig.api.hung = {'h'}
    rig.api.patience_s = 0.1
    assert outcomes([rig.check('h/1'), rig.check('h/2')]) == [NoAnswer] * 2
    rig.api.patience_s = 30
    started = time.monotonic()
    told = outcomes([rig.check('h/1'), rig.check('h/2')])
    assert set(told) <= {NoAnswer, NotAsked, exception.ServiceUnavailable}
    assert time.monotonic() - started < 5
    rig.api.come_back.set()
    rig.pool.shutdown()


class APIForMany(API):
    """One that knows check_tokens as well, which it answers when it may, and never for hung hosts.

    :ivar together: the tokens of each message
    """

    def __init__(self):
        super().__init__()
        self.together = []
        self.may_answer = threading.Event()
        self.error = None

    def may_check_tokens(self):
        return True

    def check_tokens(self, checks, deadline):
        self.together.append([token for _, token in checks])
        self.may_answer.wait(min(30, deadline.remaining()))
        if self.error:
            raise self.error
        return [None if token.partition('/')[0] in self.hung else self._answer(token) for _, token in checks]

    def _answer(self, token):
        return objects.TokenCheck(objects.ConnectInfo(token, 'novnc', token.partition('/')[0], '5901', 'uuid'))


@pytest.fixture
def many():
    rig = Rig()
    rig.api = rig.checks._consoleauth_api = APIForMany()
    yield rig
    rig.api.come_back.set()
    rig.api.may_answer.set()
    rig.pool.shutdown()


class TestTogether:

    def crowd(self, many, *tokens):
        """Check tokens while two others are under way; return the checks of these and of those."""
        first = [many.check(f'first/{number}') for number in range(2)]
        wait_until(lambda: len(many.api.together) == 2, 10, 'messages')
        checks = [many.check(token) for token in tokens]
        wait_until(lambda: len(many.checks._gathering._waiting) == len(tokens), 10, 'the rest to wait')
        many.api.may_answer.set()
        return checks, first

    def test_tokens_share_a_message(self, many):
        checks, first = self.crowd(many, 'a/1', 'b/1', 'c/1')
        assert outcomes([*checks, *first]) == ['a', 'b', 'c', 'first', 'first']
        assert sorted(many.api.together[-1]) == ['a/1', 'b/1', 'c/1']
        assert len(many.api.together) == 3
        assert many.api.asked == []

    def test_a_slow_host_keeps_only_its_own_waiting(self, many):
        many.api.hung = {'h'}
        (slow, *checks), _ = self.crowd(many, 'h/1', 'a/1', 'b/1')
        assert outcomes(checks) == ['a', 'b']
        wait_until(lambda: many.api.asked == ['h/1'], 10, 'it to be asked for alone')
        assert not slow.done()
        assert outcomes([many.check('c/1')]) == ['c']
        many.api.come_back.set()
        assert outcomes([slow]) == ['h']

    def test_one_that_was_not_answered_is_asked_for_alone_from_then_on(self, many):
        many.api.hung = {'h'}
        many.api.patience_s = 0.1
        many.api.may_answer.set()
        assert outcomes([many.check('h/1')]) == [NoAnswer]
        assert outcomes([many.check('h/1')]) == [NoAnswer]
        assert many.api.together == [['h/1']]
        assert many.api.asked == ['h/1'] * 2

    @pytest.mark.parametrize('error', [NoAnswer(service='consoleauth'), exception.ServiceUnavailable(service='x'),
                                       UnknownMethod('consoleauth', 'check_tokens'), ZeroDivisionError()])
    def test_a_message_without_an_answer_is_followed_by_each_alone(self, many, error):
        many.api.error = error
        checks, first = self.crowd(many, 'a/1', 'b/1')
        assert outcomes([*checks, *first]) == ['a', 'b', 'first', 'first']
        assert sorted(many.api.asked) == ['a/1', 'b/1', 'first/0', 'first/1']

    def test_a_place_is_taken_meanwhile(self, many):
        tokens = [f'a/{number}' for number in range(16)]
        many.api.may_answer.set()
        assert outcomes([many.check(token) for token in tokens]) == ['a'] * 16
        many.api.may_answer.clear()
        many.api.hung = {'a'}
        held = [many.check(token) for token in tokens]
        wait_until(lambda: sum(check.done() for check in held) == 8, 10, 'half of them to be turned away')
        many.api.may_answer.set()
        many.api.come_back.set()
        assert sorted(map(str, outcomes(held))) == sorted(map(str, [Crowded] * 8 + ['a'] * 8))


@pytest.mark.parametrize('most', [1, 2, 3, 4, 256, 10000])
def test_places_for_any_option(most):
    places = build_places(most)
    with places.place('a'):
        assert places._taken == 1
