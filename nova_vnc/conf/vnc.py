# SPDX-License-Identifier: Apache-2.0
"""[vnc]: where VNC servers and the proxy are, and the security between them."""

from __future__ import annotations

from oslo_config import cfg, types

GROUP = cfg.OptGroup('vnc', title='VNC options')

OPTS: list[cfg.Opt] = [
    cfg.BoolOpt(
        'enabled',
        default=True,
        deprecated_group='DEFAULT',
        deprecated_name='vnc_enabled',
        help="""
Offer VNC consoles for the VMs of this compute host.

Where it is False, nova-vnc-compute answers every request for a console with ConsoleTypeUnavailable.
"""),
    cfg.HostAddressOpt(
        'server_listen',
        default='127.0.0.1',
        deprecated_opts=[cfg.DeprecatedOpt('vncserver_listen', group='DEFAULT'),
                         cfg.DeprecatedOpt('vncserver_listen', group='vnc')],
        help="""
Address on which the hypervisor lets the VNC servers of new VMs listen.

It is used by whoever writes the domain XML, which is nova-compute; nova-vnc-compute reads the address of a running VM
from ``server_proxyclient_address`` and accepts this option so that one nova.conf serves both.

Related options:

* ``[vnc]server_proxyclient_address``
"""),
    cfg.HostAddressOpt(
        'server_proxyclient_address',
        default='127.0.0.1',
        deprecated_opts=[cfg.DeprecatedOpt('vncserver_proxyclient_address', group='DEFAULT'),
                         cfg.DeprecatedOpt('vncserver_proxyclient_address', group='vnc')],
        help="""
Address of this compute host at which nova-novncproxy reaches the VNC servers of its VMs.

Set it on each compute host, to the host's own address on the management network. The default suits only a proxy on
the same machine.

Related options:

* ``[novncproxy]target_networks`` of the proxy must contain it, where that option is set
"""),
    cfg.URIOpt(
        'novncproxy_base_url',
        default='http://127.0.0.1:6080/vnc_auto.html',
        deprecated_group='DEFAULT',
        deprecated_name='novncproxy_base_url',
        help="""
Public address of the console page, as the users' browsers reach it.

It is read on the compute hosts, not by the proxy: the compute service appends the token to it and returns the result as
the user's URL. Query arguments that it holds are kept; a ``path`` among them keeps its own arguments and gets the token
beside them.

Related options:

* ``[vnc]novncproxy_host`` and ``[vnc]novncproxy_port`` of the proxy behind this address
"""),
]

CLI_OPTS: list[cfg.Opt] = [
    cfg.StrOpt(
        'novncproxy_host',
        default='0.0.0.0',  # noqa: S104 - Nova's default: the proxy faces the users' network
        deprecated_group='DEFAULT',
        deprecated_name='novncproxy_host',
        help="""
Address on which nova-novncproxy listens for browsers.

Related options:

* ``[vnc]novncproxy_port``
"""),
    cfg.PortOpt(
        'novncproxy_port',
        default=6080,
        min=0,
        deprecated_group='DEFAULT',
        deprecated_name='novncproxy_port',
        help="""
TCP port on which nova-novncproxy listens for browsers; 0 picks a free one and logs it.

Related options:

* ``[vnc]novncproxy_host``
"""),
    cfg.ListOpt(
        'auth_schemes',
        item_type=types.String(choices=(
            ('none', 'Plain TCP to the VNC server, without authentication'),
            ('vencrypt', 'TLS to the VNC server with certificates on both sides; not available yet'),
        )),
        default=['none'],
        help="""
Security between nova-novncproxy and the VNC servers of the compute hosts, strongest first.

The first one of the list that a VNC server offers is used. For as long as ``vencrypt`` is not available, a proxy whose
list lacks ``none`` refuses to start, and one whose list has both says in a warning that connections are in the clear.
"""),
    cfg.StrOpt(
        'vencrypt_client_key',
        help="""
File (PEM) with the private key that nova-novncproxy presents to VNC servers.

Not used yet.
"""),
    cfg.StrOpt(
        'vencrypt_client_cert',
        help="""
File (PEM) with the certificate that nova-novncproxy presents to VNC servers.

Not used yet.
"""),
    cfg.StrOpt(
        'vencrypt_ca_certs',
        help="""
File (PEM) with the certificates of the authorities that sign the certificates of VNC servers.

Not used yet.
"""),
]


def register_opts(conf: cfg.ConfigOpts) -> None:
    conf.register_group(GROUP)
    conf.register_opts(OPTS + CLI_OPTS, group=GROUP)


def register_cli_opts(conf: cfg.ConfigOpts) -> None:
    """Offer --vnc-novncproxy_host and the like, in the spelling of Nova's nova-novncproxy."""
    conf.register_group(GROUP)
    conf.register_cli_opts(CLI_OPTS, group=GROUP)


def list_opts() -> list[tuple[str, list[cfg.Opt]]]:
    return [(GROUP.name, OPTS + CLI_OPTS)]
