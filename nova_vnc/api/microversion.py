# SPDX-License-Identifier: Apache-2.0
"""Microversions of the Compute API: which one a request wants, and which handlers it then reaches."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping, MutableMapping
from typing import Any, NamedTuple, TypeVar

import microversion_parse

from nova_vnc.api import faults

HEADER = 'OpenStack-API-Version'
LEGACY_HEADER = 'X-OpenStack-Nova-API-Version'
SERVICE_TYPE = 'compute'
HEADERS = (HEADER, LEGACY_HEADER)

T = TypeVar('T')


class Microversion(NamedTuple):
    major: int
    minor: int

    def __str__(self) -> str:
        return f'{self.major}.{self.minor}'


# The newest one whose promises about everything that is served here hold; reference/api.rst has the list. From 2.47 on
# a server tells the size of its flavor, which nobody here knows.
MIN = Microversion(2, 1)
MAX = Microversion(2, 46)
LATEST = 'latest'

# Nine digits are more than any release will need, and far from what int() refuses.
_FORMAT = re.compile(r'([1-9]\d{0,8})\.([1-9]\d{0,8}|0)', re.ASCII)


def parse(text: str) -> Microversion:
    """Read 'X.Y' or 'latest'; the result may lie outside of what is offered.

    :raises Refusal: 400
    """
    if text == LATEST:
        return MAX
    found = _FORMAT.fullmatch(text)
    if found is None:
        raise faults.Refusal(
            400, f'API Version String {text} is of invalid format. Must be of format MajorNum.MinorNum.')
    return Microversion(int(found[1]), int(found[2]))


def requested(headers: MutableMapping[str, str]) -> Microversion:
    """Return what the headers ask for; without one of them the lowest.

    :raises Refusal: 400
    """
    text = microversion_parse.get_version(headers, service_type=SERVICE_TYPE, legacy_headers=[LEGACY_HEADER])
    return MIN if text is None else parse(text)


def check_offered(version: Microversion) -> None:
    """:raises Refusal: 406"""
    if not MIN <= version <= MAX:
        raise faults.Refusal(
            406, f'Version {version} is not supported by the API. Minimum is {MIN} and maximum is {MAX}.')


def response_headers(version: Microversion) -> list[tuple[str, str]]:
    """Return the headers of an answer in this microversion."""
    return [(HEADER, f'{SERVICE_TYPE} {version}'), (LEGACY_HEADER, str(version)),
            *(('Vary', header) for header in HEADERS)]


def available(first: str, last: str | None = None) -> Callable[[Callable[..., T]], Callable[..., T]]:
    """Decorate a handler that exists from one microversion to another only; outside of them its URL is unknown."""
    lowest, highest = parse(first), parse(last or LATEST)

    def decorate(handler: Callable[..., T]) -> Callable[..., T]:
        @functools.wraps(handler)
        def wrapper(request: Any, *args: Any, **kwargs: Any) -> T:
            if not lowest <= request.version <= highest:
                raise faults.Refusal(404)
            return handler(request, *args, **kwargs)
        return wrapper
    return decorate


def pick(by_version: Mapping[Microversion, T], version: Microversion) -> T:
    """Return the value of the newest key that is not newer than `version`; the oldest key must not be newer."""
    return by_version[max(key for key in by_version if key <= version)]
