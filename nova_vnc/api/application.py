# SPDX-License-Identifier: Apache-2.0
"""The WSGI application."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterable
from typing import Any

import webob

from nova_vnc.api import access_log, auth, ceilings, console_plane, faults, microversion, policy, request_id, routes
from nova_vnc.api.request import ApiRequest
from nova_vnc.context import RequestContext


class Application:
    """Answers requests of any WSGI server, in threads of its own or not. request_id.RequestId comes before it.

    :param rights: what who asks may do
    :param page_limit: most servers of a page
    :param timeout_s: how long a request waits for other services, all of them together
    :param places: of requests that may wait for them
    :param max_body_bytes: of a request
    """

    def __init__(self, plane: console_plane.ConsolePlane, authentication: auth.Authentication,
                 rights: policy.Policy, page_limit: int, timeout_s: float, places: ceilings.Ceilings,
                 max_body_bytes: int) -> None:
        self._plane = plane
        self._authentication = authentication
        self._rights = rights
        self._page_limit = page_limit
        self._timeout_s = timeout_s
        self._places = places
        self._max_body_bytes = max_body_bytes
        self._router = routes.Router()

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        request = self._receive(webob.Request(environ))
        failure = None
        try:
            response = self._answer(request)
        except Exception as error:
            failure = error
        if failure is not None:     # not above: to a line that is logged there, oslo.log adds the exception once more
            response = faults.response_to(failure, request.ids.own)
        if request.microversion is not None:
            for name, value in microversion.response_headers(request.microversion):
                response.headers.add(name, value)
            environ[access_log.MICROVERSION] = request.microversion
        return response(environ, start_response)

    def _receive(self, http: webob.Request) -> ApiRequest:
        ids = request_id.ids_of(http)
        return ApiRequest(http, ids, self._context(ids, None), self._plane, self._rights, self._page_limit,
                          self._timeout_s, self._max_body_bytes)

    def _answer(self, request: ApiRequest) -> webob.Response:
        path = _path(request.http)
        match = self._router.match(path)
        identity = self._authentication.identify(request.http)
        if identity is None and not routes.is_public(match, path):
            raise faults.Refusal(401, headers={'WWW-Authenticate': auth.TOKEN_HEADER})
        if match is None:
            raise faults.Refusal(404)
        request.context = self._context(request.ids, identity)
        if match.has_microversions:
            request.microversion = microversion.requested(request.http.headers)
            microversion.check_offered(request.microversion)
        handler = routes.handler_for(match, request.http.method)
        if handler is None:
            raise faults.Refusal(405, headers={'Allow': routes.allowed_methods(match)})
        _check_project(request, match.project_id)
        return self._call(handler, request, match)

    def _context(self, ids: request_id.RequestIds, identified: RequestContext | None) -> RequestContext:
        if identified is None:
            return RequestContext(request_id=ids.own, global_request_id=ids.inbound, overwrite=True)
        identified.request_id, identified.global_request_id = ids.own, ids.inbound
        # It becomes this thread's, in place of the last request's, for the log lines.
        identified.update_store()
        identified.is_admin = self._rights.is_admin(identified)
        return identified

    def _call(self, handler: routes.Handler, request: ApiRequest, match: routes.Match) -> webob.Response:
        # What is public waits for nobody, and is answered whoever else has to wait.
        place = contextlib.nullcontext() if match.is_public else self._places.request_of(request.context.project_id)
        with place:
            body = json.dumps(handler(request, **match.arguments)).encode()
        return webob.Response(body=body, content_type='application/json')


def _path(http: webob.Request) -> str:
    try:
        return http.path_info
    except UnicodeDecodeError:
        raise faults.Refusal(404) from None


def _check_project(request: ApiRequest, project_in_url: str | None) -> None:
    own = request.context.project_id
    # Who is no user, the operator of the cloud, is at home in all of them.
    if project_in_url and request.context.user_id and project_in_url != own:
        raise faults.Refusal(400, f"Malformed request URL: URL's project_id '{project_in_url}' doesn't match Context's "
                                  f"project_id '{own}'")
    request.project_in_url = project_in_url
