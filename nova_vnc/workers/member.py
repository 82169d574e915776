# SPDX-License-Identifier: Apache-2.0
"""A worker's own side: what it has inherited, and what it hears from its parent."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, MutableMapping, Sequence

import setproctitle
from oslo_log import log as logging

from nova_vnc import systemd, threads
from nova_vnc.workers import channel
from nova_vnc.workers.channel import Inheritance, Order

LOG = logging.getLogger(__name__)


class Membership:
    """A service.Superior.

    :ivar number: of this worker, from 1
    :ivar listener: the listening socket of all workers
    :ivar notifier: tells the parent what would be told to systemd
    """

    def __init__(self, inheritance: Inheritance, reopen_logs: Callable[[], None]) -> None:
        """:param reopen_logs: called when somebody else gets the place of this worker, which may go on for long"""
        self._reopen_logs = reopen_logs
        self.number = inheritance.number
        self.listener = _take_over(inheritance.listener)
        self._channel = _take_over(inheritance.channel)
        self.notifier = systemd.Notifier(self._channel, inheritance.watchdog_s, systemd.PARENT)

    def show_in_title(self, program: str, arguments: Sequence[str]) -> None:
        """Have ps show which of the processes this is."""
        setproctitle.setproctitle(' '.join([f'{program}: worker {self.number}', *arguments]))

    def refuse(self, reason: str) -> None:
        """Tell why this worker cannot start. The parent says it, once for all workers."""
        data = f'{channel.REFUSAL}{reason}'.encode()
        self._channel.send(data[:channel.MAX_MESSAGE_BYTES])

    def obey(self, retire: Callable[[threading.Event], None], first: threading.Event, second: threading.Event,
             fail: threads.Fail) -> None:
        """From now on do what the parent says; see service.Superior."""
        threads.start('parent', lambda: self._obey(retire, first, second), fail)

    def _obey(self, retire: Callable[[threading.Event], None], first: threading.Event,
              second: threading.Event) -> None:
        stop = threading.Event()
        while data := self._hear():
            order = Order(data)
            self._reopen_logs()
            if order is not Order.RETIRE:
                stop.set()
            elif not first.is_set():
                LOG.info('Another worker has the place of this one, which ends with its last session')
                retire(stop)
            first.set()
            if order is Order.HURRY:
                second.set()
        if not first.is_set():
            LOG.error('The parent process has ended: this worker stops')
        stop.set()
        first.set()

    def _hear(self) -> bytes:
        try:
            return self._channel.recv(channel.MAX_MESSAGE_BYTES)
        except ConnectionError:
            return b''


def join(reopen_logs: Callable[[], None], environment: MutableMapping[str, str] = os.environ) -> Membership | None:
    """Return what this process has inherited as a worker, or None where it is none. Once in a process."""
    text = environment.pop(channel.VARIABLE, '')
    return Membership(channel.parse_inheritance(text), reopen_logs) if text else None


def _take_over(fd: int) -> socket.socket:
    os.set_inheritable(fd, False)
    # All that is not given is read from the descriptor; eventlet's class has another default for the first one.
    return socket.socket(-1, -1, -1, fileno=fd)
