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
from nova_vnc.rpc import broker_log, serializer

LOG = logging.getLogger(__name__)

# Between two tries when the broker refuses us (credentials, virtual host) instead of being absent, for which
# oslo.messaging itself tries again.
_RETRY_S = 5.0
_POLL_S = 0.05


def build_server(transport: oslo_messaging.Transport, topic: str, server: str,
                 endpoints: Sequence[object]) -> oslo_messaging.RPCServer:
    """Make a server for the queues `topic` and `topic.server`; its start() may block while there is no broker."""
    return oslo_messaging.get_rpc_server(
        transport, oslo_messaging.Target(topic=topic, server=server), list(endpoints),
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
        self._arguments = (transport, topic, server, endpoints)
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

    def stop(self, timeout_s: float = 5.0, hurry: threading.Event | None = None) -> None:
        """Take no further messages, and wait for the answers under way: timeout_s seconds, or until `hurry` is set."""
        self._stopping.set()
        closed = threading.Event()
        threading.Thread(target=self._close, args=(closed,), name=f'rpc-stop-{self._topic}', daemon=True).start()
        deadline = Deadline(timeout_s)
        while not (closed.wait(min(_POLL_S, deadline.remaining())) or deadline.expired()):
            if hurry is not None and hurry.is_set():
                return

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
