# SPDX-License-Identifier: Apache-2.0
import threading
import time

import pytest

from nova_vnc.net.deadline import Deadline, DeadlineExceeded
from nova_vnc.net.stream import Released, TransportStream
from nova_vnc.net.transport import PlainTransport
from nova_vnc.net.websocket import CloseCode, Opcode, build_close, build_frame
from nova_vnc.net.websocket_stream import WebSocketClosed, WebSocketProtocolError, WebSocketStream
from tests.fixtures.connections import receive_exactly, receive_until_eof, tcp_pair
from tests.fixtures.websocket_frames import binary, client_close, client_frame


@pytest.fixture
def pair():
    near, far = tcp_pair()
    yield near, far
    near.close()
    far.close()


def test_reads_payload(pair):
    near, far = pair
    stream = WebSocketStream(TransportStream(PlainTransport(near)))
    far.sendall(binary(b'RFB 003.008\n') + binary(b'\1'))
    assert stream.read(4) == b'RFB '
    assert stream.read(100) == b'003.008\n\1'


def test_a_first_frame_in_the_packet_of_the_request_is_not_lost(pair):
    near, far = pair
    frame = binary(b'abcdef')
    stream = WebSocketStream(TransportStream(PlainTransport(near)), frame[:7])
    assert stream.read(100) == b'a'
    far.sendall(frame[7:])
    assert receive_all_payload(stream, 5) == b'bcdef'


def receive_all_payload(stream, size):
    data = b''
    while len(data) < size:
        data += stream.read(size - len(data))
    return data


def test_writes_binary_messages(pair):
    near, far = pair
    WebSocketStream(TransportStream(PlainTransport(near))).write(b'hello')
    assert receive_exactly(far, 7) == build_frame(Opcode.BINARY, b'hello')


def test_the_response_goes_out_with_the_first_frame(pair):
    near, far = pair
    stream = WebSocketStream(TransportStream(PlainTransport(near)), response=b'HTTP/1.1 101 X')
    stream.write(b'hello')
    stream.write(b'again')
    assert receive_exactly(far, 28) == b'HTTP/1.1 101 X' + build_frame(Opcode.BINARY, b'hello') + build_frame(
        Opcode.BINARY, b'again')


def test_a_response_that_waits_goes_out_before_a_close_frame(pair):
    near, far = pair
    stream = WebSocketStream(TransportStream(PlainTransport(near)), response=b'HTTP/1.1 101 X')
    far.sendall(client_frame(Opcode.CLOSE))
    stream.close()
    assert receive_exactly(far, 18) == b'HTTP/1.1 101 X' + build_close(CloseCode.NORMAL, '')


def test_answers_pings(pair):
    near, far = pair
    stream = WebSocketStream(TransportStream(PlainTransport(near)))
    far.sendall(client_frame(Opcode.PING, b'there?') + binary(b'x'))
    assert stream.read(1) == b'x'
    assert receive_exactly(far, 8) == build_frame(Opcode.PONG, b'there?')


def test_pings_do_not_move_the_deadline(pair):
    near, far = pair
    stream = WebSocketStream(TransportStream(PlainTransport(near)))
    stream.set_deadline(Deadline(0.2))
    stop = threading.Event()

    def ping():
        while not stop.wait(0.02):
            far.sendall(client_frame(Opcode.PING))

    pinger = threading.Thread(target=ping)
    pinger.start()
    with pytest.raises(DeadlineExceeded):
        stream.read(1)
    stop.set()
    pinger.join()


def test_the_end_without_a_close_frame(pair):
    near, far = pair
    stream = WebSocketStream(TransportStream(PlainTransport(near)))
    far.close()
    assert stream.read(1) == b''


def test_the_client_closes(pair):
    near, far = pair
    stream = WebSocketStream(TransportStream(PlainTransport(near)))
    far.sendall(binary(b'x') + client_close(4711, 'enough'))
    assert stream.read(1) == b'x'
    with pytest.raises(WebSocketClosed) as caught:
        stream.read(1)
    assert (caught.value.code, caught.value.reason) == (4711, 'enough')
    stream.close(1011, 'not this one')
    assert receive_until_eof(far) == build_close(4711)


def test_the_client_breaks_the_protocol(pair):
    near, far = pair
    stream = WebSocketStream(TransportStream(PlainTransport(near)))
    far.sendall(client_frame(Opcode.TEXT, b'RFB') + bytes(10000))
    with pytest.raises(WebSocketProtocolError) as caught:
        stream.read(1)
    assert caught.value.close_code == 1003
    closer = threading.Thread(target=stream.close)
    closer.start()
    assert receive_until_eof(far) == build_close(1003, 'text frame')
    far.close()
    closer.join()


def test_close_waits_for_the_clients_close(pair):
    near, far = pair
    stream = WebSocketStream(TransportStream(PlainTransport(near)))
    closer = threading.Thread(target=stream.close, args=(4404, 'gone'), kwargs={'timeout_s': 30})
    closer.start()
    frame = build_close(4404, 'gone')
    assert receive_exactly(far, len(frame)) == frame
    far.sendall(binary(b'late') + client_close(4404))
    assert receive_until_eof(far) == b''
    closer.join(10)
    assert not closer.is_alive()


def test_close_is_bounded(pair):
    near, far = pair
    stream = WebSocketStream(TransportStream(PlainTransport(near)))
    start = time.monotonic()
    stream.close(1000, timeout_s=0.1)
    stream.close(1000, timeout_s=0.1)
    assert time.monotonic() - start < 5
    assert receive_until_eof(far) == build_close(1000)


def test_close_of_a_broken_connection(pair):
    near, far = pair
    stream = WebSocketStream(TransportStream(PlainTransport(near)))
    far.close()
    stream.write(b'x')
    stream.close()


def test_release_hands_over_all_state(pair):
    near, far = pair
    frame = binary(b'next')
    below = TransportStream(PlainTransport(near))
    stream = WebSocketStream(below, binary(b'ab') + frame[:8])
    assert stream.read(1) == b'a'
    transport, parser, payload = stream.release()
    assert payload == b'bne'
    assert parser.receive(frame[8:]) == b'xt'
    stream.close()
    below.close()
    transport.send(b'x')
    assert far.recv(1) == b'x'
    transport.close()
    with pytest.raises(Released):
        stream.release()
