# SPDX-License-Identifier: Apache-2.0
"""The two ends of a relay. All that the relay does with connections is here."""

from __future__ import annotations

import socket

from nova_vnc.net.transport import Transport
from nova_vnc.net.websocket import FrameParser, Opcode, build_frame
from nova_vnc.relay.splice import PipePool, SplicedFrame

_CLOSED_FD = -1


class Side:
    """One connection, which it owns, and what could not be sent to it yet.

    No method blocks or raises OSError. A connection that breaks looks like one that has ended, once all that came
    before is read; broken tells the difference.

    :ivar fd: file descriptor, -1 once closed
    :ivar receives_ahead: see Transport
    :ivar unsent: to be sent before anything else
    """

    __slots__ = ('_transport', 'broken', 'fd', 'receives_ahead', 'unsent')

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self.fd = transport.fileno()
        self.receives_ahead = transport.receives_ahead
        self.unsent: bytes | memoryview | SplicedFrame = b''
        self.broken = False

    @property
    def receive_waits_for(self) -> int:
        """See Transport."""
        return self._transport.receive_waits_for

    @property
    def send_waits_for(self) -> int:
        """See Transport."""
        return self._transport.send_waits_for

    def receive_into(self, room: memoryview) -> int:
        """Return how many bytes came, 0 at the end, NOTHING_YET if there are none now."""
        try:
            return self._transport.receive_into(room)
        except OSError:
            self.broken = True
            return 0

    def receive_frame(self, pipes: PipePool, max_bytes: int) -> tuple[int, SplicedFrame | None]:
        """Receive into a pipe, if that pays: see PipePool.receive()."""
        try:
            return pipes.receive(self._transport, max_bytes)
        except OSError:
            self.broken = True
            return 0, None

    @property
    def is_spliceable(self) -> bool:
        """See Transport."""
        return self._transport.is_spliceable

    def has_received(self) -> bool:
        """See Transport."""
        return self._transport.has_received()

    def send(self, data: bytes | memoryview) -> None:
        """Send data, of which a copy of what does not go out now becomes unsent. Only while nothing is unsent."""
        sent = self._try_send(data)
        if sent < len(data):
            self.unsent = memoryview(bytes(data[sent:]))

    def free_to_send(self) -> int:
        """See Transport."""
        return self._transport.free_to_send()

    def send_frame(self, frame: SplicedFrame) -> None:
        """Send a frame, which becomes unsent where it does not go out now. Only while nothing is unsent."""
        self.unsent = frame
        self._flush_spliced(frame)

    def flush(self) -> None:
        """Send what is unsent, or a part of it."""
        unsent = self.unsent
        if not unsent:
            return
        if isinstance(unsent, SplicedFrame):
            self._flush_spliced(unsent)
        else:
            sent = self._try_send(unsent)
            self.unsent = unsent[sent:] if sent < len(unsent) else b''

    def shut_down_writing(self) -> None:
        self._transport.shut_down_writing()

    def close(self) -> None:
        self._transport.close()
        self.fd = _CLOSED_FD
        if isinstance(self.unsent, SplicedFrame):
            self.unsent.close()
        self.unsent = b''

    def _flush_spliced(self, frame: SplicedFrame) -> None:
        try:
            frame.send(self._transport)
        except OSError:
            frame.close()
            self._note_broken()
        if not frame:
            self.unsent = b''

    def _try_send(self, data: bytes | memoryview) -> int:
        try:
            return self._transport.send(data)
        except OSError:
            self._note_broken()
            return len(data)

    def _note_broken(self) -> None:
        # Nothing can be sent any more, but what the other end sent before is still there to be read. Shutting down
        # makes sure that the end comes behind it, whatever the error was.
        self.broken = True
        self._transport.shut_down(socket.SHUT_RDWR)


class ClientSide(Side):
    """The connection to a browser: control frames and text go out between data frames.

    Of each kind at most one is waiting, so no client can make them pile up.

    :ivar parser: of what it sends
    :ivar pong: payload of a pong to be sent
    :ivar notice: a text frame to be sent
    :ivar ping_due: whether a ping is to be sent
    :ivar close_frame: to be sent as the last frame
    :ivar close_sent: whether it was
    """

    __slots__ = ('close_frame', 'close_sent', 'notice', 'parser', 'ping_due', 'pong')

    def __init__(self, transport: Transport, parser: FrameParser) -> None:
        super().__init__(transport)
        self.parser = parser
        self.pong: bytes | None = None
        self.notice: bytes | None = None
        self.ping_due = False
        self.close_frame: bytes | None = None
        self.close_sent = False

    def flush(self) -> None:
        super().flush()
        while not self.unsent:
            frame = self._next_frame()
            if not frame:
                return
            self.send(frame)

    def has_said_goodbye(self) -> bool:
        """Tell whether close frames went both ways, after which the server closes (RFC 6455 section 7.1.1)."""
        return self.close_sent and not self.unsent and self.parser.end is not None and not self.parser.end.violation

    def is_holding_back(self, silence_s: float) -> bool:
        """See Transport."""
        return self._transport.is_holding_back(silence_s)

    def _next_frame(self) -> bytes:
        if self.close_sent:
            frame = b''
        elif self.pong is not None:
            frame, self.pong = build_frame(Opcode.PONG, self.pong), None
        elif self.ping_due:
            frame, self.ping_due = build_frame(Opcode.PING, b''), False
        elif self.notice is not None:
            frame, self.notice = self.notice, None
        elif self.close_frame is not None:
            frame, self.close_frame, self.close_sent = self.close_frame, None, True
        else:
            frame = b''
        return frame
