# SPDX-License-Identifier: Apache-2.0
"""FramebufferUpdate with Raw rectangles (RFC 6143 sections 7.6.1 and 7.7.1), from indexed pixels.

An indexed picture holds one byte for each pixel, a number into a list of at most 256 colours. A
picture of text needs no more, and turning one into any pixel format costs a handful of calls into
bytes.translate instead of work for each pixel.
"""

from __future__ import annotations

import dataclasses
import struct
from collections.abc import Iterable, Sequence

from nova_vnc.rfb.errors import ProtocolError
from nova_vnc.rfb.init import PixelFormat

# Red, green and blue from 0 to 255.
Colour = tuple[int, int, int]

# What nearly all servers start with: 0x00RRGGBB, little-endian.
RGB_32 = PixelFormat(bits_per_pixel=32, depth=24, big_endian=False, true_colour=True,
                     red_max=255, green_max=255, blue_max=255,
                     red_shift=16, green_shift=8, blue_shift=0)

RAW_ENCODING = 0
_FRAMEBUFFER_UPDATE = 0
_RECTANGLE_HEADER = struct.Struct('!HHHHi')


@dataclasses.dataclass(frozen=True)
class Rectangle:
    """A part of the screen in pixels, and its pixels as they go over the wire."""

    x: int
    y: int
    width: int
    height: int
    pixels: bytes

    def serialize(self) -> bytes:
        return _RECTANGLE_HEADER.pack(self.x, self.y, self.width, self.height,
                                      RAW_ENCODING) + self.pixels


def build_framebuffer_update(rectangles: Sequence[Rectangle]) -> bytes:
    header = struct.pack('!BxH', _FRAMEBUFFER_UPDATE, len(rectangles))
    return b''.join([header, *(rectangle.serialize() for rectangle in rectangles)])


class PixelEncoder:
    """Turns indexed pixels into the pixels of one format.

    Bits that belong to no colour are set. They mean nothing in RFB (section 7.4), but noVNC 1.3
    takes the fourth byte of a Raw pixel as its opacity: it means to set that byte itself and misses
    the right place (core/decoders/raw.js).

    :param colours: at most 256
    :raises ProtocolError: for a format that is not true-colour, whose pixels have not 8, 16 or 32
        bits, or whose colours do not fit into the pixel
    """

    def __init__(self, pixel_format: PixelFormat, colours: Sequence[Colour]) -> None:
        _check_pixel_format(pixel_format)
        pixels = [_encode_colour(pixel_format, colour) for colour in colours]
        padding = bytes(256 - len(pixels))
        self._byte_tables = [bytes(column) + padding for column in zip(*pixels, strict=True)]

    def encode(self, indices: bytes) -> bytes:
        size = len(self._byte_tables)
        pixels = bytearray(size * len(indices))
        for offset, table in enumerate(self._byte_tables):
            pixels[offset::size] = indices.translate(table)
        return bytes(pixels)


def _check_pixel_format(pixel_format: PixelFormat) -> None:
    if not pixel_format.true_colour:
        raise ProtocolError('colour maps are not supported')
    if pixel_format.bits_per_pixel not in (8, 16, 32):
        raise ProtocolError(f'{pixel_format.bits_per_pixel} bits per pixel are not possible')
    for maximum, shift in _channels(pixel_format):
        if maximum.bit_length() + shift > pixel_format.bits_per_pixel:
            raise ProtocolError('the colours do not fit into the pixel')


def _encode_colour(pixel_format: PixelFormat, colour: Colour) -> bytes:
    pixel = (1 << pixel_format.bits_per_pixel) - 1
    for level, (maximum, shift) in zip(colour, _channels(pixel_format), strict=True):
        pixel &= ~(maximum << shift)
        pixel |= (level * maximum + 127) // 255 << shift
    return pixel.to_bytes(pixel_format.bits_per_pixel // 8,
                          'big' if pixel_format.big_endian else 'little')


def _channels(pixel_format: PixelFormat) -> Iterable[tuple[int, int]]:
    return ((pixel_format.red_max, pixel_format.red_shift),
            (pixel_format.green_max, pixel_format.green_shift),
            (pixel_format.blue_max, pixel_format.blue_shift))
