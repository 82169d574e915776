# SPDX-License-Identifier: Apache-2.0
"""Web pages of other origins."""

from __future__ import annotations

import webob
from oslo_middleware import cors


class CORS(cors.CORS):
    """oslo.middleware's, which of several Vary headers would leave one: caches would mix up microversions."""

    def process_response(self, response: webob.Response, request: webob.Request | None = None) -> webob.Response:
        vary = response.headers.getall('Vary')
        if vary:
            response.headers['Vary'] = ', '.join(vary)
        return super().process_response(response, request)
