# SPDX-License-Identifier: Apache-2.0
"""Calls and casts with deadlines that hold whether the broker is there or not.

oslo.messaging's own timeout begins once the message is sent: without a broker a call blocks for as long as it takes to
connect. So each call runs in a thread of a small pool, and the caller waits for it just so long. The pool also bounds
how many sends run at once, and with them the connections to the broker.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent import futures
from typing import Any

import oslo_messaging

from nova_vnc import context as nova_vnc_context
from nova_vnc import exception
from nova_vnc.rpc import errors, serializer


class Caller:
    """The client side of the bus for one process; thread-safe.

    :param max_concurrent: most calls under way at once; further ones wait for their turn
    :param max_waiting: most that may wait for their turn; one more fails at once
    """

    def __init__(self, transport: oslo_messaging.Transport, max_concurrent: int = 16, max_waiting: int = 256,
                 clock: Callable[[], float] = time.monotonic) -> None:
        self._transport = transport
        self._clock = clock
        self._pool = futures.ThreadPoolExecutor(max_concurrent, thread_name_prefix='rpc-caller')
        self._places = threading.BoundedSemaphore(max_concurrent + max_waiting)

    def call(self, target: oslo_messaging.Target, ctxt: nova_vnc_context.RequestContext, method: str,
             timeout_s: float, **kwargs: Any) -> Any:
        """Return the answer of the other side.

        :raises ServiceUnavailable: no answer in time, or too many callers wait already
        :raises NovaVNCError: what the other side raised, if it is one of exception.RPC_ERRORS
        :raises UnknownMethod: the other side lacks this version, namespace or method
        """
        deadline = self._clock() + timeout_s
        future = self._submit(target, lambda: self._call_until(deadline, target, ctxt, method, kwargs))
        try:
            return future.result(timeout_s)
        except (futures.TimeoutError, futures.CancelledError, oslo_messaging.MessagingTimeout,
                oslo_messaging.MessageDeliveryFailure):
            future.cancel()
            raise exception.ServiceUnavailable(service=target.topic) from None
        except Exception as error:
            if errors.is_unknown_method(error):
                raise UnknownMethod(target.topic, method) from None
            ours = errors.translate(error)
            if ours is None:
                raise
            raise ours from None

    def cast(self, target: oslo_messaging.Target, ctxt: nova_vnc_context.RequestContext, method: str,
             timeout_s: float, **kwargs: Any) -> None:
        """Send a message that nobody answers.

        :raises ServiceUnavailable: it could not be handed to the broker in time
        """
        deadline = self._clock() + timeout_s

        def send() -> None:
            if self._clock() < deadline:
                self._client(target).cast(ctxt, method, **kwargs)
        future = self._submit(target, send)
        try:
            future.result(timeout_s)
        except (futures.TimeoutError, futures.CancelledError, oslo_messaging.MessageDeliveryFailure):
            future.cancel()
            raise exception.ServiceUnavailable(service=target.topic) from None

    def close(self) -> None:
        """Refuse further calls; those under way end on their own."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _submit(self, target: oslo_messaging.Target, work: Callable[[], Any]) -> futures.Future[Any]:
        if not self._places.acquire(blocking=False):
            raise exception.ServiceUnavailable(service=target.topic)
        try:
            future = self._pool.submit(work)
        except RuntimeError:  # closed
            self._places.release()
            raise exception.ServiceUnavailable(service=target.topic) from None
        future.add_done_callback(lambda _: self._places.release())
        return future

    def _call_until(self, deadline: float, target: oslo_messaging.Target, ctxt: nova_vnc_context.RequestContext,
                    method: str, kwargs: dict[str, Any]) -> Any:
        remaining_s = deadline - self._clock()
        if remaining_s <= 0:
            raise oslo_messaging.MessagingTimeout()
        return self._client(target).prepare(timeout=remaining_s).call(ctxt, method, **kwargs)

    def _client(self, target: oslo_messaging.Target) -> oslo_messaging.RPCClient:
        return oslo_messaging.get_rpc_client(self._transport, target, serializer=serializer.ContextSerializer())


class UnknownMethod(Exception):
    """The other side does not know the method; an older release, or Nova's own service."""

    def __init__(self, topic: str, method: str) -> None:
        super().__init__(f'{topic} does not know {method}')
