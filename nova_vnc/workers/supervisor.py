# SPDX-License-Identifier: Apache-2.0
"""The parent of the workers: as many as there should be serve, and no more is asked of it.

A place is what a worker holds: there are as many as workers are wanted, with numbers from 1. A worker that has been
replaced has none, and goes on until its sessions have ended.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterable, Sequence

from oslo_log import log as logging

from nova_vnc import exception, threads
from nova_vnc.pulse import Answer, Pulse
from nova_vnc.workers import channel
from nova_vnc.workers.backoff import Backoff
from nova_vnc.workers.channel import Order
from nova_vnc.workers.process import WorkerProcess

LOG = logging.getLogger(__name__)

# Where no service manager has a watchdog that says how long.
DEFAULT_WATCHDOG_S = 60.0

_ROUND_S = 0.5
# A round that comes so late tells that this process was stopped, or the machine asleep, and not that workers hang.
_LATE_ROUND_S = 5.0
# What workers in a hurry get, before they are killed.
_HURRY_S = 5.0
# Where no worker serves and one has failed so often in a row, the service manager is better off to know.
_MOST_FAILURES = 6


class WorkerFailed(Exception):
    """A worker has ended before it was ready; the message says how."""


class Supervisor:
    """A service.Service that has processes do its work.

    :param count: how many
    :param listen: opens the listening socket; raises ConfigurationError
    :param watchdog_s: seconds after which a worker that gives no sign of life is ended and replaced
    :param are_mute: workers have no standard output
    """

    def __init__(self, count: int, listen: Callable[[], socket.socket], watchdog_s: float,
                 are_mute: bool = False) -> None:
        self._numbers = range(1, count + 1)
        self._listen = listen
        self._watchdog_s = watchdog_s
        self._are_mute = are_mute
        self._listener: socket.socket | None = None
        self._fail: threads.Fail
        # Guards what follows, and tells of every change of a worker.
        self._changed = threading.Condition()
        self._workers: set[WorkerProcess] = set()       # those that have not ended
        self._places: dict[int, WorkerProcess] = {}
        # Whoever fills a place holds its lock.
        self._filling = {number: threading.Lock() for number in self._numbers}
        self._backoffs = {number: Backoff() for number in self._numbers}
        self._answers: list[Answer] = []
        self._stopping = threading.Event()

    # What service.serve() calls.

    def start(self, fail: threads.Fail) -> None:
        """Return once all workers serve.

        The first one shows whether one can: what keeps it from serving is said once, and not once for each.

        :raises ConfigurationError: the address cannot be had, or a worker cannot start
        """
        self._fail = fail
        self._listener = self._listen()
        threads.start('workers', self._look_after, fail, is_stopping=lambda: False)
        try:
            with contextlib.ExitStack() as filling:     # a SIGHUP that comes early waits
                for lock in self._filling.values():
                    filling.enter_context(lock)
                self._fill(self._numbers[:1])
                self._fill(self._numbers[1:])
        except WorkerFailed as error:
            self._give_up()
            raise exception.ConfigurationError(reason=str(error)) from None
        LOG.info('%d workers serve: %s', len(self._places),
                 ', '.join(f'pid {worker.pid}' for _, worker in sorted(self._places.items())))

    def pulses(self) -> Sequence[Pulse]:
        """See systemd.HasPulses. The workers' own go to this process, which replaces the one that hangs."""
        return [Pulse('watch over the workers', self._answers.append)]

    def sessions(self) -> int:
        """See systemd.HasSessions."""
        with self._changed:
            return sum(worker.sessions for worker in self._workers)

    def stop(self, hurry: threading.Event) -> None:
        """Have all workers stop, and wait for them."""
        with self._changed:
            self._stopping.set()
        self._close_listener()
        self._order(Order.STOP, self._everybody())
        self._wait_for_ends(hurry)
        if self._everybody():
            self._order(Order.HURRY, self._everybody())
            self._wait_for_ends(threading.Event(), _HURRY_S)
        for worker in self._everybody():
            LOG.error('%s does not end: it is killed', worker)
            worker.kill()

    # What signals ask for.

    def reload(self) -> None:
        """Replace the workers, one after the other: each leaves when its successor serves.

        Those that were replaced before, and still have sessions, may go on for drain_timeout.
        """
        self._order(Order.STOP, self._retired())
        for number in self._numbers:
            with self._filling[number]:
                try:
                    successor = self._start_and_wait([number])[0]
                except WorkerFailed as error:
                    if not self._stopping.is_set():
                        LOG.error('The workers from number %d on are not replaced: %s', number, error)
                    return
                replaced = self._install(successor)
                if replaced is not None:
                    replaced.order(Order.RETIRE)
        LOG.info('All workers have been replaced')

    def signal(self, number: int) -> None:
        """Pass a signal on, to those that heed signals already."""
        for worker in self._everybody():
            if worker.is_ready:
                worker.signal(number)

    # Places and who fills them.

    def _fill(self, numbers: Iterable[int]) -> None:
        for worker in self._start_and_wait(numbers):
            self._install(worker)

    def _start_and_wait(self, numbers: Iterable[int]) -> list[WorkerProcess]:
        """Start a worker for each place at once and return them when they serve.

        :raises WorkerFailed: one has ended before
        """
        started = [self._start_one(number) for number in numbers]
        with self._changed:
            for worker in started:
                while not worker.is_ready and worker in self._workers:
                    self._changed.wait()
                if not worker.is_ready:
                    raise WorkerFailed(worker.refusal or f'{worker} {worker.end} before it was ready')
        return started

    def _start_one(self, number: int) -> WorkerProcess:
        with self._changed:
            if self._stopping.is_set() or self._listener is None:
                raise WorkerFailed('the service stops')
            try:
                worker = WorkerProcess(number, self._listener, self._watchdog_s, self._are_mute)
            except OSError as error:
                raise WorkerFailed(f'Worker {number} cannot be started: {error}') from None
            self._workers.add(worker)
        threads.start(f'worker-{number}', lambda: self._follow(worker), self._fail)
        return worker

    def _install(self, worker: WorkerProcess) -> WorkerProcess | None:
        """Give a worker that serves its place; return who had it, if he is still there."""
        with self._changed:
            before = self._places.get(worker.number)
            self._places[worker.number] = worker
            is_there = worker in self._workers
        if not is_there:    # it ended before it had the place, and _follow() found nothing to replace
            threads.start(f'worker-{worker.number}', lambda: self._replace(worker), self._fail)
        return before

    def _follow(self, worker: WorkerProcess) -> None:
        """Listen to a worker until its end; then, if it had a place, see to it that another one gets it."""
        for message in worker.messages():
            with self._changed:
                worker.take(message)
                is_wanted = self._is_wanted(worker)
                self._changed.notify_all()
            if message == channel.STOPPING and is_wanted:
                LOG.info('%s has been told to stop by somebody else', worker)
                threads.start(f'worker-{worker.number}', lambda: self._replace(worker), self._fail)
        worker.wait()
        with self._changed:
            is_wanted = self._is_wanted(worker) and not worker.is_leaving
            self._workers.discard(worker)
            self._changed.notify_all()
        if is_wanted:
            LOG.error('%s %s after %d s; of its sessions, %d when it last told, none is left. Another worker takes its '
                      'place.', worker, worker.end, worker.lived_s(), worker.sessions)
            self._replace(worker)
        elif worker.is_ready:
            LOG.info('%s %s', worker, worker.end)

    def _is_wanted(self, worker: WorkerProcess) -> bool:
        return self._places.get(worker.number) is worker and not self._stopping.is_set()

    def _replace(self, lost: WorkerProcess) -> None:
        """Fill the place of a worker that leaves or has ended, until that is done or the service stops."""
        number, backoff = lost.number, self._backoffs[lost.number]
        pause_s = 0.0 if lost.is_leaving else backoff.pause_s(lost.lived_s())
        while True:
            if pause_s:
                LOG.warning('Worker %d is started again in %d s: it has failed %d times in a row', number, pause_s,
                            backoff.failures)
            if self._stopping.wait(pause_s):
                return
            with self._filling[number]:
                if self._places[number] is not lost:
                    return  # a reload has filled it
                try:
                    self._install(self._start_and_wait([number])[0])
                    return
                except WorkerFailed as error:
                    if self._stopping.is_set():
                        return
                    LOG.error('%s', error)
            pause_s = backoff.pause_s(0)
            if backoff.failures >= _MOST_FAILURES and not self._does_anybody_serve():
                self._fail(f'None of the {len(self._numbers)} workers can be kept running')
                return

    def _does_anybody_serve(self) -> bool:
        with self._changed:
            return any(worker in self._workers and not worker.is_leaving for worker in self._places.values())

    # All workers.

    def _look_after(self) -> None:
        last_s = time.monotonic()
        while True:
            time.sleep(_ROUND_S)
            while self._answers:
                self._answers.pop()()
            was_late = time.monotonic() - last_s > _LATE_ROUND_S
            last_s = time.monotonic()
            for worker in self._everybody():
                if was_late:
                    worker.show_patience()
                self._end_if_silent(worker)

    def _end_if_silent(self, worker: WorkerProcess) -> None:
        silent_s = worker.silent_s()
        if silent_s is not None:
            LOG.error('%s has given no sign of life for %d s: it is killed', worker, silent_s)
            worker.kill()

    def _everybody(self) -> list[WorkerProcess]:
        with self._changed:
            return list(self._workers)

    def _retired(self) -> list[WorkerProcess]:
        with self._changed:
            return [worker for worker in self._workers if worker.is_retired]

    def _order(self, order: Order, workers: Iterable[WorkerProcess]) -> None:
        for worker in workers:
            worker.order(order)

    def _wait_for_ends(self, hurry: threading.Event, timeout_s: float | None = None) -> None:
        end = None if timeout_s is None else time.monotonic() + timeout_s
        while self._everybody() and not hurry.is_set() and (end is None or time.monotonic() < end):
            hurry.wait(_ROUND_S / 10)

    def _give_up(self) -> None:
        with self._changed:
            self._stopping.set()
        self._close_listener()
        for worker in self._everybody():
            worker.kill()
        self._wait_for_ends(threading.Event(), _HURRY_S)

    def _close_listener(self) -> None:
        with self._changed, contextlib.suppress(OSError):
            if self._listener is not None:
                self._listener.close()
