# SPDX-License-Identifier: Apache-2.0
"""The life of a process: it runs until a signal, stops in order, and a second signal ends it at once."""

from __future__ import annotations

import logging as stdlib_logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from typing import NoReturn, Protocol

from oslo_log import log as logging
from oslo_service import systemd

from nova_vnc import exception

LOG = logging.getLogger(__name__)


class Service(Protocol):
    """What a factory returns and a command runs."""

    def start(self, fail: Callable[[str], None]) -> None:
        """Begin to serve and return; the ports listen then. May not wait for a broker or a database.

        :param fail: ends the process with this line in the log and status 1; callable from any thread, at any time
        :raises ConfigurationError: the service cannot start with these options
        """

    def stop(self, hurry: threading.Event) -> None:
        """Stop serving and release all. Once `hurry` is set, without waiting for anybody."""


class SignalWaiter:
    """Turns SIGTERM and SIGINT into events.

    Nothing but a write to a socket happens in the handler (signal.set_wakeup_fd); a thread reads the numbers. It must
    be made in the main thread.
    """

    def __init__(self) -> None:
        self.first = threading.Event()
        self.second = threading.Event()
        self._reader, writer = socket.socketpair()
        writer.setblocking(False)
        self._writer = writer
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: None)
        signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
        threading.Thread(target=self._read, name='signals', daemon=True).start()

    def _read(self) -> None:
        while numbers := self._reader.recv(16):
            for number in numbers:
                if number not in (signal.SIGTERM, signal.SIGINT):
                    continue
                LOG.info('Received %s', signal.Signals(number).name)
                (self.second if self.first.is_set() else self.first).set()


def serve(service: Service, started: Callable[[], None] | None = None, interrupt_at_once: bool = False) -> int:
    """Run a service until SIGTERM or SIGINT, or until it fails, and return the exit status of the process.

    :param started: called once the service has started
    :param interrupt_at_once: the first signal already means hurry
    """
    signals = SignalWaiter()
    failures: list[str] = []

    def fail(reason: str) -> None:
        failures.append(reason)
        signals.first.set()

    try:
        service.start(fail)
    except exception.ConfigurationError as error:
        failures.append(str(error))
    if failures:    # not above: oslo.log adds the exception that is being handled to the line
        LOG.critical('%s', failures[0])
        return 1
    systemd.notify_once()
    if started is not None:
        started()
    signals.first.wait()
    if failures:
        LOG.critical('%s', failures[0])
    if interrupt_at_once or failures:
        signals.second.set()
    service.stop(signals.second)
    return 1 if failures else 0


def end_process(status: int) -> NoReturn:
    """End now, without waiting for threads that may be blocked in a library (a broker that does not answer)."""
    stdlib_logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)
