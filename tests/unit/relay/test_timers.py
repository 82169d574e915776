# SPDX-License-Identifier: Apache-2.0
from hypothesis import given
from hypothesis import strategies as st

from nova_vnc.relay.timers import Timers, next_tick

_OWNERS = st.sampled_from('abcde')
_TIMES = st.integers(0, 20).map(float)


def pop_all(timers, now):
    owners = []
    while (owner := timers.pop_due(now)) is not None:
        owners.append(owner)
    return owners


def test_the_earliest_comes_first():
    timers = Timers()
    timers.set('b', 2.0)
    timers.set('a', 1.0)
    timers.set('c', 3.0)
    assert timers.next_due() == 1.0
    assert timers.pop_due(0.5) is None
    assert pop_all(timers, 2.0) == ['a', 'b']
    assert timers.next_due() == 3.0


def test_what_was_taken_back_or_replaced_is_never_due():
    timers = Timers()
    timers.set('a', 1.0)
    timers.set('a', 5.0)
    timers.set('b', 1.0)
    timers.set('b', None)
    timers.set('never set', None)
    assert pop_all(timers, 4.0) == []
    assert pop_all(timers, 5.0) == ['a']
    assert (len(timers), timers.next_due()) == (0, None)


def test_owners_that_are_gone_leave_nothing():
    timers = Timers()
    for number in range(1000):
        timers.set(number, 30.0)
        timers.set(number, 5.0)
    for number in range(999):
        timers.set(number, None)
    assert len(timers) <= 2
    timers.set(999, None)
    assert len(timers) == 0


@given(st.lists(st.one_of(st.tuples(st.just('set'), _OWNERS, st.one_of(st.none(), _TIMES)),
                          st.tuples(st.just('pop'), _TIMES))))
def test_like_a_dictionary_of_times(steps):
    timers, model = Timers(), {}
    for step in steps:
        if step[0] == 'set':
            _, owner, due = step
            timers.set(owner, due)
            model.pop(owner, None)
            if due is not None:
                model[owner] = due
        else:
            popped = pop_all(timers, step[1])
            due_now = {owner: due for owner, due in model.items() if due <= step[1]}
            assert sorted(popped) == sorted(due_now)
            assert [due_now[owner] for owner in popped] == sorted(due_now.values())
            model = {owner: due for owner, due in model.items() if owner not in due_now}
        assert len(timers) <= 2 * len(model)
        assert not model or timers.next_due() <= min(model.values())


@given(st.floats(0, 1e7), st.floats(0.001, 100))
def test_a_tick_is_the_next_one(due, tick_s):
    tick = next_tick(due, tick_s)
    assert due - 1e-6 <= tick < due + tick_s + 1e-6


@given(st.integers(0, 10 ** 6), st.floats(0.01, 0.99), st.floats(0.01, 0.99), st.sampled_from([0.25, 0.5, 1.0, 2.0]))
def test_whose_times_are_close_have_the_same_tick(number, one, other, tick_s):
    assert next_tick((number + one) * tick_s, tick_s) == next_tick((number + other) * tick_s, tick_s)
