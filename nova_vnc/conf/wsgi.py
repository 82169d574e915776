# SPDX-License-Identifier: Apache-2.0
"""[wsgi]: TLS of the API, as Nova had it before it left its own server (32.0.0)."""

from __future__ import annotations

from oslo_config import cfg

GROUP = cfg.OptGroup('wsgi', title='WSGI options')

OPTS: list[cfg.Opt] = [
    cfg.StrOpt(
        'ssl_cert_file',
        deprecated_group='DEFAULT',
        help="""
File with the certificate of nova-vnc-api, and those between it and the root, in PEM format. Needed where
``[DEFAULT]enabled_ssl_apis`` has ``osapi_compute``. A renewed file serves new connections without a restart.
"""),
    cfg.StrOpt(
        'ssl_key_file',
        deprecated_group='DEFAULT',
        help="""
File with the key of ``ssl_cert_file``, not encrypted. Unset: it is in that file too.
"""),
    cfg.StrOpt(
        'ssl_ca_file',
        deprecated_group='DEFAULT',
        help="""
File with the authorities whose certificates clients have to show. Unset: clients need none.
"""),
]


def register_opts(conf: cfg.ConfigOpts) -> None:
    conf.register_group(GROUP)
    conf.register_opts(OPTS, group=GROUP)


def list_opts() -> list[tuple[str, list[cfg.Opt]]]:
    return [(GROUP.name, OPTS)]
