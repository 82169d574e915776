# SPDX-License-Identifier: Apache-2.0
"""All options that our files may hold, those of the libraries too, and their values one by one.

An option whose value it cannot have raises when it is read, and spoils whatever reads all of them at once.
"""

from __future__ import annotations

import copy
import importlib.metadata
import sys
import time
from collections.abc import Iterator
from typing import Any

from oslo_config import cfg

# By these names oslo-config-generator finds them.
NAMESPACES = ('nova_vnc.conf', 'keystonemiddleware.auth_token', 'oslo.cache', 'oslo.db', 'oslo.log',
              'oslo.messaging', 'oslo.middleware.cors', 'oslo.middleware.healthcheck',
              'oslo.middleware.http_proxy_to_wsgi', 'oslo.middleware.sizelimit', 'oslo.policy')
# Of one service each, and large: who does not use them does not load them for the sake of their options.
_LOADED_BY_ITS_USER = {'keystonemiddleware.auth_token': 'keystonemiddleware', 'oslo.policy': 'oslo_policy'}
_ENTRY_POINTS = 'oslo.config.opts'


def list_opts() -> Iterator[tuple[str, cfg.Opt]]:
    """Return group and option of each.

    They are copies, since an option remembers that it has told of its deprecated names.
    """
    for entry in importlib.metadata.entry_points(group=_ENTRY_POINTS):
        library = _LOADED_BY_ITS_USER.get(entry.name)
        if entry.name in NAMESPACES and (library is None or library in sys.modules):
            for group, options in entry.load()():
                for option in options:
                    time.sleep(0)   # copies take their time, in which green threads would wait
                    yield str(getattr(group, 'name', group) or 'DEFAULT'), copy.deepcopy(option)


def register_opts(conf: cfg.ConfigOpts) -> None:
    for group, option in list_opts():
        conf.register_opt(option, None if group == 'DEFAULT' else group)  # noqa: V301 - defined elsewhere


def value_of(conf: cfg.ConfigOpts, group: str, option: cfg.Opt) -> Any:
    """Return the value; where it cannot have it, or is not registered, the error."""
    try:
        return conf[option.dest] if group == 'DEFAULT' else conf[group][option.dest]
    except cfg.Error as error:
        return error
