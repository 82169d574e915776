# SPDX-License-Identifier: Apache-2.0
"""The answering side of the bus."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import oslo_messaging
from oslo_log import log as logging
from oslo_messaging import opts

from nova_vnc import threads
from nova_vnc.net.deadline import Deadline
from nova_vnc.pulse import Pulse
from nova_vnc.rpc import broker_log, serializer
from nova_vnc.rpc.echo import TARGET, EchoEndpoint, EchoWatch
from nova_vnc.rpc.transport import broker_of

LOG = logging.getLogger(__name__)

# Between two tries when the broker refuses us (credentials, virtual host) instead of being absent, for which
# oslo.messaging itself tries again.
_RETRY_S = 5.0
_POLL_S = 0.05
# A service that is told to stop is gone within two seconds, and its database or hypervisor takes a part of them.
STOP_TIMEOUT_S = 1.5
_WAKE_EVERY_S = 0.2


def build_server(transport: oslo_messaging.Transport, topic: str, server: str,
                 endpoints: Sequence[object]) -> oslo_messaging.RPCServer:
    """Make a server for the queues `topic` and `topic.server`; its start() may block while there is no broker."""
    return oslo_messaging.get_rpc_server(
        transport, oslo_messaging.Target(topic=topic, server=server), endpoints,
        serializer=serializer.ContextSerializer(),
        access_policy=oslo_messaging.DefaultRPCAccessPolicy)


def count_threads(conf: Any) -> int:
    """Return how many messages a server handles at a time: [DEFAULT]executor_thread_pool_size, which oslo.messaging
    registers only when it makes one."""
    for group, options in opts.list_opts():
        if group is None:
            conf.register_opts([option for option in options if option.dest == 'executor_thread_pool_size'])
    return conf.executor_thread_pool_size


class BackgroundServer:
    """Answers the calls that arrive on a topic, from whenever the broker is there.

    oslo.messaging blocks in start() until it has a broker, and in stop() while it looks for one; here both happen in
    threads of their own.
    """

    def __init__(self, transport: oslo_messaging.Transport, topic: str, server: str,
                 endpoints: Sequence[object]) -> None:
        self._echo = EchoEndpoint()
        self._arguments = (transport, topic, server, [*endpoints, self._echo])
        self._server: oslo_messaging.RPCServer | None = None
        self._listening = threading.Event()
        self._stopping = threading.Event()
        self._topic = topic

    def start(self, fail: threads.Fail) -> None:
        """Begin to listen as soon as there is a broker; returns at once."""
        threads.start(f'rpc-server-{self._topic}', self._listen, fail)

    def wait_listening(self, timeout_s: float) -> bool:
        """Tell whether the queues are there, once they are or the time is over."""
        return self._listening.wait(timeout_s)

    def stop(self, timeout_s: float = STOP_TIMEOUT_S, hurry: threading.Event | None = None) -> None:
        """Take no further messages, and wait for the answers under way: timeout_s seconds, or until `hurry` is set."""
        stop_all([self], timeout_s, hurry)

    def pulse(self, hung_after_s: float | None = None) -> Pulse:
        """Return what tells whether messages are still answered: see EchoWatch.

        A server that waits for its first connection to the broker counts as alive.
        """
        transport, topic, _, _ = self._arguments
        watch = EchoWatch(f'RPC server {topic}', self._client_of_itself(), self._echo, broker_of(transport),
                          self._stopping, hung_after_s).pulse()
        return Pulse(watch.name, lambda answer: watch.ask(answer) if self._listening.is_set() else answer())

    def _client_of_itself(self) -> oslo_messaging.RPCClient:
        transport, topic, server, _ = self._arguments
        return oslo_messaging.get_rpc_client(transport, oslo_messaging.Target(
            topic=topic, server=server, namespace=TARGET.namespace, version=TARGET.version))

    def begin_stop(self) -> threading.Event:
        """Take no further messages; the event says that the answers under way have been given."""
        self._stopping.set()
        closed = threading.Event()
        if self._listening.is_set():
            threading.Thread(target=self._close, args=(closed,), name=f'rpc-stop-{self._topic}', daemon=True).start()
            threading.Thread(target=self._wake, args=(closed,), name=f'rpc-wake-{self._topic}', daemon=True).start()
        else:
            # It waits for the broker, or has not begun: nobody has asked anything.
            closed.set()
        return closed

    def _listen(self) -> None:
        while not self._stopping.is_set():
            server = build_server(*self._arguments)
            self._server = server
            try:
                server.start()
            except Exception as error:
                broker_log.failed(error)
                self._stopping.wait(_RETRY_S)
                continue
            self._listening.set()
            return

    def _close(self, closed: threading.Event) -> None:
        try:
            if self._server is not None:
                self._server.stop()
                self._server.wait()
        finally:
            closed.set()

    def _wake(self, closed: threading.Event) -> None:
        """Send messages to this server until it has closed.

        oslo.messaging's listener waits for messages for up to 5 s at a time and looks only in between whether it is to
        stop (amqpdriver, ACK_REQUEUE_EVERY_SECONDS_MAX). Each message has a short life: should the server be gone,
        the next one on its queue, which may be Nova's, does not get it.
        """
        if broker_of(self._arguments[0]) is None:
            return
        client = self._client_of_itself()
        while not closed.is_set():
            try:
                client.prepare(timeout=_WAKE_EVERY_S).call({}, 'ping', arg='wake')
            except oslo_messaging.MessagingTimeout:
                continue
            except Exception as error:
                LOG.debug('A message to this service itself: %s', error)
            closed.wait(_WAKE_EVERY_S)


def stop_all(servers: Sequence[BackgroundServer], timeout_s: float = STOP_TIMEOUT_S,
             hurry: threading.Event | None = None) -> None:
    """Stop several servers at the same time, as BackgroundServer.stop() does one."""
    deadline = Deadline(timeout_s)
    for closed in [server.begin_stop() for server in servers]:
        while not (closed.wait(min(_POLL_S, deadline.remaining())) or deadline.expired()):
            if hurry is not None and hurry.is_set():
                return
