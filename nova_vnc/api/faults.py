# SPDX-License-Identifier: Apache-2.0
"""Errors as answers: one table from exception to status, and Nova's shape {"badRequest": {"code", "message"}}.

A client reads what it can do and the request id; never an address, a host name or a traceback.
"""

from __future__ import annotations

import http
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import webob
import webob.exc
from keystoneauth1 import exceptions as keystoneauth_exceptions
from oslo_log import log as logging

from nova_vnc import exception
from nova_vnc.api import request_id, wsgi
from nova_vnc.rpc import caller, consoleauth

LOG = logging.getLogger(__name__)

# nova.api.openstack.wsgi.Fault; every other status is a computeFault.
_NAMES = {400: 'badRequest', 401: 'unauthorized', 403: 'forbidden', 404: 'itemNotFound', 405: 'badMethod',
          409: 'conflictingRequest', 413: 'overLimit', 415: 'badMediaType', 429: 'overLimit', 501: 'notImplemented',
          503: 'serviceUnavailable'}

_STATUSES: dict[type[Exception], int] = {
    exception.ConsoleTypeInvalid: 400,
    exception.ConsoleTypeUnavailable: 400,
    exception.InvalidInput: 400,
    exception.MarkerNotFound: 400,
    exception.InstanceNotFound: 404,
    exception.InstanceNotReady: 409,
    exception.InstanceInvalidState: 409,
    NotImplementedError: 501,
    caller.UnknownMethod: 501,
    exception.ServiceUnavailable: 503,
    exception.StoreUnavailable: 503,
    # keystonemiddleware lets some of those pass that say that Keystone does not answer.
    keystoneauth_exceptions.ClientException: 503,
}

_DEFAULT_MESSAGES = {
    400: webob.exc.HTTPBadRequest.explanation,      # so in Nova
    401: 'The request needs a valid X-Auth-Token.',
    404: 'The resource could not be found.',
    501: 'This function is not implemented here.',
}

_RETRY_AFTER_S = 60

# A request can put its own words into a message (a uuid, a value that a schema refuses).
MAX_MESSAGE_CHARS = 1000


class Refusal(Exception):
    """An answer other than success, raised by the API itself.

    :param message: for the user; default: that of the status
    :param headers: further headers of the answer
    """

    def __init__(self, status: int, message: str | None = None, headers: Mapping[str, str] | None = None) -> None:
        self.status = status
        self.message = message or _DEFAULT_MESSAGES.get(status) or http.HTTPStatus(status).phrase
        self.headers = dict(headers or {})
        super().__init__(f'{status} {self.message}')


class FaultWrapper:
    """Middleware: what the application behind it, which need not be ours, raises becomes an answer."""

    def __init__(self, application: wsgi.WSGIApplication) -> None:
        self._application = application

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        failure = None
        try:
            return self._application(environ, start_response)
        except Exception as error:
            failure = error
        # Not above: to a line that is logged there, oslo.log adds the exception once more.
        return response_to(failure, request_id.ids_of(webob.Request(environ)).own)(environ, start_response)


def response_to(error: Exception, own_id: str) -> webob.Response:
    """Turn anything that was raised into an answer. What is nobody's fault but ours is logged with its traceback."""
    refusal = error if isinstance(error, Refusal) else _refusal_for(error, own_id)
    message = refusal.message[:MAX_MESSAGE_CHARS]
    body = {_NAMES.get(refusal.status, 'computeFault'): {'code': refusal.status, 'message': message}}
    response = webob.Response(status=refusal.status, body=json.dumps(body).encode(), content_type='application/json')
    response.headers.update(refusal.headers)
    return response


def _refusal_for(error: Exception, own_id: str) -> Refusal:
    status = next((number for cls, number in _STATUSES.items() if isinstance(error, cls)), 500)
    if status == 500:
        LOG.error('Unexpected error', exc_info=error)
        return Refusal(500, f'Unexpected API error. Give your administrator this request id: {own_id}')
    if status == 503:
        LOG.warning('Request refused: %s', error)
        return Refusal(503, f'{_what_is_unavailable(error)} Try again in a minute. If it stays so, give your '
                            f'administrator this request id: {own_id}',
                       headers={'Retry-After': str(_RETRY_AFTER_S)})
    return Refusal(status, error.message if isinstance(error, exception.NovaVNCError) else None)


def _what_is_unavailable(error: Exception) -> str:
    if isinstance(error, keystoneauth_exceptions.ClientException):
        return 'The identity service is not available at the moment.'
    service = str(error.kwargs.get('service', '')) if isinstance(error, exception.ServiceUnavailable) else ''
    if not service or service.startswith(consoleauth.TOPIC):
        return 'The console service is not available at the moment.'
    return 'The compute host of this server does not answer at the moment.'
