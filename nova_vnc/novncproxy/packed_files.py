# SPDX-License-Identifier: Apache-2.0
"""Files as browsers take them over the wire: with gzip (RFC 9110 section 8.4.1.3), made once and kept in memory."""

from __future__ import annotations

import gzip
import threading

from nova_vnc import concurrency

# A fast one: the next step takes half as long again and saves a few bytes of a hundred.
_LEVEL = 6
# In less than this is nothing to save.
MIN_BYTES = 512
# noVNC's largest file has 140 KiB, all of its files some 800; packed they have a quarter of that.
MAX_FILE_BYTES = 1024 * 1024
MAX_KEPT_BYTES = 4 * 1024 * 1024

# What a file is known again by: path, size, and time of modification.
Stamp = tuple[str, int, float]


class PackedFiles:
    """Keeps packed files; from any thread.

    :param max_kept_bytes: once that many are kept, further files go out as they are
    """

    def __init__(self, max_kept_bytes: int = MAX_KEPT_BYTES) -> None:
        self._max_kept_bytes = max_kept_bytes
        self._lock = threading.Lock()
        self._kept: dict[str, tuple[Stamp, bytes]] = {}
        self._kept_bytes = 0

    def find(self, stamp: Stamp) -> bytes | None:
        """Return what add() has packed of the file of this path, None if it was another one then."""
        kept_stamp, data = self._kept.get(stamp[0], (None, b''))
        return data if kept_stamp == stamp else None

    def add(self, stamp: Stamp, data: bytes) -> bytes | None:
        """Pack a file and return it; None: there is no room for it, and it goes out as it is."""
        if not self._has_room(stamp, len(data)):    # or else it would be packed for nothing each time
            return None
        packed: bytes = concurrency.run_native(gzip.compress, data, _LEVEL, mtime=0)
        with self._lock:
            if not self._has_room(stamp, len(packed)):
                return None
            _, old = self._kept.get(stamp[0], (None, b''))
            self._kept[stamp[0]] = stamp, packed
            self._kept_bytes += len(packed) - len(old)
        return packed

    def _has_room(self, stamp: Stamp, size_bytes: int) -> bool:
        _, old = self._kept.get(stamp[0], (None, b''))
        return self._kept_bytes - len(old) + size_bytes <= self._max_kept_bytes
