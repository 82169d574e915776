# SPDX-License-Identifier: Apache-2.0
"""[consoleauth], and [DEFAULT]: the keeper of tokens and of the instance directory."""

from __future__ import annotations

from oslo_config import cfg

GROUP = cfg.OptGroup('consoleauth', title='Console auth options')

DEFAULT_OPTS: list[cfg.Opt] = [
    cfg.IntOpt(
        'instance_delete_interval',
        default=300,
        help="""
Seconds between two removals of expired tokens from the store; 0 means 60. A negative number switches them off, as it
does in Nova: an expired token is refused all the same, and stays in the store.
"""),
]

OPTS: list[cfg.Opt] = [
    cfg.IntOpt(
        'token_ttl',
        default=600,
        min=0,
        deprecated_group='DEFAULT',
        deprecated_name='console_token_ttl',
        help="""
How long a console URL can be used to open sessions, in seconds; 0 makes it expire at once.

A session that is open when its token expires goes on, unless ``enforce_session_timeout`` says otherwise.
"""),
    cfg.BoolOpt(
        'enforce_session_timeout',
        default=False,
        help="""
End a session when its token expires, ``token_ttl`` seconds after the link was made.

nova-novncproxy warns the user 60 seconds before, on its own console page, and closes with the code 4440. The name of
the console, which is the title of every page, tells the time of the end. Asked of a nova-consoleauth of Nova's, which
does not tell when a token expires, it is the proxy's own ``token_ttl`` that counts. The clocks of the hosts of
nova-consoleauth and nova-novncproxy must agree.
"""),
    cfg.StrOpt(
        'token_store',
        default='auto',
        choices=[
            ('auto', "cache where ``[cache]enabled`` is set and the database is not Nova's, else database"),
            ('database', "The table console_auth_tokens of the database: our own, or that of a cell of Nova's"),
            ('cache', 'memcached, Redis or etcd, as ``[cache]`` says; see the documentation on what that means'),
        ],
        help="""
Where nova-consoleauth keeps tokens. The token itself is stored nowhere, only its SHA-256.

Related options:

* ``[database]connection``
* ``instance_directory``
"""),
    cfg.StrOpt(
        'instance_directory',
        default='auto',
        choices=[
            ('auto', "nova where [database]connection leads to Nova's tables, else reported"),
            ('nova', "The table instances of a cell of Nova's, which is only read"),
            ('reported', 'What the nova-vnc-compute services report'),
        ],
        help="""
Where nova-consoleauth learns which VMs there are, whose they are and on which host.

Where ``[api_database]connection`` maps cells, and both this and ``token_store`` are ``auto``, the databases of all
cells are used, and ``[database]connection`` is not.

While the database is away, ``auto`` waits for it: what it holds decides. Nova's cell0, which files for nova-api name in
``[database]connection``, is refused.

Related options:

* ``[api_database]connection``
* ``[database]connection``
* ``[DEFAULT]instance_name_template``
"""),
    cfg.StrOpt(
        'compute_extensions',
        default='auto',
        choices=[
            ('auto', 'Ask each compute host once whether it knows the methods of this project'),
            ('never', "Send Nova's own methods only"),
        ],
        help="""
Whether nova-consoleauth finds out which hosts run nova-vnc-compute. Those compare the address of a console with the
one in the token, where Nova's own compute service compares the port alone.

Nova's own nova-compute refuses the question with a traceback in its log, so each host is asked once in a day at most,
and once after a start of nova-consoleauth, which keeps what it learns in its memory only. A host that does not answer
is asked again. Where every host runs nova-compute, ``never`` spares that.
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
    conf.register_opts(DEFAULT_OPTS)
    conf.register_opts(OPTS, group=GROUP)


def list_opts() -> list[tuple[str, list[cfg.Opt]]]:
    return [('DEFAULT', DEFAULT_OPTS), (GROUP.name, OPTS)]
