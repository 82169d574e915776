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

Unset or ``auto``: 5.0, and 4.0 to a host that does not know it, which is remembered for each host for a day. A version
such as ``4.0`` or the name of a release, ``kilo`` to ``hibiscus``, caps it.
"""),
    cfg.StrOpt(
        'consoleauth',
        help="""
Newest version of Nova's contract with nova-consoleauth to send.

Unset: 2.1, which Nova knows since Kilo. A version or the name of a release caps it: 2.0 (``icehouse``, ``juno``) and
1.2 (``grizzly``, ``havana``) are sent without the URL of the console. It does not concern the methods of this project's
own nova-consoleauth.
"""),
]


def register_opts(conf: cfg.ConfigOpts) -> None:
    conf.register_group(GROUP)
    conf.register_opts(OPTS, group=GROUP)


def list_opts() -> list[tuple[str, list[cfg.Opt]]]:
    return [(GROUP.name, OPTS)]
