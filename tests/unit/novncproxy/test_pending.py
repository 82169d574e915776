# SPDX-License-Identifier: Apache-2.0
import collections
import math
import operator
from concurrent import futures

import hypothesis
import pytest
from hypothesis import stateful
from hypothesis import strategies as st

from nova_vnc.novncproxy.pending import Limits, PendingConnections, source_of
from nova_vnc.novncproxy.pending_places import PATIENCE_S, Stage

HERE, THERE = '192.0.2.1', '198.51.100.1'


class Connection:
    """A connection, and what the test knows of it."""

    def __init__(self, address=HERE, moved_at=0.0, is_idle=False):
        self.address = address
        self.moved_at = moved_at
        self.stage = Stage.SILENT
        self.token = self.instance_uuid = None
        self.is_idle = is_idle
        self.is_dropped = False
        self.displaced = None

    def drop(self):
        self.is_dropped = True

    def displace(self, stage):
        assert self.displaced is None
        self.displaced = stage


class Crowd:
    """A set, its clock, and those that came."""

    def __init__(self, most=1000, per_address=1000, per_token=1000, per_instance=1000, claim_timeout_s=0):
        self.limits = Limits(most, per_address, per_token, per_instance)
        self.now = 0.0
        self.full = []
        self.pending = PendingConnections(self.limits, lambda *what: self.full.append(what), clock=lambda: self.now,
                                          claim_timeout_s=claim_timeout_s)
        self.came = []

    def add(self, address=HERE, *stages):
        self.now += 0.001
        connection = Connection(address, self.now)
        self.pending.add(connection, address)
        self.came.append(connection)
        for stage in stages:
            assert self.move(connection, stage)
        return connection

    def move(self, connection, stage):
        self.now += 0.001
        has_place = self.pending.move(connection, stage)
        if has_place:
            connection.stage, connection.moved_at = stage, self.now
        return has_place

    def claim(self, connection, token, instance_uuid='vm'):
        return self.pending.claim(connection, token, instance_uuid)

    def set_up(self, token, instance_uuid='vm', address=HERE, stage=Stage.GREETED):
        """Return a connection that got as far as that, or None if its token was one too many."""
        connection = self.add(address, Stage.SERVED, Stage.ASKED)
        if not self.claim(connection, token, instance_uuid):
            self.pending.remove(connection)
            return None
        self.move(connection, stage)
        return connection

    @property
    def displaced(self):
        return [self.came.index(connection) for connection in self.came if connection.displaced]


class TestPlaces:

    def test_there_is_one_for_each_newcomer(self):
        crowd = Crowd(most=3)
        for _ in range(10):
            crowd.add()
        assert crowd.displaced == [0, 1, 2, 3, 4, 5, 6]
        assert len(crowd.pending) == 3

    def test_a_busy_one_stays_whatever_silent_ones_come(self):
        crowd = Crowd(most=50)
        busy = crowd.add(HERE, Stage.SERVED)
        for _ in range(60):
            crowd.add()
            crowd.now += 0.06
        assert not busy.displaced
        assert crowd.move(busy, Stage.SERVED)

    def test_a_newcomer_stays_whatever_idle_ones_were_there(self):
        crowd = Crowd(most=50)
        idle = [crowd.add(HERE, Stage.SERVED) for _ in range(50)]
        newcomers = [crowd.add() for _ in range(20)]
        assert not any(newcomer.displaced for newcomer in newcomers)
        assert crowd.displaced == list(range(20))
        assert idle[0].displaced is Stage.SERVED

    def test_the_inactive_go_first(self):
        crowd = Crowd(most=3)
        inactive = crowd.add(THERE, Stage.SERVED)
        crowd.now += PATIENCE_S[Stage.SERVED]
        for _ in range(3):
            crowd.add(HERE)
        assert crowd.displaced == [0]
        assert inactive.displaced is Stage.SERVED

    def test_all_the_inactive_go_where_nobody_can_be_accepted(self):
        crowd = Crowd()
        silent, idle, asked = crowd.add(), crowd.add(HERE, Stage.SERVED), crowd.add(HERE, Stage.SERVED, Stage.ASKED)
        crowd.now += PATIENCE_S[Stage.SERVED] + 1
        newcomer = crowd.add()
        crowd.pending.displace_inactive()
        assert (silent.displaced, idle.displaced) == (Stage.SILENT, Stage.SERVED)
        assert asked.displaced is newcomer.displaced is None
        assert len(crowd.pending) == 2

    def test_who_waits_for_the_proxy_is_not_inactive(self):
        crowd = Crowd(most=3)
        asked = crowd.add(HERE, Stage.SERVED, Stage.ASKED)
        crowd.now += 60
        for _ in range(10):
            crowd.add()
        assert not asked.displaced

    def test_a_connection_becomes_one_of_another_address(self):
        crowd = Crowd(per_address=2)
        own = [crowd.add(THERE, Stage.SERVED) for _ in range(2)]
        moved = crowd.add('load balancer', Stage.SERVED)
        crowd.pending.count_for(moved, THERE)
        assert [bool(connection.displaced) for connection in (*own, moved)] == [True, False, False]
        assert crowd.full == [('max_pending_per_address', THERE)]
        crowd.pending.count_for(moved, THERE)
        crowd.pending.count_for(own[0], HERE)   # it is gone, and stays so
        assert len(crowd.pending) == 2
        for connection in (moved, own[1]):
            crowd.pending.remove(connection)
        assert crowd.pending._places._per_address == {}

    def test_the_address_that_holds_most_loses(self):
        crowd = Crowd(most=10)
        crowd.add(THERE)
        for _ in range(20):
            crowd.add(HERE)
        assert 0 not in crowd.displaced
        for _ in range(4):
            crowd.add(THERE)
        assert not any(connection.displaced for connection in crowd.came if connection.address == THERE)

    def test_one_address_has_a_limit_of_its_own(self):
        crowd = Crowd(most=10, per_address=2)
        for _ in range(5):
            crowd.add(HERE)
            crowd.add(THERE)
        assert len(crowd.pending) == 4
        assert crowd.full[0] == ('max_pending_per_address', HERE)

    def test_one_that_has_lost_its_place_does_not_get_it_back(self):
        crowd = Crowd(most=1)
        first, second = crowd.add(), crowd.add()
        assert first.displaced is Stage.SILENT
        assert not crowd.move(first, Stage.SERVED)
        assert not crowd.claim(first, 'token')
        crowd.pending.remove(first)
        assert len(crowd.pending) == 1
        crowd.pending.remove(second)
        crowd.pending.remove(second)
        assert len(crowd.pending) == 0

    def test_dropping_the_idle_ones(self):
        crowd = Crowd()
        pending = crowd.pending
        silent, served, busy = Connection(is_idle=True), Connection(is_idle=True), Connection()
        for connection in (silent, served, busy):
            pending.add(connection, HERE)
        pending.move(served, Stage.SERVED)
        pending.drop_idle()
        assert [silent.is_dropped, served.is_dropped, busy.is_dropped] == [False, True, False]
        crowd.now += PATIENCE_S[Stage.SILENT] + 1
        pending.drop_idle()
        assert [silent.is_dropped, busy.is_dropped] == [True, False]
        pending.drop_all()
        assert busy.is_dropped


class TestClaims:

    def test_a_token_that_is_shown_too_often_displaces_itself(self):
        crowd = Crowd(per_token=2)
        assert all(crowd.set_up('token') for _ in range(5))
        assert crowd.displaced == [0, 1, 2]
        assert crowd.full[0] == ('max_pending_per_token', 'instance vm')

    def test_nobody_goes_for_whom_the_proxy_works(self):
        crowd = Crowd(per_token=2)
        busy = [crowd.set_up('token', stage=Stage.ASKED) for _ in range(2)]
        assert crowd.set_up('token') is None
        assert not crowd.displaced
        crowd.pending.remove(busy[0])
        assert crowd.set_up('token')

    def test_who_lost_his_place_counts_while_the_proxy_works_for_him(self):
        crowd = Crowd(most=2, per_token=2)
        busy = [crowd.set_up('token', stage=Stage.ASKED) for _ in range(2)]
        newcomer = crowd.add(HERE, Stage.SERVED, Stage.ASKED)
        assert busy[0].displaced is Stage.ASKED
        assert not crowd.claim(newcomer, 'token')
        crowd.pending.remove(busy[0])
        assert crowd.claim(newcomer, 'token')

    def test_another_token_for_the_same_instance_gets_in(self):
        crowd = Crowd(per_token=4, per_instance=8)
        for number in range(40):
            crowd.set_up(number % 3)
        honest = crowd.set_up('honest', address=HERE)
        assert honest
        assert not honest.displaced

    def test_who_is_one_too_many_waits_for_the_proxy_to_get_on(self):
        crowd = Crowd(per_token=1, claim_timeout_s=60)
        busy, newcomer = crowd.set_up('token', stage=Stage.ASKED), crowd.add(HERE, Stage.SERVED, Stage.ASKED)
        with futures.ThreadPoolExecutor(1) as thread:
            claim = thread.submit(crowd.claim, newcomer, 'token')
            with pytest.raises(futures.TimeoutError):
                claim.result(0.1)
            crowd.move(busy, Stage.GREETED)
            assert claim.result(30)
        assert busy.displaced

    def test_who_loses_his_place_does_not_wait_on(self):
        crowd = Crowd(per_token=1, per_address=2, claim_timeout_s=60)
        newcomer = crowd.add(HERE, Stage.SERVED, Stage.ASKED)
        crowd.set_up('token', stage=Stage.ASKED)
        with futures.ThreadPoolExecutor(1) as thread:
            claim = thread.submit(crowd.claim, newcomer, 'token')
            crowd.add(HERE)
            assert not claim.result(30)
        assert newcomer.displaced

    def test_what_holds_more_does_not_displace_what_holds_less(self):
        crowd = Crowd(per_instance=3)
        honest = crowd.set_up('honest')
        for _ in range(2):
            crowd.set_up('hostile', stage=Stage.ASKED)
        assert crowd.set_up('hostile') is None
        assert not honest.displaced

    def test_another_instance_does_not_notice(self):
        crowd = Crowd(per_instance=2)
        other = crowd.set_up('other', 'other vm')
        for number in range(9):
            crowd.set_up(number)
        assert not other.displaced


class TestSettled:
    def test_its_claim_is_free_and_it_stays(self):
        crowd = Crowd(per_token=1)
        first, second = (crowd.add(HERE, Stage.SERVED, Stage.ASKED) for _ in range(2))
        assert crowd.claim(first, 'token')
        assert crowd.move(first, Stage.GREETED)
        assert crowd.pending.settle(first)
        assert crowd.claim(second, 'token')
        assert first.displaced is None
        assert not crowd.full
        assert len(crowd.pending) == 2
        crowd.pending.remove(first)
        assert len(crowd.pending) == 1

    def test_nobody_gets_its_place(self):
        crowd = Crowd(most=1, per_address=1)
        first = crowd.add(HERE, Stage.SERVED, Stage.ASKED, Stage.GREETED)
        assert crowd.pending.settle(first)
        for address in (HERE, THERE):
            crowd.add(address)
        assert first.displaced is None
        crowd.pending.drop_all()
        assert not first.is_dropped

    def test_who_has_lost_his_place_is_told(self):
        crowd = Crowd(most=1)
        first, second = crowd.add(), crowd.add()
        assert first.displaced is Stage.SILENT
        assert not crowd.pending.settle(first)
        assert crowd.pending.settle(second)


@pytest.mark.parametrize(('host', 'source'), [
    ('192.0.2.1', '192.0.2.1'), ('::ffff:192.0.2.1', '192.0.2.1'), ('2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'),
    ('2001:db8:1:2::9', '2001:db8:1:2::/64'), ('fe80::1%eth0', 'fe80::/64'), ('::1', '::/64'),
])
def test_what_counts_as_one_address(host, source):
    assert source_of(host) == source


ADDRESSES = st.sampled_from('abcd')
STAGES = st.sampled_from(Stage)
NUMBERS = st.integers(0, 50)


class PendingMachine(stateful.RuleBasedStateMachine):
    """Anything, in any order: the limits hold, each newcomer gets in, and who goes is who should."""

    def __init__(self):
        super().__init__()
        self.crowd = Crowd(most=8, per_address=5, per_token=2, per_instance=3)

    @property
    def present(self):
        return [connection for connection in self.crowd.came if not connection.displaced]

    def one(self, number):
        return self.present[number % len(self.present)]

    def is_inactive(self, connection):
        return self.crowd.now > connection.moved_at + PATIENCE_S.get(connection.stage, math.inf)

    @stateful.rule(seconds=st.floats(0, 8))
    def wait(self, seconds):
        self.crowd.now += seconds

    @stateful.rule(address=ADDRESSES)
    def add(self, address):
        before = self.present
        own = [connection for connection in before if connection.address == address]
        newcomer = self.crowd.add(address)
        assert not newcomer.displaced
        gone = [connection for connection in before if connection.displaced]
        if len(own) >= 5:
            self.check_victim(gone, own)
        elif len(before) >= 8:
            self.check_victim(gone, before)
        else:
            assert not gone

    def check_victim(self, gone, candidates):
        victim, = gone
        candidates = [connection for connection in candidates if self.is_inactive(connection)] or candidates
        for holder in operator.attrgetter('address'), operator.attrgetter('stage'):
            held = collections.Counter(map(holder, candidates))
            candidates = [connection for connection in candidates if held[holder(connection)] == max(held.values())]
        assert victim is min(candidates, key=operator.attrgetter('moved_at'))

    @stateful.precondition(lambda self: self.present)
    @stateful.rule(number=NUMBERS, stage=STAGES)
    def move(self, number, stage):
        assert self.crowd.move(self.one(number), stage)

    @stateful.precondition(lambda self: self.present)
    @stateful.rule(number=NUMBERS, address=ADDRESSES)
    def count_for(self, number, address):
        connection = self.one(number)
        before = [other for other in self.present if other is not connection]
        own = [other for other in before if other.address == address]
        self.crowd.pending.count_for(connection, address)
        gone = [other for other in before if other.displaced]
        if connection.address != address and len(own) >= 5:
            self.check_victim(gone, own)
        else:
            assert not gone
        connection.address = address
        assert not connection.displaced

    @stateful.precondition(lambda self: self.present)
    @stateful.rule(number=NUMBERS, token=st.sampled_from('tuvw'))
    def claim(self, number, token):
        connection = self.one(number)
        if connection.token is None and connection.stage is Stage.ASKED:
            before = self.present
            if self.crowd.claim(connection, token, token > 'u'):
                connection.token, connection.instance_uuid = token, token > 'u'
            for gone in set(before) - set(self.present):
                assert gone.instance_uuid == (token > 'u')
                assert gone.displaced is Stage.GREETED

    @stateful.rule(number=NUMBERS)
    def remove(self, number):
        if self.crowd.came:
            connection = self.crowd.came.pop(number % len(self.crowd.came))
            self.crowd.pending.remove(connection)

    @stateful.invariant()
    def limits_hold(self):
        assert len(self.crowd.pending) == len(self.present) <= 8
        for holder, most in (('address', 5), ('token', 2), ('instance_uuid', 3)):
            held = collections.Counter(getattr(connection, holder) for connection in self.present)
            del held[None]
            assert max(held.values(), default=0) <= most


TestPendingMachine = PendingMachine.TestCase

HOSTILE_STEPS = st.lists(st.tuples(ADDRESSES, st.integers(-1, 50), STAGES, st.floats(0, min(PATIENCE_S.values()) / 16)))


def do_harm(crowd, hostile, step):
    """A new connection, or a step on one that is there, or the end of one."""
    address, number, stage, seconds = step
    crowd.now += seconds
    if number < 0 or not hostile:
        hostile.append(crowd.add(address))
    elif number > 45:
        crowd.pending.remove(hostile.pop())
    else:
        crowd.move(hostile[number % len(hostile)], stage)


@hypothesis.given(st.lists(st.tuples(STAGES, HOSTILE_STEPS.map(lambda steps: steps[:8]))))
def test_nobody_active_is_displaced_from_other_addresses(rounds):
    """Whatever four addresses do, and whatever stage they and an honest user are in."""
    crowd, hostile = Crowd(most=12), []
    for address in 'abcd' * 8:
        hostile.append(crowd.add(address))
    honest = crowd.add('honest')
    for stage, steps in rounds:
        for step in steps:
            do_harm(crowd, hostile, step)
        assert not honest.displaced
        crowd.move(honest, stage)


@hypothesis.given(st.lists(st.tuples(STAGES, HOSTILE_STEPS.map(lambda steps: steps[:3]))))
def test_nobody_active_is_displaced_from_his_own_address(rounds):
    """As long as fewer steps than a quarter of the limit are taken there between two of his."""
    crowd, hostile = Crowd(per_address=20), []
    for _ in range(40):
        hostile.append(crowd.add('nat'))
    honest = crowd.add('nat')
    for stage, steps in rounds:
        for _, *step in steps:
            do_harm(crowd, hostile, ('nat', *step))
        assert not honest.displaced
        crowd.move(honest, stage)
