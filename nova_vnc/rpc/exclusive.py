# SPDX-License-Identifier: Apache-2.0
"""Whether a queue is ours alone.

Two services on one queue would each get half of its messages. Before a service consumes a queue that must be its own,
it asks the broker how many consumers there are. One that is there may be a ghost: a service whose machine went down
keeps its place until the broker misses its heartbeats. It is told from a living one by asking it something.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import amqp
import kombu
import oslo_messaging
from oslo_log import log as logging

from nova_vnc.rpc import broker, broker_log
from nova_vnc.rpc import transport as rpc_transport
from nova_vnc.rpc.broker import Broker

LOG = logging.getLogger(__name__)

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
    """The queues of a RabbitMQ, looked at from outside.

    :ivar ghost_s: for how long a consumer may stay that is a ghost
    """

    def __init__(self, looked_at: Broker) -> None:
        self._broker = looked_at
        self.ghost_s = _HEARTBEATS_OF_A_GHOST * (looked_at.heartbeat_s or _DEFAULT_HEARTBEAT_S) + _MARGIN_S

    def count_consumers(self, queue: str) -> int:
        """Return how many consumers a queue has; 0 where there is no such queue.

        :raises broker.ERRORS: no host of the broker can be asked
        """
        def count(connection: kombu.Connection) -> int:
            try:
                return connection.default_channel.queue_declare(queue, passive=True).consumer_count
            except amqp.NotFound:
                return 0
        return self._broker.ask(count)


def queues_of(transport: oslo_messaging.Transport) -> BrokerQueues | None:
    """Return the queues behind a transport, or None if there is no RabbitMQ behind it, as on the in-process bus."""
    looked_at = rpc_transport.broker_of(transport)
    return BrokerQueues(looked_at) if looked_at else None


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
        except broker.ERRORS as error:
            broker_log.failed(error)
            stopping.wait(poll_s)
            continue
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
