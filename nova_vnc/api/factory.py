# SPDX-License-Identifier: Apache-2.0
"""Assembly: from options to the application and the service."""

from __future__ import annotations

import functools
import ipaddress
import ssl

import oslo_messaging
from keystoneauth1 import exceptions as keystoneauth_exceptions
from keystonemiddleware import exceptions as keystonemiddleware_exceptions
from oslo_config import cfg
from oslo_log import log as logging
from oslo_middleware import cors as oslo_cors
from oslo_middleware import exceptions as middleware_exceptions
from oslo_middleware import healthcheck, http_proxy_to_wsgi, sizelimit
from oslo_policy import policy as oslo_policy

from nova_vnc import exception
from nova_vnc.api import (
    access_log,
    application,
    auth,
    ceilings,
    console_plane,
    cors,
    faults,
    policies,
    policy,
    request_id,
    routes,
    server,
    token_check,
    wsgi,
)
from nova_vnc.conf import keystone_authtoken
from nova_vnc.net import tls_context
from nova_vnc.net.tls_context import ReloadingContext, Unusable, UnusableFile
from nova_vnc.rpc import caller, compute, consoleauth
from nova_vnc.rpc.silent_hosts import SilentHosts

LOG = logging.getLogger(__name__)

# For all that a request asks of other services, one after the other, in seconds: a user who is told within ten that the
# console service or a host is away is told in time, and telling takes a moment too.
REQUEST_TIMEOUT_S = 9.0

# For so long a compute host that has not answered is not asked: who tries again right away would wait in vain again.
_REST_S = 10.0

LOOPBACK = '127.0.0.1'

HEALTHCHECK_PATH = '/healthcheck'

KEYSTONE = 'keystone'
NOAUTH2 = 'noauth2'


def build_app(conf: cfg.ConfigOpts, rpc_caller: caller.Caller,
              authentication: auth.Authentication | None = None) -> wsgi.WSGIApplication:
    """Make the WSGI application, which any WSGI server can run.

    :param authentication: instead of that of `[api]auth_strategy`, for one who is reached without a proxy
    :raises ConfigurationError: it cannot work with these options
    """
    built = _build_application(conf, rpc_caller, authentication)
    try:
        return wsgi.pipeline(_middleware(conf, is_proxied=authentication is None), built)
    # What oslo.middleware makes of its own options.
    except (cfg.Error, ValueError, middleware_exceptions.ConfigInvalid) as error:
        raise exception.ConfigurationError(
            reason=f'[oslo_middleware], [healthcheck] or [cors]: {" ".join(str(error).split())}') from None


def _middleware(conf: cfg.ConfigOpts, is_proxied: bool) -> list[wsgi.Middleware]:
    """Return what a request passes on its way to the application, in this order."""
    passed: list[wsgi.Middleware] = []
    conf.register_opts(oslo_cors.OPTS, group='cors')
    if conf.cors.allowed_origin:
        # Before all else: every answer needs its headers, and a preflight has no token. Without an origin it would do
        # nothing but answer OPTIONS with 200 where 405 is true.
        passed.append(functools.partial(cors.CORS, conf=conf))
    if is_proxied:
        # Before whatever reads the client's address, the host or the scheme.
        passed.append(functools.partial(http_proxy_to_wsgi.HTTPProxyToWSGI, conf=conf))
    # Before the access log, which has no use for a load balancer's question every other second, and before who asks
    # is looked at.
    passed.append(functools.partial(wsgi.At, HEALTHCHECK_PATH, functools.partial(healthcheck.Healthcheck, conf=conf)))
    # Before whatever logs, so that all that is logged and answered from here on has the id.
    passed += [functools.partial(request_id.RequestId, conf=conf), request_id.Unidentified, access_log.AccessLog]
    if is_proxied and conf.api.auth_strategy == KEYSTONE:
        passed += [faults.FaultWrapper, functools.partial(
            wsgi.Below, f'{routes.PREFIX}/', functools.partial(_check_tokens, conf))]
    return passed


def _check_tokens(conf: cfg.ConfigOpts, behind: wsgi.WSGIApplication) -> wsgi.WSGIApplication:
    """:raises ConfigurationError: with these options no token can be asked for"""
    keystone_authtoken.set_defaults()
    try:
        made: wsgi.WSGIApplication = token_check.TokenCheck(
            behind, {'oslo_config_config': conf}, max(1, conf.api.threads // 2))
    except (cfg.Error, ValueError, keystoneauth_exceptions.ClientException,
            keystonemiddleware_exceptions.ConfigurationError) as error:
        raise exception.ConfigurationError(reason=f'[keystone_authtoken]: {" ".join(str(error).split())}') from None
    if not (conf.keystone_authtoken.auth_type or conf.keystone_authtoken.auth_section):
        # keystonemiddleware would refuse every token with 503.
        raise exception.ConfigurationError(
            reason='[api]auth_strategy = keystone needs [keystone_authtoken]auth_type and what belongs to it, such as '
                   'password with auth_url, username, password, user_domain_name, project_name, project_domain_name')
    return made


def _build_application(conf: cfg.ConfigOpts, rpc_caller: caller.Caller,
                       authentication: auth.Authentication | None) -> application.Application:
    conf.register_opts(sizelimit.OPTS, group='oslo_middleware')
    places = ceilings.Ceilings(conf.api.threads)
    plane = console_plane.ConsolePlane(
        consoleauth.ConsoleAuthAPI(rpc_caller, version=consoleauth.version_to_send(conf.upgrade_levels.consoleauth)),
        compute.ComputeAPI(rpc_caller, compute.versions_to_send(conf.upgrade_levels.compute),
                           silent_hosts=SilentHosts(_REST_S)), places)
    return application.Application(plane, authentication or build_authentication(conf.api.auth_strategy),
                                   policy.Policy(build_enforcer(conf)),
                                   min(conf.api.max_limit, consoleauth.MAX_PAGE), REQUEST_TIMEOUT_S, places,
                                   # Not oslo.middleware's limiter: it answers in HTML, past the access log.
                                   conf.oslo_middleware.max_request_body_size)


def build_caller(conf: cfg.ConfigOpts, transport: oslo_messaging.Transport) -> caller.Caller:
    """Make what the application calls other services with: no request waits for its turn behind others."""
    return caller.Caller(transport, max_concurrent=conf.api.threads)


def build_authentication(strategy: str) -> auth.Authentication:
    return auth.Keystone() if strategy == KEYSTONE else auth.NoAuth2()


def build_enforcer(conf: cfg.ConfigOpts) -> oslo_policy.Enforcer:
    """Make what answers questions about rules; it has read the files of [oslo_policy].

    :raises ConfigurationError: one of them cannot be read
    """
    enforcer = oslo_policy.Enforcer(conf)
    # As in Nova: without it there is a warning for each rule that has had another default.
    enforcer.suppress_default_change_warnings = True
    enforcer.register_defaults(policies.list_rules())
    try:
        enforcer.load_rules()
    # A file that is no mapping of names to rules ends in an AttributeError or TypeError.
    except (cfg.Error, ValueError, AttributeError, TypeError, OSError) as error:
        raise exception.ConfigurationError(reason=(
            f'[oslo_policy]policy_file = {conf.oslo_policy.policy_file} or policy_dirs cannot be read: '
            f'{" ".join(str(error).split())}')) from None
    return enforcer


def build_service(conf: cfg.ConfigOpts, transport: oslo_messaging.Transport,
                  authentication: auth.Authentication | None = None) -> server.ApiServer:
    """Make the service with an HTTP server of its own.

    :raises ConfigurationError: it cannot work with these options
    """
    certificates = _open_certificates(conf)
    rpc_caller = build_caller(conf, transport)
    app = build_app(conf, rpc_caller, authentication)
    believes_everybody = authentication is None and conf.api.auth_strategy == NOAUTH2
    return server.ApiServer(app, _choose_address(conf, believes_everybody), conf.osapi_compute_listen_port,
                            conf.api.threads, rpc_caller.close, certificates)


def _choose_address(conf: cfg.ConfigOpts, believes_everybody: bool) -> str:
    address: str = conf.osapi_compute_listen
    if not believes_everybody:
        return address
    found = conf.get_location('osapi_compute_listen')
    if found is None or found.location in (cfg.Locations.opt_default, cfg.Locations.set_default):
        LOG.info('[api]auth_strategy = noauth2 believes everybody, so nova-vnc-api listens on %s alone: '
                 '[DEFAULT]osapi_compute_listen is not set', LOOPBACK)
        return LOOPBACK
    if not _is_loopback(address):
        LOG.warning('[api]auth_strategy = noauth2 believes everybody, and [DEFAULT]osapi_compute_listen = %s can be '
                    'reached from other machines', address)
    return address


def _open_certificates(conf: cfg.ConfigOpts) -> ReloadingContext | None:
    if 'osapi_compute' not in conf.enabled_ssl_apis:
        return None
    options = conf.wsgi
    if not options.ssl_cert_file:
        raise exception.ConfigurationError(
            reason='[DEFAULT]enabled_ssl_apis = osapi_compute needs a certificate: set [wsgi]ssl_cert_file and '
                   'ssl_key_file, or take it out of the list and let a load balancer speak TLS')

    def build() -> ssl.SSLContext:
        return tls_context.server_context(options.ssl_cert_file, options.ssl_key_file or None,
                                          client_ca=options.ssl_ca_file or None)

    def report(error: Unusable, is_in_use: bool) -> None:
        LOG.error('%s. New connections still get the certificate that was there before.', _named_failure(error))

    try:
        build()
    except Unusable as error:
        raise exception.ConfigurationError(reason=_named_failure(error)) from None
    contexts = ReloadingContext(build, [path for path in (
        options.ssl_cert_file, options.ssl_key_file, options.ssl_ca_file) if path], report)
    contexts.current()
    return contexts


def _named_failure(error: Unusable) -> str:
    return f'[wsgi]ssl_{error.what}_file = {error}' if isinstance(error, UnusableFile) else str(error)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == 'localhost'
