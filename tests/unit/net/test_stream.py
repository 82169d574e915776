# SPDX-License-Identifier: Apache-2.0
import socket
import threading

import pytest

from nova_vnc.net.deadline import Deadline, DeadlineExceeded
from nova_vnc.net.stream import Released, TransportStream
from nova_vnc.net.transport import NOTHING_YET, READABLE, PlainTransport
from tests.fixtures.connections import receive_exactly, tcp_pair


@pytest.fixture
def pair():
    near, far = tcp_pair(small_buffers=True)
    stream = TransportStream(PlainTransport(near))
    yield stream, far
    stream.close()
    far.close()


def test_reads_what_there_is_and_then_the_end(pair):
    stream, far = pair
    far.sendall(b'abc')
    assert stream.read(2) == b'ab'
    assert stream.read(100) == b'c'
    far.close()
    assert stream.read(100) == b''


def test_what_was_received_ahead_is_read_first(pair):
    stream, far = pair
    assert stream.receive_ahead(100) == NOTHING_YET
    far.sendall(b'abcd')
    assert stream.peek(1) == b'a'
    assert stream.receive_ahead(3) == 3
    assert stream.receive_ahead(100) == 1
    assert stream.ahead == b'abcd'
    assert stream.look_ahead(2) == stream.peek(2) == b'ab'
    assert stream.read(3) == b'abc'
    assert stream.take_ahead() == b'd'
    assert stream.look_ahead(1) is None
    far.sendall(b'e')
    assert stream.read(9) == b'e'
    far.close()
    assert stream.peek(1) == b''
    assert stream.receive_ahead(1) == 0


def test_what_was_received_ahead_is_read_no_more_after_an_interrupt(pair):
    stream, far = pair
    far.sendall(b'ab')
    assert stream.peek(1) == b'a'
    stream.receive_ahead(9)
    stream.interrupt(socket.SHUT_RD)
    assert stream.read(9) == b''


def test_it_waits_no_more(pair):
    stream, far = pair
    stream.set_deadline(Deadline(60))
    stream.wait_no_more()
    with pytest.raises(DeadlineExceeded):
        stream.read(1)
    with pytest.raises(DeadlineExceeded):
        stream.write(bytes(10_000_000))
    far.sendall(b'a')
    far.recv(1)
    assert stream.read(1) == b'a'


def test_write_sends_all(pair):
    stream, far = pair
    data = bytes(range(256)) * 1000
    writer = threading.Thread(target=stream.write, args=(data,))
    writer.start()
    assert receive_exactly(far, len(data)) == data
    writer.join()


def test_a_deadline_bounds_reading(pair):
    stream, _ = pair
    stream.set_deadline(Deadline(0.05))
    with pytest.raises(DeadlineExceeded):
        stream.read(1)
    with pytest.raises(DeadlineExceeded):
        stream.read(1)


def test_a_deadline_bounds_writing(pair):
    stream, _ = pair
    stream.set_deadline(Deadline(0.05))
    with pytest.raises(DeadlineExceeded):
        stream.write(bytes(10_000_000))


def test_slow_bytes_do_not_move_the_deadline(pair):
    stream, far = pair
    stream.set_deadline(Deadline(0.3))
    stop = threading.Event()

    def drip():
        while not stop.wait(0.02):
            far.sendall(b'x')

    dripper = threading.Thread(target=drip)
    dripper.start()
    with pytest.raises(DeadlineExceeded):
        read_to_the_end(stream)
    stop.set()
    dripper.join()


def read_to_the_end(stream):
    while stream.read(1):
        pass


def test_close_twice(pair):
    stream, far = pair
    stream.close()
    stream.close()
    assert far.recv(1) == b''


def test_released_it_leaves_the_connection_alone(pair):
    stream, far = pair
    transport = stream.release()
    stream.interrupt()
    stream.shut_down_writing()
    stream.close()
    for use in (stream.release, lambda: stream.read(1), lambda: stream.write(b'x')):
        with pytest.raises(Released):
            use()
    transport.send(b'x')
    assert far.recv(1) == b'x'
    transport.close()


@pytest.mark.parametrize('how', [socket.SHUT_RD, socket.SHUT_RDWR])
def test_interrupted_it_reads_the_end(pair, how):
    stream, _ = pair
    interrupter = threading.Timer(0.05, stream.interrupt, (how,))
    interrupter.start()
    assert stream.read(1) == b''
    interrupter.join()


def test_a_handshake_waits_for_what_it_wants(pair):
    """Whatever wraps the transport, as TLS does, is asked again once the descriptor is ready for it."""
    stream, far = pair
    asked = []

    class Handshake:
        def __init__(self, below):
            self.below = below

        def do_handshake(self):
            asked.append(self.below.receive_into(memoryview(bytearray(1))))
            return READABLE if asked[-1] == NOTHING_YET else 0

    stream.set_deadline(Deadline(10))
    greeter = threading.Timer(0.05, far.sendall, (b'hb',))
    greeter.start()
    stream.upgrade(lambda below: (below, Handshake(below)))
    greeter.join()
    assert asked == [NOTHING_YET, 1]
    assert stream.read(1) == b'b'


def test_a_handshake_that_stops_half_way(pair):
    stream, _ = pair

    class Handshake:
        def do_handshake(self):
            return READABLE

    stream.set_deadline(Deadline(0.05))
    with pytest.raises(DeadlineExceeded):
        stream.upgrade(lambda below: (below, Handshake()))


def test_a_wrapper_that_refuses_leaves_nothing(pair):
    stream, far = pair

    def refuse(below):
        below.close()
        raise OSError('no')

    with pytest.raises(OSError, match='no'):
        stream.upgrade(refuse)
    assert far.recv(1) == b''
    with pytest.raises(Released):
        stream.read(1)
