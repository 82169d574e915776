# SPDX-License-Identifier: Apache-2.0
"""What the log says about the message broker, instead of what oslo.messaging says.

oslo.messaging logs every try of every connection, prints replies at DEBUG, and a traceback for each method it does not
know. install() puts filters on its loggers: that the broker is away is said once, and so is that it is back; nothing
that may hold a token gets through; an unknown method is one line, once.

The filters go by logger, level, kind of exception and kind of arguments, never by words. What they learn is only that
something is wrong: whether the broker is away, why, and when it is back is then looked at from here (broker.Broker).
"""

from __future__ import annotations

import logging as stdlib_logging
import threading
import time
from collections.abc import Callable
from typing import Protocol

import amqp
import kombu.exceptions
import oslo_messaging
from oslo_log import log as logging

from nova_vnc.rpc import broker

LOG = logging.getLogger(__name__)

# A connection that died in an outage is found dead when it is used next, after the broker is back; its own heartbeat
# would have repaired it within 15 s (a quarter of heartbeat_timeout_threshold).
_AFTERMATH_S = 20.0
_LOOK_EVERY_S = 1.0
_MAX_REASON_LENGTH = 200
_MAX_UNKNOWN_METHODS = 100

# Modules of oslo.messaging get their logger from oslo.log, which turns oslo_ into oslo., or from logging.
_PREFIXES = ('oslo_messaging', 'oslo.messaging')

# What comes out of the driver when the broker is there but refuses us, or goes away at the wrong moment.
BROKER_ERRORS = (amqp.AMQPError, kombu.exceptions.KombuError, oslo_messaging.MessageDeliveryFailure, ConnectionError)


class LookedAt(Protocol):
    """The part of broker.Broker that is used here."""

    name: str

    def look(self) -> None: ...


class BrokerState:
    """Says once that the broker is away, and once that it is back. Thread-safe.

    :param option: where its URL stands
    """

    def __init__(self, looked_at: LookedAt, clock: Callable[[], float] = time.monotonic,
                 look_every_s: float = _LOOK_EVERY_S, option: str = '[DEFAULT]transport_url') -> None:
        self._broker = looked_at
        self._clock = clock
        self._look_every_s = look_every_s
        self._option = option
        self._lock = threading.Lock()
        self._is_watched = False
        self._back_at: float | None = None

    def failed(self, reason: str) -> None:
        """Take note that something went wrong with a connection, and look whether the broker is away.

        That happens in a thread of its own, also since oslo.log adds the exception that is being handled to every
        error, and here that is one of oslo.messaging's.
        """
        with self._lock:
            if self._is_watched:
                return
            self._is_watched = True
        threading.Thread(target=self._watch, name='broker-watch', daemon=True, args=(reason,)).start()

    def is_in_trouble(self) -> bool:
        """Tell whether the broker is away, or was just now."""
        with self._lock:
            return self._is_watched or self._is_aftermath()

    def _watch(self, reason: str) -> None:
        try:
            trouble = self._find_trouble()
            if trouble is not None:
                self._wait_until_back(trouble)
            elif not self._is_aftermath() and len(_states) < 2:     # else it may be another one
                LOG.warning('Something is wrong with the message broker %s, but it can be used: %s', self._broker.name,
                            reason[:_MAX_REASON_LENGTH])
        finally:
            with self._lock:
                self._is_watched = False

    def _find_trouble(self) -> str | None:
        # A broker that is being stopped takes connections for a moment.
        trouble = self._look()
        if trouble is None:
            time.sleep(self._look_every_s)
            trouble = self._look()
        return trouble

    def _wait_until_back(self, trouble: str) -> None:
        LOG.error('The message broker %s of %s cannot be used: %s. Trying until it can.',
                  self._broker.name, self._option, trouble[:_MAX_REASON_LENGTH].rstrip('. '))
        while self._look() is not None:
            time.sleep(self._look_every_s)
        self._back_at = self._clock()
        LOG.info('The message broker %s can be used again', self._broker.name)

    def _look(self) -> str | None:
        """Return what is wrong with the broker, or None."""
        try:
            self._broker.look()
        except broker.ERRORS as error:
            return str(error) or type(error).__name__
        return None

    def _is_aftermath(self) -> bool:
        return self._back_at is not None and self._clock() - self._back_at < _AFTERMATH_S


class _ConnectionFilter(stdlib_logging.Filter):
    """Of what the driver says about its connections: errors go to the BrokerState, warnings pass while all is well,
    the rest is for the level DEBUG. TRACE, at which it prints whole messages, stays shut.
    """

    def filter(self, record: stdlib_logging.LogRecord) -> bool:
        if record.levelno >= stdlib_logging.ERROR:
            is_ours = record.exc_info and not isinstance(record.exc_info[1], BROKER_ERRORS)
            return bool(is_ours) or not _note_failure(record.getMessage())
        if record.levelno >= stdlib_logging.WARNING:
            return not any(state.is_in_trouble() for state in _states.values())
        return record.levelno >= stdlib_logging.DEBUG \
            and stdlib_logging.getLogger(record.name).isEnabledFor(stdlib_logging.DEBUG)


class _DriverFilter(stdlib_logging.Filter):
    """Leaves out tracebacks that only say that the broker is away or refuses us, and what carries a message."""

    def filter(self, record: stdlib_logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, BROKER_ERRORS):
            _note_failure(str(error))
            return False
        values = record.args.values() if isinstance(record.args, dict) else record.args or ()
        return not any(isinstance(value, (dict, list, tuple)) for value in values)


class _HushFilter(stdlib_logging.Filter):
    """Leaves out warnings, and failures of the library's own kind.

    They are of a pool that is small on purpose (conf.opts), of calls that are many on purpose, and of replies and
    acknowledgements that were lost with a connection, or came twice: the BrokerState says why.
    """

    def filter(self, record: stdlib_logging.LogRecord) -> bool:
        if record.levelno >= stdlib_logging.ERROR:
            return not (record.exc_info and str(getattr(record.exc_info[0], '__module__', '')).startswith(_PREFIXES))
        return record.levelno <= stdlib_logging.DEBUG


class _ClosingFilter(stdlib_logging.Filter):
    """Leaves out what a broker still sends to a channel that is being closed: that is the way in which it closes.

    oslo.messaging deletes the queue that it reads broadcasts from without cancelling its consumer first
    (impl_rabbit, Connection.close), so the broker cancels that, and whatever it was about to deliver it delivers.
    py-amqp warns of either. There is nothing to be done: what was not acknowledged the broker gives to others.
    """

    def filter(self, record: stdlib_logging.LogRecord) -> bool:
        methods = (amqp.spec.Basic.Cancel, amqp.spec.Basic.Deliver)
        return not (isinstance(record.args, tuple) and record.args[:1] and record.args[0] in methods)


class _UnknownMethodFilter(stdlib_logging.Filter):
    """Turns the traceback for a method that is not known here into one line, once for each method and version.

    Nova's services of other releases, on the same topics, ask for methods of theirs.
    """

    def __init__(self) -> None:
        super().__init__()
        self._said: set[str] = set()

    def filter(self, record: stdlib_logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if not isinstance(error, (oslo_messaging.UnsupportedVersion, oslo_messaging.NoSuchMethod)):
            return True
        text = str(error)[:_MAX_REASON_LENGTH]
        if text not in self._said and len(self._said) < _MAX_UNKNOWN_METHODS:
            self._said.add(text)
            LOG.warning('Refused a message of another service: %s', text)
        return False


# By the names of the brokers.
_states: dict[str, BrokerState] = {}
_installed = False


def install(looked_at: LookedAt | None = None) -> None:
    """Put the filters in place, and watch the broker of this process.

    :param looked_at: None for the in-process bus
    """
    global _states, _installed
    _states = {looked_at.name: BrokerState(looked_at)} if looked_at else {}
    if _installed:
        return
    _installed = True
    unknown_methods = _UnknownMethodFilter()
    for prefix in _PREFIXES:
        stdlib_logging.getLogger(f'{prefix}._drivers.impl_rabbit').addFilter(_ConnectionFilter())
        for module in ('_drivers.amqpdriver', '_drivers.common', '_drivers.pool', 'rpc.server'):
            stdlib_logging.getLogger(f'{prefix}.{module}').addFilter(_DriverFilter())
        for module in ('_drivers.amqpdriver', '_drivers.pool'):
            stdlib_logging.getLogger(f'{prefix}.{module}').addFilter(_HushFilter())
        stdlib_logging.getLogger(f'{prefix}.rpc.server').addFilter(unknown_methods)
    stdlib_logging.getLogger('amqp').addFilter(_ClosingFilter())
    # Runs the driver's listener, and tells of what ends it before it starts it again.
    stdlib_logging.getLogger('oslo_utils.excutils').addFilter(_DriverFilter())


def add(looked_at: LookedAt, option: str) -> None:
    """Watch one more broker.

    :param option: where its URL stands
    """
    global _states
    if looked_at.name not in _states:
        _states = {**_states, looked_at.name: BrokerState(looked_at, option=option)}


def failed(error: Exception) -> None:
    """Take note of a failure that oslo.messaging raised instead of logging it: the broker refuses us."""
    _note_failure(f'{type(error).__name__}: {error}')


def _note_failure(reason: str) -> bool:
    """Return whether there is a broker to look at."""
    for state in _states.values():
        state.failed(reason)
    return bool(_states)
