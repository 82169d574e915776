# SPDX-License-Identifier: Apache-2.0
"""What stands in the files, does what it says, and is unsafe or of little use. Pure: it looks at options alone."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from oslo_config import cfg

_LONG_TTL_S = 24 * 3600


def find(conf: cfg.ConfigOpts) -> Iterator[str]:
    """Yield a sentence for each.

    :raises cfg.Error: an option has a value that it cannot have
    """
    for weakness in (_listens_everywhere, _plain_pages, _vencrypt_or_none, _vencrypt_names,
                     _vencrypt_without_certificates, _open_api, _ttl, _record):
        yield from weakness(conf)


def _listens_everywhere(conf: cfg.ConfigOpts) -> Iterator[str]:
    address = conf.vnc.server_listen
    if conf.vnc.enabled and _is_unspecified(address):
        yield (f'[vnc]server_listen = {address}: the VNC servers of all VMs listen on all networks of their hosts, and '
               'ask for no password. Name the address of the management network, or let a firewall keep others out.')


def _plain_pages(conf: cfg.ConfigOpts) -> Iterator[str]:
    url = conf.vnc.novncproxy_base_url
    if conf.vnc.enabled and str(url).startswith('http:') and '127.0.0.1' not in str(url):
        yield (f'[vnc]novncproxy_base_url = {url}: links, screens and what is typed travel to browsers unencrypted. '
               'Give the proxy a certificate ([DEFAULT]cert) or put a load balancer with TLS in front, and the https '
               'URL here.')


def _vencrypt_or_none(conf: cfg.ConfigOpts) -> Iterator[str]:
    schemes = conf.vnc.auth_schemes
    if 'vencrypt' in schemes and 'none' in schemes:
        yield (f'[vnc]auth_schemes = {",".join(schemes)}: with none among them, whoever stands between proxy and host '
               'can have VeNCrypt left out.')


def _vencrypt_names(conf: cfg.ConfigOpts) -> Iterator[str]:
    if 'vencrypt' in conf.vnc.auth_schemes and 'x509none' in conf.novncproxy.vencrypt_subtypes \
            and not conf.novncproxy.vencrypt_check_hostname:
        yield ('[novncproxy]vencrypt_check_hostname = False: with the certificate of one compute host one can pass for '
               'any other. Set it to True once the certificates hold the names or addresses of their hosts.')


def _vencrypt_without_certificates(conf: cfg.ConfigOpts) -> Iterator[str]:
    subtypes = conf.novncproxy.vencrypt_subtypes
    if 'vencrypt' in conf.vnc.auth_schemes and 'tlsnone' in subtypes:
        yield (f'[novncproxy]vencrypt_subtypes = {",".join(subtypes)}: with tlsnone among them a VNC server need not '
               'prove who it is, so whoever stands between proxy and host can pass for it.')


def _open_api(conf: cfg.ConfigOpts) -> Iterator[str]:
    if conf.api.auth_strategy == 'noauth2':
        yield ('[api]auth_strategy = noauth2: whoever reaches nova-vnc-api may open every console. It is for machines '
               'that nobody else uses.')


def _ttl(conf: cfg.ConfigOpts) -> Iterator[str]:
    ttl_s = conf.consoleauth.token_ttl
    if ttl_s == 0:
        yield '[consoleauth]token_ttl = 0: no console link is ever valid.'
    elif ttl_s > _LONG_TTL_S:
        yield (f'[consoleauth]token_ttl = {ttl_s}: a console link that leaks, from a history or a log of browsers, '
               f'stays good for {ttl_s // 3600} hours. Nova\'s default is 600 s.')


def _record(conf: cfg.ConfigOpts) -> Iterator[str]:
    if conf.record:
        yield (f'[DEFAULT]record = {conf.record}: all that users type, passwords too, is written to files there. They '
               'grow without end; nobody deletes them.')


def _is_unspecified(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_unspecified
    except ValueError:
        return False
