# SPDX-License-Identifier: Apache-2.0
"""The frames that nearly all of a client's are: whole, final, masked and short.

A key press or a mouse movement is one binary frame of 6 to 10 bytes of payload. FrameParser reads any frame step by
step, which takes 3.3 µs for such a one; unpacked in one go by a struct for its length, it takes 0.7 µs (and 64 KiB of
such with one byte of payload 6 ms instead of 25). So what is here takes what looks exactly like that, and leaves all
else, mistakes included, to the parser.
"""

from __future__ import annotations

import struct

_BINARY = 0x82              # the first byte of a final frame
_PING = 0x89
_PONG = 0x8A
_HEADER_BYTES = 6           # with the mask
_EMPTY = 0x80               # the second byte of a masked frame is this and its length
_LONGEST = 125              # whose length is in the second byte (RFC 6455 section 5.2)

# By length of the payload: how to take the three parts of a frame from a buffer; the mask times this is as long as the
# payload or up to three bytes longer, which the last table cuts off.
_UNPACK = tuple(struct.Struct(f'<2xI{length}s').unpack_from for length in range(_LONGEST + 1))
_REPEAT = tuple(sum(1 << at * 8 for at in range(0, length, 4)) for length in range(_LONGEST + 1))
_CUT = tuple((1 << length * 8) - 1 for length in range(_LONGEST + 1))

_from_bytes = int.from_bytes


def take_one(data: bytes | memoryview) -> bytes | None:
    """Return the payload, unmasked, of the one binary frame that data is; None: it is not that, or is empty."""
    length = len(data) - _HEADER_BYTES
    if 0 < length <= _LONGEST and data[0] == _BINARY and data[1] == _EMPTY + length:
        mask, masked = _UNPACK[length](data)
        # Bytes as integers: XOR has no faster form in Python.
        return (_from_bytes(masked, 'little') ^ mask * _REPEAT[length] & _CUT[length]).to_bytes(length, 'little')
    return None


def take_all(data: memoryview, at: int, pieces: list[bytes]) -> tuple[int, bytes | None]:
    """Take short binary frames, pings and pongs that come in a row.

    :param at: where the first one begins
    :param pieces: gets the payload of each binary frame
    :returns: where something else begins, and the payload of the last ping
    """
    size = len(data)
    ping_at = -1
    while size - at >= _HEADER_BYTES:
        first = data[at]
        length = data[at + 1] - _EMPTY
        stop = at + _HEADER_BYTES + length
        if not 0 <= length <= _LONGEST or stop > size:
            break
        if first == _BINARY:
            mask, masked = _UNPACK[length](data, at)
            pieces.append((_from_bytes(masked, 'little') ^ mask * _REPEAT[length] & _CUT[length])
                          .to_bytes(length, 'little'))
        elif first == _PING:
            ping_at = at
        elif first != _PONG:
            break
        at = stop
    return at, None if ping_at < 0 else _unmask(data, ping_at)


def _unmask(data: memoryview, at: int) -> bytes:
    length = data[at + 1] - _EMPTY
    mask, masked = _UNPACK[length](data, at)
    return (_from_bytes(masked, 'little') ^ mask * _REPEAT[length] & _CUT[length]).to_bytes(length, 'little')
