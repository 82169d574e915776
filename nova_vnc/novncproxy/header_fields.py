# SPDX-License-Identifier: Apache-2.0
"""Which header lines are well-formed (RFC 9112 section 5, RFC 9110 section 5.5), and how long a body may be. Pure.

http.server's parser passes over what it does not understand, up to all that follows in the header. A length that got
lost that way makes the body of a request the next request, on which a load balancer and we would not agree.
"""

from __future__ import annotations

import re

_FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):([\t\x20-\x7e\x80-\xff]*)\r?\n")
_LENGTH = re.compile(rb'[0-9]+')


class MalformedHeader(Exception):
    """A header is not to be trusted, and nobody knows where the next request begins."""


class HeaderCheck:
    """Looks at the header of one request, line by line."""

    def __init__(self) -> None:
        self._lengths: set[bytes] = set()
        self._has_transfer_encoding = False

    def check(self, line: bytes) -> None:
        """
        :param line: with its end; the empty one is the end of the header
        :raises MalformedHeader: the line, or what all of them say together
        """
        if line in (b'\r\n', b'\n'):
            self._check_framing()
            return
        field = _FIELD.fullmatch(line)
        if field is None:
            raise MalformedHeader('a header line is malformed')
        name, value = field[1].lower(), field[2].strip(b' \t')
        if name == b'content-length':
            self._lengths.add(value)
        self._has_transfer_encoding |= name == b'transfer-encoding'

    def _check_framing(self) -> None:
        if len(self._lengths) > 1 or not all(map(_LENGTH.fullmatch, self._lengths)):
            raise MalformedHeader('Content-Length is malformed or ambiguous')
        if self._lengths and self._has_transfer_encoding:
            raise MalformedHeader('both Content-Length and Transfer-Encoding')
