# SPDX-License-Identifier: Apache-2.0
"""[DEFAULT]: options of Nova's that nothing here reads, but that the values of others refer to, as in `$my_ip`.

A value that refers to an option which is not registered cannot be read at all.
"""

from __future__ import annotations

import os
import sys

from oslo_config import cfg
from oslo_utils import netutils

import nova_vnc

OPTS: list[cfg.Opt] = [
    cfg.StrOpt(
        'my_ip',
        default=netutils.get_my_ipv4(),
        sample_default='<host_ipv4>',
        help="""
Address of this host on the management network, for other options to refer to: ``server_proxyclient_address = $my_ip``.
"""),
    cfg.StrOpt(
        'my_block_storage_ip',
        default='$my_ip',
        help="""
Address of this host on the network of block storage. Only for other options to refer to.
"""),
    cfg.StrOpt(
        'my_shared_fs_storage_ip',
        default='$my_ip',
        help="""
Address of this host on the network of shared file systems. Only for other options to refer to.
"""),
    cfg.StrOpt(
        'pybasedir',
        default=os.path.dirname(os.path.dirname(os.path.abspath(nova_vnc.__file__))),
        sample_default='<Path>',
        help="""
Directory in which the Python package of this project lies. Only for other options to refer to.
"""),
    cfg.StrOpt(
        'bindir',
        default=os.path.join(sys.prefix, 'local', 'bin'),
        sample_default='<Path>',
        help="""
Directory of Nova's commands. Only for other options to refer to.
"""),
    cfg.StrOpt(
        'instances_path',
        default='$state_path/instances',
        help="""
Directory of Nova's VMs on this host. Only for other options to refer to.
"""),
]


def register_opts(conf: cfg.ConfigOpts) -> None:
    conf.register_opts(OPTS)


def list_opts() -> list[tuple[str, list[cfg.Opt]]]:
    return [('DEFAULT', OPTS)]
