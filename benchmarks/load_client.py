# SPDX-License-Identifier: Apache-2.0
"""A WebSocket client that speaks RFB 3.8 with security None, and counts instead of looking."""

from __future__ import annotations

import base64
import os
import socket
import struct
import time
from urllib.parse import urlsplit

_NO_MASK = bytes(4)  # a mask like any other, but it costs this side nothing
_KEY_EVENT = struct.pack('!BB2xI', 4, 1, 0x61)
_UPDATE_HEADER_BYTES = 16
_SCRATCH_BYTES = 1 << 20


class LoadClient:
    """One session, from the TCP connection to the ServerInit message.

    :param url: ws://host:port/path
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._sock = socket.create_connection((parts.hostname, parts.port), timeout=60)
        self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._left_in_frame = 0
        self._scratch = memoryview(bytearray(_SCRATCH_BYTES))
        self._upgrade(parts.netloc, parts.path + ('?' + parts.query if parts.query else ''))
        self._rfb_handshake()

    def close(self) -> None:
        """Close as a browser does: close frame, the server's answer, then its end of the connection."""
        self._sock.sendall(_frame_header(0x8, 2) + struct.pack('!H', 1000))
        while self._sock.recv_into(self._scratch):
            pass
        self._sock.close()

    def press_key(self) -> float:
        """Send a key press, wait for the answer, and return the seconds it took."""
        start = time.perf_counter()
        self._send(_KEY_EVENT)
        self._skip(_UPDATE_HEADER_BYTES + 4)
        return time.perf_counter() - start

    def fetch_pixels(self, width: int, height: int, count: int) -> None:
        """Ask for so many updates of that size, and receive them all."""
        self._send(struct.pack('!BBHHHH', 3, 0, 0, 0, width, height) * count)
        self._skip((_UPDATE_HEADER_BYTES + width * height * 4) * count)

    def _upgrade(self, host: str, path: str) -> None:
        key = base64.b64encode(os.urandom(16)).decode()
        lines = (f'GET {path or "/"} HTTP/1.1', f'Host: {host}', 'Upgrade: websocket', 'Connection: Upgrade',
                 f'Origin: http://{host}', f'Sec-WebSocket-Key: {key}', 'Sec-WebSocket-Version: 13',
                 'Sec-WebSocket-Protocol: binary', '', '')
        self._sock.sendall('\r\n'.join(lines).encode())
        answer = b''
        while not answer.endswith(b'\r\n\r\n'):
            byte = self._sock.recv(1)  # nothing behind the header must be read here
            if not byte:
                raise ConnectionError(f'no upgrade: {answer!r}')
            answer += byte
        if b' 101 ' not in answer.splitlines()[0]:
            raise ConnectionError(f'no upgrade: {answer.splitlines()[0]!r}')

    def _rfb_handshake(self) -> None:
        version = self._read(12)
        self._send(version)
        count = self._read(1)[0]
        if not count:
            reason = self._read(int.from_bytes(self._read(4), 'big'))
            raise ConnectionError(f'refused: {reason.decode()}')
        self._read(count)
        self._send(b'\1')
        self._read(4)
        self._send(b'\1')
        self._read(int.from_bytes(self._read(24)[20:], 'big'))

    def _send(self, payload: bytes) -> None:
        self._sock.sendall(_frame_header(0x2, len(payload)) + payload)

    def _read(self, size: int) -> bytes:
        self._skip(size)
        return bytes(self._scratch[:size])

    def _skip(self, size: int) -> None:
        """Receive so much payload; what does not exceed the scratch buffer is in it afterwards."""
        fits = size <= _SCRATCH_BYTES
        got = 0
        while got < size:
            if not self._left_in_frame:
                self._read_header()
                continue
            room = self._scratch[got:] if fits else self._scratch
            received = self._receive(room[:min(size - got, self._left_in_frame)])
            self._left_in_frame -= received
            got += received

    def _read_header(self) -> None:
        header = memoryview(bytearray(8))
        self._receive_all(header[:2])
        length = header[1]
        if length > 125:
            size = 2 if length == 126 else 8
            self._receive_all(header[:size])
            length = int.from_bytes(header[:size], 'big')
        self._left_in_frame = length

    def _receive(self, room: memoryview) -> int:
        received = self._sock.recv_into(room)
        if not received:
            raise ConnectionError('the proxy closed the connection')
        return received

    def _receive_all(self, room: memoryview) -> None:
        while room:
            room = room[self._receive(room):]


def _frame_header(opcode: int, size: int) -> bytes:
    """A final, masked frame (RFC 6455 section 5.2)."""
    length = bytes((0x80 | size,)) if size < 126 else struct.pack('!BH', 0x80 | 126, size)
    return bytes((0x80 | opcode,)) + length + _NO_MASK
