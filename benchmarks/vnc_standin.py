# SPDX-License-Identifier: Apache-2.0
"""A VNC server that costs little: RFB 3.8, security None (RFC 6143), no screen.

It answers a KeyEvent with an update of one pixel, and a FramebufferUpdateRequest with an update of as many pixels as
the request asks for. Everything else is read and ignored. Prints its port, and serves until it is killed.
"""

from __future__ import annotations

import select
import socket
import struct
import sys

_VERSION = b'RFB 003.008\n'
_SERVER_INIT = struct.pack('!HHBBBBHHHBBB3xI', 640, 480, 32, 24, 0, 1, 255, 255, 255, 16, 8, 0, 7) + b'standin'
# What the client sends during the handshake (bytes), and the answer.
_DIALOGUE = ((12, b'\1\1'), (1, b'\0\0\0\0'), (1, _SERVER_INIT))
_PIXELS = bytes(1 << 20)
_KEY_EVENT, _UPDATE_REQUEST = 4, 3
_MESSAGE_BYTES = {0: 20, 2: 8, 3: 10, 4: 8, 5: 6}


class Viewer:
    """One connection."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._received = b''
        self._step = 0
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.sendall(_VERSION)

    def serve(self) -> bool:
        """Read once and answer; return False at the end."""
        try:
            data = self._sock.recv(65536)
            self._received += data
            while self._take_message():
                pass
        except OSError:
            return False
        return bool(data)

    def _take_message(self) -> bool:
        if self._step < len(_DIALOGUE):
            size, answer = _DIALOGUE[self._step]
            if len(self._received) < size:
                return False
            self._received = self._received[size:]
            self._step += 1
            self._sock.sendall(answer)
            return True
        size = _MESSAGE_BYTES[self._received[0]] if self._received else 1
        if len(self._received) < size:
            return False
        message, self._received = self._received[:size], self._received[size:]
        if message[0] == _KEY_EVENT:
            self._send_update(1, 1)
        elif message[0] == _UPDATE_REQUEST:
            self._send_update(*struct.unpack('!HH', message[6:10]))
        return True

    def _send_update(self, width: int, height: int) -> None:
        left = width * height * 4
        self._sock.sendall(struct.pack('!BxHHHHHi', 0, 1, 0, 0, width, height, 0) + _PIXELS[:min(left, 4)])
        left -= min(left, 4)
        while left:
            size = min(left, len(_PIXELS))
            self._sock.sendall(memoryview(_PIXELS)[:size])
            left -= size


def main() -> None:
    listener = socket.create_server(('127.0.0.1', 0), backlog=1024)
    print(listener.getsockname()[1], flush=True)
    poller = select.epoll()
    poller.register(listener, select.EPOLLIN)
    viewers: dict[int, tuple[socket.socket, Viewer]] = {}
    while True:
        for fd, _ in poller.poll():
            if fd == listener.fileno():
                sock, _ = listener.accept()
                viewers[sock.fileno()] = (sock, Viewer(sock))
                poller.register(sock, select.EPOLLIN)
            elif not viewers[fd][1].serve():
                poller.unregister(fd)
                viewers.pop(fd)[0].close()


if __name__ == '__main__':
    sys.exit(main())
