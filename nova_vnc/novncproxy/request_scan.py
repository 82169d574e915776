# SPDX-License-Identifier: Apache-2.0
"""Whether the header of a request is there, as far as that decides who goes on with it. Pure."""

from __future__ import annotations

import enum

from nova_vnc.novncproxy import request_line
from nova_vnc.novncproxy.http_stream import MAX_EMPTY_LINES, MAX_HEADER_BYTES, MAX_REQUEST_LINE_BYTES


class Sight(enum.Enum):
    """What there is."""

    PARTIAL = enum.auto()
    WHOLE = enum.auto()         # up to its empty line; whether it is a good one is the reader's to say
    HOPELESS = enum.auto()      # no reader needs more of it to refuse it


class RequestScan:
    """Follows the bytes of one request as they come. It looks at each of them once, however many come at a time."""

    __slots__ = ('_begin', '_empty_lines', '_line_end', '_searched')

    def __init__(self) -> None:
        self._empty_lines = 0
        self._begin = 0         # behind the empty lines that RequestReader skips
        self._line_end = 0      # of the first line; 0: not there yet
        self._searched = 0

    def look_at(self, data: bytes | bytearray) -> Sight:
        """
        :param data: all that has come so far, the same as before and more
        """
        is_line_new = not self._line_end
        if is_line_new and not self._find_line(data):
            return self._within(data, MAX_REQUEST_LINE_BYTES)
        begin = self._line_end - 1 if is_line_new else max(self._line_end - 1, self._searched - 2)
        self._searched = len(data)
        if data.find(b'\n\r\n', begin) >= 0 or data.find(b'\n\n', begin) >= 0:
            return Sight.WHOLE
        if is_line_new and not self._is_good_line(bytes(data[self._begin:self._line_end])):
            return Sight.HOPELESS
        return self._within(data, MAX_HEADER_BYTES)

    def _find_line(self, data: bytes | bytearray) -> bool:
        while self._empty_lines < MAX_EMPTY_LINES and data.startswith((b'\n', b'\r\n'), self._begin):
            self._empty_lines += 1
            self._begin = data.index(b'\n', self._begin) + 1
        self._line_end = data.find(b'\n', max(self._begin, self._searched)) + 1
        self._searched = len(data)
        return self._line_end > 0

    def _within(self, data: bytes | bytearray, most: int) -> Sight:
        return Sight.HOPELESS if len(data) - self._begin > most else Sight.PARTIAL

    @staticmethod
    def _is_good_line(line: bytes) -> bool:
        try:
            request_line.parse(line)
        except request_line.BadRequestLine:
            return False
        return len(line) <= MAX_REQUEST_LINE_BYTES
