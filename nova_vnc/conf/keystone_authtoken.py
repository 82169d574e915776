# SPDX-License-Identifier: Apache-2.0
"""[keystone_authtoken]: the options of keystonemiddleware, which is large: for the API alone."""

from __future__ import annotations

from keystonemiddleware.auth_token import _opts
from oslo_config import cfg

# A request waits for Keystone at most so long, four times: http_request_max_retries. Without a bound, which is the
# library's default, a Keystone that hangs takes one thread after the other for ever.
TIMEOUT_S = 2


def set_defaults() -> None:
    cfg.set_defaults(_opts._OPTS, http_connect_timeout=TIMEOUT_S)
