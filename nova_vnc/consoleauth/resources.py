# SPDX-License-Identifier: Apache-2.0
"""What the drivers of the stores and of the directory are made from."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from oslo_config import cfg

from nova_vnc.db import factory as db_factory
from nova_vnc.db.databases import Databases
from nova_vnc.db.engine import Database


class Closable(Protocol):
    def close(self) -> None: ...


T = TypeVar('T', bound=Closable)


class Resources:
    """The options, and what several drivers share. Drivers see it while they are built and never later.

    :ivar databases: all that drivers have asked for
    """

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        self.conf = conf
        self.databases = Databases()
        self._shared: dict[type, Any] = {}
        self._lock = threading.Lock()

    def database(self, url: str | None = None) -> Database:
        """Return the database at a URL, the same one for all who ask for it; it is not connected yet.

        :param url: default: that of [database]connection, or the file of our own where the option is unset
        :raises ConfigurationError: the URL or [database] cannot be understood
        """
        return self.databases.get(url or '', lambda: db_factory.build_database(self.conf, url))

    def shared(self, kind: type[T], build: Callable[[], T]) -> T:
        """Return the one object of a kind, which is built when it is first asked for."""
        with self._lock:
            if kind not in self._shared:
                self._shared[kind] = build()
            return self._shared[kind]

    def close(self) -> None:
        """Let go of all of it."""
        with self._lock:
            shared = list(self._shared.values())
        for one in shared:
            one.close()
        self.databases.close()
