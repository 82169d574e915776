# SPDX-License-Identifier: Apache-2.0
import collections
import contextlib
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nova_vnc.net.ceiling import Ceiling, Crowded


def take(ceiling, *keys):
    """Take places; return the keys that got one, and what gives them back."""
    stack = contextlib.ExitStack()
    got = []
    for key in keys:
        with contextlib.suppress(Crowded):
            stack.enter_context(ceiling.place(key))
            got.append(key)
    return got, stack


def test_total():
    got, _held = take(Ceiling(total=2, each=2), 'a', 'b', 'c')
    assert got == ['a', 'b']


def test_each():
    got, _held = take(Ceiling(total=10, each=2), 'a', 'a', 'a', 'b')
    assert got == ['a', 'a', 'b']


def test_one_crowd_never_takes_the_last_places():
    ceiling = Ceiling(total=4, each=10, reserved=2)
    got, _held = take(ceiling, *'aaaaa', *'bbb', *'ccc', 'd')
    assert got == ['a', 'a', 'b', 'c']


def test_a_place_is_free_again():
    ceiling = Ceiling(total=1, each=1)
    with ceiling.place('a'), pytest.raises(Crowded), ceiling.place('b'):
        pass
    with pytest.raises(ZeroDivisionError), ceiling.place('b'):
        raise ZeroDivisionError
    with ceiling.place('c'):
        pass


def test_a_key_without_a_place_is_forgotten():
    ceiling = Ceiling(total=10, each=2)
    for number in range(1000):
        with ceiling.place(number), ceiling.place(number):
            assert len(ceiling._taken_by) == 1
    assert ceiling._taken_by == {}


SMALL = st.integers(0, 8)


@given(total=SMALL, each=SMALL, reserved=SMALL, steps=st.lists(st.tuples(st.booleans(), st.integers(0, 4))))
def test_whoever_comes_and_goes(total, each, reserved, steps):
    ceiling = Ceiling(total, each, reserved)
    places = collections.defaultdict(list)
    for comes, key in steps:
        taken = sum(map(len, places.values()))
        if not comes:
            if places[key]:
                places[key].pop().close()
            continue
        got, place = take(ceiling, key)
        limit = min(total - reserved if places[key] else total, total)
        assert bool(got) == (len(places[key]) < each and taken < limit)
        if got:
            places[key].append(place)
        assert ceiling._taken_by == {key: len(held) for key, held in places.items() if held}


def test_many_threads():
    ceiling = Ceiling(total=3, each=2)
    most = [0]
    now = set()
    crowded = []

    def come_and_go(key):
        for number in range(200):
            try:
                with ceiling.place(key):
                    now.add((key, number))
                    most[0] = max(most[0], len(now))
                    now.discard((key, number))
            except Crowded:
                crowded.append(key)
    threads = [threading.Thread(target=come_and_go, args=(key,)) for key in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most[0] <= 3
    got, _held = take(ceiling, *'abcd')
    assert got == ['a', 'b', 'c']
