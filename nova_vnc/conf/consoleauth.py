# SPDX-License-Identifier: Apache-2.0
"""[consoleauth]: the keeper of tokens and of the instance directory."""

from __future__ import annotations

from oslo_config import cfg

GROUP = cfg.OptGroup('consoleauth', title='Console auth options')

OPTS: list[cfg.Opt] = [
    cfg.IntOpt(
        'token_ttl',
        default=600,
        min=0,
        deprecated_group='DEFAULT',
        deprecated_name='console_token_ttl',
        help="""
How long a console URL can be used to open sessions, in seconds; 0 makes it expire at once.

A session that is open when its token expires goes on.
"""),
    cfg.BoolOpt(
        'enforce_session_timeout',
        default=False,
        help="""
End a session when its token expires. Not available yet: a proxy with this option logs a warning.
"""),
    cfg.StrOpt(
        'token_store',
        default='auto',
        choices=[
            ('auto', 'database'),
            ('database', 'The table console_auth_tokens of the database'),
            ('cache', 'memcached, Redis or etcd, as ``[cache]`` says; see the documentation on what that means'),
        ],
        help="""
Where nova-consoleauth keeps tokens. The token itself is stored nowhere, only its SHA-256.
"""),
    cfg.StrOpt(
        'instance_directory',
        default='auto',
        choices=[
            ('auto', 'reported'),
            ('reported', 'What the nova-vnc-compute services report'),
        ],
        help="""
Where nova-consoleauth learns which VMs there are, whose they are and on which host.
"""),
    cfg.IntOpt(
        'host_stale_after',
        default=180,
        min=1,
        help="""
A compute host that has reported nothing for this many seconds counts as silent, and its VMs may be claimed by others.

Keep it at twice ``[compute]report_interval`` or more.

Related options:

* ``host_unknown_after``
"""),
    cfg.IntOpt(
        'host_unknown_after',
        default=1800,
        min=0,
        help="""
A compute host that has reported nothing for this many seconds counts as gone: the status of its VMs is shown as
UNKNOWN, and a VM that another host has taken over meanwhile does not go back to it by itself. 0 waits for it for ever.

It counts from ``host_stale_after`` seconds on, if that is longer. A host that was taken out of service for good is
removed by ``nova-vnc-manage host forget``.
"""),
]


def register_opts(conf: cfg.ConfigOpts) -> None:
    conf.register_group(GROUP)
    conf.register_opts(OPTS, group=GROUP)


def list_opts() -> list[tuple[str, list[cfg.Opt]]]:
    return [(GROUP.name, OPTS)]
