# SPDX-License-Identifier: Apache-2.0
"""The exchange through which services with an old oslo.messaging reply.

Up to about 2018 (Queens has oslo.messaging 5.35) a server publishes its reply to a direct exchange that bears the name
of the caller's reply queue. It looks the exchange up, tries again every quarter of a second while there is none,
holding one of its threads, and drops the reply after a minute (amqpdriver, AMQPIncomingMessage.reply). Present releases
declare their reply queue on the default exchange alone, so that a call of theirs to such a server is never answered.

A call that is not answered at once is therefore taken as a hint that there may be such a server: the exchange is
declared and bound to the reply queue, and the server's next try finds it. The exchange deletes itself with its last
binding, so it goes when the queue goes. Where all is new nobody publishes to it.

oslo.messaging does not tell the name of its reply queue, but writes it into each call (`_reply_q`), which is the
contract between clients and servers of all releases. So the name is learnt from a call to a queue of our own.
"""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections.abc import Callable
from typing import Any

import amqp
import kombu
import oslo_messaging
from oslo_log import log as logging

from nova_vnc.net.deadline import Deadline
from nova_vnc.rpc import background, broker
from nova_vnc.rpc import transport as rpc_transport

LOG = logging.getLogger(__name__)

# A service that is well answers within milliseconds; an old one tries four times a second.
PATIENCE_S = 0.5
# Who waits for a silent host makes us look no more often than this. After a restart of the broker, which takes the
# exchange along, it is there again with the first call that takes longer.
_LEAST_INTERVAL_S = 5.0
_LEARN_TIMEOUT_S = 3.0


class ReplyExchange:
    """Thread-safe.

    :param control_exchange: [DEFAULT]control_exchange, where calls are published
    :param clock: seconds
    """

    def __init__(self, transport: oslo_messaging.Transport, looked_at: broker.Broker, control_exchange: str,
                 clock: Callable[[], float] = time.monotonic) -> None:
        self._client = oslo_messaging.get_rpc_client(transport, oslo_messaging.Target())
        self._broker = looked_at
        self._control_exchange = control_exchange
        self._clock = clock
        self._lock = threading.Lock()
        self._is_busy = False
        self._not_before: float | None = None
        self._queue: str | None = None
        self._said: set[str] = set()

    def see_to_it(self) -> None:
        """Have the exchange be there soon; returns at once. Called when a call has waited for PATIENCE_S."""
        with self._lock:
            if self._is_busy or (self._not_before is not None and self._clock() < self._not_before):
                return
            self._is_busy = True
        # What becomes of it is said by itself; where there is no thread for it, the next call tries again.
        background.start(self._work, 'reply-exchange').add_done_callback(lambda _: self._rest())

    def _rest(self) -> None:
        with self._lock:
            self._is_busy = False
            self._not_before = self._clock() + _LEAST_INTERVAL_S

    def _work(self) -> None:
        try:
            name = self._broker.ask(self._declare)
        except (amqp.AccessRefused, amqp.PreconditionFailed) as error:
            self._say_once(logging.WARNING, 'Services with an oslo.messaging of 2018 or before cannot answer: the '
                           'message broker does not let us declare the exchange for their replies: %s', error)
        except broker.ERRORS as error:      # it is away, or the queue is; each is noticed elsewhere
            LOG.debug('The exchange for replies of old services could not be declared: %s', error)
        else:
            # Mostly the server was only slow, as at the start of a cloud.
            self._say_once(logging.DEBUG, 'A call was not answered at once. In case that its server has an '
                           'oslo.messaging of 2018 or before, which replies through it, there is an exchange %s now; '
                           'it goes when the queue of this name goes', name)

    def _say_once(self, level: int, text: str, *arguments: Any) -> None:
        if text not in self._said:
            self._said.add(text)
            LOG.log(level, text, *arguments)

    def _declare(self, connection: kombu.Connection) -> str:
        """Declare the exchange and bind the queue, which changes nothing where that has been done.

        :raises broker.ERRORS: the queue is not there now, or the broker refuses it
        """
        if self._queue is None:
            self._queue = self._learn_queue(connection)
        # First, since an exchange that was never bound would stay.
        connection.default_channel.queue_declare(self._queue, passive=True)
        # As old clients do (impl_rabbit of 5.35, declare_direct_consumer).
        exchange = kombu.Exchange(self._queue, 'direct', durable=False, auto_delete=True)
        exchange(connection.default_channel).declare()
        connection.default_channel.queue_bind(self._queue, self._queue, self._queue)
        return self._queue

    def _learn_queue(self, connection: kombu.Connection) -> str:
        """:raises broker.ERRORS: the call did not arrive"""
        topic = f'nova_vnc_reply_queue_{uuid.uuid4().hex}'
        arrived: list[dict[str, Any]] = []
        queue = kombu.Queue(topic, kombu.Exchange(self._control_exchange, 'topic', no_declare=True), topic,
                            exclusive=True, auto_delete=True, durable=False)
        deadline = Deadline(_LEARN_TIMEOUT_S)
        with connection.Consumer([queue], callbacks=[lambda body, _: arrived.append(body)], accept=['json'],
                                 no_ack=True):
            # It ends when the answer below has arrived.
            background.start(lambda: self._client.prepare(topic=topic, timeout=_LEARN_TIMEOUT_S).call({}, 'ping'),
                             'rpc-caller')
            while not arrived:
                connection.drain_events(timeout=max(deadline.remaining(), 0.001))
        call = json.loads(arrived[0]['oslo.message'])
        reply = {'result': None, 'failure': None, 'ending': True, '_msg_id': call['_msg_id'],
                 '_unique_id': uuid.uuid4().hex}
        connection.Producer().publish({'oslo.version': '2.0', 'oslo.message': json.dumps(reply)}, serializer='json',
                                      exchange='', routing_key=call['_reply_q'])
        return str(call['_reply_q'])


def build_reply_exchange(transport: oslo_messaging.Transport) -> ReplyExchange | None:
    """Return that of a transport, or None where there is no RabbitMQ behind it, as on the in-process bus."""
    looked_at = rpc_transport.broker_of(transport)
    return ReplyExchange(transport, looked_at, transport.conf.control_exchange) if looked_at else None
