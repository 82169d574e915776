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
            ('vencrypt', 'TLS to the VNC server, which has to show a certificate'),
        )),
        default=['none'],
        help="""
Security between nova-novncproxy and the VNC servers of the compute hosts, the most wanted first.

The first one of the list that a VNC server offers is used; one that offers none of them is refused. A list that holds
``none`` beside ``vencrypt`` is for the time of a change alone: whoever stands between proxy and host can then have
VeNCrypt left out.

``vencrypt`` is VeNCrypt with the subtype X509None, as Nova has it, unless ``[novncproxy]vencrypt_subtypes`` says
something else.

Related options:

* ``[vnc]vencrypt_ca_certs``, which ``vencrypt`` needs
* ``[vnc]vencrypt_client_cert`` and ``[vnc]vencrypt_client_key``
* ``[novncproxy]vencrypt_check_hostname`` and ``[novncproxy]vencrypt_subtypes``
"""),
    cfg.StrOpt(
        'vencrypt_client_key',
        help="""
File (PEM) with the private key of ``[vnc]vencrypt_client_cert``, without a password.

Related options:

* ``[vnc]vencrypt_client_cert``
"""),
    cfg.StrOpt(
        'vencrypt_client_cert',
        help="""
File (PEM) with the certificate that nova-novncproxy shows to VNC servers that ask for one.

Set it, and the key with it, where the VNC servers check the certificates of their clients (in qemu.conf of libvirt:
``vnc_tls_x509_verify = 1``), as they should: else whoever reaches them has all screens. With one of both options unset
none is shown. A file that has changed is read again at the next connection.

Related options:

* ``[vnc]auth_schemes`` must have ``vencrypt``
* ``[vnc]vencrypt_client_key``
"""),
    cfg.StrOpt(
        'vencrypt_ca_certs',
        help="""
File (PEM) with the certificates of the authorities that sign the certificates of VNC servers.

``vencrypt`` among ``[vnc]auth_schemes`` needs it. A VNC server whose certificate none of them has signed is refused;
the authorities that the operating system trusts do not count. A file that has changed is read again at the next
connection.

Related options:

* ``[vnc]auth_schemes`` must have ``vencrypt``
* ``[novncproxy]vencrypt_check_hostname``
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
