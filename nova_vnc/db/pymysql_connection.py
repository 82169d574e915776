# SPDX-License-Identifier: Apache-2.0
"""PyMySQL's connection, which does not do for each what is the same for all.

Where more calls are under way than [database]max_pool_size, each of the others connects for itself; and Kolla sets 1.
"""

from __future__ import annotations

import ssl
from typing import Any

from pymysql import connections

_contexts_without_options: list[ssl.SSLContext] = []


class Connection(connections.Connection):
    """As PyMySQL's; since 1.1.1 that makes a context for TLS in case that the server offers it."""

    def _create_ssl_ctx(self, sslp: Any) -> ssl.SSLContext:
        if sslp:
            context: ssl.SSLContext = super()._create_ssl_ctx(sslp)
            return context
        # It reads the certificates of all authorities that the system knows, which takes 20 ms and more in which no
        # other thread runs, and then verifies none.
        if not _contexts_without_options:
            _contexts_without_options.append(super()._create_ssl_ctx(sslp))
        return _contexts_without_options[0]
