# SPDX-License-Identifier: Apache-2.0
"""What the log says about the message broker, instead of what oslo.messaging says.

oslo.messaging logs every try of every connection, prints replies at DEBUG, and a traceback for each method it does not
know. install() puts filters on its loggers: that the broker is away is said once, and so is that it is back; nothing
that may hold a token gets through; an unknown method is one line, once.

The filters go by the beginnings of its messages (oslo.messaging 14 to 18). A message that another release words
differently passes unchanged.
"""

from __future__ import annotations

import logging as stdlib_logging
import threading
import time
from collections.abc import Callable, Sequence

import amqp
import kombu.exceptions
import oslo_messaging
from oslo_log import log as logging

LOG = logging.getLogger(__name__)

# A pooled connection that died in an outage is found dead when it is used next, after the broker is back; its own
# heartbeat would have repaired it within 15 s (a quarter of heartbeat_timeout_threshold).
_AFTERMATH_S = 20.0
_MAX_REASON_LENGTH = 200

# Modules of oslo.messaging get their logger from oslo.log, which turns oslo_ into oslo., or from logging.
_PREFIXES = ('oslo_messaging', 'oslo.messaging')

_FAILURES = ('Connection failed: ',                         # impl_rabbit, Connection.ensure_connection
             '[%(connection_id)s] AMQP server',             # Connection.ensure
             'Unable to connect to AMQP server',
             'Failed to consume message from queue',
             'Failed to declare consumer for topic',
             'Failed to publish message to topic')
_SUCCESSES = ('[%(connection_id)s] Connected to AMQP server', '[%(connection_id)s] Reconnected to AMQP server')
_RETRIES = ('A recoverable connection/channel error occurred',  # tells that it will try again
            'Unexpected error during heartbeat thread processing')
_NOISE = ('Connection pool limit exceeded',                 # the pool is small on purpose: conf.opts
          'Number of call queues is',                       # amqpdriver; caller.Caller bounds them
          ' queues: ',                                      # amqpdriver, ReplyWaiters.put: prints a late reply
          'ignoring duplicate message')                     # amqpdriver; a sender was not sure that it got through
_UNHANDLED = 'Exception during message handling'                # rpc.server
_MAX_UNKNOWN_METHODS = 100


# What comes out of the driver when the broker is there but refuses us, or goes away at the wrong moment.
BROKER_ERRORS = (amqp.AMQPError, kombu.exceptions.KombuError, oslo_messaging.MessageDeliveryFailure, ConnectionError)


class BrokerState:
    """Says once that the broker is away, and once that it is back. Thread-safe.

    :param name: how the log calls the broker: host:port, without credentials
    """

    def __init__(self, name: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._name = name
        self._clock = clock
        self._lock = threading.Lock()
        self._away = False
        self._back_at: float | None = None

    def failed(self, reason: str) -> None:
        """Take note that a connection could not be made, or broke."""
        with self._lock:
            aftermath = self._back_at is not None and self._clock() - self._back_at < _AFTERMATH_S
            if self._away or aftermath:
                return
            self._away = True
        if 'unknown error' in reason:   # amqp's words for a connection that was closed under it
            reason = 'the connection was lost'
        # In a thread of its own, since oslo.log adds the exception that is being handled to every error, and here that
        # is one of oslo.messaging's.
        threading.Thread(target=LOG.error, name='broker-log', daemon=True, args=(
            'The message broker %s of [DEFAULT]transport_url cannot be used: %s. Trying until it can.',
            self._name, reason[:_MAX_REASON_LENGTH].rstrip('. '))).start()

    def connected(self) -> None:
        """Take note that a connection was made."""
        with self._lock:
            if not self._away:
                return
            self._away = False
            self._back_at = self._clock()
        LOG.info('The message broker %s can be used again', self._name)


class _ConnectionFilter(stdlib_logging.Filter):
    """Feeds the BrokerState with what the driver says about its connections, and keeps that out of the log."""

    def __init__(self, logger: stdlib_logging.Logger) -> None:
        super().__init__()
        self._own_level = logger.level
        self._parent = logger.parent
        # That a first connection was made is said at DEBUG. What is below the level of the log stops in filter().
        # This level also keeps TRACE shut, at which the driver prints whole messages.
        logger.setLevel(stdlib_logging.DEBUG)

    def filter(self, record: stdlib_logging.LogRecord) -> bool:
        template = str(record.msg)
        if template.startswith(_FAILURES):
            _note_failure(_reason_of(record))
            return False
        if template.startswith(_SUCCESSES):
            connected()
            return False
        return not template.startswith(_RETRIES) and record.levelno >= self._level()

    def _level(self) -> int:
        return self._own_level or (self._parent.getEffectiveLevel() if self._parent else stdlib_logging.WARNING)


class _DriverFilter(stdlib_logging.Filter):
    """Leaves out noise, and tracebacks that only say that the broker is away or refuses us."""

    def filter(self, record: stdlib_logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, BROKER_ERRORS):
            _note_failure(str(error))
            return False
        return not str(record.msg).startswith(_NOISE)


def _reason_of(record: stdlib_logging.LogRecord) -> str:
    if isinstance(record.args, tuple):
        return str(record.args[0]) if record.args else record.getMessage()
    return str((record.args or {}).get('err_str', ''))


class _UnknownMethodFilter(stdlib_logging.Filter):
    """Turns the traceback for a method that is not known here into one line, once for each method and version.

    Nova's services of other releases, on the same topics, ask for methods of theirs.
    """

    def __init__(self) -> None:
        super().__init__()
        self._said: set[str] = set()

    def filter(self, record: stdlib_logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if not (str(record.msg).startswith(_UNHANDLED)
                and isinstance(error, (oslo_messaging.UnsupportedVersion, oslo_messaging.NoSuchMethod))):
            return True
        text = str(error)[:_MAX_REASON_LENGTH]
        if text not in self._said and len(self._said) < _MAX_UNKNOWN_METHODS:
            self._said.add(text)
            LOG.warning('Refused a message of another service: %s', text)
        return False


_state: BrokerState | None = None
_installed = False


def install(hosts: Sequence[str] = ()) -> None:
    """Put the filters in place, and watch the broker of this process.

    :param hosts: host:port of each of its nodes; empty for the in-process bus
    """
    global _state, _installed
    _state = BrokerState(', '.join(hosts)) if hosts else None
    if _installed:
        return
    _installed = True
    unknown_methods = _UnknownMethodFilter()
    for prefix in _PREFIXES:
        logger = stdlib_logging.getLogger(f'{prefix}._drivers.impl_rabbit')
        logger.addFilter(_ConnectionFilter(logger))
        for module in ('_drivers.amqpdriver', '_drivers.common', '_drivers.pool', 'rpc.server'):
            stdlib_logging.getLogger(f'{prefix}.{module}').addFilter(_DriverFilter())
        stdlib_logging.getLogger(f'{prefix}.rpc.server').addFilter(unknown_methods)
    # Runs the driver's listener, and tells of what ends it before it starts it again.
    stdlib_logging.getLogger('oslo_utils.excutils').addFilter(_DriverFilter())


def failed(error: Exception) -> None:
    """Take note of a failure that oslo.messaging raised instead of logging it: the broker refuses us."""
    _note_failure(f'{type(error).__name__}: {error}')


def connected() -> None:
    """Take note that a connection was made."""
    if _state is not None:
        _state.connected()


def _note_failure(reason: str) -> None:
    if _state is not None:
        _state.failed(reason)
