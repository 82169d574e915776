# SPDX-License-Identifier: Apache-2.0
"""Calls over the real bus by a caller that costs little: what oslo.messaging writes, with py-amqp alone.

Some calls are under way at all times; each answer lets the next one go.
"""

from __future__ import annotations

import dataclasses
import json
import statistics
import time
import uuid
from collections.abc import Callable
from typing import Any, Self
from urllib.parse import unquote, urlsplit

import amqp

from nova_vnc.context import service_context
from nova_vnc.rpc import consoleauth

_TIMEOUT_S = 30.0
EXCHANGE = 'nova'          # [DEFAULT]control_exchange


class Failed(Exception):
    """The other side raised what is in the text."""


@dataclasses.dataclass(frozen=True)
class Call:
    """
    :ivar namespace: None: Nova's own methods
    """

    method: str
    arguments: dict[str, Any]
    namespace: str | None = None
    version: str = consoleauth.NOVA_VERSION


@dataclasses.dataclass(frozen=True)
class Outcome:
    """
    :ivar calls: that were made
    :ivar done: what was asked for in them and done; one call may ask for several things
    :ivar caller_cpu_s: what the caller itself took
    """

    calls: int
    done: int
    elapsed_s: float
    caller_cpu_s: float
    p50_ms: float
    p99_ms: float


def connect(url: str) -> amqp.Connection:
    """Return a connection to the broker of a transport_url."""
    parts = urlsplit(url)
    connection = amqp.Connection(f'{parts.hostname}:{parts.port}', unquote(parts.username or ''),
                                 unquote(parts.password or ''), virtual_host=unquote(parts.path[1:]) or '/')
    connection.connect()
    return connection


class BusCaller:
    """Asks whoever is at the topic of nova-consoleauth. For one thread.

    :param url: as in [DEFAULT]transport_url
    """

    def __init__(self, url: str) -> None:
        self._connection = connect(url)
        self._channel = self._connection.channel()
        self._queue = f'reply_{uuid.uuid4().hex}'
        self._channel.queue_declare(self._queue, exclusive=True, auto_delete=True)
        self._channel.basic_consume(self._queue, no_ack=True, callback=self._receive)
        self._context = {f'_context_{key}': value for key, value in service_context().to_wire().items()}
        self._sent_at: dict[str, float] = {}
        self._waits: list[float] = []
        self._count: Callable[[Any], int] = int
        self._failure = ''
        self._done = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._connection.close()

    def listeners(self) -> int:
        """Return how many processes of nova-consoleauth take messages."""
        try:
            with self._connection.channel() as channel:
                declared = channel.queue_declare(consoleauth.TOPIC, passive=True)
        except amqp.NotFound:
            return 0
        return int(declared.consumer_count)

    def run(self, next_call: Callable[[], Call], count_done: Callable[[Any], int], at_a_time: int, *,
            seconds: float = 0, count: int = 0) -> Outcome:
        """Make calls for so long, or so many, and wait for the last answer.

        :param count_done: takes an answer. StoreUnavailable, as SQLite is while too many others write, counts as 0
        :raises Failed: an answer is another error
        :raises TimeoutError: no answer came for 30 s
        """
        self._count, self._waits, self._failure, self._done = count_done, [], '', 0
        begin, cpu = time.perf_counter(), time.process_time()
        sent = 0
        while True:
            goes_on = sent < count or time.perf_counter() - begin < seconds
            while goes_on and len(self._sent_at) < at_a_time:
                self._send(next_call())
                sent += 1
                goes_on = sent < count or bool(seconds)
            if not self._sent_at:
                break
            self._connection.drain_events(timeout=_TIMEOUT_S)
            if self._failure:
                raise Failed(self._failure)
        elapsed_s = time.perf_counter() - begin
        waits = sorted(self._waits)
        return Outcome(sent, self._done, elapsed_s, time.process_time() - cpu, statistics.median(waits) * 1e3,
                       waits[int(len(waits) * 0.99)] * 1e3)

    def cast(self, call: Call) -> None:
        """Send what nobody answers."""
        self._publish(call)

    def _send(self, call: Call) -> None:
        message_id = uuid.uuid4().hex
        self._sent_at[message_id] = time.perf_counter()
        self._publish(call, _msg_id=message_id, _reply_q=self._queue, _timeout=None)

    def _publish(self, call: Call, **more: Any) -> None:
        message = {'method': call.method, 'args': call.arguments, 'version': call.version, **self._context, **more,
                   '_unique_id': uuid.uuid4().hex}
        if call.namespace:
            message['namespace'] = call.namespace
        body = json.dumps({'oslo.version': '2.0', 'oslo.message': json.dumps(message)})
        self._channel.basic_publish(
            amqp.Message(body, content_type='application/json', content_encoding='utf-8', delivery_mode=1),
            EXCHANGE, consoleauth.TOPIC)

    def _receive(self, message: amqp.Message) -> None:
        answer = json.loads(json.loads(message.body)['oslo.message'])
        self._waits.append(time.perf_counter() - self._sent_at.pop(answer['_msg_id']))
        if not answer['failure']:
            self._done += self._count(answer['result'])
        elif json.loads(answer['failure'])['class'] != 'StoreUnavailable':
            self._failure = str(answer['failure'])
