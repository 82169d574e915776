# SPDX-License-Identifier: Apache-2.0
"""Whether a queue is ours alone.

Two services on one queue would each get half of its messages. Before a service consumes a queue that must be its own,
it asks the broker how many consumers there are. One that is there may be a ghost: a service whose machine went down
keeps its place until the broker misses its heartbeats. It is told from a living one by asking it something.
"""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Callable
from typing import Any

import amqp
import kombu
import oslo_messaging
from oslo_log import log as logging

from nova_vnc.rpc import broker_log
from nova_vnc.rpc import transport as rpc_transport

LOG = logging.getLogger(__name__)

_BROKER_TIMEOUT_S = 5.0
_POLL_S = 2.0

# RabbitMQ gives a silent connection up after two to three of the intervals that it agreed upon with the client
# (rabbit_heartbeat.erl); it grants as much as is asked for, 60 s where nobody asks.
_HEARTBEATS_OF_A_GHOST = 3
_DEFAULT_HEARTBEAT_S = 60
_MARGIN_S = 10


class QueueInUse(Exception):
    """Somebody else consumes the queue.

    :ivar answers: it answered; otherwise it only stays longer than a ghost could
    """

    def __init__(self, queue: str, answers: bool) -> None:
        super().__init__(queue)
        self.queue = queue
        self.answers = answers


class BrokerQueues:
    """The queues of a RabbitMQ, looked at from outside; each look is a connection of its own.

    :param url: of an oslo.messaging transport; its hosts are tried in turn
    :param options: the group [oslo_messaging_rabbit], with what the URL overrides
    """

    def __init__(self, url: oslo_messaging.TransportURL, options: Any) -> None:
        self._hosts = url.hosts or [oslo_messaging.TransportHost()]
        self._virtual_host = url.virtual_host or '/'
        self._tls = _tls_arguments(options)
        self._login_method = options.rabbit_login_method
        self.ghost_s = _HEARTBEATS_OF_A_GHOST * (options.heartbeat_timeout_threshold or _DEFAULT_HEARTBEAT_S) \
            + _MARGIN_S

    def count_consumers(self, queue: str) -> int:
        """Return how many consumers a queue has; 0 where there is no such queue.

        :raises OSError, amqp.AMQPError: no host of the broker can be asked
        """
        for host in self._hosts[:-1]:
            try:
                return self._count_at(host, queue)
            except (OSError, amqp.AMQPError) as error:
                LOG.debug('RabbitMQ at %s: %s', host.hostname, error)
        return self._count_at(self._hosts[-1], queue)

    def _count_at(self, host: oslo_messaging.TransportHost, queue: str) -> int:
        with kombu.Connection(
                hostname=host.hostname or None, port=host.port or None, userid=host.username or None,
                password=host.password or None, virtual_host=self._virtual_host, ssl=self._tls, transport='pyamqp',
                login_method=self._login_method, connect_timeout=_BROKER_TIMEOUT_S) as connection:
            # Without this, a broker that has stopped moving would be waited for without end.
            connection.connection.sock.settimeout(_BROKER_TIMEOUT_S)
            try:
                return connection.default_channel.queue_declare(queue, passive=True).consumer_count
            except amqp.NotFound:
                return 0


def _tls_arguments(options: Any) -> dict[str, Any] | bool:
    """Return kombu's `ssl` for the options of oslo.messaging, understood as impl_rabbit understands them."""
    if not options.ssl:
        return False
    arguments: dict[str, Any] = {}
    if options.ssl_key_file:
        arguments['keyfile'] = options.ssl_key_file
    if options.ssl_cert_file:
        arguments['certfile'] = options.ssl_cert_file
    if options.ssl_ca_file:
        # kombu puts in the name of the host that it connects to, and so has it verified.
        arguments |= {'ca_certs': options.ssl_ca_file, 'cert_reqs': ssl.CERT_REQUIRED, 'server_hostname': None}
    return arguments or True


def queues_of(transport: oslo_messaging.Transport) -> BrokerQueues | None:
    """Return the queues behind a transport, or None if there is no RabbitMQ behind it, as on the in-process bus."""
    url = rpc_transport.url_of(transport)
    if url.transport != 'rabbit':
        return None
    # The driver's own view of its options: the query of the URL comes first.
    return BrokerQueues(url, transport.conf.oslo_messaging_rabbit)


def wait_until_alone(queues: BrokerQueues, queue: str, is_answered: Callable[[], bool], stopping: threading.Event, *,
                     clock: Callable[[], float] = time.monotonic, poll_s: float = _POLL_S) -> None:
    """Return once nobody consumes the queue, or `stopping` is set. Waits for the broker as long as that takes.

    :param is_answered: asks who consumes the queue something, and tells whether there was an answer
    :raises QueueInUse: somebody consumes it who is no ghost
    """
    deadline: float | None = None
    while not stopping.is_set():
        try:
            consumers = queues.count_consumers(queue)
        except (OSError, amqp.AMQPError) as error:
            broker_log.failed(error)
            stopping.wait(poll_s)
            continue
        broker_log.connected()
        if not consumers:
            return
        if deadline is None:
            deadline = clock() + queues.ghost_s
            LOG.info('The queue %s has a consumer already; it has up to %d s to answer or to vanish', queue,
                     queues.ghost_s)
        # Messages go round the consumers, so beside a ghost the living one gets every other question.
        if is_answered():
            raise QueueInUse(queue, answers=True)
        if clock() >= deadline:
            raise QueueInUse(queue, answers=False)
        stopping.wait(poll_s)
