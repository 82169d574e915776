# SPDX-License-Identifier: Apache-2.0
import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nova_vnc import exception
from nova_vnc.rpc import silent_hosts
from nova_vnc.rpc.caller import NoAnswer, NotAsked, UnknownMethod
from nova_vnc.rpc.silent_hosts import SilentHosts

NO_ANSWER = NoAnswer(service='compute')
ANSWERS = [None, exception.InstanceNotReady(instance_id='x'), UnknownMethod('compute', 'x'),
           exception.HypervisorUnavailable(), exception.ServiceUnavailable(service='compute'), KeyError()]


class Rig:
    def __init__(self, **arguments):
        self.now = 0.0
        self.hosts = SilentHosts(clock=lambda: self.now, **arguments)

    def ask(self, host='h', outcome=None, seconds=5.0, **arguments):
        with contextlib.suppress(type(outcome) if outcome else ()), self.hosts.asking(host, **arguments):
            self.now += seconds
            if outcome:
                raise outcome

    def may_ask(self, host='h', **arguments):
        try:
            self.hosts.refuse_if_silent(host, **arguments)
        except exception.HostSilent:
            return False
        return True


@pytest.fixture
def rig():
    return Rig()


def test_any_number_may_ask_a_host_that_answers(rig):
    with rig.hosts.asking('h'), rig.hosts.asking('h'), rig.hosts.asking('h'):
        assert rig.may_ask()


def test_one_at_a_time_may_try_a_silent_one(rig):
    rig.ask(outcome=NO_ANSWER)
    assert rig.may_ask()
    with rig.hosts.asking('h'):
        assert not rig.may_ask()
        with pytest.raises(exception.HostSilent), rig.hosts.asking('h'):
            pytest.fail('it was asked')
        assert rig.may_ask('another')
    assert rig.may_ask()


def test_nobody_tries_one_that_rests():
    rig = Rig(rest_s=10)
    rig.ask(outcome=NO_ANSWER)
    rig.now += 9.9
    assert not rig.may_ask()
    assert rig.may_ask('another')
    rig.now += 0.2
    rig.ask(outcome=NO_ANSWER)
    assert not rig.may_ask()
    rig.now += 10
    rig.ask()
    assert rig.may_ask()


@pytest.mark.parametrize('answer', ANSWERS)
def test_an_answer_of_any_kind_ends_it(rig, answer):
    rig.ask(outcome=NO_ANSWER)
    rig.ask(outcome=answer)
    with rig.hosts.asking('h'), rig.hosts.asking('h'):
        pass


def test_it_stays_silent_while_tries_fail(rig):
    for _ in range(100):
        rig.ask(outcome=NO_ANSWER)
        with rig.hosts.asking('h'):
            assert not rig.may_ask()


def test_it_is_forgotten_after_a_while(rig):
    rig.ask(outcome=NO_ANSWER)
    rig.now += silent_hosts._REMEMBER_S
    with rig.hosts.asking('h'), rig.hosts.asking('h'):
        pass


@pytest.mark.parametrize(('outcome', 'seconds'), [(NotAsked(service='compute'), 5.0), (NO_ANSWER, 0.5)])
def test_what_says_nothing_of_a_host(rig, outcome, seconds):
    rig.ask(outcome=outcome, seconds=seconds)
    with rig.hosts.asking('h'), rig.hosts.asking('h'):
        pass
    rig.ask(outcome=NO_ANSWER)
    rig.ask(outcome=outcome, seconds=seconds)
    with rig.hosts.asking('h'):
        assert not rig.may_ask()


def test_one_that_seems_silent_is_tried_by_one(rig):
    with rig.hosts.asking('h', seems_silent=True):
        assert not rig.may_ask(seems_silent=True)
    with rig.hosts.asking('h', seems_silent=True):       # it has answered
        assert rig.may_ask(seems_silent=True)


def test_tries_in_all():
    rig = Rig(max_tries=2)
    for host in 'abc':
        rig.ask(host, NO_ANSWER)
    with rig.hosts.asking('a'), rig.hosts.asking('b'):
        assert not rig.may_ask('c')
        assert rig.may_ask('d')
    assert rig.may_ask('c')


def test_how_long_it_owes_an_answer(rig):
    assert rig.hosts.owing_s('h') == 0
    with rig.hosts.asking('h'):
        rig.now = 4.0
        with rig.hosts.asking('h'):
            rig.now = 7.0
            assert rig.hosts.owing_s('h') == 7.0
        assert rig.hosts.owing_s('h') == 0.0             # it has answered one
        rig.now = 9.0
        rig.ask(outcome=NO_ANSWER, seconds=2.0)
        assert rig.hosts.owing_s('h') == 4.0
    assert rig.hosts.owing_s('h') == 0


def test_memory_is_bounded(rig, monkeypatch):
    monkeypatch.setattr(silent_hosts, '_MAX_HOSTS', 10)
    rig = Rig()
    for number in range(100):
        rig.ask(f'h{number}', NO_ANSWER)
    assert len(rig.hosts._unanswered_at) <= 10
    assert not rig.hosts._tried
    assert not rig.hosts._calls


HOSTS = st.sampled_from('abc')


@given(st.lists(st.tuples(HOSTS, st.sampled_from([NO_ANSWER, NotAsked(service='x'), *ANSWERS]), st.booleans(),
                          st.floats(0, 100)), max_size=60))
def test_whoever_asks_and_however_it_ends(steps):
    """No two tries of a host at once, no more in all than may be, and nothing is left behind."""
    rig = Rig(max_tries=2)
    under_way = []
    for host, outcome, goes_on, seconds in steps:
        rig.now += seconds
        asking = rig.hosts.asking(host)
        silent = rig.hosts._unanswered_at.get(host)
        try:
            asking.__enter__()
        except exception.HostSilent:
            assert silent is not None
            continue
        under_way.append((asking, outcome))
        assert len(rig.hosts._tried) <= 2
        if not goes_on:
            end(*under_way.pop(0))
    for asking, outcome in under_way:
        end(asking, outcome)
    assert not rig.hosts._tried
    assert not rig.hosts._calls


def end(asking, outcome):
    if outcome is None:
        asking.__exit__(None, None, None)
    else:
        assert not asking.__exit__(type(outcome), outcome, None)
