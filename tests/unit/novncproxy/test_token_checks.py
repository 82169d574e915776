# SPDX-License-Identifier: Apache-2.0
import threading
import time
from concurrent import futures

import pytest

from nova_vnc import context, exception, objects
from nova_vnc.net.ceiling import Crowded
from nova_vnc.novncproxy.token_checks import TokenChecks, build_places
from nova_vnc.rpc.caller import NoAnswer, NotAsked
from tests.fixtures.polling import wait_until


class API:
    """Answers, but not for tokens of hung hosts before come_back is set; a token is HOST/NUMBER."""

    def __init__(self):
        self.asked = []
        self.hung = set()
        self.come_back = threading.Event()
        self.under_way = 0
        self.patience_s = 30

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


@pytest.mark.parametrize('most', [1, 2, 3, 4, 256, 10000])
def test_places_for_any_option(most):
    places = build_places(most)
    with places.place('a'):
        assert places._taken == 1
