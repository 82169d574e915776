# SPDX-License-Identifier: Apache-2.0
"""[DEFAULT] and [compute]: what nova-vnc-compute runs and reports."""

from __future__ import annotations

from oslo_config import cfg

GROUP = cfg.OptGroup('compute', title='Compute manager options')

DEFAULT_OPTS: list[cfg.Opt] = [
    cfg.StrOpt(
        'compute_driver',
        default='libvirt.LibvirtDriver',
        help="""
Driver of the hypervisor.

Possible values:

* ``libvirt.LibvirtDriver``
* ``demo``: no hypervisor, one guest of the service's own, whose screen shows a clock and the words typed into it
"""),
]

OPTS: list[cfg.Opt] = [
    cfg.IntOpt(
        'report_interval',
        default=60,
        min=1,
        help="""
Seconds between two full reports of this host's VMs to nova-consoleauth. A VM that starts, stops, arrives or leaves is
reported at once.

Related options:

* ``[consoleauth]host_stale_after`` of nova-consoleauth
* ``report_instances``
"""),
    cfg.StrOpt(
        'report_instances',
        default='auto',
        choices=[
            ('auto', 'To a nova-consoleauth of this project, and to no other'),
            ('never', 'To nobody'),
        ],
        help="""
Whether the VMs of this host are reported to nova-consoleauth.

Nova's own nova-consoleauth refuses each report with a traceback in its log. So nova-vnc-compute asks at its start
which one there is, and asks again: every five minutes while reports are taken, and every hour, at the price of one such
traceback, while they are not. A nova-consoleauth that has been replaced is noticed within that time, or at once by a
restart of nova-vnc-compute.
"""),
]


def register_opts(conf: cfg.ConfigOpts) -> None:
    conf.register_group(GROUP)
    conf.register_opts(DEFAULT_OPTS)
    conf.register_opts(OPTS, group=GROUP)


def list_opts() -> list[tuple[str, list[cfg.Opt]]]:
    return [('DEFAULT', DEFAULT_OPTS), (GROUP.name, OPTS)]
