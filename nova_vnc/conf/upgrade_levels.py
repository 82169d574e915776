# SPDX-License-Identifier: Apache-2.0
"""[upgrade_levels]: which version of a contract to speak while releases are mixed."""

from __future__ import annotations

from oslo_config import cfg

GROUP = cfg.OptGroup('upgrade_levels', title='Upgrade levels options')

OPTS: list[cfg.Opt] = [
    cfg.StrOpt(
        'compute',
        help="""
Newest version of the compute RPC contract to send.

Unset or ``auto``: 5.0, and 4.0 to a host that does not know it, which is remembered for each host. A version such as
``4.0`` or the name of a release caps it.
"""),
]


def register_opts(conf: cfg.ConfigOpts) -> None:
    conf.register_group(GROUP)
    conf.register_opts(OPTS, group=GROUP)


def list_opts() -> list[tuple[str, list[cfg.Opt]]]:
    return [(GROUP.name, OPTS)]
