# SPDX-License-Identifier: Apache-2.0
"""How sessions end, and that they end."""

import random
import socket
import struct
import threading
import time
from contextlib import suppress

import pytest

from nova_vnc.net.transport import PlainTransport
from nova_vnc.net.websocket import FrameParser, Opcode, build_close
from nova_vnc.relay.end import EndCause
from nova_vnc.relay.engine import Engine, EngineStopped
from tests.fixtures.connections import receive_exactly, receive_until_eof, tcp_pair
from tests.fixtures.polling import wait_until
from tests.fixtures.websocket_frames import binary, client_close, client_frame
from tests.functional.relay.session import stuff


def reset(sock):
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
    sock.close()


def test_the_client_closes(open_session):
    session = open_session()
    session.target.sendall(b'pixels')
    assert session.browser.receive(6) == b'pixels'
    session.browser.sock.sendall(binary(b'last key') + client_close(4321, 'bye') + binary(b'too late'))
    assert receive_until_eof(session.target) == b'last key'
    assert receive_until_eof(session.browser.sock) == build_close(4321)
    end = session.end()
    assert (end.cause, end.close_code, end.reason) == (EndCause.CLIENT_CLOSED, 4321, 'bye')
    assert (end.bytes_from_client, end.bytes_from_target) == (8, 6)
    assert 0 < end.duration_s < 60


def test_the_client_had_closed_before(open_session):
    parser = FrameParser()
    payload = parser.receive(binary(b'last') + client_close(1000))
    session = open_session(parser=parser, from_client=payload)
    assert receive_until_eof(session.target) == b'last'
    assert session.end().cause is EndCause.CLIENT_CLOSED


def test_a_slow_target_still_gets_all_that_the_client_sent(open_session):
    session = open_session(small_buffers=True)
    stuffed = stuff(session.browser.sock, b''.join(binary(bytes(1000)) for _ in range(1000)))
    frames = stuffed // len(binary(bytes(1000)))
    rest = binary(bytes(1000))[stuffed % len(binary(bytes(1000))):]
    closer = threading.Thread(target=session.browser.sock.sendall, args=(rest + client_close(1000),))
    closer.start()
    assert len(receive_until_eof(session.target)) == (frames + 1) * 1000
    closer.join()
    assert session.end().cause is EndCause.CLIENT_CLOSED


@pytest.mark.parametrize('end', [lambda sock: sock.close(), lambda sock: sock.shutdown(socket.SHUT_WR)],
                         ids=['close', 'half-close'])
def test_the_target_closes(open_session, end):
    session = open_session()
    session.target.sendall(bytes(500_000))
    end(session.target)
    frames, code = session.browser.receive_to_close()
    assert sum(len(frame.data) for frame in frames) == 500_000
    assert code == 1000
    session.browser.send(b'not seen the close yet')
    session.browser.send_close(1000)
    assert receive_until_eof(session.browser.sock) == b''
    end = session.end()
    assert (end.cause, end.close_code) == (EndCause.TARGET_CLOSED, 1000)
    assert (end.bytes_from_client, end.bytes_from_target) == (0, 500_000)


def test_a_slow_client_still_gets_all_that_the_target_sent(open_session):
    session = open_session(small_buffers=True)
    sent = stuff(session.target, bytes(1_000_000))
    session.target.close()
    frames, code = session.browser.receive_to_close()
    assert sum(len(frame.data) for frame in frames) == sent
    assert code == 1000


def test_the_target_closes_and_the_client_does_not_answer(start_engine, open_session):
    session = open_session(start_engine(close_timeout_s=0.1))
    session.target.close()
    assert session.browser.receive_to_close() == ([], 1000)
    assert receive_until_eof(session.browser.sock) == b''
    assert session.end().cause is EndCause.TARGET_CLOSED


def test_the_target_closes_and_the_client_does_not_read(start_engine, open_session):
    session = open_session(start_engine(close_timeout_s=0.1), small_buffers=True)
    stuff(session.target, bytes(300_000))
    session.relay.close(1001)
    assert session.end().cause is EndCause.CLOSED


def test_the_client_breaks_off(open_session):
    session = open_session()
    session.browser.send(b'last key')
    session.browser.sock.close()
    assert receive_until_eof(session.target) == b'last key'
    end = session.end()
    assert (end.cause, end.close_code) == (EndCause.CLIENT_LOST, 1006)


def test_the_client_resets(open_session):
    session = open_session()
    session.check_works()
    reset(session.browser.sock)
    assert receive_until_eof(session.target) == b''
    assert session.end().cause is EndCause.CLIENT_LOST


def test_the_target_resets(open_session):
    session = open_session()
    session.check_works()
    reset(session.target)
    assert session.browser.receive_to_close() == ([], 1011)
    session.browser.send_close(1011)
    end = session.end()
    assert (end.cause, end.close_code) == (EndCause.TARGET_LOST, 1011)


def test_what_the_target_said_last_is_told_though_it_hears_no_more(open_session):
    session = open_session()
    session.target.sendall(b'go away')
    session.target.close()
    for _ in range(20):
        session.browser.send(b'key')  # the first of them makes the target's end reset the connection
    frames, _ = session.browser.receive_to_close()
    assert [frame.data for frame in frames] == [b'go away']


def test_the_client_resets_while_the_target_does_not_read(start_engine, open_session):
    session = open_session(start_engine(close_timeout_s=0.1), small_buffers=True)
    stuff(session.browser.sock, binary(bytes(1_000_000)))
    reset(session.browser.sock)
    assert session.end().cause is EndCause.CLIENT_LOST


def test_the_client_leaves_while_the_target_does_not_read(start_engine, open_session):
    engine = start_engine(close_timeout_s=0.2)
    session = open_session(engine, small_buffers=True)

    def is_stuck():
        session.browser.send(bytes(1000))
        return session.relay._target.unsent

    wait_until(is_stuck, 10, 'the target to be stuck', interval_s=0.001)
    rounds = count_rounds(engine)
    session.browser.sock.close()  # nothing is in the way of its FIN
    assert session.end().cause is EndCause.CLIENT_LOST
    assert rounds() < 50


def test_both_are_stuck_and_the_target_breaks_off(start_engine, open_session):
    engine = start_engine()
    session = open_session(engine, small_buffers=True)
    data = random.Random(4).randbytes(1_000_000)
    stuff(session.browser.sock, binary(data))
    stuff(session.target, data)
    rounds = count_rounds(engine)
    reset(session.target)
    time.sleep(0.2)
    assert rounds() < 50
    frames, code = session.browser.receive_to_close()
    received = b''.join(frame.data for frame in frames)
    # The reset may take away what the engine had not read yet, but nothing from the midst.
    assert received
    assert data.startswith(received)
    assert code == 1011


def count_rounds(engine):
    """Return a function that tells how often the loop has turned since."""
    rounds = 0
    run_once = engine._loop._run_once

    def count():
        nonlocal rounds
        rounds += 1
        run_once()

    engine._loop._run_once = count
    return lambda: rounds


@pytest.mark.parametrize(('frame', 'code'), [
    (client_frame(Opcode.TEXT, b'hello'), 1003),
    (b'\x83\x80abcd', 1002),
    (b'GET / HTTP/1.1\r\n\r\n', 1002),
    (b'\x82\xff' + struct.pack('!Q', 1 << 40) + bytes(4), 1009),
])
def test_the_client_breaks_the_protocol(open_session, frame, code):
    session = open_session()
    session.browser.sock.sendall(binary(b'fine') + frame + bytes(200_000))
    assert receive_until_eof(session.target) == b'fine'
    assert session.browser.receive_to_close() == ([], code)
    assert receive_until_eof(session.browser.sock) == b''
    session.browser.sock.close()
    end = session.end()
    assert (end.cause, end.close_code) == (EndCause.CLIENT_PROTOCOL_ERROR, code)
    assert end.bytes_from_client == 4


def test_a_client_that_breaks_the_protocol_and_goes_on(start_engine, open_session):
    session = open_session(start_engine(close_timeout_s=0.2))
    session.browser.send_frame(Opcode.TEXT, b'x')
    stop = threading.Event()

    def go_on():
        with suppress(OSError):
            while not stop.is_set():
                session.browser.sock.sendall(bytes(100_000))

    client = threading.Thread(target=go_on)
    client.start()
    assert session.end().cause is EndCause.CLIENT_PROTOCOL_ERROR
    stop.set()
    client.join()


def test_closing_from_outside(open_session):
    session = open_session()
    session.relay.close(1001, 'the proxy is shutting down')
    assert session.browser.receive_frame().data == struct.pack('!H', 1001) + b'the proxy is shutting down'
    assert receive_until_eof(session.target) == b''
    session.browser.send_close(1001)
    end = session.end()
    assert (end.cause, end.close_code, end.reason) == (EndCause.CLOSED, 1001, 'the proxy is shutting down')


def test_closing_from_outside_does_not_cut_a_frame(open_session):
    session = open_session(small_buffers=True)
    stuff(session.target, bytes(1_000_000))
    session.relay.close(1001)
    frames, code = session.browser.receive_to_close()
    assert code == 1001
    assert {frame.opcode for frame in frames} == {Opcode.BINARY}


def test_only_the_first_close_counts(open_session):
    session = open_session()
    closers = [threading.Thread(target=session.relay.close, args=(4000 + number,)) for number in range(10)]
    for closer in closers:
        closer.start()
    for closer in closers:
        closer.join()
    _, code = session.browser.receive_to_close()
    session.browser.send_close(code)
    assert session.end().close_code == code
    session.relay.close(1000)


def test_stop_ends_all(start_engine, open_session):
    engine = Engine()
    engine.start(pytest.fail)
    sessions = [open_session(engine) for _ in range(10)]
    sessions[0].check_works()
    engine.stop()
    for session in sessions:
        assert session.ends.get_nowait().cause is EndCause.CLOSED  # told before stop() returned
        assert session.browser.receive_to_close() == ([], 1001)
        assert receive_until_eof(session.target) == b''
        session.relay.close(1000)


def test_a_stopped_engine_takes_nothing(start_engine):
    engine = Engine()
    engine.start(pytest.fail)
    engine.stop()
    (far_client, client), (far_target, target) = tcp_pair(), tcp_pair()
    with pytest.raises(EngineStopped):
        engine.add(PlainTransport(client), PlainTransport(target), parser=FrameParser(), on_end=lambda end: None)
    for far in (far_client, far_target):
        assert receive_until_eof(far) == b''
        far.close()


def test_the_engine_owns_the_connections(start_engine):
    engine = start_engine()
    (far_client, client), (far_target, target) = tcp_pair(), tcp_pair()
    engine.add(PlainTransport(client), PlainTransport(target), parser=FrameParser(), on_end=lambda end: None)
    client.close()
    with pytest.raises(OSError, match='Bad file descriptor'):
        target.shutdown(socket.SHUT_RDWR)
    far_target.sendall(b'x')
    assert receive_exactly(far_client, 3) == b'\x82\x01x'
    far_client.close()
    far_target.close()


class BrokenParser(FrameParser):
    def receive(self, data):
        raise RuntimeError('a defect')


def test_a_defect_costs_one_session_only(open_session, caplog):
    healthy, ill = open_session(), open_session(parser=BrokenParser())
    ill.browser.send(b'x')
    end = ill.end()
    assert end.cause is EndCause.INTERNAL_ERROR
    assert receive_until_eof(ill.target) == b''
    healthy.check_works()
    assert 'a defect' in caplog.text


def test_an_observer_that_raises_costs_nothing(start_engine, open_session, caplog):
    engine = start_engine()

    def fail(end):
        raise RuntimeError('observed badly')

    (far_client, client), (far_target, target) = tcp_pair(), tcp_pair()
    engine.add(PlainTransport(client), PlainTransport(target), parser=FrameParser(), on_end=fail)
    far_client.close()
    wait_until(lambda: 'observed badly' in caplog.text, 10, 'the log line')
    session = open_session(engine)
    session.browser.send_close(1000)
    assert session.end().cause is EndCause.CLIENT_CLOSED
    far_target.close()
