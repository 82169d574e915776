# SPDX-License-Identifier: Apache-2.0
"""Pings keep middleboxes awake and find clients that are gone."""

import threading
import time

from nova_vnc.net.websocket import Opcode
from nova_vnc.relay.end import EndCause
from tests.fixtures.connections import receive_exactly, receive_until_eof
from tests.functional.relay.session import stuff

_INTERVAL_S = 0.05


def test_an_idle_client_that_answers_lives(start_engine, open_session):
    session = open_session(start_engine(ping_interval_s=_INTERVAL_S, ping_timeout_s=0.5))
    for _ in range(20):
        frame = session.browser.receive_frame()
        assert frame.opcode == Opcode.PING
        session.browser.send_frame(Opcode.PONG, frame.data)
    session.browser.send_close(1000)
    assert session.end().cause is EndCause.CLIENT_CLOSED


def test_a_client_that_does_not_answer_is_dead(start_engine, open_session):
    session = open_session(start_engine(ping_interval_s=_INTERVAL_S, ping_timeout_s=0.1))
    end = session.end()
    assert (end.cause, end.close_code) == (EndCause.PING_TIMEOUT, 1006)
    assert receive_until_eof(session.target) == b''


def test_a_client_that_sends_anything_lives(start_engine, open_session):
    session = open_session(start_engine(ping_interval_s=_INTERVAL_S, ping_timeout_s=0.3))
    for _ in range(50):
        session.browser.send(b'x')
        assert receive_exactly(session.target, 1) == b'x'
        time.sleep(0.02)
    assert session.ends.empty()


def test_a_client_that_cannot_be_read_lives(start_engine, open_session):
    session = open_session(start_engine(ping_interval_s=_INTERVAL_S, ping_timeout_s=0.1), small_buffers=True)
    stuff(session.browser.sock, b'\x82\xfe\xff\xff' + bytes(4 + 65535))
    time.sleep(0.5)
    assert session.ends.empty()


def test_a_client_that_does_not_read_lives_and_finds_no_heap_of_pings(start_engine, open_session):
    session = open_session(start_engine(ping_interval_s=_INTERVAL_S, ping_timeout_s=0.1), small_buffers=True)
    sent = stuff(session.target, bytes(1_000_000))
    time.sleep(0.8)
    assert session.ends.empty()
    received = pings = 0
    while received < sent:
        frame = session.browser.receive_frame()
        if frame.opcode == Opcode.PING:
            pings += 1
            session.browser.send_frame(Opcode.PONG)
        received += len(frame.data)
    assert pings <= 3


def test_pings_go_between_frames(start_engine, open_session):
    session = open_session(start_engine(ping_interval_s=0.01, ping_timeout_s=10))
    data = bytes(range(256)) * 20_000
    sender = threading.Thread(target=session.target.sendall, args=(data,))
    sender.start()
    received, pings = b'', 0
    while len(received) < len(data) or not pings:
        frame = session.browser.receive_frame()
        if frame.opcode == Opcode.PING:
            pings += 1
        else:
            received += frame.data
    sender.join()
    assert received == data
