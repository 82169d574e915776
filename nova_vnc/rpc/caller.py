# SPDX-License-Identifier: Apache-2.0
"""Calls and casts with deadlines that hold whether the broker is there or not.

oslo.messaging's own timeout begins once the message is sent: without a broker a call blocks for as long as it takes to
connect. So each call runs in a thread of its own, and the caller waits for it just so long. A thread that is left
behind goes on when the broker is back; what it sends then is late, but does no harm to anybody: an answer that nobody
reads, a token that nobody was told.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent import futures
from typing import Any

import oslo_messaging
from oslo_log import log as logging

from nova_vnc import context as nova_vnc_context
from nova_vnc import exception
from nova_vnc.rpc import background, broker_log, errors, reply_exchange, serializer

LOG = logging.getLogger(__name__)

# oslo.messaging's timeout ends a little before the caller's own, so that it is known that the message was sent: this
# part of the time, and at most so many seconds.
_MARGIN_PART = 0.1
_MAX_MARGIN_S = 0.2


class NoAnswer(exception.ServiceUnavailable):
    """The message was sent, and nobody has answered it in time."""


class NotAsked(exception.ServiceUnavailable):
    """The message may not have been sent: no broker, no time left, or too many callers."""


class Caller:
    """The client side of the bus for one process; thread-safe.

    :param max_concurrent: most calls under way at once, those left behind included; further ones wait for their turn
    :param max_waiting: most that may wait for their turn; one more fails at once
    """

    def __init__(self, transport: oslo_messaging.Transport, max_concurrent: int = 16, max_waiting: int = 256,
                 clock: Callable[[], float] = time.monotonic) -> None:
        self._client = oslo_messaging.get_rpc_client(transport, oslo_messaging.Target(),
                                                     serializer=serializer.ContextSerializer())
        self._reply_exchange = reply_exchange.build_reply_exchange(transport)
        self._clock = clock
        self._turns = threading.BoundedSemaphore(max_concurrent)
        self._places = threading.BoundedSemaphore(max_concurrent + max_waiting)
        self._closed = threading.Event()

    def call(self, target: oslo_messaging.Target, ctxt: nova_vnc_context.RequestContext, method: str,
             timeout_s: float, **kwargs: Any) -> Any:
        """Return the answer of the other side.

        :raises NoAnswer, NotAsked: there is no answer in time
        :raises ServiceUnavailable: the other side failed
        :raises NovaVNCError: what the other side raised, if it is one of exception.RPC_ERRORS
        :raises UnknownMethod: the other side lacks this version, namespace or method
        """
        deadline = self._clock() + timeout_s

        def send() -> Any:
            left_s = deadline - self._clock()
            timeout_s = max(left_s - min(left_s * _MARGIN_PART, _MAX_MARGIN_S), 0.001)
            return self._prepare(target, timeout=timeout_s).call(ctxt, method, **kwargs)
        try:
            return self._run(send, deadline, self._reply_exchange)
        except oslo_messaging.MessagingTimeout:
            raise NoAnswer(service=target.topic) from None
        except futures.TimeoutError:
            raise NotAsked(service=target.topic) from None
        except (*broker_log.BROKER_ERRORS, OSError) as error:
            broker_log.failed(error)
            raise NotAsked(service=target.topic) from None
        except Exception as error:
            raise self._translate(error, target, method) from None

    def cast(self, target: oslo_messaging.Target, ctxt: nova_vnc_context.RequestContext, method: str,
             timeout_s: float, **kwargs: Any) -> None:
        """Send a message that nobody answers.

        :raises NotAsked: it was not handed to the broker in time; it may still be, later
        """
        try:
            self._run(lambda: self._prepare(target).cast(ctxt, method, **kwargs), self._clock() + timeout_s)
        except futures.TimeoutError:
            raise NotAsked(service=target.topic) from None
        except (*broker_log.BROKER_ERRORS, OSError) as error:
            broker_log.failed(error)
            raise NotAsked(service=target.topic) from None

    def close(self) -> None:
        """Refuse further calls; those under way end on their own."""
        self._closed.set()

    def _run(self, work: Callable[[], Any], deadline: float,
             replies: reply_exchange.ReplyExchange | None = None) -> Any:
        """Return what work returns, in a thread that is left behind when the deadline comes first.

        :param replies: where the answer may have to go through, if it does not come at once
        """
        if self._closed.is_set() or self._clock() >= deadline or not self._places.acquire(blocking=False):
            raise futures.TimeoutError()
        try:
            if not self._turns.acquire(timeout=max(deadline - self._clock(), 0)):
                raise futures.TimeoutError()
            outcome = background.start(work, 'rpc-caller')
            outcome.add_done_callback(lambda _: self._turns.release())
            while replies is not None and self._clock() + reply_exchange.PATIENCE_S < deadline:
                try:
                    return outcome.result(reply_exchange.PATIENCE_S)
                except futures.TimeoutError:
                    if outcome.done():      # the work's own failure, or it ended just now
                        break
                replies.see_to_it()
            return outcome.result(max(deadline - self._clock(), 0))
        finally:
            self._places.release()

    def _prepare(self, target: oslo_messaging.Target, **options: Any) -> oslo_messaging.RPCClient:
        return self._client.prepare(topic=target.topic, server=target.server, namespace=target.namespace,
                                    version=target.version, **options)

    @staticmethod
    def _translate(error: Exception, target: oslo_messaging.Target, method: str) -> Exception:
        if errors.is_unknown_method(error):
            return UnknownMethod(target.topic, method, errors.is_contract_known(error))
        ours = errors.translate(error)
        if ours is not None:
            return ours
        # Its text may hold anything, a token included.
        name = error.exc_type if isinstance(error, oslo_messaging.RemoteError) else type(error).__name__
        LOG.warning('%s failed to answer %s: %s; its own log says more', target.topic, method, name)
        return exception.ServiceUnavailable(service=target.topic)


class UnknownMethod(Exception):
    """The other side does not know the method; an older release, or Nova's own service.

    :ivar is_contract_known: it knows version and namespace
    """

    def __init__(self, topic: str, method: str, is_contract_known: bool = False) -> None:
        super().__init__(f'{topic} does not know {method}')
        self.is_contract_known = is_contract_known
