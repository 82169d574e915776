# SPDX-License-Identifier: Apache-2.0
"""The connection to the message bus."""

from __future__ import annotations

import oslo_messaging
from oslo_config import cfg

from nova_vnc import exception
from nova_vnc.rpc import broker_log

IN_PROCESS_URL = 'fake://'

# Where a transport_url without a host leads (oslo.messaging, impl_rabbit).
_DEFAULT_HOST = 'localhost'
_DEFAULT_PORT = 5672


def build_transport(conf: cfg.ConfigOpts, url: str | None = None) -> oslo_messaging.Transport:
    """Make the transport of a process; it connects with the first message.

    :param url: overrides `[DEFAULT]transport_url`; IN_PROCESS_URL needs no broker and ends at this process
    :raises ConfigurationError: the URL is malformed or of an unknown kind
    """
    try:
        # Failures are turned into our exceptions by name (errors.py), so no module is imported for a remote's sake.
        transport = oslo_messaging.get_rpc_transport(conf, url=url, allowed_remote_exmods=[])
        parsed = oslo_messaging.TransportURL.parse(conf, url)
    except (oslo_messaging.InvalidTransportURL, oslo_messaging.DriverLoadFailure, ValueError):
        # Its own text would hold the URL, and so the password.
        raise exception.ConfigurationError(
            reason='[DEFAULT]transport_url is not a URL such as rabbit://user:password@host:5672/') from None
    broker_log.install([] if parsed.transport == 'fake' else _broker_hosts(parsed))
    return transport


def _broker_hosts(url: oslo_messaging.TransportURL) -> list[str]:
    """Return host:port of each node."""
    hosts = [(host.hostname or _DEFAULT_HOST, host.port or _DEFAULT_PORT) for host in url.hosts]
    return [f'{host}:{port}' for host, port in hosts or [(_DEFAULT_HOST, _DEFAULT_PORT)]]
