# SPDX-License-Identifier: Apache-2.0
"""The two messages between the handshake and the normal protocol (RFC 6143 section 7.3).

The client sends ClientInit, one byte: whether others may stay connected. The server answers with
ServerInit: size, pixel format and name of the desktop. They are the same in all versions.
"""

from __future__ import annotations

import dataclasses
import struct

from nova_vnc.rfb.errors import ProtocolError
from nova_vnc.rfb.machine import Machine, Step
from nova_vnc.rfb.text import encode_bounded

# The protocol sets no limit. QEMU formats its name into a buffer of 1024 bytes; four times as much
# leaves room for other servers, and it is held only while a session is being set up.
MAX_SERVER_NAME_BYTES = 4096
# What we send ourselves: more than a title bar shows, and it fits where a length is kept in a byte.
MAX_CONSOLE_NAME_BYTES = 255

_PIXEL_FORMAT = struct.Struct('!BBBBHHHBBB3x')
_SIZE = struct.Struct('!HH')


@dataclasses.dataclass(frozen=True)
class PixelFormat:
    """How a pixel is written (RFC 6143 section 7.4), with the names that it uses.

    A colour of a true-colour pixel is (pixel >> shift) & max. Nothing is checked here: the values
    are the peer's.
    """

    bits_per_pixel: int
    depth: int
    big_endian: bool
    true_colour: bool
    red_max: int
    green_max: int
    blue_max: int
    red_shift: int
    green_shift: int
    blue_shift: int

    SIZE_BYTES = _PIXEL_FORMAT.size

    @classmethod
    def parse(cls, data: bytes) -> PixelFormat:
        bits_per_pixel, depth, big_endian, true_colour, *colours = _PIXEL_FORMAT.unpack(data)
        return cls(bits_per_pixel, depth, bool(big_endian), bool(true_colour), *colours)

    def serialize(self) -> bytes:
        return _PIXEL_FORMAT.pack(*vars(self).values())     # dataclasses.astuple copies each value


@dataclasses.dataclass(frozen=True)
class ClientInit:
    """RFC 6143 section 7.3.1. Not shared means: disconnect everybody else."""

    shared: bool

    def serialize(self) -> bytes:
        return bytes([self.shared])


@dataclasses.dataclass(frozen=True)
class ServerInit:
    """RFC 6143 section 7.3.2; width and height in pixels.

    The name stays bytes: its encoding has been fixed only lately (UTF-8, rfbproto).
    """

    width: int
    height: int
    pixel_format: PixelFormat
    name: bytes

    def serialize(self) -> bytes:
        return b''.join([_SIZE.pack(self.width, self.height), self.pixel_format.serialize(),
                         struct.pack('!I', len(self.name)), self.name])


class ClientInitReader(Machine):
    """Read a ClientInit.

    :ivar value: the message; set once done

    Raises from receive_data(): UnexpectedEOF.
    """

    value: ClientInit

    def _run(self) -> Step[None]:
        self.value = ClientInit(shared=bool((yield from self._read_u8())))


class ServerInitReader(Machine):
    """Read a ServerInit.

    :ivar value: the message; set once done

    Raises from receive_data(): ProtocolError (a name too long), UnexpectedEOF.
    """

    value: ServerInit

    def _run(self) -> Step[None]:
        width, height = _SIZE.unpack((yield from self._read_exact(_SIZE.size)))
        pixel_format = PixelFormat.parse((yield from self._read_exact(PixelFormat.SIZE_BYTES)))
        name_length = yield from self._read_u32()
        if name_length > MAX_SERVER_NAME_BYTES:
            raise ProtocolError(f'the server announces a name of {name_length} bytes')
        name = yield from self._read_exact(name_length)
        self.value = ServerInit(width, height, pixel_format, name)


def console_name(display_name: str, uuid: str, note: str = '') -> bytes:
    """Return the name for a ServerInit: 'display_name (uuid) note' in at most 255 bytes of UTF-8.

    Control characters are dropped. Where it would be too long the display name gives way, at a
    character's border, never the uuid or the note. An instance without a display name is its uuid alone.
    """
    behind = f' {note}' if note else ''
    suffix = f' ({uuid}){behind}'.encode()
    shown = encode_bounded(display_name, MAX_CONSOLE_NAME_BYTES - len(suffix)).strip()
    return shown + suffix if shown else f'{uuid}{behind}'.encode()
