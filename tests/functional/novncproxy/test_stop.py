# SPDX-License-Identifier: Apache-2.0
import threading
import time

import pytest

from tests.fixtures.polling import wait_until
from tests.fixtures.rfb_client import RFBClient
from tests.functional.novncproxy.rig import build_request, echo


@pytest.fixture
def stopping(rig):
    """Stop the proxy in a thread; return it and the event that hurries it."""
    threads = []

    def stop():
        hurry = threading.Event()
        rig._started = False
        thread = threading.Thread(target=rig.proxy.stop, args=(hurry,))
        thread.start()
        threads.append((thread, hurry))
        return thread, hurry

    yield stop
    for thread, hurry in threads:
        hurry.set()
        thread.join()


def open_session(rig):
    stream = rig.open_console(rig.console(echo))
    RFBClient(stream.read, stream.write).connect()
    stream.read_exactly(28)
    wait_until(lambda: len(rig.proxy._parts.registry) == 1, 10, 'the session')
    return stream


def check_works(stream):
    stream.write(b'keys')
    assert stream.read_exactly(4) == b'keys'


def is_refused(rig):
    try:
        rig.connect().close()
    except ConnectionError:
        return True
    return False


def test_sessions_go_on_while_nobody_new_is_taken(rig, stopping):
    stream = open_session(rig.start(drain_timeout=60))
    thread, _ = stopping()
    wait_until(lambda: is_refused(rig), 10, 'the listening socket to close')
    check_works(stream)
    assert thread.is_alive()
    stream.client.close()
    thread.join(10)
    assert not thread.is_alive()


def test_when_their_time_is_up_they_are_closed_with_1001(rig, stopping):
    stream = open_session(rig.start(drain_timeout=1))
    thread, _ = stopping()
    code, reason = stream.read_to_close()[1]
    assert code == 1001
    assert 'restarted' in reason
    thread.join(10)
    assert not thread.is_alive()


def test_a_drain_time_of_0(rig, stopping):
    stream = open_session(rig.start(drain_timeout=0))
    begin = time.monotonic()
    thread, _ = stopping()
    assert stream.read_to_close()[1][0] == 1001
    thread.join(10)
    assert time.monotonic() - begin < 10


def test_in_a_hurry(rig, stopping):
    open_session(rig.start(drain_timeout=60))
    thread, hurry = stopping()
    wait_until(lambda: is_refused(rig), 10, 'the listening socket to close')
    hurry.set()
    thread.join(10)
    assert not thread.is_alive()


def test_a_client_that_does_not_answer_the_close_frame_holds_nothing_up(rig, stopping):
    open_session(rig.start(drain_timeout=0))
    thread, _ = stopping()
    thread.join(15)
    assert not thread.is_alive()


def test_idle_connections_hold_nothing_up(rig, stopping):
    rig.start(drain_timeout=60, keep_alive_timeout=60, header_timeout=60)
    silent, used = rig.connect(), rig.connect()
    used.sendall(build_request('/vnc.html'))
    assert used.recv(4096)
    wait_until(lambda: len(rig.proxy._pending) == 2, 10, 'both connections')
    thread, _ = stopping()
    thread.join(10)
    assert not thread.is_alive()
    assert silent.recv(1) == b''


def test_a_session_that_is_being_set_up_gets_through(rig, stopping):
    stream = rig.start(drain_timeout=60).open_console(rig.console(echo))
    stopping()
    wait_until(lambda: is_refused(rig), 10, 'the listening socket to close')
    RFBClient(stream.read, stream.write).connect()
    stream.read_exactly(28)
    check_works(stream)


def test_the_port_is_free_at_once(rig):
    open_session(rig.start())
    port = rig.proxy.port
    rig.stop()
    rig.conf.set_override('novncproxy_port', port, 'vnc')
    rig.start(with_consoleauth=False)
    assert rig.get('/vnc.html').status == 200
