# SPDX-License-Identifier: Apache-2.0
"""The connection to the message bus."""

from __future__ import annotations

import oslo_messaging
from oslo_config import cfg

IN_PROCESS_URL = 'fake://'


def build_transport(conf: cfg.ConfigOpts, url: str | None = None) -> oslo_messaging.Transport:
    """Make the transport of a process; it connects with the first message.

    :param url: overrides `[DEFAULT]transport_url`; IN_PROCESS_URL needs no broker and ends at this process
    """
    # Failures are turned into our exceptions by name (errors.py), so no module is imported for a remote's sake.
    return oslo_messaging.get_rpc_transport(conf, url=url, allowed_remote_exmods=[])
