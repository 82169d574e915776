# SPDX-License-Identifier: Apache-2.0

import threading

from nova_vnc.rpc.expiring import ExpiringSet


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_members_leave_by_themselves():
    clock = Clock()
    members = ExpiringSet(10, clock)
    assert 'a' not in members
    members.add('a')
    clock.now = 9.9
    assert 'a' in members
    members.add('a')
    clock.now = 19.8
    assert 'a' in members
    clock.now = 19.9
    assert 'a' not in members


def test_members_that_nobody_asks_for_leave_too():
    clock = Clock()
    members = ExpiringSet(10, clock)
    for number in range(5000):
        clock.now = number
        members.add(number)
    assert len(members._members) <= 10


def test_the_oldest_leaves_where_there_are_too_many():
    members = ExpiringSet(10, Clock(), max_members=2)
    for member in 'aabc':
        members.add(member)
    assert [member in members for member in 'abc'] == [False, True, True]


def test_a_member_is_taken_out():
    members = ExpiringSet(10, Clock())
    members.add('a')
    members.discard('a')
    members.discard('a')
    assert 'a' not in members


def test_many_threads():
    """cachetools' own is not thread-safe: it raises when two threads expire the same member."""
    members = ExpiringSet(0.0001, max_members=50)
    failures = []

    def work():
        try:
            for number in range(3000):
                members.add(number % 100)
                _ = (number + 1) % 100 in members
                members.discard(number % 7)
        except Exception as error:
            failures.append(error)
    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
