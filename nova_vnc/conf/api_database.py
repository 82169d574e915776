# SPDX-License-Identifier: Apache-2.0
"""[api_database]: Nova's API database, which knows all cells."""

from __future__ import annotations

import copy

from oslo_config import cfg
from oslo_db import options as oslo_db_options

GROUP = cfg.OptGroup('api_database', title="Options of Nova's API database", help="""
Where this leads to Nova's API database, one nova-consoleauth serves the consoles of all cells that are mapped there.
""")

# As in Nova (nova.conf.database): a copy of oslo.db's, for an option that two groups have in common can have a
# deprecated name in neither of them alone.
OPTS: list[cfg.Opt] = [copy.deepcopy(option) for option in oslo_db_options.database_opts
                       if option.name != 'use_db_reconnect']


def register_opts(conf: cfg.ConfigOpts) -> None:
    conf.register_group(GROUP)
    conf.register_opts(OPTS, group=GROUP.name)


def list_opts() -> list[tuple[str, list[cfg.Opt]]]:
    return [(GROUP.name, OPTS)]
