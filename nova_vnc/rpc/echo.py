# SPDX-License-Identifier: Apache-2.0
"""Does an RPC server still answer? It is sent a message through the broker, and hears it itself, or does not.

Silence has many reasons that a restart of the service does not help against: there is no broker, it hangs, it takes no
messages for want of memory, or oslo.messaging has not found out yet that its connections are dead. So a server counts
as alive until there is evidence of the contrary: a broker that carries messages, for longer than oslo.messaging may
need to get back to it, and no echo. Neither question waits for the other: a call without a broker may block for ever.
"""

from __future__ import annotations

import queue
import threading
import time
import uuid
from collections.abc import Callable
from typing import Any

import kombu
import oslo_messaging
from oslo_log import log as logging

from nova_vnc.pulse import Answer, Pulse
from nova_vnc.rpc import broker

LOG = logging.getLogger(__name__)

# Every service of Nova's knows this method, so that one that consumes the same queue as ours, while it takes its place,
# answers instead of logging a traceback (nova.baserpc, unchanged since it came).
TARGET = oslo_messaging.Target(namespace='baseapi', version='1.0')

_CALL_TIMEOUT_S = 10.0
_EVERY_S = 15.0
# One that is not heard is sent again sooner: it may have gone to another consumer of the queue.
_AGAIN_S = 1.0
_LOOK_EVERY_S = 3.0
# oslo.messaging finds a dead connection within two heartbeats, by default of 60 s, and pauses for at most 30 s between
# two tries to connect (impl_rabbit, rabbit_interval_max).
_LEAST_HEARTBEAT_S = 60
_RECONNECT_S = 30


class EchoEndpoint:
    """What a server is sent by itself: when it is to stop, and to see whether it still answers.

    :ivar heard: called with the argument of each ping
    """

    target = oslo_messaging.Target(namespace='baseapi', version='1.1')

    def __init__(self) -> None:
        self.heard: Callable[[Any], None] = lambda arg: None

    def ping(self, ctxt: Any, arg: Any) -> dict[str, Any]:
        self.heard(arg)
        return {'service': 'nova-vnc', 'arg': arg}


class EchoWatch:
    """
    :param name: how the log calls the server
    :param client: of the server's own queue and TARGET
    :param looked_at: None on the in-process bus
    :param hung_after_s: of silence, while the broker carries messages; default: what oslo.messaging needs
    """

    def __init__(self, name: str, client: oslo_messaging.RPCClient, endpoint: EchoEndpoint,
                 looked_at: broker.Broker | None, stopping: threading.Event, hung_after_s: float | None = None,
                 clock: Callable[[], float] = time.monotonic) -> None:
        self.name = name
        self._client = client
        self._broker = looked_at
        self._stopping = stopping
        self._hung_after_s = _patience_of(looked_at) if hung_after_s is None else hung_after_s
        self._every_s = min(_EVERY_S, self._hung_after_s / 4)
        self._clock = clock
        # Another server on the same queue, of this project too, does not count.
        self._id = uuid.uuid4().hex
        self._is_well = threading.Event()
        self._well_at: float | None = None      # when there was an echo, or a reason for having none
        self._is_looking = False                # which takes long where the broker hangs
        self._answers: queue.SimpleQueue[Answer] = queue.SimpleQueue()
        endpoint.heard = self._hear

    def pulse(self) -> Pulse:
        return Pulse(self.name, self._ask)

    def _ask(self, answer: Answer) -> None:
        self._answers.put(answer)
        if self._well_at is None:
            self._note_well()
            for run in (self._call, self._look):
                threading.Thread(target=run, name=f'rpc-pulse-{self.name}', daemon=True).start()
        self._answer_while_alive()

    def _answer_while_alive(self) -> None:
        while not self._answers.empty() and (self._is_looking or self._silent_for() < self._hung_after_s):
            self._answers.get()()

    def _silent_for(self) -> float:
        return self._clock() - (self._well_at or 0.0)

    def _note_well(self) -> None:
        self._well_at = self._clock()

    def _hear(self, arg: Any) -> None:
        if arg == self._id:
            self._note_well()
            self._is_well.set()

    def _call(self) -> None:
        while not self._stopping.is_set():
            self._is_well.clear()
            try:
                self._client.prepare(timeout=_CALL_TIMEOUT_S).call({}, 'ping', arg=self._id)
            except Exception as error:
                LOG.debug('A message to this service itself: %s', error)
            self._stopping.wait(self._every_s if self._is_well.is_set() else _AGAIN_S)

    def _look(self) -> None:
        while not self._stopping.wait(min(_LOOK_EVERY_S, self._every_s)):
            if self._silent_for() > 2 * self._every_s:
                self._is_looking = True
                if not self._carries_messages():
                    self._note_well()
                self._is_looking = False
            self._answer_while_alive()

    def _carries_messages(self) -> bool:
        try:
            return self._broker is None or self._broker.ask(_send_and_receive)
        except Exception as error:      # mostly broker.ERRORS; whatever it is, it is no evidence against the server
            LOG.debug('The broker carries no messages: %s', error)
            return False


def _patience_of(looked_at: broker.Broker | None) -> float:
    if looked_at is None:
        return _CALL_TIMEOUT_S
    return 2 * max(looked_at.heartbeat_s, _LEAST_HEARTBEAT_S) + _RECONNECT_S


def _send_and_receive(connection: kombu.Connection) -> bool:
    """:raises broker.ERRORS: it does not take messages: short of memory or disk, it stops reading with the first one"""
    channel = connection.default_channel
    name = channel.queue_declare(exclusive=True, auto_delete=True).queue
    connection.Producer().publish({}, serializer='json', exchange='', routing_key=name)
    return channel.basic_get(name, no_ack=True) is not None
