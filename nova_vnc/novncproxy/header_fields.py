# SPDX-License-Identifier: Apache-2.0
"""The fields of a request (RFC 9112 section 5, RFC 9110 section 5.5), and how long its body may be. Pure.

In place of http.server's parser, which is that of e-mails: it passes over what it does not understand, up to all that
follows in the header, and costs as much as all the rest of HTTP. A length that got lost that way makes the body of a
request the next request, on which a load balancer and we would not agree.
"""

from __future__ import annotations

import re
from typing import TypeVar, overload

T = TypeVar('T')

# As many as http.server takes, and Apache by default.
MAX_FIELDS = 100

_FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):([\t\x20-\x7e\x80-\xff]*)\r?\n")
_LENGTH = re.compile('[0-9]+')


class MalformedHeader(Exception):
    """A header is not to be trusted, and nobody knows where the next request begins."""


class TooManyFields(Exception):
    """A header has more than MAX_FIELDS."""


class Fields:
    """The fields of a header by name, in any case. Methods are those of email.message.Message, as far as used."""

    __slots__ = ('_values',)

    def __init__(self) -> None:
        self._values: dict[str, list[str]] = {}

    def add(self, name: str, value: str) -> None:
        self._values.setdefault(name.lower(), []).append(value)

    def __contains__(self, name: str) -> bool:
        return name.lower() in self._values

    @overload
    def get(self, name: str) -> str | None: ...

    @overload
    def get(self, name: str, default: str) -> str: ...

    def get(self, name: str, default: str | None = None) -> str | None:
        """Return the first value."""
        values = self._values.get(name.lower())
        return values[0] if values else default

    @overload
    def get_all(self, name: str) -> list[str] | None: ...

    @overload
    def get_all(self, name: str, default: list[str]) -> list[str]: ...

    def get_all(self, name: str, default: list[str] | None = None) -> list[str] | None:
        """Return the values in their order."""
        return self._values.get(name.lower(), default)

    def tokens(self, name: str) -> set[str]:
        """Return the members of a list (RFC 9110 section 5.6.1), as that of Connection, in small letters."""
        return {token.strip().lower() for value in self.get_all(name, []) for token in value.split(',')} - {''}


class HeaderParser:
    """Takes the header of one request, line by line.

    :ivar fields: those of the lines so far
    """

    __slots__ = ('_count', 'fields')

    def __init__(self) -> None:
        self.fields = Fields()
        self._count = 0

    def take(self, line: bytes) -> None:
        """
        :param line: with its end; the empty one is the end of the header
        :raises MalformedHeader: the line, or what all of them say together
        :raises TooManyFields: this is one too many
        """
        field = _FIELD.fullmatch(line)
        if field is not None:
            self._count += 1
            if self._count > MAX_FIELDS:
                raise TooManyFields
            name, value = field.groups()
            self.fields.add(name.decode(), value.strip(b' \t').decode('latin-1'))
        elif line in (b'\r\n', b'\n'):
            self._check_framing()
        else:
            raise MalformedHeader('a header line is malformed')

    def _check_framing(self) -> None:
        lengths = set(self.fields.get_all('Content-Length', []))
        if len(lengths) > 1 or not all(map(_LENGTH.fullmatch, lengths)):
            raise MalformedHeader('Content-Length is malformed or ambiguous')
        if lengths and 'Transfer-Encoding' in self.fields:
            raise MalformedHeader('both Content-Length and Transfer-Encoding')
