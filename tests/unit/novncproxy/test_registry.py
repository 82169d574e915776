# SPDX-License-Identifier: Apache-2.0
import pytest

from nova_vnc.novncproxy.registry import OpenSession, SessionRegistry
from nova_vnc.novncproxy.session_places import Full, Holder, SessionLimits, SessionPlaces
from nova_vnc.relay.end import EndCause, RelayEnd

END = RelayEnd(EndCause.CLIENT_CLOSED, 1000, '', 0, 0, 1.0)


class Relay:
    """
    :ivar tell_end: what the registry wants to have called at the end
    """

    def __init__(self):
        self.closed_with = None
        self.tell_end = None

    def start(self, on_end):
        self.tell_end = on_end
        return self

    def close(self, code, reason=''):
        self.closed_with = (code, reason)


def session(session_id):
    return OpenSession(session_id, 'uuid', 'name', '127.0.0.1:1', 0.0)


def open_one(registry, session_id):
    relay = Relay()
    registry.open(session(session_id), relay.start, lambda end: None)
    return relay


def test_lists_what_is_open():
    registry = SessionRegistry()
    first, _ = open_one(registry, 'a'), open_one(registry, 'b')
    assert registry.list() == [session('a'), session('b')]
    first.tell_end(END)
    assert registry.list() == [session('b')]
    assert len(registry) == 1


def test_is_counted_before_it_starts_and_not_when_its_end_is_told():
    registry, relay, counts = SessionRegistry(), Relay(), []

    def start(on_end):
        counts.append(len(registry))
        return relay.start(on_end)

    def on_end(end):
        counts.append((len(registry), end))

    registry.open(session('a'), start, on_end)
    relay.tell_end(END)
    assert counts == [1, (0, END)]


@pytest.mark.parametrize('error', [RuntimeError, MemoryError, KeyboardInterrupt])
def test_a_start_that_fails_leaves_nothing(error):
    def start(on_end):
        raise error

    registry = SessionRegistry()
    with pytest.raises(error):
        registry.open(session('a'), start, pytest.fail)
    assert len(registry) == 0


def test_a_session_that_ended_before_its_relay_was_known_stays_away():
    registry = SessionRegistry()

    def start(on_end):
        on_end(END)
        return Relay()

    registry.open(session('a'), start, lambda end: None)
    assert registry.list() == []


def test_closes_all():
    registry = SessionRegistry()
    relay = open_one(registry, 'a')
    registry.close_all(1001, 'restart')
    assert relay.closed_with == (1001, 'restart')
    assert len(registry) == 1


def test_closes_what_was_about_to_start_and_what_starts_later():
    registry, relay = SessionRegistry(), Relay()

    def start(on_end):
        registry.close_all(1001, 'restart')
        return relay.start(on_end)

    registry.open(session('a'), start, lambda end: None)
    assert relay.closed_with == (1001, 'restart')
    assert open_one(registry, 'b').closed_with == (1001, 'restart')


HOLDER = Holder('192.0.2.1', 'uuid', b'token')


class TestPlaces:

    @pytest.fixture
    def registry(self):
        return SessionRegistry(SessionPlaces(SessionLimits(max_sessions_per_instance=1), lambda *what: None, 0))

    def test_a_place_is_free_when_the_session_has_ended(self, registry):
        registry.admit('a', HOLDER)
        relay = open_one(registry, 'a')
        registry.leave('a')
        assert len(registry.places) == 1
        relay.tell_end(END)
        assert len(registry.places) == 0
        registry.leave('a')

    def test_a_place_is_free_when_the_set_up_has_failed(self, registry):
        registry.admit('a', HOLDER)
        registry.leave('a')
        assert len(registry.places) == 0

    def test_who_gives_way_is_closed(self, registry):
        registry.admit('a', HOLDER)
        relay = open_one(registry, 'a')
        registry.admit('b', HOLDER)
        code, reason = relay.closed_with
        assert code == 4429
        assert len(reason.encode()) <= 123
        assert len(registry.places) == 2

    def test_who_gives_way_before_it_is_open_is_closed_when_it_is(self, registry):
        registry.admit('a', HOLDER)
        registry.admit('b', HOLDER)
        assert open_one(registry, 'a').closed_with[0] == 4429
        assert open_one(registry, 'b').closed_with is None

    def test_nothing_is_left_of_one_that_gives_way_and_is_never_open(self, registry):
        registry.admit('a', HOLDER)
        registry.admit('b', HOLDER)
        registry.leave('a')
        registry.leave('b')
        assert not registry._displaced
        assert len(registry.places) == 0

    def test_full(self, registry):
        registry.admit('a', HOLDER)
        with pytest.raises(Full):
            registry.admit('b', Holder('192.0.2.1', 'uuid', b'another'))
        registry.leave('b')
        assert len(registry.places) == 1
