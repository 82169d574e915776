# SPDX-License-Identifier: Apache-2.0

import contextlib

import pytest

from nova_vnc.api import faults
from nova_vnc.api.ceilings import Ceilings


def fill(place, key, most=1000):
    """Take places of a key until it gets no more; return how many, and the stack that holds them."""
    stack, taken = contextlib.ExitStack(), 0
    with contextlib.suppress(faults.Refusal):
        while taken < most:
            stack.enter_context(place(key))
            taken += 1
    return taken, stack


@pytest.mark.parametrize('threads', [1, 2, 4, 16, 100, 1000])
@pytest.mark.parametrize('kind', ['request_of', 'call_of'])
def test_the_last_threads_are_never_taken(threads, kind):
    place = getattr(Ceilings(threads), kind)
    crowds = [fill(place, key) for key in range(2 * threads)]
    assert 1 <= sum(taken for taken, _ in crowds) <= max(1, threads - threads // 8)


@pytest.mark.parametrize('threads', [4, 16, 100])
@pytest.mark.parametrize('kind', ['request_of', 'call_of'])
def test_one_leaves_places_for_others(threads, kind):
    place = getattr(Ceilings(threads), kind)
    first, _stack = fill(place, 'first')
    assert 1 <= first <= threads // 2
    with place('second'):
        pass


@pytest.mark.parametrize('kind', ['request_of', 'call_of'])
def test_after_two_crowds_a_newcomer_still_has_a_place(kind):
    place = getattr(Ceilings(16), kind)
    crowds = [fill(place, key) for key in ('first', 'second')]
    assert all(taken for taken, _ in crowds)
    with place('third'), place('fourth'):
        pass


def test_all_that_wait_for_hosts_leave_room_for_requests_that_do_not():
    places = Ceilings(16)
    waiting = []
    for number in range(100):
        with contextlib.suppress(faults.Refusal), contextlib.ExitStack() as stack:
            stack.enter_context(places.request_of(f'project-{number}'))
            stack.enter_context(places.call_of(f'host-{number}'))
            waiting.append(stack.pop_all())
    assert len(waiting) == 12
    with places.request_of('another'):
        pass


@pytest.mark.parametrize('kind', ['request_of', 'call_of'])
def test_one_too_many_is_told_when_to_come_back(kind, caplog):
    place = getattr(Ceilings(16), kind)
    taken, stack = fill(place, 'a11ce')
    with pytest.raises(faults.Refusal) as caught, place('a11ce'):
        pytest.fail('it has a place')
    assert (caught.value.status, caught.value.headers) == (503, {'Retry-After': '10'})
    assert 'a11ce' not in caught.value.message
    assert caught.value.message.startswith('Too many requests')
    assert 'a11ce' in caplog.text
    stack.close()
    assert fill(place, 'a11ce')[0] == taken


def test_what_goes_wrong_at_a_place_goes_on_as_it_is():
    with pytest.raises(KeyError), Ceilings(16).request_of('x'):
        raise KeyError('x')
