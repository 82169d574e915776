# SPDX-License-Identifier: Apache-2.0
"""The first line of a request (RFC 9112 section 3). Pure.

http.server takes more: words in between any whitespace, versions such as 01.1, and HTTP/0.9, which nobody speaks.
"""

from __future__ import annotations

import dataclasses
import re
from http import HTTPStatus

# Which methods and targets there are is not decided here.
_REQUEST_LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+) ([!-~]+) HTTP/([0-9])\.([0-9])\r?\n")


class BadRequestLine(Exception):
    """
    :ivar status: to be answered with
    """

    def __init__(self, status: HTTPStatus) -> None:
        super().__init__(status.phrase)
        self.status = status


@dataclasses.dataclass(frozen=True, slots=True)
class RequestLine:
    """
    :ivar target: as it stands there
    :ivar version: 'HTTP/1.0', 'HTTP/1.1' or, of the same major version, what is to be taken for that
    """

    method: str
    target: str
    version: str


def parse(line: bytes) -> RequestLine:
    """
    :param line: with its end
    :raises BadRequestLine: it is malformed, or of another major version
    """
    match = _REQUEST_LINE.fullmatch(line)
    if match is None:
        raise BadRequestLine(HTTPStatus.BAD_REQUEST)
    method, target, major, minor = (part.decode() for part in match.groups())
    if major != '1':
        raise BadRequestLine(HTTPStatus.HTTP_VERSION_NOT_SUPPORTED)
    return RequestLine(method, target, f'HTTP/{major}.{minor}')
