# SPDX-License-Identifier: Apache-2.0
"""Clients with a valid token that break a protocol, and such as do not read."""

import logging
import socket
import struct
import threading

import pytest

from nova_vnc.net.websocket import MAX_FRAME_BYTES, Opcode
from nova_vnc.novncproxy.refusal import Refusal
from nova_vnc.rfb.errors import UnexpectedEOF
from tests.fixtures.polling import wait_until
from tests.fixtures.rfb_client import RFBClient
from tests.fixtures.websocket_frames import binary, client_frame
from tests.functional.novncproxy.rig import build_upgrade, shake_hands

HANDSHAKE_3_8 = b'RFB 003.008\n' + b'\x01' + b'\x01'


@pytest.mark.parametrize('garbage', [
    b'GET / HTTP/1.1\r\n\r\n', b'RFB 003.002\n', b'RFB 003.008\n\x02', b'\0' * 65536,
])
def test_garbage_instead_of_rfb(rig, garbage):
    stream = rig.start().open_console(rig.console())
    stream.write(garbage)
    _, (code, reason) = stream.read_to_close()
    assert code == 4400
    assert reason.startswith(Refusal.CLIENT_NOT_VNC.text)


def test_silence(rig):
    stream = rig.start(handshake_timeout=1).open_console(rig.console())
    _, (code, reason) = stream.read_to_close()
    assert code == 4408
    assert reason.startswith(Refusal.CLIENT_SILENT.text)


@pytest.mark.parametrize('in_session', [False, True])
@pytest.mark.parametrize(('frame', 'code'), [
    (client_frame(Opcode.TEXT, b'text'), 1003),
    (b'\x83\x80mask', 1002),
    (b'\x8b\x80mask', 1002),
    (client_frame(Opcode.CONTINUATION, b'x'), 1002),
    (b'\x82\x04RFB ', 1002),                                                     # no mask
    (b'\xc2\x84mask' + b'xxxx', 1002),                                           # compressed
    (struct.pack('!BBQ', 0x82, 0xff, MAX_FRAME_BYTES + 1) + b'mask', 1009),
    (b'\x89\xfe\x00\x7emask' + b'x' * 126, 1002),                              # a long ping
])
def test_broken_frames(rig, frame, code, in_session):
    stream = rig.start().open_console(rig.console())
    if in_session:
        RFBClient(stream.read, stream.write).connect()
    stream.client.sock.sendall(frame)
    assert stream.read_to_close()[1][0] == code
    stream.client.shutdown()
    wait_until(lambda: not rig.proxy._parts.registry.list(), 10, 'the end of the session')
    wait_until(lambda: len(rig.proxy._pending) == 0, 10, 'the end of the connection')


def test_a_close_frame_during_the_handshake_is_answered(rig):
    stream = rig.start().open_console(rig.console())
    assert stream.read(12) == b'RFB 003.008\n'
    stream.client.send_close(1001)
    assert stream.read_to_close()[1] == (1001, '')


def test_a_connection_that_breaks_during_the_handshake(rig, caplog):
    left = threading.Event()

    def behave(sock):
        try:
            shake_hands(sock)
        except UnexpectedEOF:
            left.set()

    with caplog.at_level(logging.INFO):
        stream = rig.start().open_console(rig.console(behave))
        assert stream.read(12) == b'RFB 003.008\n'
        stream.client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        stream.client.sock.close()
        wait_until(lambda: 'broken off' in caplog.text, 10, 'the line in the log')
    assert left.wait(10)


def test_one_large_frame_passes_in_pieces(rig):
    received = []
    done = threading.Event()

    def behave(sock):
        received.append(len(shake_hands(sock)))
        while sum(received) < MAX_FRAME_BYTES:
            received.append(len(sock.recv(1 << 20)))
        done.set()
        sock.recv(1)

    sock = rig.start().connect()
    sock.sendall(build_upgrade('/?token=' + rig.console(behave)) + binary(HANDSHAKE_3_8))
    sock.sendall(struct.pack('!BBQ', 0x82, 0xff, MAX_FRAME_BYTES) + b'\0\0\0\0')
    for _ in range(MAX_FRAME_BYTES >> 16):
        sock.sendall(bytes(65536))
    assert done.wait(10)
    assert sum(received) == MAX_FRAME_BYTES


def test_a_server_that_blasts_and_a_browser_that_does_not_read(rig):
    sent = []
    stuck = threading.Event()

    def behave(sock):
        shake_hands(sock)
        sock.settimeout(1)
        try:
            while sum(sent) < 512 << 20:
                sent.append(sock.send(bytes(1 << 20)))
        except TimeoutError:
            stuck.set()
        sock.settimeout(20)
        sock.recv(1)

    rig.start()
    blasted = rig.open_console(rig.console(behave))
    blasted.write(HANDSHAKE_3_8)
    other = rig.open_console(rig.console())
    other.write(HANDSHAKE_3_8 + b'here I am')
    answer = b''
    while not answer.endswith(b'here I am'):
        answer += other.read(4096)
    assert stuck.wait(20)
    assert sum(sent) < 64 << 20  # what the kernel's buffers take, and one chunk of ours
    blasted.client.shutdown()
    wait_until(lambda: len(rig.proxy._parts.registry.list()) == 1, 10, 'the end of the blasted session')
