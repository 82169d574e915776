# SPDX-License-Identifier: Apache-2.0
"""The options, one module a group.

Names, groups, types, defaults and the deprecated names that are still accepted are Nova's, so that one nova.conf
serves both. register_opts() takes the ConfigOpts object that the command made; below a service's factory there are
plain arguments only.
"""

from __future__ import annotations

import types

from oslo_config import cfg

from nova_vnc.conf import (
    api,
    api_database,
    base,
    compute,
    console,
    consoleauth,
    interpolation,
    libvirt,
    novncproxy,
    oslo_reports,
    upgrade_levels,
    vnc,
    web,
    wsgi,
)

MODULES: tuple[types.ModuleType, ...] = (
    api, api_database, base, compute, console, consoleauth, interpolation, libvirt, novncproxy, oslo_reports,
    upgrade_levels, vnc, web, wsgi)


def register_opts(conf: cfg.ConfigOpts) -> None:
    for module in MODULES:
        group: cfg.OptGroup | None = getattr(module, 'GROUP', None)
        if group is not None:
            # oslo.config's own copy of a group shares its values with the original, and so with every other conf
            # object of the process.
            conf.register_group(cfg.OptGroup(group.name, title=group.title))
        module.register_opts(conf)
