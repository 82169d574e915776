# SPDX-License-Identifier: Apache-2.0
"""All databases that a process has open."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator

from nova_vnc.db.engine import Database


class Databases:
    """Thread-safe."""

    def __init__(self) -> None:
        self._by_key: dict[str, Database] = {}
        self._lock = threading.Lock()

    def get(self, key: str, build: Callable[[], Database]) -> Database:
        """Return the database of this key, which is built when it is first asked for."""
        with self._lock:
            if key not in self._by_key:
                self._by_key[key] = build()
            return self._by_key[key]

    def all(self) -> list[Database]:
        with self._lock:
            return list(self._by_key.values())

    @contextlib.contextmanager
    def shared_reads(self) -> Iterator[None]:
        """Database.shared_reads() of each of them."""
        with contextlib.ExitStack() as stack:
            for database in self.all():
                stack.enter_context(database.shared_reads())
            yield

    def close(self) -> None:
        for database in self.all():
            database.close()
