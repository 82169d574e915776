# SPDX-License-Identifier: Apache-2.0
"""Who on the bus knows our namespace `nova_vnc`.

Nova's own services refuse it with a traceback in their log, so each is asked once, and not again for a day. What was
learnt is kept in the memory of the process alone: a restart asks anew, which is also the way to have a service noticed
sooner that has been replaced.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from nova_vnc.net.deadline import Deadline
from nova_vnc.rpc import caller, expiring

T = TypeVar('T')

ASK_AGAIN_S = 24 * 60 * 60.0

# Whoever does not know the namespace refuses at once, and is heard within a second where its replies need an exchange
# first (reply_exchange). So a longer wait is for what is asked: a host that hangs, say.
_PATIENCE_S = 1.5


class Extensions:
    """Thread-safe.

    :param is_asked: False: nobody is ever asked
    :param clock: seconds
    :param patience_s: for how long the rest waits for the first one to ask
    :param ask_again_s: for how long it is remembered what the others know
    """

    def __init__(self, is_asked: bool = True, clock: Callable[[], float] = time.monotonic,
                 patience_s: float = _PATIENCE_S, ask_again_s: float = ASK_AGAIN_S) -> None:
        self._is_asked = is_asked
        self._patience_s = patience_s
        self._lock = threading.Lock()
        self._asking: dict[str, threading.Event] = {}
        self._with = expiring.ExpiringSet(ask_again_s, clock)
        self._without = expiring.ExpiringSet(ask_again_s, clock)

    def call(self, other: str, ask: Callable[[], T], deadline: Deadline,
             probe: Callable[[], object] | None = None) -> T:
        """Return what ask() returns, which calls a method of our namespace.

        While it is not known what the other one knows, one caller asks, and the rest wait a moment for what he learns.

        :param other: a name for whom is asked
        :param probe: calls a method of our namespace that is answered at once. He asks that first, where ask() may take
            its time, so that nobody waits for what concerns him alone
        :raises UnknownMethod: it does not know the namespace; said without asking, once that is known
        """
        if self._begin(other, deadline):
            try:
                if probe is None:
                    return self._learn(other, ask)
                with contextlib.suppress(caller.NoAnswer):
                    self._learn(other, probe)
            finally:
                self._end(other)
        return self._learn(other, ask)

    def _learn(self, other: str, ask: Callable[[], T]) -> T:
        try:
            answer = ask()
        except caller.UnknownMethod:
            self._without.add(other)
            self._with.discard(other)
            raise
        except (caller.NoAnswer, caller.NotAsked):
            raise
        except Exception:
            self._note_known(other)
            raise
        self._note_known(other)
        return answer

    def are_known_to(self, other: str) -> bool:
        """Tell whether it is known that the other one knows our namespace."""
        return other in self._with

    def may_be_known_to(self, other: str) -> bool:
        """Tell whether the other one is worth asking."""
        return self._is_asked and other not in self._without

    def _note_known(self, other: str) -> None:
        if other not in self._with:
            self._with.add(other)

    def _begin(self, other: str, deadline: Deadline) -> bool:
        """Return whether all others wait for this call."""
        while True:
            with self._lock:
                if not self._is_asked or other in self._without:
                    raise caller.UnknownMethod(other, 'our namespace')
                if other in self._with:
                    return False
                asking = self._asking.get(other)
                if asking is None:
                    self._asking[other] = threading.Event()
                    return True
            if not asking.wait(min(deadline.remaining(), self._patience_s)):
                return False

    def _end(self, other: str) -> None:
        with self._lock:
            self._asking.pop(other).set()
