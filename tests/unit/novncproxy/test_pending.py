# SPDX-License-Identifier: Apache-2.0
from nova_vnc.novncproxy.pending import PendingConnections


class Connection:

    def __init__(self, is_idle=False):
        self.is_idle = is_idle
        self.is_dropped = False

    def drop(self):
        self.is_dropped = True


def fill(limit, count):
    pending = PendingConnections(limit)
    connections = [Connection() for _ in range(count)]
    assert all(pending.add(connection) for connection in connections)
    return pending, connections


def test_the_oldest_makes_room():
    pending, connections = fill(3, 4)
    assert [connection.is_dropped for connection in connections] == [True, False, False, False]
    assert len(pending) == 3


def test_who_holds_a_valid_token_stays():
    pending, (first, second) = fill(2, 2)
    pending.keep(first)
    third = Connection()
    assert pending.add(third)
    assert [first.is_dropped, second.is_dropped, third.is_dropped] == [False, True, False]


def test_no_room_among_those_who_stay():
    pending, connections = fill(2, 2)
    for connection in connections:
        pending.keep(connection)
    assert not pending.add(Connection())
    assert not any(connection.is_dropped for connection in connections)
    pending.remove(connections[0])
    assert pending.add(Connection())


def test_one_that_has_lost_its_place_does_not_get_it_back():
    pending, (first, second) = fill(1, 2)
    pending.keep(first)
    pending.remove(first)
    assert len(pending) == 1
    pending.remove(second)
    pending.remove(second)
    assert len(pending) == 0


def test_dropping_the_idle_ones():
    pending = PendingConnections(9)
    idle, busy, kept = Connection(True), Connection(), Connection()
    for connection in (idle, busy, kept):
        pending.add(connection)
    pending.keep(kept)
    pending.drop_idle()
    assert [idle.is_dropped, busy.is_dropped, kept.is_dropped] == [True, False, False]
    pending.drop_all()
    assert busy.is_dropped
    assert kept.is_dropped
