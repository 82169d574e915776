# SPDX-License-Identifier: Apache-2.0
"""A VNC server that speaks VeNCrypt by the letter, until a test has it do otherwise.

A dialogue is a list of steps, each of them a function of the line to the client; to say something wrong is to change
the list.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import time
from collections.abc import Callable, Sequence

from nova_vnc.compute.virt.demo.update import RGB_32
from nova_vnc.rfb.init import ServerInit

OK = b'\0\0\0\0'
FAILED = b'\0\0\0\1'
X509_NONE = struct.pack('!I', 260)
TLS_NONE = struct.pack('!I', 257)
SERVER_INIT = ServerInit(640, 480, RGB_32, b'QEMU (instance-0000000c)').serialize()

_RECORD_BYTES = 16384


class Line:
    """The server's end of a connection, in the clear until TLS starts."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self._tls: ssl.SSLObject | None = None
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()

    def say(self, data: bytes) -> None:
        if self._tls is None:
            self.sock.sendall(data)
        else:
            self._tls.write(data)
            self.flush()

    def hear(self, max_bytes: int) -> bytes:
        """Return at least a byte; raises EOFError at the end."""
        data = self.sock.recv(max_bytes) if self._tls is None else self._run(lambda: self._tls.read(max_bytes))
        if not data:
            raise EOFError
        return data

    def hear_all(self, size_bytes: int) -> bytes:
        data = b''
        while len(data) < size_bytes:
            data += self.hear(size_bytes - len(data))
        return data

    def start_tls(self, context: ssl.SSLContext) -> None:
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._run(self._tls.do_handshake)

    def end_tls(self) -> None:
        """Send close_notify."""
        with contextlib.suppress(ssl.SSLError):
            self._tls.unwrap()
        self.flush()

    def write_changed(self, data: bytes, change: Callable[[bytes], bytes]) -> None:
        """Say something in a record that is changed on its way."""
        self._tls.write(data)
        self.sock.sendall(change(self._outgoing.read()))

    def flush(self) -> None:
        """Send what TLS has to send."""
        if data := self._outgoing.read():
            self.sock.sendall(data)

    def _run(self, operation: Callable[[], object]) -> object:
        while True:
            try:
                result = operation()
            except ssl.SSLWantReadError:
                self.flush()
                data = self.sock.recv(_RECORD_BYTES)
                if not data:
                    raise EOFError from None
                self._incoming.write(data)
            except ssl.SSLError:
                with contextlib.suppress(OSError):
                    self.flush()    # the alert
                raise
            else:
                self.flush()
                return result


Step = Callable[[Line], object]


def say(data: bytes) -> Step:
    return lambda line: line.say(data)


def hear(size_bytes: int) -> Step:
    """Wait for so many bytes of the client's."""
    return lambda line: line.hear_all(size_bytes)


def start_tls(context: ssl.SSLContext) -> Step:
    return lambda line: line.start_tls(context)


def slowly(data: bytes, pause_s: float = 0.001) -> Step:
    """Say something byte by byte."""
    def run(line: Line) -> None:
        for byte in data:
            line.say(bytes([byte]))
            time.sleep(pause_s)
    return run


def reset(line: Line) -> None:
    """Have the connection end with a reset."""
    line.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))


def be_silent(line: Line) -> None:
    """Say nothing more, until the client leaves."""
    with contextlib.suppress(EOFError, OSError):
        while True:
            line.sock.recv(65536) or _leave()


def _leave() -> None:
    raise EOFError


def echo(line: Line) -> None:
    while True:
        line.say(line.hear(65536))


def dialogue(context: ssl.SSLContext, *, version: bytes = b'RFB 003.008\n', types: bytes = b'\1\x13',
             subtypes: bytes = X509_NONE, inside: Sequence[Step] = (say(OK), hear(1), say(SERVER_INIT), echo),
             ) -> list[Step]:
    """Return what a VNC server says that speaks VeNCrypt, from its version to the end of the session."""
    return [say(version), hear(12), say(types), hear(1), say(b'\0\2'), hear(2),
            say(b'\0' + bytes([len(subtypes) // 4]) + subtypes), hear(4), say(b'\1'), start_tls(context), *inside]


# Where in a dialogue TLS is started.
TLS = 9


def play(steps: Sequence[Step]) -> Callable[[socket.socket], None]:
    """Return what a VNCServerStandIn does with a connection."""
    def behave(sock: socket.socket) -> None:
        line = Line(sock)
        for step in steps:
            step(line)
    return behave
