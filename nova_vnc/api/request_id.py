# SPDX-License-Identifier: Apache-2.0
"""The id of a request, and the one that its sender gave it."""

from __future__ import annotations

from typing import NamedTuple

import webob
from oslo_middleware import request_id


class RequestId(request_id.RequestId):
    """oslo.middleware's, which tells the id in Nova's own header too."""

    compat_headers = ['X-Compute-Request-ID']


class RequestIds(NamedTuple):
    own: str
    inbound: str | None     # the global request id: that of the service which made this request for its own one


def ids_of(http: webob.Request) -> RequestIds:
    """Return what RequestId has found out, which comes before."""
    return RequestIds(http.environ[request_id.ENV_REQUEST_ID], http.environ.get(request_id.GLOBAL_REQ_ID))
