# SPDX-License-Identifier: Apache-2.0

import threading

import pytest
from keystoneauth1 import exceptions

from nova_vnc.api.token_check import AskingKeystone


class Keystone:
    """Answers, or does not."""

    def __init__(self):
        self.is_there = True
        self.asked = 0
        self.now = 100.0

    def __call__(self, url):
        self.asked += 1
        if not self.is_there:
            raise exceptions.ConnectTimeout(url)
        return url


def test_who_does_not_answer_is_left_alone_for_a_moment_and_then_tried():
    keystone = Keystone()
    asking = AskingKeystone(keystone, 4, clock=lambda: keystone.now)
    assert asking('a') == 'a'
    keystone.is_there = False
    for _ in range(64):
        with pytest.raises(exceptions.ConnectionError):
            asking('b')
    assert keystone.asked == 2
    keystone.is_there = True
    keystone.now += 2
    assert [asking('c'), asking('d')] == ['c', 'd']


def test_one_request_at_a_time_tries():
    keystone = Keystone()
    keystone.is_there = False
    under_way, end = threading.Event(), threading.Event()

    def ask(url):
        if url == 'try':
            under_way.set()
            end.wait(60)
        return keystone(url)

    asking = AskingKeystone(ask, 4, clock=lambda: keystone.now)
    with pytest.raises(exceptions.ConnectTimeout):
        asking('first')
    keystone.now, keystone.is_there = keystone.now + 2, True
    thread = threading.Thread(target=asking, args=('try',))
    thread.start()
    try:
        assert under_way.wait(60)
        with pytest.raises(exceptions.ConnectFailure, match='just not answered'):
            asking('second')
    finally:
        end.set()
        thread.join()
    assert asking('third') == 'third'


def test_so_many_wait_at_once_and_a_question_within_a_question_needs_no_place():
    under_way, end = threading.Event(), threading.Event()

    def ask(url):
        if url == 'outer':
            return asking('inner')
        under_way.set()
        end.wait(60)
        return url

    asking = AskingKeystone(ask, 1)
    thread = threading.Thread(target=asking, args=('outer',))
    thread.start()
    try:
        assert under_way.wait(60)
        with pytest.raises(exceptions.ConnectFailure, match='too many'):
            asking('more')
    finally:
        end.set()
        thread.join()
    assert asking('later') == 'later'


def test_an_error_of_http_is_an_answer():
    keystone = Keystone()

    def ask(url):
        if url == 'refused':
            raise exceptions.Unauthorized
        return keystone(url)

    asking = AskingKeystone(ask, 4, clock=lambda: keystone.now)
    keystone.is_there = False
    with pytest.raises(exceptions.ConnectTimeout):
        asking('a')
    keystone.now += 2
    with pytest.raises(exceptions.Unauthorized):
        asking('refused')
    keystone.is_there = True
    assert asking('b') == 'b'
