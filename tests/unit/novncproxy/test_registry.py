# SPDX-License-Identifier: Apache-2.0
from nova_vnc.novncproxy.registry import OpenSession, SessionRegistry


class Relay:

    def __init__(self):
        self.closed_with = None

    def close(self, code, reason=''):
        self.closed_with = (code, reason)


def session(session_id):
    return OpenSession(session_id, 'uuid', 'name', '127.0.0.1:1', 0.0)


def test_lists_what_is_open():
    registry = SessionRegistry()
    registry.add(session('a'))
    registry.add(session('b'))
    registry.remove('a')
    registry.remove('a')
    assert registry.list() == [session('b')]
    assert len(registry) == 1


def test_closes_what_has_a_relay():
    registry = SessionRegistry()
    relay = Relay()
    registry.add(session('a'))
    registry.attach('a', relay)
    registry.add(session('without a relay yet'))
    registry.close_all(1001, 'restart')
    assert relay.closed_with == (1001, 'restart')
    assert len(registry) == 2


def test_a_session_that_ended_before_its_relay_was_known_stays_away():
    registry = SessionRegistry()
    registry.add(session('a'))
    registry.remove('a')
    registry.attach('a', Relay())
    assert registry.list() == []
