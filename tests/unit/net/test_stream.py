# SPDX-License-Identifier: Apache-2.0
import threading

import pytest

from nova_vnc.net.deadline import Deadline, DeadlineExceeded
from nova_vnc.net.stream import TcpStream
from tests.fixtures.connections import receive_exactly, tcp_pair


@pytest.fixture
def pair():
    near, far = tcp_pair(small_buffers=True)
    yield TcpStream(near), far
    near.close()
    far.close()


def test_reads_what_there_is_and_then_the_end(pair):
    stream, far = pair
    far.sendall(b'abc')
    assert stream.read(2) == b'ab'
    assert stream.read(100) == b'c'
    far.close()
    assert stream.read(100) == b''


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


def test_detached_it_leaves_the_socket_alone(pair):
    stream, far = pair
    sock = stream.detach()
    sock.sendall(b'x')
    assert far.recv(1) == b'x'
