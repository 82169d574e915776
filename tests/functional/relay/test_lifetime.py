# SPDX-License-Identifier: Apache-2.0
"""A relay whose time is limited, and what it costs those whose is not."""

import contextlib
import time

from nova_vnc.net.websocket import Opcode
from nova_vnc.relay.end import EndCause
from nova_vnc.relay.lifetime import Limit
from tests.fixtures.connections import receive_until_eof
from tests.fixtures.polling import wait_until
from tests.functional.relay.session import stuff

CODE, REASON = 4440, 'time is up'


def timers_of(relay):
    return relay._loop._timers._entries


def limit(end_after_s, **warning):
    return Limit(end_after_s, CODE, REASON, **warning)


def test_it_ends_with_code_and_reason(open_session):
    begin = time.monotonic()
    session = open_session(limit=limit(0.5))
    session.check_works()
    frame = session.browser.receive_frame()
    assert time.monotonic() - begin >= 0.5
    assert (frame.opcode, frame.data) == (Opcode.CLOSE, CODE.to_bytes(2, 'big') + REASON.encode())
    assert receive_until_eof(session.target) == b''
    session.browser.send_close(CODE)
    end = session.end()
    assert (end.cause, end.close_code, end.reason) == (EndCause.TIME_UP, CODE, REASON)


def test_the_warning_is_a_text_message_before_it(open_session):
    session = open_session(limit=limit(1.0, warning='soon', warn_after_s=0.2), from_target=b'early')
    assert session.browser.receive(5) == b'early'
    warning = session.browser.receive_frame()
    assert (warning.opcode, warning.data) == (Opcode.TEXT, b'soon')
    session.check_works()
    assert session.browser.receive_to_close() == ([], CODE)


def test_a_time_that_was_over_before_it_began(open_session):
    session = open_session(limit=limit(0, warning='now'))
    frames, code = session.browser.receive_to_close()
    assert ([frame.data for frame in frames], code) == ([b'now'], CODE)


def test_the_warning_goes_between_frames_and_waits_for_a_slow_client(open_session):
    session = open_session(limit=limit(60, warning='soon', warn_after_s=0.3), small_buffers=True)
    sent = stuff(session.target, bytes(1_000_000), patience_s=0.6)
    received, texts = 0, []
    while received < sent or not texts:
        frame = session.browser.receive_frame()
        if frame.opcode == Opcode.TEXT:
            texts.append(frame.data)
        else:
            assert frame.opcode == Opcode.BINARY
            received += len(frame.data)
    assert (received, texts) == (sent, [b'soon'])


def test_a_client_that_does_not_read_does_not_stay(start_engine, open_session):
    session = open_session(start_engine(ping_interval_s=None, close_timeout_s=0.3), limit=limit(1.5),
                           small_buffers=True)
    with contextlib.suppress(ConnectionError):
        stuff(session.target, bytes(1_000_000))
    assert session.end().cause is EndCause.TIME_UP


def test_there_is_no_timer_where_none_is_wanted(start_engine, open_session):
    session = open_session(start_engine(ping_interval_s=None))
    session.check_works()
    assert not timers_of(session.relay)


def test_the_timer_goes_with_the_session(start_engine, open_session):
    engine = start_engine(ping_interval_s=None)
    session = open_session(engine, limit=limit(3600, warning='soon', warn_after_s=3540))
    session.check_works()
    assert len(timers_of(session.relay)) == 1
    session.browser.send_close(1000)
    assert session.end().cause is EndCause.CLIENT_CLOSED
    wait_until(lambda: not timers_of(session.relay), 10, 'the timer to go')


def test_pings_go_on_beside_it(start_engine, open_session):
    session = open_session(start_engine(ping_interval_s=0.05, ping_timeout_s=30), limit=limit(1.0))
    frames, code = session.browser.receive_to_close()
    assert {frame.opcode for frame in frames} == {Opcode.PING}
    assert code == CODE
