# SPDX-License-Identifier: Apache-2.0
"""The id of a request, and the one that its sender gave it."""

from __future__ import annotations

import re
from typing import NamedTuple

import webob
from oslo_context import context as oslo_context

INBOUND_HEADER = 'X-OpenStack-Request-ID'
RESPONSE_HEADERS = ('X-OpenStack-Request-ID', 'X-Compute-Request-ID')

# What oslo.middleware accepts from outside; anything else could be a line of somebody's log.
_FORMAT = re.compile(r'req-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}')


class RequestIds(NamedTuple):
    own: str
    inbound: str | None     # the global request id: that of the service which made this request for its own one

    def response_headers(self) -> list[tuple[str, str]]:
        return [(name, self.own) for name in RESPONSE_HEADERS]


def ids_of(http: webob.Request) -> RequestIds:
    """Give the request an id of its own."""
    inbound = http.headers.get(INBOUND_HEADER, '')
    return RequestIds(oslo_context.generate_request_id(), inbound if _FORMAT.fullmatch(inbound) else None)
