# SPDX-License-Identifier: Apache-2.0
"""One line for each request, in the form of Nova's, without a token.

The query and the headers are left out, and what follows os-console-auth-tokens/ in the path, which is a token.
"""

from __future__ import annotations

import re
import urllib.parse

import webob
from oslo_log import log as logging

from nova_vnc.api import microversion

LOG = logging.getLogger(__name__)

_SECRET = re.compile(r'(os-console-auth-tokens/).+', re.IGNORECASE | re.DOTALL)
_MAX_PATH_CHARS = 200


def log(http: webob.Request, response: webob.Response, version: microversion.Microversion | None,
        duration_s: float) -> None:
    LOG.info('%s "%s %s" status: %s len: %s microversion: %s time: %.6f', http.remote_addr, http.method,
             shown_path(http), response.status_int, response.content_length, version or '-', duration_s)


def shown_path(http: webob.Request) -> str:
    """Return the path as it may stand in a log: quoted, without a token, of bounded length."""
    raw = http.environ.get('SCRIPT_NAME', '') + http.environ.get('PATH_INFO', '')
    masked = _SECRET.sub(r'\1***', raw)
    return urllib.parse.quote(masked, safe='/*', encoding='latin-1')[:_MAX_PATH_CHARS]
