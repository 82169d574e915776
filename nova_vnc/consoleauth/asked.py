# SPDX-License-Identifier: Apache-2.0
"""Asking databases of which one may be away, without waiting for it at the cost of the others.

Whoever asks waits for so long and no longer. One that has not answered is asked by one caller at a time from then on,
and everybody else is told at once, until it answers again.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent import futures
from typing import TypeVar

from oslo_log import log as logging

from nova_vnc import exception
from nova_vnc.net.deadline import Deadline
from nova_vnc.rpc import background

LOG = logging.getLogger(__name__)

T = TypeVar('T')

# What a healthy database answers in milliseconds. Checking a token takes up to three such answers, and that of a
# compute host, in the 8 s that the proxy waits.
ANSWER_S = 2.0


class Asked:
    """One database; thread-safe.

    :param name: how messages call it
    :param answer_s: how long it is waited for
    :param without: what follows while it does not answer, for the log
    """

    def __init__(self, name: str, answer_s: float = ANSWER_S, without: str = '') -> None:
        self._name = name
        self._without = without
        self._answer_s = answer_s
        self._lock = threading.Lock()
        self._is_away = False
        self._is_tried = False

    @property
    def is_away(self) -> bool:
        """Whether it has not answered when it was asked last."""
        return self._is_away

    def ask(self, work: Callable[[], T]) -> T:
        """Return what work returns.

        :raises StoreUnavailable: as work does; or it takes too long, or is known not to answer
        """
        return self.result(self.begin(work), Deadline(self._answer_s))

    def begin(self, work: Callable[[], T]) -> futures.Future[T]:
        """Start work in a thread of its own; result() has what comes of it."""
        with self._lock:
            if self._is_away and self._is_tried:
                refused: futures.Future[T] = futures.Future()
                refused.set_exception(self._unavailable())
                return refused
            is_try = self._is_tried = self._is_away
        answer = background.start(lambda: self._run(work), 'ask-cell')
        if is_try:
            answer.add_done_callback(lambda _: self._end_try())     # also where there was no thread for it
        return answer

    def result(self, answer: futures.Future[T], deadline: Deadline) -> T:
        """Return what the work has returned.

        :raises StoreUnavailable: as ask()
        """
        try:
            return answer.result(deadline.remaining())
        except futures.TimeoutError:
            pass
        self._learn('it takes too long')
        raise self._unavailable()

    def _run(self, work: Callable[[], T]) -> T:
        failure: exception.StoreUnavailable | None = None
        try:
            return work()
        except exception.StoreUnavailable as error:
            failure = error
        finally:
            if failure is None:     # other errors are answers too
                self._learn(None)
        self._learn(str(failure.kwargs['reason']))
        raise failure

    def _learn(self, reason: str | None) -> None:
        """:param reason: why it did not answer; None: it did"""
        with self._lock:
            was_away, self._is_away = self._is_away, reason is not None
        if reason is not None and not was_away:
            LOG.warning('%s does not answer: %s. %s', self._name, reason, self._without)
        if reason is None and was_away:
            LOG.info('%s answers again', self._name)

    def _end_try(self) -> None:
        with self._lock:
            self._is_tried = False

    def _unavailable(self) -> exception.StoreUnavailable:
        return exception.StoreUnavailable(reason=f'{self._name} does not answer')
