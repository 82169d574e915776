# SPDX-License-Identifier: Apache-2.0
"""The life of a process: it runs until a signal, stops in order, and a second signal ends it at once."""

from __future__ import annotations

import logging as stdlib_logging
import os
import queue
import signal
import socket
import sys
import threading
from collections.abc import Callable, Mapping
from typing import NoReturn, Protocol

from oslo_log import log as logging

from nova_vnc import exception, systemd, threads

LOG = logging.getLogger(__name__)

_ENDING = (signal.SIGTERM, signal.SIGINT)
_FAILED = 0     # the number of no signal
# As many as there may be: what is left of a storm of signals must not stand before the one that ends the process.
_READ_AT_ONCE = 65536
_STOP_POLL_S = 0.05
# What is left of a stop in a hurry is done by the end of the process.
_HURRIED_STOP_S = 10.0


class Service(Protocol):
    """What a factory returns and a command runs.

    One with loops that can hang has a method more, `pulses`: see systemd.HasPulses.
    """

    def start(self, fail: threads.Fail) -> None:
        """Begin to serve and return; the ports listen then. May not wait for a broker or a database.

        :param fail: ends the process with this line in the log and status 1; see threads.Fail
        :raises ConfigurationError: the service cannot start with these options
        """

    def stop(self, hurry: threading.Event) -> None:
        """Stop serving and release all. Once `hurry` is set, without waiting for anybody."""


class Superior(Protocol):
    """The parent of a process that is one of several workers: see workers.member.

    :ivar notifier: tells it what is told to systemd otherwise
    """

    notifier: systemd.Notifier

    def refuse(self, reason: str) -> None:
        """Tell it why this worker cannot start; it says so once for all workers."""

    def obey(self, retire: Callable[[threading.Event], None], first: threading.Event, second: threading.Event,
             fail: threads.Fail) -> None:
        """Set the events when it says so, or has ended: see SignalWaiter.

        :param retire: called before `first` is set, where sessions may go on until they end or the event happens that
            it is given
        """


class SignalWaiter:
    """Turns SIGTERM and SIGINT into events, and other signals into work.

    Nothing but a write to a socket happens in the handler (signal.set_wakeup_fd); a thread reads the numbers, and
    another one does the work, so that a process that is busy with it can still be stopped. It must be made in the main
    thread.

    :param actions: what to do on a signal; what they raise is logged
    :param are_counted: a second signal means hurry. Not in a worker: what sends it signals, a terminal or a service
        manager, may send them to its parent as well, which tells it what they mean.
    :ivar first: the process is to stop
    :ivar second: at once
    :ivar failures: why, if it was not told to by a signal
    """

    def __init__(self, actions: Mapping[int, Callable[[], object]], are_counted: bool = True) -> None:
        self._are_counted = are_counted
        self.first = threading.Event()
        self.second = threading.Event()
        self.failures: list[str] = []
        self._actions = actions
        self._due: queue.Queue[int] = queue.Queue()
        self._is_due: set[int] = set()  # somebody who sends signals in a loop gets no more than one of each kind
        self._had_terminal = _has_terminal()
        self._reader, writer = socket.socketpair()
        writer.setblocking(False)
        self._writer = writer
        self._watch_signals()
        threads.start('signals', self._read, self._fail_here, is_stopping=_never)
        threads.start('signal-actions', self._act, self.fail, is_stopping=_never)

    def fail(self, reason: str) -> None:
        """Have the process stop for this reason. Any thread may call it, under eventlet native ones too."""
        self.failures.append(reason)
        os.write(self._writer.fileno(), bytes([_FAILED]))

    def _fail_here(self, reason: str) -> None:
        self.failures.append(reason)
        self.first.set()

    def _watch_signals(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT, *self._actions):
            # Who is started by nohup stays deaf to SIGHUP.
            if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, lambda *_: None)
        signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)

    def _read(self) -> None:
        while numbers := self._reader.recv(_READ_AT_ONCE):
            ending = [number for number in numbers if number in _ENDING]
            for number in (*ending, *sorted(set(numbers).difference(ending))):
                self._take(number)

    def _take(self, number: int) -> None:
        if number == _FAILED:
            self.first.set()
            return
        LOG.info('Received %s', signal.Signals(number).name)
        if number in _ENDING or (number == signal.SIGHUP and self._had_terminal and not _has_terminal()):
            (self.second if self.first.is_set() and self._are_counted else self.first).set()
        elif number not in self._is_due:
            self._is_due.add(number)
            self._due.put(number)

    def _act(self) -> None:
        while True:
            number = self._due.get()
            self._is_due.discard(number)
            try:
                self._actions[number]()
            except Exception:
                LOG.exception('What %s asks for could not be done', signal.Signals(number).name)


def _never() -> bool:
    return False


def _has_terminal() -> bool:
    """Tell whether there is a controlling terminal: one that has hung up is none any more."""
    try:
        os.close(os.open('/dev/tty', os.O_RDONLY | os.O_NOCTTY))
    except OSError:
        return False
    return True


def serve(service: Service, started: Callable[[], None] | None = None, interrupt_at_once: bool = False,
          actions: Mapping[int, Callable[[], object]] | None = None, notifier: systemd.Notifier | None = None,
          superior: Superior | None = None) -> int:
    """Run a service until SIGTERM or SIGINT, or until it fails, and return the exit status of the process.

    :param started: called once the service has started
    :param interrupt_at_once: the first signal already means hurry
    :param actions: see SignalWaiter
    :param notifier: what systemd.connect() has returned, where it had to be called before
    :param superior: of a worker
    """
    if superior is not None:
        notifier = superior.notifier
    elif notifier is None:
        notifier = systemd.connect()
    watchdog = systemd.Watchdog(notifier)
    signals = SignalWaiter(_tell_of_reload(actions or {}, notifier), are_counted=superior is None)
    threads.watch_libraries(signals.fail)
    failures = signals.failures
    try:
        service.start(signals.fail)
    except exception.ConfigurationError as error:
        failures.append(str(error))
    if failures:    # not above: oslo.log adds the exception that is being handled to the line
        refuse(failures[0], superior)
        return 1
    if superior is not None:
        superior.obey(getattr(service, 'retire', lambda stop: None), signals.first, signals.second, signals.fail)
    notifier.ready()
    watchdog.start(service, signals.fail)
    if started is not None:
        started()
    signals.first.wait()
    watchdog.ask_no_more()
    notifier.stopping()
    status = 1 if failures else 0
    if failures:
        LOG.critical('%s', failures[0])
    if interrupt_at_once or failures:
        signals.second.set()
    _stop(service, signals.second)
    watchdog.stop()
    return status


def refuse(reason: str, superior: Superior | None = None) -> None:
    """Say why a service cannot start."""
    if superior is None:
        LOG.critical('%s', reason)
    else:
        superior.refuse(reason)


def _tell_of_reload(actions: Mapping[int, Callable[[], object]],
                    notifier: systemd.Notifier) -> dict[int, Callable[[], object]]:
    told = dict(actions)
    if signal.SIGHUP in told:
        reload = told[signal.SIGHUP]

        def tell() -> None:
            with notifier.reloading():
                reload()
        told[signal.SIGHUP] = tell
    return told


def _stop(service: Service, hurry: threading.Event) -> None:
    """Stop a service. Once there is hurry, leave behind what does not end: a process that should end must end."""
    stopped = threading.Event()

    def stop() -> None:
        try:
            service.stop(hurry)
        except Exception:
            LOG.exception('The service could not be stopped in order')
        stopped.set()
    threading.Thread(target=stop, name='stop', daemon=True).start()
    while not stopped.wait(_STOP_POLL_S):
        if hurry.is_set():
            stopped.wait(_HURRIED_STOP_S)
            return


def end_process(status: int) -> NoReturn:
    """End now, without waiting for threads that may be blocked in a library (a broker that does not answer)."""
    stdlib_logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)
