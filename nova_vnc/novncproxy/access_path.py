# SPDX-License-Identifier: Apache-2.0
"""The HTTP CONNECT with which a hypervisor that serves all its consoles on one port is told which one. Sans I/O.

The request is Nova's, byte for byte (nova.console.websocketproxy), as that is what such hypervisors have met.
"""

from __future__ import annotations

import re

# Nova looks at as much of an answer.
MAX_ANSWER_BYTES = 4096

_END_OF_HEADER = b'\r\n\r\n'
_BEGIN = b'HTTP/1.'
_STATUS_LINE = re.compile(rb'HTTP/1\.[0-9] ([0-9]{3})(?: [^\r\n]*)?')


class BadAnswer(Exception):
    """The other side does not open the path. The text is for the operator and quotes nothing but a status."""


class MalformedPath(Exception):
    """The path does not fit into the line of a request."""


def build_request(path: str) -> bytes:
    """:raises MalformedPath: it has characters that are not printable ASCII, or spaces"""
    if not path or any(not '!' <= char <= '~' for char in path):
        raise MalformedPath
    return f'CONNECT {path} HTTP/1.1\r\n\r\n'.encode('ascii')


class AnswerReader:
    """Reads the answer to its end.

    :ivar done: it came, and opens the path
    """

    def __init__(self) -> None:
        self.done = False
        self._received = bytearray()

    def receive_data(self, data: bytes) -> None:
        """Take bytes in pieces of any size; b'' says that the other side has closed. Not to be called once done.

        :raises BadAnswer: it is too long, ends too early, is no answer of HTTP/1, or another one than 200
        """
        self._received += data
        # So that nobody waits for the rest of what is no answer.
        if not self._received.startswith(_BEGIN[:len(self._received)]):
            raise BadAnswer('no answer of HTTP')
        end = self._received.find(_END_OF_HEADER)
        if end < 0:
            if not data:
                raise BadAnswer('the connection ended in the answer')
            if len(self._received) >= MAX_ANSWER_BYTES:
                raise BadAnswer(f'an answer of more than {MAX_ANSWER_BYTES} bytes')
            return
        status = _STATUS_LINE.fullmatch(bytes(self._received.partition(b'\r\n')[0]))
        if status is None:
            raise BadAnswer('a malformed answer')
        if status[1] != b'200':
            raise BadAnswer(f'answered with {status[1].decode()}')
        del self._received[:end + len(_END_OF_HEADER)]
        self.done = True

    @property
    def trailing_data(self) -> bytes:
        """What came behind the answer: the VNC server's first words."""
        return bytes(self._received) if self.done else b''
