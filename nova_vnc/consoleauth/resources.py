# SPDX-License-Identifier: Apache-2.0
"""What the drivers of the stores and of the directory are made from."""

from __future__ import annotations

from oslo_config import cfg

from nova_vnc.db import factory as db_factory
from nova_vnc.db.databases import Databases
from nova_vnc.db.engine import Database


class Resources:
    """The options, and what several drivers share. Drivers see it while they are built and never later.

    :ivar databases: all that drivers have asked for
    """

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        self.conf = conf
        self.databases = Databases()

    def database(self, url: str | None = None) -> Database:
        """Return the database at a URL, the same one for all who ask for it; it is not connected yet.

        :param url: default: that of [database]connection, or the file of our own where the option is unset
        :raises ConfigurationError: the URL or [database] cannot be understood
        """
        return self.databases.get(url or '', lambda: db_factory.build_database(self.conf, url))
