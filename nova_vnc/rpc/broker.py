# SPDX-License-Identifier: Apache-2.0
"""The message broker, looked at beside oslo.messaging: each look is a connection of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import amqp
import kombu
import kombu.exceptions
import oslo_messaging
from oslo_log import log as logging

from nova_vnc.rpc.broker_tls import BrokerTLS

LOG = logging.getLogger(__name__)

T = TypeVar('T')

# What a look may raise.
ERRORS = (OSError, amqp.AMQPError, kombu.exceptions.KombuError)

_TIMEOUT_S = 5.0

# Where a transport_url without a host leads (oslo.messaging, impl_rabbit).
_DEFAULT_HOST = 'localhost'
_DEFAULT_PORT = 5672


class Broker:
    """A RabbitMQ.

    :param url: of an oslo.messaging transport; its hosts are tried in turn
    :param options: the group [oslo_messaging_rabbit], with what the URL overrides
    :ivar name: how the log calls it: host:port of each node, without credentials
    :ivar heartbeat_s: in which oslo.messaging has agreed with it to hear of each other; 0: never
    """

    def __init__(self, url: oslo_messaging.TransportURL, options: Any) -> None:
        self._hosts = url.hosts or [oslo_messaging.TransportHost()]
        self._virtual_host = url.virtual_host or '/'
        self._tls = BrokerTLS(options)
        self._login_method = options.rabbit_login_method
        self.heartbeat_s = options.heartbeat_timeout_threshold
        self.name = ', '.join(_name_of(host) for host in self._hosts)

    def ask(self, question: Callable[[kombu.Connection], T]) -> T:
        """Return the answer of the first host that can be asked.

        :raises ERRORS: none can
        """
        for host in self._hosts[:-1]:
            try:
                return self._ask(host, question)
            except ERRORS as error:
                LOG.debug('RabbitMQ at %s: %s', host.hostname, error)
        return self._ask(self._hosts[-1], question)

    def look(self) -> None:
        """:raises ERRORS: it cannot be used"""
        self.ask(lambda connection: connection.default_channel)

    def _ask(self, host: oslo_messaging.TransportHost, question: Callable[[kombu.Connection], T]) -> T:
        port = host.port or _DEFAULT_PORT
        with self._tls.explained(host.hostname or _DEFAULT_HOST, port), kombu.Connection(
                hostname=host.hostname or None, port=port, userid=host.username or None,
                password=host.password or None, virtual_host=self._virtual_host, ssl=self._tls.arguments(),
                transport='pyamqp', login_method=self._login_method, connect_timeout=_TIMEOUT_S) as connection:
            # Without this, a broker that has stopped moving would be waited for without end.
            connection.connection.sock.settimeout(_TIMEOUT_S)
            return question(connection)


def _name_of(host: oslo_messaging.TransportHost) -> str:
    name, port = host.hostname or _DEFAULT_HOST, host.port or _DEFAULT_PORT
    return f'[{name}]:{port}' if ':' in name else f'{name}:{port}'
