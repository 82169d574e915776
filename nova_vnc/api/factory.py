# SPDX-License-Identifier: Apache-2.0
"""Assembly: from options to the application and the service."""

from __future__ import annotations

import functools
import ipaddress

import oslo_messaging
from oslo_config import cfg
from oslo_log import log as logging
from oslo_middleware import cors, healthcheck, http_proxy_to_wsgi, sizelimit
from oslo_middleware import exceptions as middleware_exceptions

from nova_vnc import exception
from nova_vnc.api import application, auth, ceilings, console_plane, request_id, server, wsgi
from nova_vnc.rpc import caller, compute, consoleauth
from nova_vnc.rpc.silent_hosts import SilentHosts

LOG = logging.getLogger(__name__)

# For all that a request asks of other services, one after the other, in seconds: a user who is told within ten that the
# console service or a host is away is told in time, and telling takes a moment too.
REQUEST_TIMEOUT_S = 9.0

# For so long a compute host that has not answered is not asked: who tries again right away would wait in vain again.
_REST_S = 10.0

HEALTHCHECK_PATH = '/healthcheck'


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
    conf.register_opts(cors.OPTS, group='cors')
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
    # Last, so that all that is logged and answered from here on has the id.
    passed.append(functools.partial(request_id.RequestId, conf=conf))
    return passed


def _build_application(conf: cfg.ConfigOpts, rpc_caller: caller.Caller,
                       authentication: auth.Authentication | None) -> application.Application:
    conf.register_opts(sizelimit.OPTS, group='oslo_middleware')
    places = ceilings.Ceilings(conf.api.threads)
    plane = console_plane.ConsolePlane(
        consoleauth.ConsoleAuthAPI(rpc_caller, version=consoleauth.version_to_send(conf.upgrade_levels.consoleauth)),
        compute.ComputeAPI(rpc_caller, compute.versions_to_send(conf.upgrade_levels.compute),
                           silent_hosts=SilentHosts(_REST_S)), places)
    return application.Application(plane, authentication or build_authentication(conf.api.auth_strategy),
                                   min(conf.api.max_limit, consoleauth.MAX_PAGE), REQUEST_TIMEOUT_S, places,
                                   # Not oslo.middleware's limiter: it answers in HTML, past the access log.
                                   conf.oslo_middleware.max_request_body_size)


def build_caller(conf: cfg.ConfigOpts, transport: oslo_messaging.Transport) -> caller.Caller:
    """Make what the application calls other services with: no request waits for its turn behind others."""
    return caller.Caller(transport, max_concurrent=conf.api.threads)


def build_authentication(strategy: str) -> auth.Authentication:
    """:raises ConfigurationError: the strategy is not available"""
    if strategy != 'noauth2':
        raise exception.ConfigurationError(
            reason=f'[api]auth_strategy = {strategy}: nova-vnc-api cannot use Keystone yet; noauth2 is what it can do, '
                   'on an address that only trusted users reach')
    return auth.NoAuth2()


def build_service(conf: cfg.ConfigOpts, transport: oslo_messaging.Transport,
                  authentication: auth.Authentication | None = None) -> server.ApiServer:
    """Make the service with an HTTP server of its own.

    :raises ConfigurationError: it cannot work with these options
    """
    rpc_caller = build_caller(conf, transport)
    app = build_app(conf, rpc_caller, authentication)
    if authentication is None and not _is_loopback(conf.osapi_compute_listen):
        LOG.warning('[api]auth_strategy = noauth2 believes everybody, and [DEFAULT]osapi_compute_listen = %s can be '
                    'reached from other machines', conf.osapi_compute_listen)
    return server.ApiServer(app, conf.osapi_compute_listen, conf.osapi_compute_listen_port, conf.api.threads,
                            rpc_caller.close)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == 'localhost'
