# SPDX-License-Identifier: Apache-2.0
"""The id of a request, and the one that its sender gave it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import webob
from oslo_middleware import request_id

from nova_vnc.api import wsgi
from nova_vnc.context import RequestContext


class RequestId(request_id.RequestId):
    """oslo.middleware's, which tells the id in Nova's own header too."""

    compat_headers = ['X-Compute-Request-ID']


class Unidentified:
    """Middleware: until who asks is known, what is logged belongs to this request and to nobody.

    Without it that would be the user and the id of the request which the thread has answered before.
    """

    def __init__(self, application: wsgi.WSGIApplication) -> None:
        self._application = application

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        ids = ids_of(webob.Request(environ))
        RequestContext(request_id=ids.own, global_request_id=ids.inbound, overwrite=True)
        return self._application(environ, start_response)


class RequestIds(NamedTuple):
    own: str
    inbound: str | None     # the global request id: that of the service which made this request for its own one


def ids_of(http: webob.Request) -> RequestIds:
    """Return what RequestId has found out, which comes before."""
    return RequestIds(http.environ[request_id.ENV_REQUEST_ID], http.environ.get(request_id.GLOBAL_REQ_ID))
