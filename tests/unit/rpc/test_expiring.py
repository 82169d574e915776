# SPDX-License-Identifier: Apache-2.0

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
    assert len(members._until) <= 300
