# SPDX-License-Identifier: Apache-2.0
import collections

from hypothesis import stateful
from hypothesis import strategies as st

from nova_vnc.novncproxy.ranking import Ranking

HOLDERS = st.sampled_from('abcdefg')
STATES = st.sampled_from('xyz')


def heaviest(members, holder):
    held = collections.Counter(map(holder, members))
    return [member for member in members if held[holder(member)] == max(held.values())]


def look_at_all(members):
    """The rule, as it is said."""
    members = heaviest(members, lambda member: member[0])
    members = heaviest(members, lambda member: member[1])
    return min(members, key=lambda member: member[2], default=None)


class RankingMachine(stateful.RuleBasedStateMachine):
    """Whatever came and went, in any order, the first one is who should be."""

    def __init__(self):
        super().__init__()
        self.ranking = Ranking()
        self.members = []
        self.came = 0

    @stateful.rule(holder=HOLDERS, state=STATES, since=st.integers(0, 20))
    def add(self, holder, state, since):
        self.came += 1
        member = holder, state, (since, self.came)
        self.members.append(member)
        self.ranking.add(holder, state, (since, self.came, member))

    @stateful.precondition(lambda self: self.members)
    @stateful.rule(number=st.integers(0, 100))
    def remove(self, number):
        member = self.members.pop(number % len(self.members))
        self.ranking.remove(*member[:2], (*member[2], member))

    @stateful.precondition(lambda self: self.members)
    @stateful.rule()
    def remove_the_first(self):
        member = self.ranking.first()
        self.members.remove(member)
        self.ranking.remove(*member[:2], (*member[2], member))

    @stateful.invariant()
    def is_who_should(self):
        assert self.ranking.first() == look_at_all(self.members)
        for holder in 'abcdefg':
            assert self.ranking.first_of(holder) == look_at_all([member for member in self.members
                                                                  if member[0] == holder])
        assert sorted(self.ranking) == sorted(self.members)


TestRankingMachine = RankingMachine.TestCase
