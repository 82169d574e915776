# SPDX-License-Identifier: Apache-2.0
"""The connection to the message bus."""

from __future__ import annotations

import threading
import time
import weakref
from typing import Any

import oslo_messaging
from oslo_concurrency import lockutils
from oslo_config import cfg

from nova_vnc import exception
from nova_vnc.rpc import broker_log, readers
from nova_vnc.rpc.broker import Broker

IN_PROCESS_URL = 'fake://'

# Where the URL of a cell's bus stands.
_MAPPING = 'the transport_url of a cell mapping'

_RETRY_S = 5.0

# oslo.messaging does not tell which URL a transport was made with.
_brokers: weakref.WeakKeyDictionary[oslo_messaging.Transport, Broker] = weakref.WeakKeyDictionary()


def build_transport(conf: cfg.ConfigOpts, url: str | None = None) -> oslo_messaging.Transport:
    """Make the transport of a process; it connects with the first message.

    :param url: overrides `[DEFAULT]transport_url`; IN_PROCESS_URL needs no broker and ends at this process
    :raises ConfigurationError: the URL is malformed or of an unknown kind, or a queue manager lacks lock_path
    :raises oslo_config.cfg.Error: an option of oslo.messaging's has a value that it cannot have
    """
    transport, broker = _build(conf, url, '[DEFAULT]transport_url')
    broker_log.install(broker)
    return transport


def build_cell_transport(conf: cfg.ConfigOpts, url: str) -> oslo_messaging.Transport:
    """Make a transport of a cell of Nova's beside that of the process.

    :raises ConfigurationError, oslo_config.cfg.Error: as build_transport()
    """
    transport, broker = _build(conf, url, _MAPPING)
    if broker is not None:
        broker_log.add(broker, _MAPPING)
    return transport


def _build(conf: cfg.ConfigOpts, url: str | None, option: str) -> tuple[oslo_messaging.Transport, Broker | None]:
    readers.calm()
    try:
        # Failures are turned into our exceptions by name (errors.py), so no module is imported for a remote's sake.
        transport = oslo_messaging.get_rpc_transport(conf, url=url, allowed_remote_exmods=[])
        parsed = oslo_messaging.TransportURL.parse(conf, url)
    except cfg.Error:       # some of these are ValueErrors, and of other options
        raise
    except (oslo_messaging.InvalidTransportURL, oslo_messaging.DriverLoadFailure, ValueError):
        # Its own text would hold the URL, and so the password.
        raise exception.ConfigurationError(
            reason=f'{option} is not a URL such as rabbit://user:password@host:5672/') from None
    if parsed.transport == 'rabbit':
        # The driver's own view of its options: the query of the URL comes first.
        options = transport.conf.oslo_messaging_rabbit
        _check_lock_path(conf, options)
        _brokers[transport] = Broker(parsed, options)
    return transport, _brokers.get(transport)


def _check_lock_path(conf: cfg.ConfigOpts, options: Any) -> None:
    """oslo.messaging would miss it with the first call, and again with every other."""
    # Old releases do not have the option.
    if getattr(options, 'use_queue_manager', False) and not lockutils.get_lock_path(conf):
        raise exception.ConfigurationError(
            reason='[oslo_messaging_rabbit]use_queue_manager = True needs [oslo_concurrency]lock_path, a directory '
                   'that the user of the service may write to. Set it, as in the nova.conf of the other services.')


def broker_of(transport: oslo_messaging.Transport) -> Broker | None:
    """Return the RabbitMQ behind a transport of build_transport(), or None if there is none, as on the in-process bus.

    It is that of the URL that the transport was made with, which [DEFAULT]transport_url need not be.
    """
    return _brokers.get(transport)


def connect_in_background(transport: oslo_messaging.Transport) -> None:
    """Connect now instead of with the first message, so that the log tells at once whether the broker is there."""
    threading.Thread(target=_connect, args=(transport,), name='broker-connect', daemon=True).start()


def _connect(transport: oslo_messaging.Transport) -> None:
    # A message to a queue that is not there; the broker drops it.
    client = oslo_messaging.get_rpc_client(transport, oslo_messaging.Target(topic='nova_vnc_nobody'))
    while True:
        try:
            client.cast({}, 'connect')
        except Exception as error:
            broker_log.failed(error)
            time.sleep(_RETRY_S)
        else:
            return
