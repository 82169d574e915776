# SPDX-License-Identifier: Apache-2.0
"""What http.server reads requests from and writes answers to, with bounds on size and time."""

from __future__ import annotations

import time

from nova_vnc.net.deadline import Deadline, DeadlineExceeded
from nova_vnc.net.stream import TransportStream
from nova_vnc.novncproxy.header_fields import Fields, HeaderParser

# Limits in use elsewhere: Apache 8190 bytes a line, nginx 32 KiB in all. The cookies of a dashboard on the same host
# come along with each request.
MAX_REQUEST_LINE_BYTES = 8192
MAX_HEADER_BYTES = 32 * 1024

_READ_BYTES = 4096
MAX_EMPTY_LINES = 4
_EMPTY_LINES = (b'\r\n', b'\n')


class RequestLineTooLong(Exception):
    """The first line of a request exceeds MAX_REQUEST_LINE_BYTES."""


class HeaderTooLong(Exception):
    """The header of a request exceeds MAX_HEADER_BYTES."""


class SlowRequest(Exception):
    """A request has begun and did not come to its end in time."""


class IncompleteRequest(Exception):
    """The connection ended before the header of a request did."""


class RequestReader:
    """Reads the headers of requests, line by line, never more than a few KiB ahead."""

    closed = False

    def __init__(self, stream: TransportStream) -> None:
        self._stream = stream
        self._ahead = b''
        self._left_bytes = 0
        self._in_first_line = True
        self._parser = HeaderParser()

    def wait_for_request(self, idle_timeout_s: float, header_timeout_s: float) -> bool:
        """Return whether a request begins in time, and if so, give it header_timeout_s for all of its header."""
        self._left_bytes = MAX_HEADER_BYTES
        self._in_first_line = True
        self._parser = HeaderParser()
        if self._ahead:
            # A hundred requests that came at once are a hundred turns: a green thread gives way only where it is asked
            # to, and answers that are taken at once do not make it wait.
            time.sleep(0)
        if not self._ahead or self._ahead.startswith((b'\r', b'\n')):
            self._stream.set_deadline(Deadline(idle_timeout_s))
            try:
                self._skip_empty_lines()
            except DeadlineExceeded:
                return False
        self._stream.set_deadline(Deadline(header_timeout_s))
        return bool(self._ahead)

    def _skip_empty_lines(self) -> None:
        """Read until something comes that is no empty line (RFC 9112 section 2.2), or the end.

        More of them than some clients send behind a body are left to be the request, and no good one.
        """
        for _ in range(MAX_EMPTY_LINES):
            while self._ahead in (b'', b'\r'):
                data = self._stream.read(_READ_BYTES)
                if not data:
                    return
                self._ahead += data
            if not self._ahead.startswith(_EMPTY_LINES):
                return
            self._ahead = self._ahead.removeprefix(b'\r').removeprefix(b'\n')
        while not self._ahead and (data := self._stream.read(_READ_BYTES)):
            self._ahead = data

    def readline(self, limit: int = -1) -> bytes:
        """Return a line with its end.

        :param limit: http.server's own, which is higher than ours and so has no effect
        :raises RequestLineTooLong: the first line is too long
        :raises HeaderTooLong: the header is too long
        :raises MalformedHeader, TooManyFields: see HeaderParser
        :raises SlowRequest: it takes too long
        :raises IncompleteRequest: the connection has ended
        """
        searched = 0
        while (end := self._ahead.find(b'\n', searched) + 1) == 0:
            searched = len(self._ahead)
            self._check_size(searched)
            self._ahead += self._read()
        self._check_size(end)
        line, self._ahead = self._ahead[:end], self._ahead[end:]
        self._left_bytes -= end
        if not self._in_first_line:
            self._parser.take(line)
        self._in_first_line = False
        return line

    def read_fields(self) -> Fields:
        """Return all that is left of the header.

        :raises HeaderTooLong, MalformedHeader, TooManyFields, SlowRequest, IncompleteRequest: as readline()
        """
        while self.readline() not in _EMPTY_LINES:
            pass
        return self._parser.fields

    def take_ahead(self) -> bytes:
        """Return what was received behind the request. Reading goes on behind it, by whoever takes it."""
        ahead, self._ahead = self._ahead, b''
        return ahead + self._stream.take_ahead()

    def close(self) -> None:
        """For socketserver; the connection is not the reader's to close."""

    def _read(self) -> bytes:
        try:
            data = self._stream.read(_READ_BYTES)
        except DeadlineExceeded:
            raise SlowRequest('the header of a request did not come in time') from None
        if not data:
            raise IncompleteRequest('the connection ended in the header of a request')
        return data

    def _check_size(self, line_bytes: int) -> None:
        if self._in_first_line and line_bytes > MAX_REQUEST_LINE_BYTES:
            raise RequestLineTooLong
        if line_bytes > self._left_bytes:
            raise HeaderTooLong


class ResponseWriter:
    """Writes answers.

    :param timeout_s: for each piece that is written, which is 64 KiB of a file at most
    """

    closed = False

    def __init__(self, stream: TransportStream, timeout_s: float) -> None:
        self._stream = stream
        self._timeout_s = timeout_s
        self._kept: bytes | None = None

    def keep(self) -> None:
        """Keep what is written from now on for take_kept()."""
        self._kept = b''

    def take_kept(self) -> bytes:
        """Return what was kept; whoever takes it sends it. Nothing is kept any more."""
        kept, self._kept = self._kept or b'', None
        return kept

    def write(self, data: bytes) -> int:
        if self._kept is not None:
            self._kept += data
            return len(data)
        self._stream.set_deadline(Deadline(self._timeout_s))
        self._stream.write(data)
        return len(data)

    def flush(self) -> None:
        """For http.server; nothing waits here for it."""

    def close(self) -> None:
        """For socketserver; the connection is not the writer's to close."""
