# SPDX-License-Identifier: Apache-2.0
"""Assembly: from options to the application and the service."""

from __future__ import annotations

import ipaddress

import oslo_messaging
from oslo_config import cfg
from oslo_log import log as logging

from nova_vnc import exception
from nova_vnc.api import application, auth, console_plane, server
from nova_vnc.rpc import caller, compute, consoleauth

LOG = logging.getLogger(__name__)

# In seconds. A user who is told after ten seconds that the console service is away is told in time; a compute host may
# need as long to ask its hypervisor.
CONSOLEAUTH_TIMEOUT_S = 8.0
COMPUTE_TIMEOUT_S = 10.0


def build_app(conf: cfg.ConfigOpts, rpc_caller: caller.Caller,
              authentication: auth.Authentication | None = None) -> application.Application:
    """Make the WSGI application, which any WSGI server can run.

    :param authentication: instead of that of `[api]auth_strategy`
    :raises ConfigurationError: it cannot work with these options
    """
    plane = console_plane.ConsolePlane(
        consoleauth.ConsoleAuthAPI(rpc_caller, CONSOLEAUTH_TIMEOUT_S),
        compute.ComputeAPI(rpc_caller, compute.versions_to_send(conf.upgrade_levels.compute), COMPUTE_TIMEOUT_S))
    return application.Application(plane, authentication or build_authentication(conf.api.auth_strategy),
                                   min(conf.api.max_limit, consoleauth.MAX_PAGE))


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
    rpc_caller = caller.Caller(transport)
    app = build_app(conf, rpc_caller, authentication)
    if authentication is None and not _is_loopback(conf.osapi_compute_listen):
        LOG.warning('[api]auth_strategy = noauth2 believes everybody, and [DEFAULT]osapi_compute_listen = %s can be '
                    'reached from other machines', conf.osapi_compute_listen)
    return server.ApiServer(app, conf.osapi_compute_listen, conf.osapi_compute_listen_port, rpc_caller.close)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == 'localhost'
