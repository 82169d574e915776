# SPDX-License-Identifier: Apache-2.0
"""The buffer that all relays of an engine share."""

from __future__ import annotations

from nova_vnc.net.websocket import MAX_HEADER_BYTES, build_header

# The most that one read takes from a side, hence the most that a session keeps for a side that does not read. With TLS
# OpenSSL keeps a record more on either side, of 16 KiB and a little: 256 KiB at most for each direction, all in all.
TARGET_CHUNK_BYTES = 216 * 1024
# Every six bytes of a client can be a frame, which costs a microsecond: 64 KiB of them would be 10 ms and more in which
# no other session gets on. Keys and mouse movements need no more than this.
CLIENT_CHUNK_BYTES = 4 * 1024
# What is known to belong to one frame costs little: clipboards and uploads come in chunks of up to this size.
CLIENT_BULK_BYTES = 64 * 1024


class SharedBuffer:
    """Memory for one chunk, with room for a WebSocket header in front of it.

    What is in it is sent, or what could not be sent copied, before the loop turns to another session; so it is shared
    by all of them, and a session that nothing is stuck in owns no buffer.

    :ivar target_room: where bytes from a target are received
    :ivar client_room: where bytes from a client are received between two frames
    """

    __slots__ = ('_view', 'client_room', 'target_room')

    def __init__(self) -> None:
        self._view = memoryview(bytearray(MAX_HEADER_BYTES + TARGET_CHUNK_BYTES))
        self.target_room = self._view[MAX_HEADER_BYTES:]
        self.client_room = self.target_room[:CLIENT_CHUNK_BYTES]

    def room_in_frame(self, bytes_left: int) -> memoryview:
        """Return room for the rest of a client's frame, and for as much behind it as client_room takes."""
        return self.target_room[:min(bytes_left + CLIENT_CHUNK_BYTES, CLIENT_BULK_BYTES)]

    def frame(self, size: int) -> memoryview:
        """Put a binary frame's header before the first size bytes of target_room; return the whole frame."""
        header = build_header(size)
        start = MAX_HEADER_BYTES - len(header)
        self._view[start:MAX_HEADER_BYTES] = header
        return self._view[start:MAX_HEADER_BYTES + size]
