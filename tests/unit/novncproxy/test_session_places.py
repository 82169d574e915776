# SPDX-License-Identifier: Apache-2.0
import collections
import threading

import hypothesis
import pytest
from hypothesis import stateful
from hypothesis import strategies as st

from nova_vnc.novncproxy.session_places import Full, Holder, SessionLimits, SessionPlaces


def build(limits, full=None, wait_s=0.0):
    full = [] if full is None else full
    return SessionPlaces(SessionLimits(*limits), lambda *what: full.append(what), wait_s)


def holder(source='192.0.2.1', instance='vm', token=b'token'):
    return Holder(source, instance, token)


@pytest.mark.parametrize(('limits', 'others', 'limit', 'who'), [
    ((2, 0, 0), holder(source='b', instance='b', token=b'b'), 'max_sessions', 'b'),
    ((0, 2, 0), holder(instance='b', token=b'b'), 'max_sessions_per_address', '192.0.2.1'),
    ((0, 0, 2), holder(source='b', token=b'b'), 'max_sessions_per_instance', 'instance vm'),
])
def test_one_too_many_is_told_the_limit_and_gets_in_when_one_has_ended(limits, others, limit, who):
    full = []
    places = build(limits, full)
    places.take('1', holder())
    places.take('2', holder())
    with pytest.raises(Full) as caught:
        places.take('3', others)
    assert caught.value.limit == limit
    assert full == [(limit, who)]
    places.give_back('1')
    assert places.take('3', others) is None
    assert len(places) == 2


def test_without_limits_there_are_none():
    places = build((0, 0, 0))
    for number in range(1000):
        places.take(str(number), holder())
    assert len(places) == 1000


def test_others_are_not_touched_by_the_limits_of_one():
    places = build((0, 1, 1))
    places.take('1', holder())
    assert places.take('2', holder('192.0.2.2', 'other')) is None


def test_a_ceiling_that_is_found_later_holds():
    places = build((5, 0, 0))
    places.set_ceiling(1)
    places.take('1', holder())
    with pytest.raises(Full, match='max_sessions'):
        places.take('2', holder())
    assert places.max_sessions == 5


class TestALinkThatIsOpenAlready:

    def test_its_oldest_session_gives_way(self):
        places = build((0, 0, 2))
        places.take('other', holder(token=b'other'))
        places.take('old', holder())
        assert places.take('new', holder(source='192.0.2.9')) == 'old'
        assert places.take('newer', holder()) == 'new'
        assert places.take('another', holder(token=b'other')) == 'other'

    def test_what_gives_way_counts_for_all_else_until_it_has_ended(self):
        places = build((2, 0, 1))
        places.take('old', holder())
        assert places.take('new', holder()) == 'old'
        with pytest.raises(Full, match='max_sessions is'):
            places.take('newer', holder())
        places.give_back('old')
        assert places.take('newer', holder()) == 'new'

    def test_another_link_does_not_displace_it(self):
        places = build((0, 0, 1))
        places.take('old', holder())
        with pytest.raises(Full):
            places.take('new', holder(token=b'new'))


def test_another_link_waits_for_a_session_that_is_about_to_end():
    places = build((0, 0, 1), wait_s=60.0)
    places.take('old', holder())
    timer = threading.Timer(0.05, places.give_back, ['old'])
    timer.start()
    assert places.take('new', holder(token=b'new')) is None
    timer.join()


class Machine(stateful.RuleBasedStateMachine):
    """Whatever comes and goes, in whatever order: no limit is exceeded, and at the end nothing is left."""

    limits = SessionLimits(5, 3, 2)
    ids = stateful.Bundle('ids')

    def __init__(self):
        super().__init__()
        self.places = build((5, 3, 2))
        self.number = 0
        self.held = {}
        self.giving_way = set()

    @stateful.rule(target=ids, source=st.sampled_from('ab'), instance=st.sampled_from('vw'),
                   token=st.sampled_from([b'1', b'2']))
    def take(self, source, instance, token):
        self.number += 1
        session_id = str(self.number)
        try:
            victim = self.places.take(session_id, holder(source, instance, token))
        except Full as full:
            most = getattr(self.limits, full.limit)
            assert max([len(self.held), *self.count('source').values(), *self.count('instance_uuid').values()]) >= most
            return session_id
        self.held[session_id] = holder(source, instance, token)
        if victim is not None:
            assert self.held[victim].token == token
            self.giving_way.add(victim)
        return session_id

    @stateful.rule(session_id=ids)
    def give_back(self, session_id):
        self.places.give_back(session_id)
        self.held.pop(session_id, None)
        self.giving_way.discard(session_id)

    def count(self, name):
        return collections.Counter(getattr(its, name) for its in self.held.values())

    @stateful.invariant()
    def limits_hold(self):
        assert len(self.places) == len(self.held) <= 5
        assert max(self.count('source').values(), default=0) <= 3
        counting = [its for session_id, its in self.held.items() if session_id not in self.giving_way]
        assert max(collections.Counter(its.instance_uuid for its in counting).values(), default=0) <= 2
        assert all(session_id in self.places for session_id in self.held)

    def teardown(self):
        for session_id in list(self.held):
            self.places.give_back(session_id)
        assert len(self.places) == 0
        assert not self.places._per_source
        assert not self.places._of_instance


TestMachine = Machine.TestCase
TestMachine.settings = hypothesis.settings(max_examples=60, stateful_step_count=30, deadline=None)
