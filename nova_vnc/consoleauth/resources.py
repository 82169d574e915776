# SPDX-License-Identifier: Apache-2.0
"""What the drivers of the stores and of the directory are made from."""

from __future__ import annotations

import threading

from oslo_config import cfg

from nova_vnc.db import factory as db_factory
from nova_vnc.db.engine import Database


class Resources:
    """The options, and what several drivers share. Drivers see it while they are built and never later."""

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        self.conf = conf
        self._database: Database | None = None
        self._lock = threading.Lock()

    def database(self) -> Database:
        """Return the one database of this process; it is not connected yet.

        :raises ConfigurationError: [database] cannot be understood
        """
        with self._lock:
            if self._database is None:
                self._database = db_factory.build_database(self.conf)
            return self._database

    def used_database(self) -> Database | None:
        """Return the database if any driver asked for it."""
        return self._database
