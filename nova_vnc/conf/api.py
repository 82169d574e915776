# SPDX-License-Identifier: Apache-2.0
"""[DEFAULT] and [api]: the HTTP side of nova-vnc-api."""

from __future__ import annotations

from oslo_config import cfg, types

GROUP = cfg.OptGroup('api', title='API options')

DEFAULT_OPTS: list[cfg.Opt] = [
    cfg.StrOpt(
        'osapi_compute_listen',
        default='0.0.0.0',  # noqa: S104 - Nova's default
        help="""
Address on which nova-vnc-api listens.

With ``[api]auth_strategy = noauth2`` everybody who reaches the service is who he says he is. So with that strategy it
listens on 127.0.0.1 alone, for as long as this option is not set.
"""),
    cfg.PortOpt(
        'osapi_compute_listen_port',
        default=8774,
        min=0,
        help="""
TCP port on which nova-vnc-api listens; 0 picks a free one and logs it.
"""),
    cfg.ListOpt(
        'enabled_ssl_apis',
        item_type=types.String(choices=['osapi_compute', 'metadata']),
        default=[],
        help="""
APIs that are served with TLS. With ``osapi_compute`` in the list nova-vnc-api speaks TLS alone, by the files in [wsgi];
under another WSGI server that one's own settings count.
"""),
]

OPTS: list[cfg.Opt] = [
    cfg.StrOpt(
        'auth_strategy',
        default='keystone',
        choices=[
            ('keystone', 'Tokens of Keystone, which keystonemiddleware looks at: see [keystone_authtoken]'),
            ('noauth2', 'For tests and labs: the token is user:project and is believed'),
        ],
        deprecated_group='DEFAULT',
        help="""
How nova-vnc-api learns who asks.

With ``noauth2`` the header ``X-Auth-Token`` holds ``user:project``; the user ``admin`` is an administrator, and so is
whoever sends a token without a colon, as ``openstack --os-auth-type none`` does.
"""),
    cfg.IntOpt(
        'threads',
        default=100,
        min=1,
        help="""
Most requests that nova-vnc-api answers at once, each process.

It is the number of threads of its own HTTP server. Under another WSGI server, say here how many threads that one has
for each process. A request may wait up to ten seconds for a compute host that does not answer; how many may do so at
once follows from this number: three quarters of it in all, two fifths for one host, and half for one project. One more
is refused with 503 at once, so that other requests always find a thread.
"""),
    cfg.IntOpt(
        'max_limit',
        default=1000,
        min=0,
        deprecated_group='DEFAULT',
        deprecated_name='osapi_max_limit',
        help="""
Most servers that one page of ``GET /servers`` holds; 0 lists none. More than 1000 means 1000: the rest is on the pages
that follow.
"""),
]


def register_opts(conf: cfg.ConfigOpts) -> None:
    conf.register_group(GROUP)
    conf.register_opts(DEFAULT_OPTS)
    conf.register_opts(OPTS, group=GROUP)


def list_opts() -> list[tuple[str, list[cfg.Opt]]]:
    return [('DEFAULT', DEFAULT_OPTS), (GROUP.name, OPTS)]
