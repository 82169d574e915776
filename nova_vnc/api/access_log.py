# SPDX-License-Identifier: Apache-2.0
"""One line for each request, in the form of Nova's, without a token.

The query and the headers are left out, and what follows os-console-auth-tokens/ in the path, which is a token.
"""

from __future__ import annotations

import re
import time
import urllib.parse
from collections.abc import Callable, Iterable
from typing import Any

import webob
from oslo_log import log as logging

from nova_vnc.api import wsgi

LOG = logging.getLogger(__name__)

# The application says in the environment of a request which microversion it has.
MICROVERSION = 'nova_vnc.microversion'

_SECRET = re.compile(r'(os-console-auth-tokens/).+', re.IGNORECASE | re.DOTALL)
_MAX_PATH_CHARS = 200


class AccessLog:
    """Middleware."""

    def __init__(self, application: wsgi.WSGIApplication) -> None:
        self._application = application

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        began = time.monotonic()
        http = webob.Request(environ)
        path = shown_path(http)     # before anybody below moves parts of it
        response = http.get_response(self._application)
        LOG.info('%s "%s %s" status: %s len: %s microversion: %s time: %.6f', http.remote_addr, http.method, path,
                 response.status_int, response.content_length, environ.get(MICROVERSION) or '-',
                 time.monotonic() - began)
        return response(environ, start_response)


def shown_path(http: webob.Request) -> str:
    """Return the path as it may stand in a log: quoted, without a token, of bounded length."""
    raw = http.environ.get('SCRIPT_NAME', '') + http.environ.get('PATH_INFO', '')
    masked = _SECRET.sub(r'\1***', raw)
    return urllib.parse.quote(masked, safe='/*', encoding='latin-1')[:_MAX_PATH_CHARS]
