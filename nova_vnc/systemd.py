# SPDX-License-Identifier: Apache-2.0
"""What a process tells systemd (sd_notify(3)): that it serves, reads its files again, stops, and is alive.

A worker tells its parent the same (workers.channel).

The protocol is one datagram for each message. oslo.service's systemd module knows READY=1 alone; the bindings of
systemd itself (systemd-python) are C and need its headers wherever there is no package of them.
"""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator, MutableMapping, Sequence
from typing import Protocol

from nova_vnc import threads
from nova_vnc.pulse import Pulse, Watch

LOG = logging.getLogger(__name__)

_NOTIFY_SOCKET = 'NOTIFY_SOCKET'
_WATCHDOG_USEC = 'WATCHDOG_USEC'
_WATCHDOG_PID = 'WATCHDOG_PID'

# A service manager that does not read is not waited for any longer.
_SEND_TIMEOUT_S = 2.0
# sd_watchdog_enabled(3) recommends half of the time; with a quarter, one late answer does not count yet.
_ROUNDS_PER_INTERVAL = 4


@dataclasses.dataclass(frozen=True)
class Listener:
    """Who is told, in the words of the log.

    :ivar restarts: what it does when a process gives no sign of life any more
    """

    name: str
    restarts: str


SYSTEMD = Listener('systemd', 'systemd restarts this service (WatchdogSec)')
PARENT = Listener('The parent process', 'the parent process replaces this worker')


class Notifier:
    """Where there is no systemd, or another service manager of the kind, every method does nothing."""

    def __init__(self, sock: socket.socket | None, watchdog_s: float | None, listener: Listener = SYSTEMD) -> None:
        """:param watchdog_s: seconds without a sign of life after which systemd restarts the service; None: it never
        does
        """
        self.watchdog_s = watchdog_s if sock is not None else None
        self.listener = listener
        self._sock = sock

    def ready(self) -> None:
        self._send('READY=1')

    def alive(self) -> None:
        self._send('WATCHDOG=1')

    def sessions(self, count: int) -> None:
        """Have it shown by `systemctl status`."""
        self._send(f'STATUS={count} sessions')

    def stopping(self) -> None:
        self._send('STOPPING=1')

    @contextlib.contextmanager
    def reloading(self) -> Iterator[None]:
        """Say so while the body runs, whatever becomes of it."""
        # The time is what Type=notify-reload asks for (systemd 253).
        self._send(f'RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}')
        try:
            yield
        finally:
            self.ready()

    def _send(self, message: str) -> None:
        if self._sock is None:
            return
        try:
            self._sock.send(message.encode())
        except OSError as error:
            LOG.debug('systemd could not be told %s: %s', message.partition('\n')[0], error)


def connect(environment: MutableMapping[str, str] = os.environ) -> Notifier:
    """Take what systemd says of itself out of the environment, so that no child process talks in our name."""
    address = environment.pop(_NOTIFY_SOCKET, '')
    watchdog_s = _read_watchdog(environment.pop(_WATCHDOG_USEC, ''), environment.pop(_WATCHDOG_PID, ''))
    if not address:
        return Notifier(None, None)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        sock.connect('\0' + address[1:] if address.startswith('@') else address)
    except OSError as error:
        sock.close()
        LOG.warning('systemd cannot be told of the state of the service (NOTIFY_SOCKET): %s', error)
        return Notifier(None, None)
    sock.settimeout(_SEND_TIMEOUT_S)
    return Notifier(sock, watchdog_s)


def _read_watchdog(microseconds: str, pid: str) -> float | None:
    if pid and pid != str(os.getpid()):
        return None     # meant for another process
    return int(microseconds) / 1e6 if microseconds.isdecimal() and int(microseconds) > 0 else None


class HasPulses(Protocol):
    """A service.Service in which something can hang."""

    def pulses(self) -> Sequence[Pulse]:
        """Called once, when the service has started."""


class HasSessions(Protocol):
    """A service.Service that counts something worth telling."""

    def sessions(self) -> int:
        """Return how many are open."""


class Watchdog:
    """Says that the process is alive for as long as all its pulses are felt, and how many sessions it has."""

    def __init__(self, notifier: Notifier) -> None:
        self._notifier = notifier
        self._stopped = threading.Event()
        self._watch: Watch | None = None
        self._count: Callable[[], int] | None = None

    def start(self, service: object, fail: threads.Fail) -> None:
        """Begin, if the service manager asks for it."""
        watchdog_s = self._notifier.watchdog_s
        if watchdog_s is None:
            return
        pulses: Callable[[], Sequence[Pulse]] = getattr(service, 'pulses', tuple)
        self._watch = Watch(pulses())
        self._count = getattr(service, 'sessions', None)
        LOG.info('%s is told every %g s that this process is alive, while it is: %s', self._notifier.listener.name,
                 watchdog_s / _ROUNDS_PER_INTERVAL, ', '.join(self._watch.names) or 'nothing else is asked')
        threads.start('watchdog', lambda: self._run(watchdog_s / _ROUNDS_PER_INTERVAL), fail, self._stopped.is_set)

    def ask_no_more(self) -> None:
        """The service stops, and what is asked with it: systemd bounds that by TimeoutStopSec."""
        self._watch = Watch(())

    def stop(self) -> None:
        self._stopped.set()

    def _run(self, pause_s: float) -> None:
        silent: list[str] = []
        while not self._stopped.is_set():
            watch = self._watch
            now_silent = watch.look() if watch is not None else []
            if not now_silent:
                self._notifier.alive()
            elif now_silent != silent:
                LOG.error('No sign of life from: %s. If that goes on, %s.', ', '.join(now_silent),
                          self._notifier.listener.restarts)
            silent = now_silent
            if self._count is not None:
                self._notifier.sessions(self._count())
            self._stopped.wait(pause_s)
