# SPDX-License-Identifier: Apache-2.0
"""The file format of websockify's recordings, which noVNC's playback page (tests/vnc_playback.html) reads. Pure.

A script of JavaScript that sets VNC_frame_data to a list of strings: direction, milliseconds since the beginning,
direction again, and the payload, a character for each byte. '{' goes to the client, '}' comes from it.
"""

from __future__ import annotations

HEADER = b'var VNC_frame_data = [\n'
FOOTER = b"'EOF'];\n"
TO_CLIENT = '{'
FROM_CLIENT = '}'


def build_frame(direction: str, time_ms: int, payload: bytes | memoryview) -> bytes:
    """Return a line of the list; at most four times as long as the payload, and a few bytes."""
    escaped = str(payload, 'latin-1').encode('unicode_escape').replace(b"'", b"\\'")
    return b"'%s%d%s%s',\n" % (direction.encode(), time_ms, direction.encode(), escaped)
