# SPDX-License-Identifier: Apache-2.0
"""From options to a proxy. The only place of this package that reads options."""

from __future__ import annotations

import ipaddress
import os
import socket

import oslo_messaging
from oslo_config import cfg
from oslo_log import log as logging

from nova_vnc import exception
from nova_vnc.conf import refusal
from nova_vnc.net.resolver import Resolver
from nova_vnc.novncproxy import branding, server
from nova_vnc.novncproxy import request as requests
from nova_vnc.novncproxy.authorizer import Authorizer
from nova_vnc.novncproxy.certificates import Certificate
from nova_vnc.novncproxy.compute_tls import ComputeTLS, Files
from nova_vnc.novncproxy.connector import Connector, Network
from nova_vnc.novncproxy.encryption import Encryption
from nova_vnc.novncproxy.failed_tokens import FailedTokens
from nova_vnc.novncproxy.files import FileTree
from nova_vnc.novncproxy.floods import FloodLog
from nova_vnc.novncproxy.forwarded import TrustedProxies
from nova_vnc.novncproxy.pending import Limits
from nova_vnc.novncproxy.proxy import NoVNCProxy, Settings
from nova_vnc.novncproxy.recording import Recorder
from nova_vnc.novncproxy.registry import SessionRegistry
from nova_vnc.novncproxy.security import ComputeSecurity
from nova_vnc.novncproxy.session import Parts
from nova_vnc.novncproxy.session_places import SessionLimits, SessionPlaces
from nova_vnc.novncproxy.token_checks import TokenChecks, build_places
from nova_vnc.relay.engine import Engine
from nova_vnc.relay.relay import Timing
from nova_vnc.rfb.security import NONE, Scheme, SecurityType, VeNCryptSubtype
from nova_vnc.rpc.caller import Caller
from nova_vnc.rpc.consoleauth import ConsoleAuthAPI, version_to_send

LOG = logging.getLogger(__name__)

# The values of [novncproxy]vencrypt_subtypes.
_SUBTYPES = {'x509none': VeNCryptSubtype.X509_NONE, 'tlsnone': VeNCryptSubtype.TLS_NONE}

# What the parent of workers goes by, and they do not.
FIXED_OPTIONS = frozenset(('[DEFAULT]daemon', '[DEFAULT]source_is_ipv6', '[novncproxy]workers', '[vnc]novncproxy_host',
                           '[vnc]novncproxy_port'))

# A browser that answers nothing for so many intervals is gone.
_SILENT_INTERVALS = 2


def count_workers(conf: cfg.ConfigOpts) -> int:
    """Return how many processes are to serve."""
    return conf.novncproxy.workers or len(os.sched_getaffinity(0))


def listen(conf: cfg.ConfigOpts) -> socket.socket:
    """Return the listening socket for workers.

    :raises ConfigurationError: the address or the port cannot be had
    """
    with refusal.naming_options(conf):
        return server.listen(conf.vnc.novncproxy_host, conf.vnc.novncproxy_port, conf.source_is_ipv6)


def build_service(conf: cfg.ConfigOpts, transport: oslo_messaging.Transport,
                  listener: socket.socket | None = None) -> NoVNCProxy:
    """
    :param listener: of all workers, where this is one of several
    :raises ConfigurationError: the proxy cannot start with these options
    """
    _refuse_what_cannot_be_had(conf)
    _warn_of_what_has_no_effect(conf)
    options = conf.novncproxy
    floods = FloodLog()
    parts = Parts(
        authorizer=Authorizer(_build_checks(conf, transport), _read_token_ttl(conf)),
        connector=Connector(_read_networks('target_networks', options.target_networks), Resolver(),
                            options.connect_timeout, options.target_timeout),
        compute_security=_build_compute_security(conf),
        engine=Engine(_build_timing(options.ping_interval)),
        registry=SessionRegistry(SessionPlaces(_build_session_limits(conf), floods.note)),
        allowed_hosts=_read_allowed_hosts(conf.console.allowed_origins),
        handshake_timeout_s=options.handshake_timeout,
        failed_tokens=FailedTokens(options.max_failed_tokens_per_address, floods.note),
        recorder=Recorder(conf.record) if conf.record else None,
        enforce_session_timeout=conf.consoleauth.enforce_session_timeout)
    settings = Settings(
        host=conf.vnc.novncproxy_host,
        port=conf.vnc.novncproxy_port,
        prefer_ipv6=conf.source_is_ipv6,
        header_timeout_s=options.header_timeout,
        keep_alive_timeout_s=options.keep_alive_timeout,
        drain_timeout_s=options.drain_timeout,
        limits=_build_limits(conf),
        trusted_proxies=TrustedProxies(_read_networks('trusted_proxies', options.trusted_proxies)),
        encryption=_build_encryption(conf))
    return NoVNCProxy(settings, _build_files(conf), parts, listener)


def _build_files(conf: cfg.ConfigOpts) -> FileTree:
    options = conf.novncproxy
    added = branding.read(options.console_page_logo, options.console_page_home_url, options.console_page_banner)
    return FileTree(conf.web, options.own_console_page, added.files())


def _build_checks(conf: cfg.ConfigOpts, transport: oslo_messaging.Transport) -> TokenChecks:
    # Waiting for a reply holds no connection to the broker, so as many calls as there are checks may be under way.
    most = conf.novncproxy.max_pending_checks
    api = ConsoleAuthAPI(Caller(transport, max_concurrent=most, max_waiting=0),
                         version=version_to_send(conf.upgrade_levels.consoleauth))
    return TokenChecks(api, conf.novncproxy.token_check_timeout, build_places(most))


def _build_encryption(conf: cfg.ConfigOpts) -> Encryption:
    certificate = Certificate(conf.cert, conf.key, conf.console.ssl_ciphers, conf.console.ssl_minimum_version)
    if conf.ssl_only:
        certificate.check()
    return Encryption(certificate.open(), is_required=conf.ssl_only)


def _read_token_ttl(conf: cfg.ConfigOpts) -> int:
    # The option is nova-consoleauth's, and whoever does not use it does not mind it.
    return int(conf.consoleauth.token_ttl) if conf.consoleauth.enforce_session_timeout else 0


def _build_limits(conf: cfg.ConfigOpts) -> Limits:
    options = conf.novncproxy
    most = options.max_pending_connections
    return Limits(most, options.max_pending_per_address or most, options.max_pending_per_token or most,
                  options.max_pending_per_instance or most)


def _build_session_limits(conf: cfg.ConfigOpts) -> SessionLimits:
    options = conf.novncproxy
    return SessionLimits(options.max_sessions, options.max_sessions_per_address, options.max_sessions_per_instance)


def _build_timing(ping_interval_s: int) -> Timing:
    if not ping_interval_s:
        return Timing(ping_interval_s=None)
    return Timing(ping_interval_s=ping_interval_s, ping_timeout_s=_SILENT_INTERVALS * ping_interval_s)


def _build_compute_security(conf: cfg.ConfigOpts) -> ComputeSecurity:
    accepted = conf.vnc.auth_schemes
    if not accepted:
        raise exception.ConfigurationError(
            reason='[vnc]auth_schemes is empty: no VNC server could be connected to. Name "none", "vencrypt" or both.')
    subtypes = tuple(_SUBTYPES[name] for name in conf.novncproxy.vencrypt_subtypes)
    schemes = [Scheme(SecurityType.VENCRYPT, subtypes) if name == 'vencrypt' else NONE for name in accepted]
    if 'vencrypt' not in accepted:
        return ComputeSecurity(schemes)
    if not subtypes:
        raise exception.ConfigurationError(
            reason='[novncproxy]vencrypt_subtypes is empty, and [vnc]auth_schemes has "vencrypt". Name "x509none".')
    files = _read_certificate_files(conf) if VeNCryptSubtype.X509_NONE in subtypes else None
    return ComputeSecurity(schemes, ComputeTLS(files, conf.novncproxy.vencrypt_check_hostname))


def _read_certificate_files(conf: cfg.ConfigOpts) -> Files:
    options = conf.vnc
    if not options.vencrypt_ca_certs:
        raise exception.ConfigurationError(
            reason=f'[vnc]vencrypt_ca_certs is not set, and [vnc]auth_schemes = {",".join(options.auth_schemes)} needs '
                   'it: no certificate of a VNC server could be checked. Name the file that QEMU has as ca-cert.pem.')
    # Nova takes both or none of them.
    shown = options.vencrypt_client_cert and options.vencrypt_client_key
    return Files(options.vencrypt_ca_certs, options.vencrypt_client_cert if shown else None,
                 options.vencrypt_client_key if shown else None)


def _read_networks(option: str, texts: list[str]) -> list[Network]:
    networks: list[Network] = []
    for text in texts:
        try:
            networks.append(ipaddress.ip_network(text, strict=False))
        except ValueError:
            raise exception.ConfigurationError(
                reason=f'[novncproxy]{option}: {text!r} is not a network in CIDR notation, such as '
                       '192.0.2.0/24') from None
    return networks


def _read_allowed_hosts(names: list[str]) -> frozenset[str]:
    for name in names:
        # An IPv6 address is there as Nova compares it, without brackets, or as a URL has it.
        if not _is_address(name) and requests.parse_host_header(name) != requests.normalize_host(name):
            LOG.warning('[console]allowed_origins: %r is no host name, so no page matches it. Scheme and port do not '
                        'belong there.', name)
    return frozenset(requests.normalize_host(name) for name in names)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _refuse_what_cannot_be_had(conf: cfg.ConfigOpts) -> None:
    if not conf.web:
        return
    if not os.path.isdir(conf.web):
        raise exception.ConfigurationError(
            reason=f'[DEFAULT]web = {conf.web}: there is no such directory. Install noVNC (Debian and Ubuntu: package '
                   'novnc), or name the directory that holds its files.')
    if conf.novncproxy.own_console_page and not os.path.isfile(os.path.join(conf.web, 'core', 'rfb.js')):
        raise exception.ConfigurationError(
            reason=f'[DEFAULT]web = {conf.web}: the directory holds no noVNC, core/rfb.js is missing. The console page '
                   'needs it; with [novncproxy]own_console_page = False the proxy serves the directory as it is.')


def _warn_of_what_has_no_effect(conf: cfg.ConfigOpts) -> None:
    if conf.source_is_ipv6 and _is_address(conf.vnc.novncproxy_host) and ':' not in conf.vnc.novncproxy_host:
        LOG.warning('[DEFAULT]source_is_ipv6 = True has no effect, as [vnc]novncproxy_host = %s is an address of IPv4. '
                    'Listen on ::, which takes IPv4 too, or on an address of IPv6.', conf.vnc.novncproxy_host)
    _warn_of_branding_without_page(conf)
    has_cert, has_key = bool(conf.vnc.vencrypt_client_cert), bool(conf.vnc.vencrypt_client_key)
    if 'vencrypt' in conf.vnc.auth_schemes and has_cert != has_key:
        LOG.warning('Of [vnc]vencrypt_client_cert and [vnc]vencrypt_client_key one is not set, so the other one has no '
                    'effect: VNC servers are shown no certificate.')


def _warn_of_branding_without_page(conf: cfg.ConfigOpts) -> None:
    options = conf.novncproxy
    is_set = options.console_page_logo or options.console_page_home_url or options.console_page_banner
    if is_set and not (conf.web and options.own_console_page):
        LOG.warning('[novncproxy]console_page_logo, console_page_home_url and console_page_banner have no effect: they '
                    "are for the proxy's own page, which is not served.")
