# SPDX-License-Identifier: Apache-2.0
"""[libvirt]: how nova-vnc-compute reaches the hypervisor."""

from __future__ import annotations

from oslo_config import cfg

GROUP = cfg.OptGroup('libvirt', title='Libvirt options')

OPTS: list[cfg.Opt] = [
    cfg.StrOpt(
        'connection_uri',
        default='',
        help="""
URI of the libvirt daemon, as ``virsh -c`` takes it; empty means ``qemu:///system``.
"""),
    cfg.StrOpt(
        'virt_type',
        default='kvm',
        choices=('kvm', 'lxc', 'qemu', 'parallels', 'xen', 'uml'),
        help="""
Kind of the domains. It only changes the URI that an empty ``connection_uri`` means: ``lxc:///``,
``parallels:///system``, and ``xen:///system`` and ``uml:///system`` of Nova's earlier releases.
"""),
]


def register_opts(conf: cfg.ConfigOpts) -> None:
    conf.register_group(GROUP)
    conf.register_opts(OPTS, group=GROUP)


def list_opts() -> list[tuple[str, list[cfg.Opt]]]:
    return [(GROUP.name, OPTS)]
