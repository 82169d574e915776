# SPDX-License-Identifier: Apache-2.0
"""Bytes go through, all of them, in order, and at the pace of whoever reads."""

import random
import socket
import threading
from contextlib import suppress

from nova_vnc.net.websocket import FrameParser, Opcode
from nova_vnc.relay.buffer import CLIENT_BULK_BYTES, TARGET_CHUNK_BYTES
from tests.fixtures.connections import receive_exactly
from tests.fixtures.polling import wait_until
from tests.fixtures.websocket_frames import binary, client_frame
from tests.functional.relay.session import stuff

# What the kernel holds on the way with the small buffers of these tests; measured 30-60 KiB.
_KERNEL_BYTES = 200_000


def test_both_ways(open_session):
    session = open_session()
    session.check_works()
    session.check_works()


def test_what_was_read_before_goes_first(open_session):
    parser = FrameParser()
    frame = binary(b'third')
    parser.receive(frame[:8])
    session = open_session(parser=parser, from_client=b'first second ', from_target=b'RFB 003.008\n')
    session.browser.sock.sendall(frame[8:])
    assert receive_exactly(session.target, 16) == b'first second ird'
    assert session.browser.receive(12) == b'RFB 003.008\n'
    session.target.sendall(b'more')
    assert session.browser.receive(4) == b'more'


def test_a_ping_that_came_before_is_answered(open_session):
    parser = FrameParser()
    parser.receive(client_frame(Opcode.PING, b'early'))
    frame = open_session(parser=parser).browser.receive_frame()
    assert (frame.opcode, frame.data) == (Opcode.PONG, b'early')


def test_fragments_are_passed_on_at_once(open_session):
    session = open_session()
    session.browser.sock.sendall(client_frame(Opcode.BINARY, b'be', final=False))
    assert receive_exactly(session.target, 2) == b'be'
    session.browser.send_frame(Opcode.PING, b'x')
    assert session.browser.receive_frame().opcode == Opcode.PONG
    session.browser.sock.sendall(client_frame(Opcode.CONTINUATION, b'gin', final=True))
    assert receive_exactly(session.target, 3) == b'gin'


def test_a_lot_both_ways_at_once(open_session):
    session = open_session()
    source = random.Random(1)
    to_client, to_target = source.randbytes(5_000_000), source.randbytes(3_000_000)

    def send_frames():
        rest = to_target
        while rest:
            size = source.randint(1, 100_000)
            session.browser.send(rest[:size])
            rest = rest[size:]

    senders = [threading.Thread(target=session.target.sendall, args=(to_client,)), threading.Thread(target=send_frames)]
    received = []
    receiver = threading.Thread(target=lambda: received.append(receive_exactly(session.target, len(to_target))))
    for thread in (*senders, receiver):
        thread.start()
    assert session.browser.receive(len(to_client)) == to_client
    for thread in (*senders, receiver):
        thread.join()
    assert received == [to_target]


def test_a_client_that_does_not_read_stops_the_target(open_session):
    session = open_session(small_buffers=True)
    data = random.Random(2).randbytes(4_000_000)
    absorbed = stuff(session.target, data)
    assert absorbed < TARGET_CHUNK_BYTES + _KERNEL_BYTES
    # The other direction is not concerned.
    session.browser.send(b'key')
    assert receive_exactly(session.target, 3) == b'key'
    # And it goes on where it stopped.
    sender = threading.Thread(target=session.target.sendall, args=(data[absorbed:],))
    sender.start()
    assert session.browser.receive(len(data)) == data
    sender.join()


def test_a_target_that_does_not_read_stops_the_client(open_session):
    session = open_session(small_buffers=True)
    data = random.Random(3).randbytes(4_000_000)
    frames = b''.join(binary(data[start:start + 50_000]) for start in range(0, len(data), 50_000))
    absorbed = stuff(session.browser.sock, frames)
    assert absorbed < CLIENT_BULK_BYTES + _KERNEL_BYTES
    session.target.sendall(b'pixels')
    assert session.browser.receive(6) == b'pixels'
    sender = threading.Thread(target=session.browser.sock.sendall, args=(frames[absorbed:],))
    sender.start()
    assert receive_exactly(session.target, len(data)) == data
    sender.join()


def test_a_flood_of_pings_waits_in_one_pong(open_session):
    session = open_session(small_buffers=True)
    stuff(session.target, bytes(1_000_000))  # nothing can go to the client any more
    frames = b''.join(client_frame(Opcode.PING, b'%05d' % number) for number in range(30_000))
    session.browser.sock.sendall(frames)  # all are read nevertheless
    pongs = 0
    while (frame := session.browser.receive_frame()).data != b'29999':
        pongs += frame.opcode == Opcode.PONG
    assert frame.opcode == Opcode.PONG
    # Those of the chunks that were read after the client began to read again.
    assert pongs < 100


def test_one_that_blasts_leaves_the_others_their_turn(open_session):
    greedy, patient = open_session(), open_session()

    def blast():
        with suppress(OSError):
            while True:
                greedy.target.sendall(bytes(1 << 20))

    def swallow():
        with suppress(OSError):
            while greedy.browser.sock.recv(1 << 20):
                pass

    threads = [threading.Thread(target=blast), threading.Thread(target=swallow)]
    for thread in threads:
        thread.start()
    for _ in range(20):
        patient.check_works()
    assert greedy.ends.empty()
    for sock in (greedy.target, greedy.browser.sock):
        sock.shutdown(socket.SHUT_RDWR)
    for thread in threads:
        thread.join()


def test_200_sessions(start_engine, open_session):
    engine = start_engine()
    sessions = [open_session(engine) for _ in range(200)]
    for number, session in enumerate(sessions):
        session.browser.send(b'%03d' % number)
    for number, session in enumerate(sessions):
        assert receive_exactly(session.target, 3) == b'%03d' % number
        session.target.sendall(b'%04d' % number)
    for number, session in enumerate(sessions):
        assert session.browser.receive(4) == b'%04d' % number
    assert len(engine) == 200
    for session in sessions:
        session.browser.send_close(1000)
    for session in sessions:
        assert session.end().bytes_from_client == 3
    wait_until(lambda: not len(engine), 10, 'the engine to forget its sessions')
