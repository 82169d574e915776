# SPDX-License-Identifier: Apache-2.0
import itertools

import hypothesis
import pytest
from hypothesis import strategies as st

from nova_vnc.novncproxy.failed_tokens import FailedTokens
from nova_vnc.novncproxy.refusal import Refusal, Refused

HERE, THERE = '192.0.2.1', '2001:db8::/64'


class Bench:
    """FailedTokens with a clock, and somebody who tries tokens."""

    def __init__(self, per_second=2, max_sources=1000):
        self.now = 1000.0
        self.full = []
        self.numbers = itertools.count()
        self.tokens = FailedTokens(per_second, lambda *what: self.full.append(what), lambda: self.now, max_sources)

    def check(self, source=HERE, refusal=None, token=None):
        """Return what whoever shows a token gets."""
        try:
            with self.tokens.counted(source, next(self.numbers) if token is None else token):
                if refusal is not None:
                    raise Refused(refusal, '')
        except Refused as refused:
            return refused.refusal
        return None

    def guess(self, times=1, source=HERE):
        """Return how many of so many guesses were checked."""
        return [self.check(source, Refusal.TOKEN) for _ in range(times)].count(Refusal.TOKEN)


def test_a_guesser_is_stopped_and_may_go_on_slowly():
    bench = Bench()
    assert bench.guess(100) == 20
    assert bench.full[0] == ('max_failed_tokens_per_address', HERE)
    assert len(bench.full) == 80
    for _ in range(10):
        bench.now += 1
        assert bench.guess(100) == 2
    bench.now += 10
    assert bench.guess(100) == 20


def test_others_are_not_touched():
    bench = Bench()
    bench.guess(100)
    assert bench.guess(100, THERE) == 20


def test_valid_tokens_fill_nothing():
    bench = Bench()
    assert [bench.check() for _ in range(1000)] == 1000 * [None]
    assert bench.guess(100) == 20


@pytest.mark.parametrize('refusal', [refusal for refusal in Refusal if refusal not in (Refusal.TOKEN, Refusal.GUESSED)])
def test_nor_do_those_that_fail_for_another_reason(refusal):
    bench = Bench()
    assert [bench.check(refusal=refusal) for _ in range(50)] == 50 * [refusal]


def test_nor_does_a_check_that_breaks():
    bench = Bench()
    for _ in range(50):
        with pytest.raises(RuntimeError), bench.tokens.counted(HERE, next(bench.numbers)):
            raise RuntimeError
    assert bench.guess(100) == 20


def test_checks_under_way_count():
    bench = Bench(per_second=1)
    checks = [bench.tokens.counted(HERE, f'token {number}') for number in range(10)]
    for check in checks:
        check.__enter__()
    assert bench.check() is Refusal.GUESSED
    for check in checks:
        check.__exit__(None, None, None)
    assert bench.check() is None


def test_beside_a_guesser_a_link_that_was_valid_goes_on_and_a_new_one_waits():
    bench = Bench()
    assert bench.check(token='seen') is None
    bench.guess(100)
    assert bench.check(token='seen') is None
    assert bench.check(token='new') is Refusal.GUESSED
    bench.now += 0.5
    assert bench.check(token='new') is None
    bench.now += 600
    bench.guess(100)
    assert bench.check(token='seen') is Refusal.GUESSED


def test_a_link_that_is_valid_no_more_is_not_remembered():
    bench = Bench()
    bench.check(token='seen')
    bench.check(token='seen', refusal=Refusal.TOKEN)
    bench.guess(100)
    assert bench.check(token='seen') is Refusal.GUESSED


def test_0_is_no_limit():
    assert Bench(per_second=0).guess(1000) == 1000


def test_millions_of_addresses_take_no_more_memory_than_some():
    bench = Bench(max_sources=100)
    for number in range(10_000):
        bench.check(f'192.0.2.{number}', Refusal.TOKEN)
    assert len(bench.tokens) == 100


def test_who_has_been_silent_is_forgotten():
    bench = Bench()
    for number in range(500):
        bench.check(f'192.0.2.{number}', Refusal.TOKEN)
    bench.now += 10.001     # sums of floats may be a little less
    bench.check()
    assert len(bench.tokens) == 0


def test_a_clock_that_goes_back_does_no_harm():
    bench = Bench()
    bench.guess(100)
    bench.now -= 1_000_000
    assert bench.guess(100) == 0
    bench.now += 1
    assert bench.guess(100) == 2


@hypothesis.settings(deadline=None)
@hypothesis.given(st.lists(st.tuples(
    st.sampled_from([HERE, THERE]), st.sampled_from(['enter', 'valid', 'invalid', 'wait']),
    st.floats(0, 20)), max_size=80))
def test_never_more_than_the_rate_and_nothing_is_left(steps):
    bench = Bench()
    under_way, admitted, began = [], {HERE: 0, THERE: 0}, bench.now
    for source, step, wait_s in steps:
        if step == 'wait':
            bench.now += wait_s
        elif step == 'enter':
            check = bench.tokens.counted(source, next(bench.numbers))
            try:
                check.__enter__()
            except Refused:
                continue
            under_way.append((source, check))
        elif under_way:
            source, check = under_way.pop(0)
            error = Refused(Refusal.TOKEN, '') if step == 'invalid' else None
            admitted[source] += step == 'invalid'
            assert not check.__exit__(type(error) if error else None, error, None)
        assert all(bucket.level >= 0 for bucket in bench.tokens._buckets.values())
    for _, check in under_way:
        check.__exit__(None, None, None)
    assert max(admitted.values()) <= 20 + 2 * (bench.now - began)
    bench.now += 10.001     # sums of floats may be a little less
    bench.check()
    assert len(bench.tokens) == 0
