# SPDX-License-Identifier: Apache-2.0
"""Equal questions that are under way at once are asked once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from concurrent import futures
from typing import Generic, TypeVar

from nova_vnc.rpc import background

T = TypeVar('T')


class SharedCalls(Generic[T]):
    """Thread-safe. Nothing is kept of a question that has its answer.

    :param name: of the threads that ask, where there are any
    """

    def __init__(self, name: str = 'shared-call') -> None:
        self._name = name
        self._lock = threading.Lock()
        self._under_way: dict[Hashable, futures.Future[T]] = {}

    def join(self, key: Hashable, ask: Callable[[], T]) -> futures.Future[T]:
        """Return the answer to come: to the question under way, or else to one that is asked now.

        :param ask: runs in a thread of its own and must end by itself; whoever waits may give up before
        """
        with self._lock:
            others = self._under_way.get(key)
            if others is not None:
                return others
            own = self._under_way[key] = background.start(ask, self._name)
        own.add_done_callback(lambda _: self._forget(key))
        return own

    def ask(self, key: Hashable, ask: Callable[[], T], timeout_s: float) -> T:
        """Return the answer to the question under way, or else to this one, which is asked in this very thread.

        :param ask: must end by itself, within timeout_s
        :raises TimeoutError: the question under way has no answer in time
        """
        with self._lock:
            others = self._under_way.get(key)
            own = self._under_way.setdefault(key, futures.Future())
        if others is not None:
            return others.result(timeout_s)
        try:
            answer = ask()
        except BaseException as error:
            self._forget(key)
            own.set_exception(error)
            del own     # else the error holds this frame, and through it the future the error
            raise
        self._forget(key)
        own.set_result(answer)
        return answer

    def _forget(self, key: Hashable) -> None:
        with self._lock:
            del self._under_way[key]
