# SPDX-License-Identifier: Apache-2.0
"""What a client says once both sides are initialised (RFC 6143 section 7.5).

    type  message                     section
    0     SetPixelFormat              7.5.1
    2     SetEncodings                7.5.2
    3     FramebufferUpdateRequest    7.5.3
    4     KeyEvent                    7.5.4
    5     PointerEvent                7.5.5
    6     ClientCutText               7.5.6

A message carries no length of its own, so one of an unknown type cannot be stepped over. Extensions
use other types only after the server has announced them, which we do not.
"""

from __future__ import annotations

import dataclasses
import struct
from collections.abc import Callable

from nova_vnc.rfb.errors import ProtocolError
from nova_vnc.rfb.init import PixelFormat
from nova_vnc.rfb.machine import Machine, Step

# noVNC sends about 25. Some 150 numbers are registered; a list with more than this is not a list of
# what somebody can decode.
MAX_ENCODINGS = 1024
# What TigerVNC's MaxCutText allows unless told otherwise.
MAX_CUT_TEXT_BYTES = 256 * 1024

_KEY_EVENT = struct.Struct('!?2xI')
_POINTER_EVENT = struct.Struct('!BHH')
_UPDATE_REQUEST = struct.Struct('!?HHHH')


@dataclasses.dataclass(frozen=True)
class SetPixelFormat:
    pixel_format: PixelFormat

    def serialize(self) -> bytes:
        return b'\0\0\0\0' + self.pixel_format.serialize()


@dataclasses.dataclass(frozen=True)
class SetEncodings:
    """The encodings that the client can decode, the most wanted first. Raw is always allowed."""

    encodings: tuple[int, ...]

    def serialize(self) -> bytes:
        count = len(self.encodings)
        return struct.pack(f'!BxH{count}i', 2, count, *self.encodings)


@dataclasses.dataclass(frozen=True)
class FramebufferUpdateRequest:
    """The client wants this area: now, or if incremental, once something in it has changed."""

    incremental: bool
    x: int
    y: int
    width: int
    height: int

    def serialize(self) -> bytes:
        return b'\3' + _UPDATE_REQUEST.pack(*dataclasses.astuple(self))


@dataclasses.dataclass(frozen=True)
class KeyEvent:
    """A key goes down or up. The keysym is X11's; Latin-1 characters are their own keysym."""

    down: bool
    keysym: int

    def serialize(self) -> bytes:
        return b'\4' + _KEY_EVENT.pack(self.down, self.keysym)


@dataclasses.dataclass(frozen=True)
class PointerEvent:
    button_mask: int
    x: int
    y: int

    def serialize(self) -> bytes:
        return b'\5' + _POINTER_EVENT.pack(self.button_mask, self.x, self.y)


@dataclasses.dataclass(frozen=True)
class ClientCutText:
    """Latin-1 text from the client's clipboard."""

    text: bytes

    def serialize(self) -> bytes:
        return struct.pack('!B3xI', 6, len(self.text)) + self.text


ClientMessage = (SetPixelFormat | SetEncodings | FramebufferUpdateRequest | KeyEvent | PointerEvent
                 | ClientCutText)


class ClientMessageParser(Machine):
    """Read a client's messages for as long as it sends any.

    It is done when the client closes the connection between two messages.
    Raises from receive_data(): ProtocolError, UnexpectedEOF.
    """

    def __init__(self) -> None:
        self._messages: list[ClientMessage] = []
        self._readers: dict[int, Callable[[], Step[ClientMessage]]] = {
            0: self._read_set_pixel_format,
            2: self._read_set_encodings,
            3: self._read_update_request,
            4: self._read_key_event,
            5: self._read_pointer_event,
            6: self._read_cut_text,
        }
        super().__init__()

    def take_messages(self) -> list[ClientMessage]:
        """Return the messages completed since the last call, also those before an error."""
        messages, self._messages = self._messages, []
        return messages

    def _run(self) -> Step[None]:
        while message_type := (yield from self._read_up_to(1)):
            reader = self._readers.get(message_type[0])
            if reader is None:
                raise ProtocolError(f'unknown client message type {message_type[0]}')
            self._messages.append((yield from reader()))

    def _read_set_pixel_format(self) -> Step[ClientMessage]:
        data = yield from self._read_exact(3 + PixelFormat.SIZE_BYTES)
        return SetPixelFormat(PixelFormat.parse(data[3:]))

    def _read_set_encodings(self) -> Step[ClientMessage]:
        count = int.from_bytes((yield from self._read_exact(3))[1:], 'big')
        if count > MAX_ENCODINGS:
            raise ProtocolError(f'the client lists {count} encodings')
        data = yield from self._read_exact(4 * count)
        return SetEncodings(struct.unpack(f'!{count}i', data))

    def _read_update_request(self) -> Step[ClientMessage]:
        data = yield from self._read_exact(_UPDATE_REQUEST.size)
        return FramebufferUpdateRequest(*_UPDATE_REQUEST.unpack(data))

    def _read_key_event(self) -> Step[ClientMessage]:
        data = yield from self._read_exact(_KEY_EVENT.size)
        return KeyEvent(*_KEY_EVENT.unpack(data))

    def _read_pointer_event(self) -> Step[ClientMessage]:
        data = yield from self._read_exact(_POINTER_EVENT.size)
        return PointerEvent(*_POINTER_EVENT.unpack(data))

    def _read_cut_text(self) -> Step[ClientMessage]:
        length = int.from_bytes((yield from self._read_exact(7))[3:], 'big')
        if length > MAX_CUT_TEXT_BYTES:
            raise ProtocolError(f'the client announces a clipboard of {length} bytes')
        return ClientCutText((yield from self._read_exact(length)))
