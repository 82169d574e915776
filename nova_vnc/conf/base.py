# SPDX-License-Identifier: Apache-2.0
"""[DEFAULT]: what every service reads."""

from __future__ import annotations

import socket

from oslo_config import cfg

OPTS: list[cfg.Opt] = [
    cfg.HostDomainOpt(
        'host',
        default=socket.gethostname(),
        sample_default='<current_hostname>',
        help="""
Name of this host among the compute services.

nova-vnc-compute listens for messages under this name and reports its VMs under it. It must be unique in the cloud and
stay the same over restarts. It need not be a name that resolves.
"""),
    cfg.StrOpt(
        'state_path',
        default='/var/lib/nova',
        help="""
Directory in which a service keeps what must outlive a restart.

nova-consoleauth keeps its own SQLite database there when neither ``[database]connection`` nor a cache is configured.
"""),
    cfg.StrOpt(
        'instance_name_template',
        default='instance-%08x',
        help="""
How Nova names VMs in their hypervisor, made of their number in its database, or of columns such as ``%(uuid)s``.

nova-consoleauth uses it where the instance directory is Nova's table, which does not hold these names. Keep it as Nova
has it.
"""),
    cfg.StrOpt(
        'concurrency_backend',
        default='auto',
        choices=[
            ('auto', 'The default of the command: eventlet'),
            ('eventlet', 'Green threads of eventlet'),
            ('threading', 'Native threads'),
        ],
        help="""
How a service runs things at the same time.

It is read before all else when a service starts. The environment variable ``OS_NOVA_DISABLE_EVENTLET_PATCHING``, where
it is set, comes first: ``1``, ``true`` and ``yes`` mean native threads, other values eventlet.
"""),
]


def register_opts(conf: cfg.ConfigOpts) -> None:
    conf.register_opts(OPTS)


def list_opts() -> list[tuple[str, list[cfg.Opt]]]:
    return [('DEFAULT', OPTS)]
