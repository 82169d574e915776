# SPDX-License-Identifier: Apache-2.0
"""A WebSocket whose opening handshake is over, as a blocking stream for the time until the relay takes it."""

from __future__ import annotations

from nova_vnc.net.deadline import Deadline
from nova_vnc.net.stream import TransportStream
from nova_vnc.net.transport import Transport
from nova_vnc.net.websocket import CloseCode, FrameParser, Opcode, build_close, build_frame

# Bounds what a client can have us hold before its session is set up.
_READ_BYTES = 4096
_CLOSE_TIMEOUT_S = 2.0


class WebSocketClosed(Exception):
    """The client sent a close frame.

    :ivar code: its close code, 1005 if it gave none
    """

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f'the client closed the WebSocket with {code}')
        self.code = code
        self.reason = reason


class WebSocketProtocolError(Exception):
    """The client broke RFC 6455.

    :ivar close_code: the code to close the WebSocket with
    """

    def __init__(self, close_code: int, reason: str) -> None:
        super().__init__(reason)
        self.close_code = close_code


class WebSocketStream:
    """A Stream over the server's side of a WebSocket; answers pings by itself while it reads.

    read() raises WebSocketClosed and WebSocketProtocolError in addition to what every Stream raises; close() is what
    answers the client in both cases.

    :param below: the connection, right after the 101 response; it is this stream's from here on
    :param trailing: bytes that were received behind the request
    :param response: the 101 response, if that is still to be sent: it goes out with the first frame, in one packet
    """

    def __init__(self, below: TransportStream, trailing: bytes = b'', response: bytes = b'') -> None:
        self._below = below
        self._unsent_response = response
        self._parser = FrameParser()
        self._payload = self._parser.receive(trailing)
        self._open = True

    def read(self, max_bytes: int) -> bytes:
        while True:
            self._answer_ping()
            if self._payload:
                piece, self._payload = self._payload[:max_bytes], self._payload[max_bytes:]
                return piece
            self._check_end()
            data = self._below.read(_READ_BYTES)
            if not data:
                return b''
            self._payload = self._parser.receive(data)

    def write(self, data: bytes) -> None:
        """Send all of data in one binary message."""
        self._send(build_frame(Opcode.BINARY, data))

    def set_deadline(self, deadline: Deadline | None) -> None:
        self._below.set_deadline(deadline)

    def close(self, code: int = CloseCode.NORMAL, reason: str = '', timeout_s: float = _CLOSE_TIMEOUT_S) -> None:
        """Send a close frame, wait for the client's, and close the connection; never raises.

        To a client that has closed or broken the protocol already the fitting answer goes out instead.

        :param timeout_s: what all of this may take, whatever deadline was set before
        """
        if not self._open:
            return
        self._open = False
        self._below.set_deadline(Deadline(timeout_s))
        try:
            end = self._parser.end
            self._send(end.answer() if end else build_close(code, reason))
            if end and end.violation:
                self._below.shut_down_writing()  # or else it may wait for us as long as we for it
            self._wait_for_close()
        except OSError:
            pass  # gone, or too slow
        self._below.close()

    def release(self) -> tuple[Transport, FrameParser, bytes]:
        """Hand over the connection: return it, the parser in its present state, and payload not yet read.

        :raises Released: it is closed or was handed over
        """
        transport = self._below.release()
        self._open = False
        return transport, self._parser, self._payload

    def _send(self, frame: bytes) -> None:
        response, self._unsent_response = self._unsent_response, b''
        self._below.write(response + frame)

    def _answer_ping(self) -> None:
        ping, self._parser.ping = self._parser.ping, None
        if ping is not None:
            self._send(build_frame(Opcode.PONG, ping))

    def _check_end(self) -> None:
        end = self._parser.end
        if end is None:
            return
        if end.violation:
            raise WebSocketProtocolError(end.code, end.reason)
        raise WebSocketClosed(end.code, end.reason)

    def _wait_for_close(self) -> None:
        # Closing a connection on which unread bytes wait resets it, and the reset can overtake our close frame; so
        # what a client that broke the protocol still sends is read too.
        while self._parser.end is None or self._parser.end.violation:
            data = self._below.read(_READ_BYTES)
            if not data:
                return
            self._parser.receive(data)
