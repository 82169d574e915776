# SPDX-License-Identifier: Apache-2.0
"""Defects: one of a session costs that session; one of the engine is told, and leaves no session hanging."""

import errno
import gc
import os
import queue

import pytest

from nova_vnc import concurrency
from nova_vnc.net.transport import PlainTransport
from nova_vnc.net.websocket import FrameParser
from nova_vnc.relay.end import EndCause
from nova_vnc.relay.engine import Engine, EngineStopped
from nova_vnc.relay.relay import Relay
from tests.fixtures.connections import receive_until_eof, tcp_pair
from tests.fixtures.polling import wait_until
from tests.functional.relay.session import Session


class Poller(concurrency.Epoll):
    """An epoll with a defect.

    :ivar fail_poll: raised by the next poll() that has something to tell
    :ivar fail_register: raised by register()
    """

    def __init__(self):
        super().__init__()
        self.fail_poll = self.fail_register = None
        self._register, self.register = self.register, self._register_or_fail

    def _register_or_fail(self, fd, mask):
        if self.fail_register is not None:
            raise self.fail_register
        self._register(fd, mask)

    def poll(self, timeout_s=None):
        events = super().poll(timeout_s)
        if events and self.fail_poll is not None:
            raise self.fail_poll
        return events


@pytest.fixture
def poller():
    return Poller()


@pytest.fixture
def failures():
    return queue.Queue()


@pytest.fixture
def engine(poller, failures):
    engine = Engine(poller=poller)
    engine.start(failures.put)
    yield engine
    engine.stop()


def open_descriptors():
    return len(os.listdir('/proc/self/fd'))


@pytest.mark.parametrize('error', [OSError(errno.EINVAL, 'Invalid argument'), OverflowError('timeout is too large'),
                                   SystemExit()])
def test_an_engine_that_ends_says_so_and_ends_its_sessions(engine, poller, failures, open_session, caplog, error):
    sessions = [open_session(engine) for _ in range(3)]
    for session in sessions:
        session.check_works()
    poller.fail_poll = error
    sessions[0].browser.send(b'key')
    line = failures.get(timeout=10)
    assert repr(error) in line
    for session in sessions:
        assert session.end().cause is EndCause.CLOSED
        assert receive_until_eof(session.target) in (b'', b'key')
    (far_client, client), (far_target, target) = tcp_pair(), tcp_pair()
    with pytest.raises(EngineStopped):
        engine.add(PlainTransport(client), PlainTransport(target), parser=FrameParser(), on_end=pytest.fail)
    assert receive_until_eof(far_client) == receive_until_eof(far_target) == b''
    assert 'Traceback' in caplog.text
    assert failures.empty()


def test_an_observer_that_ends_the_thread_of_the_ends_is_told(engine, failures):
    def leave(end):
        raise SystemExit

    (far_client, client), (far_target, target) = tcp_pair(), tcp_pair()
    engine.add(PlainTransport(client), PlainTransport(target), parser=FrameParser(), on_end=leave)
    far_client.close()
    assert 'SystemExit()' in failures.get(timeout=10)
    far_target.close()


def test_stopping_is_no_failure(failures):
    engine = Engine()
    engine.start(failures.put)
    engine.stop()
    assert failures.empty()


@pytest.mark.parametrize('number', [errno.ENOSPC, errno.EMFILE, errno.ENOMEM])
def test_what_the_kernel_refuses_to_watch_costs_one_session(engine, poller, failures, open_session, caplog, number):
    healthy = open_session(engine)
    healthy.check_works()
    poller.fail_register = OSError(number, os.strerror(number))
    ill = open_session(engine)
    assert ill.end().cause is EndCause.INTERNAL_ERROR
    assert receive_until_eof(ill.target) == receive_until_eof(ill.browser.sock) == b''
    poller.fail_register = None
    healthy.check_works()
    open_session(engine).check_works()
    assert os.strerror(number) in caplog.text
    assert failures.empty()


class Broken:
    """A transport without a descriptor."""

    def __init__(self):
        self.closed = False

    def fileno(self):
        raise ValueError('negative file descriptor')

    def close(self):
        self.closed = True


@pytest.mark.parametrize('broken', ['client', 'target'])
def test_add_that_raises_closes_both(engine, broken):
    near, far = tcp_pair()
    other = Broken()
    transport = PlainTransport(far)
    client, target = (other, transport) if broken == 'client' else (transport, other)
    before = open_descriptors()
    with pytest.raises(ValueError, match='negative file descriptor'):
        engine.add(client, target, parser=FrameParser(), on_end=pytest.fail)
    assert receive_until_eof(near) == b''
    assert other.closed
    assert open_descriptors() == before - 1
    assert len(engine) == 0
    near.close()


def test_200_ended_sessions_leave_nothing(start_engine, open_session):
    engine = start_engine()
    staying = open_session(engine)
    for _ in range(10):
        sessions = [Session(engine) for _ in range(20)]
        for session in sessions:
            session.check_works()
            session.browser.send_close(1000)
        for session in sessions:
            session.end()
            session.close()
    del session, sessions
    staying.check_works()

    def relays():
        gc.collect()
        return [found for found in gc.get_objects() if type(found) is Relay and found._loop is engine._loop]

    wait_until(lambda: relays() == [staying.relay], 10, 'all relays but one to go')
    assert len(engine._loop._timers) <= 2
    staying.browser.send_close(1000)
    staying.end()
    assert len(engine._loop._timers) == 0


def test_no_timer_where_no_pings_are_wanted(start_engine, open_session):
    engine = start_engine(ping_interval_s=None)
    session = open_session(engine)
    session.check_works()
    assert len(engine._loop._timers) == 0
    session.target.close()
    assert session.browser.receive_to_close() == ([], 1000)
    assert len(engine._loop._timers) == 1     # what bounds the farewell
    session.browser.send_close(1000)
    assert session.end().cause is EndCause.TARGET_CLOSED
