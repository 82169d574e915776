# SPDX-License-Identifier: Apache-2.0
"""Questions that come while others are under way travel together, in one message.

The first one goes out at once, so that whoever asks alone waits no longer for it. Whoever asks while as many messages
are under way as may be waits for one of them to be answered; then one of those who wait sends a message for all of
them. Nobody has a thread for it but those who ask. Knows neither bus nor time: who sends bounds how long that takes.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from nova_vnc.net.deadline import Deadline

Q = TypeVar('Q')
A = TypeVar('A')

# Two, so that one that takes its time does not hold up all. With more of them fewer questions share a message.
_MAX_UNDER_WAY = 2
# Who was in no message for so long asks alone: whatever holds up the messages holds up nobody for longer.
_PATIENCE_S = 0.25


class _Asked(Generic[Q, A]):
    """One who asks. batch: what he is to send, for himself and others."""

    def __init__(self, question: Q) -> None:
        self.question = question
        self.answer: A | None = None
        self.batch: list[_Asked[Q, A]] | None = None
        self.news = threading.Event()       # there is a batch for him, or his answer


class Gathering(Generic[Q, A]):
    """Thread-safe.

    :param send: returns the answers to questions in their order, None to those that are to be asked alone; what it
        raises makes all of them so
    :param most: questions in a message
    """

    def __init__(self, send: Callable[[Sequence[Q]], Sequence[A | None]], most: int, *,
                 max_under_way: int = _MAX_UNDER_WAY, patience_s: float = _PATIENCE_S) -> None:
        self._send = send
        self._most = most
        self._max_under_way = max_under_way
        self._patience_s = patience_s
        self._lock = threading.Lock()
        self._under_way = 0
        self._waiting: list[_Asked[Q, A]] = []      # empty while fewer are under way than may be

    def ask(self, question: Q, deadline: Deadline) -> A | None:
        """Return the answer, or None: there was none with the others, and it is to be asked alone."""
        own: _Asked[Q, A] = _Asked(question)
        with self._lock:
            if self._under_way < self._max_under_way:
                self._under_way += 1
                own.batch = [own]
            else:
                self._waiting.append(own)
        if own.batch is None and not own.news.wait(min(self._patience_s, deadline.remaining())) \
                and not self._is_taken(own):
            return None
        if own.batch is None:
            own.news.wait(deadline.remaining())
        if own.batch is not None:
            self._lead(own.batch)
        return own.answer

    def _is_taken(self, own: _Asked[Q, A]) -> bool:
        """Tell whether somebody, perhaps he himself, has him in his batch; from now on nobody will."""
        with self._lock:
            if own not in self._waiting:
                return True
            self._waiting.remove(own)
            return False

    def _lead(self, batch: list[_Asked[Q, A]]) -> None:
        try:
            for asked, answer in zip(batch, self._send([asked.question for asked in batch]), strict=True):
                asked.answer = answer
        except Exception:
            # Each asks alone, and is told what is wrong then.
            for asked in batch:
                asked.answer = None
        finally:
            self._pass_on()
            for asked in batch:
                asked.news.set()

    def _pass_on(self) -> None:
        """Let the next one send for those who wait."""
        with self._lock:
            batch, self._waiting = self._waiting[:self._most], self._waiting[self._most:]
            if not batch:
                self._under_way -= 1
                return
            batch[0].batch = batch
        batch[0].news.set()
