# SPDX-License-Identifier: Apache-2.0
"""Builds the compute service from the options."""

from __future__ import annotations

import contextlib

import oslo_messaging
import stevedore
from oslo_config import cfg

from nova_vnc import exception
from nova_vnc.compute import audience, manager, reporter, service
from nova_vnc.compute.virt import driver as virt_driver
from nova_vnc.rpc import caller, consoleauth, exclusive, server
from nova_vnc.rpc import compute as compute_rpc

_DRIVERS = 'nova_vnc.compute_driver'
# Nova takes the name of the class relative to this package, or with it.
_NOVA_PACKAGE = 'nova.virt.'


def build_service(conf: cfg.ConfigOpts, transport: oslo_messaging.Transport) -> service.ComputeService:
    """:raises ConfigurationError: naming the option that the service cannot start with"""
    with contextlib.suppress(cfg.Error):
        conf.vnc.server_listen      # has no use, but old names that oslo.config warns of  # noqa: B018
    driver = build_driver(conf)
    compute_manager = manager.ComputeManager(driver, conf.vnc.novncproxy_base_url, conf.vnc.enabled)
    endpoints = manager.build_endpoints(compute_manager)
    # Only the reporter sends: one message at a time, so that none pile up while there is no broker.
    rpc_caller = caller.Caller(transport, max_concurrent=1, max_waiting=1)
    consoleauth_api = consoleauth.ConsoleAuthAPI(rpc_caller)
    listeners = audience.Nobody() if conf.compute.report_instances == 'never' else audience.Audience(consoleauth_api)
    return service.ComputeService(
        conf.host, driver,
        reporter.Reporter(driver.list_instances, consoleauth_api, conf.host, conf.compute.report_interval,
                          listens=listeners.listens),
        [server.BackgroundServer(transport, topic, conf.host, endpoints)
         for topic in (compute_rpc.TOPIC, compute_rpc.TOPIC_ALT)],
        rpc_caller, exclusive.queues_of(transport))


def build_driver(conf: cfg.ConfigOpts) -> virt_driver.ComputeDriver:
    """:raises ConfigurationError: [DEFAULT]compute_driver is unknown, or cannot work here"""
    known = stevedore.ExtensionManager(_DRIVERS).entry_points_names()
    name = conf.compute_driver.removeprefix(_NOVA_PACKAGE)
    if name not in known:
        raise exception.ConfigurationError(
            reason=f'[DEFAULT]compute_driver = {conf.compute_driver}: unknown, must be one of '
                   f'{", ".join(sorted(known))}')
    try:
        return stevedore.DriverManager(_DRIVERS, name).driver(conf)
    except ImportError as error:
        raise exception.ConfigurationError(
            reason=f'[DEFAULT]compute_driver = {conf.compute_driver} cannot be loaded: {error}') from None
