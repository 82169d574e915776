# SPDX-License-Identifier: Apache-2.0
"""[console]: what a console proxy accepts from browsers."""

from __future__ import annotations

from oslo_config import cfg

GROUP = cfg.OptGroup('console', title='Console options')

OPTS: list[cfg.Opt] = [
    cfg.ListOpt(
        'allowed_origins',
        default=[],
        deprecated_group='DEFAULT',
        deprecated_name='console_allowed_origins',
        help="""
Names of hosts, besides the proxy's own, whose pages may open a console.

A browser tells in the ``Origin`` header which page opens the WebSocket. Its host must equal the ``Host`` of the request
or stand in this list. Names and addresses only, without scheme and port; IPv6 with or without brackets. List the names
under which a load balancer that rewrites ``Host`` is reached.
"""),
    cfg.StrOpt(
        'ssl_ciphers',
        help="""
OpenSSL cipher list for TLS towards browsers, see ``openssl ciphers``; unset: what the OpenSSL of this machine chooses.

It counts for TLS up to 1.2; those of TLS 1.3 are all good, and not chosen here.
"""),
    cfg.StrOpt(
        'ssl_minimum_version',
        default='default',
        choices=[
            ('default', 'Whatever the OpenSSL of this machine allows'),
            ('tlsv1_1', 'TLS 1.1'),
            ('tlsv1_2', 'TLS 1.2'),
            ('tlsv1_3', 'TLS 1.3'),
        ],
        help="""
Oldest version of TLS to speak with browsers.

Present systems take ``tlsv1_1`` only with ciphers of ``@SECLEVEL=0``.
"""),
]


def register_opts(conf: cfg.ConfigOpts) -> None:
    conf.register_group(GROUP)
    conf.register_opts(OPTS, group=GROUP)


def list_opts() -> list[tuple[str, list[cfg.Opt]]]:
    return [(GROUP.name, OPTS)]
