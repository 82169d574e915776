# SPDX-License-Identifier: Apache-2.0
"""From options to the service."""

from __future__ import annotations

from typing import Any

import oslo_messaging
import stevedore
from oslo_config import cfg
from oslo_log import log as logging

from nova_vnc import exception
from nova_vnc.consoleauth import manager, resources, unreported
from nova_vnc.consoleauth.checker import TokenChecker
from nova_vnc.consoleauth.directory.base import InstanceDirectory
from nova_vnc.consoleauth.host_checks import HostChecks, build_places
from nova_vnc.consoleauth.service import ConsoleAuthService
from nova_vnc.consoleauth.stores.base import TokenStore
from nova_vnc.rpc import compute as compute_contract
from nova_vnc.rpc import consoleauth as contract
from nova_vnc.rpc.caller import Caller
from nova_vnc.rpc.server import BackgroundServer, count_threads
from nova_vnc.rpc.silent_hosts import SilentHosts

LOG = logging.getLogger(__name__)

_AUTO = 'auto'
_STORES = 'nova_vnc.token_store'
_DIRECTORIES = 'nova_vnc.instance_directory'

# Calls to compute hosts under way at once, for each thread of the RPC server: those of checks that are waited for no
# longer go on until their own time is over.
_CALLS_PER_THREAD = 4

# Of a periodic task whose spacing is 0 (oslo.service).
_USUAL_INTERVAL_S = 60


def build_service(conf: cfg.ConfigOpts, transport: oslo_messaging.Transport) -> ConsoleAuthService:
    """Make nova-consoleauth.

    :raises ConfigurationError: the options cannot be used
    """
    options = conf.consoleauth
    parts = resources.Resources(conf)
    store_name = _choose(options.token_store, 'database')
    directory_name = _choose(options.instance_directory, 'reported')
    store: TokenStore = _load(_STORES, store_name).build(parts)
    directory: InstanceDirectory = _load(_DIRECTORIES, directory_name).build(parts)
    LOG.info('Tokens are in the store %s ([consoleauth]token_store = %s), VMs in the directory %s '
             '(instance_directory = %s); the database is %s', store_name, options.token_store, directory_name,
             options.instance_directory, _describe(parts))
    threads = count_threads(conf)
    caller = Caller(transport, max_concurrent=_CALLS_PER_THREAD * threads, max_waiting=0)
    hosts = SilentHosts()
    compute = compute_contract.ComputeAPI(
        caller, compute_contract.versions_to_send(conf.upgrade_levels.compute), silent_hosts=hosts,
        ask_extensions=options.compute_extensions == _AUTO)
    checks = HostChecks(compute, hosts, build_places(threads))
    checker = TokenChecker(store, directory, checks, options.token_ttl,
                           shared_reads=parts.databases.shared_reads)
    work = manager.Manager(store, directory, checker, options.token_ttl, manager.build_report_places(threads),
                           watch=unreported.Watch(directory, is_reported=directory_name == 'reported'))
    server = BackgroundServer(transport, contract.TOPIC, conf.host, [
        manager.NovaEndpoint(work), manager.GrizzlyEndpoint(work), manager.NovaVNCEndpoint(work)])
    return ConsoleAuthService(server, caller, store, parts.databases, _purge_interval_s(conf.instance_delete_interval))


def _purge_interval_s(configured: int) -> float | None:
    """Read [DEFAULT]instance_delete_interval as Nova's periodic tasks do."""
    if configured < 0:
        return None
    return configured or _USUAL_INTERVAL_S


def _choose(configured: str, automatic: str) -> str:
    return automatic if configured == _AUTO else configured


def _describe(parts: resources.Resources) -> str:
    used = parts.databases.all()
    if not used:
        return 'not used'
    why = 'as [database]connection says' if parts.conf.database.connection else 'since [database]connection is not set'
    return f'{used[0].name}, {why}'


def _load(namespace: str, name: str) -> Any:
    """Return the class of a driver."""
    try:
        return stevedore.DriverManager(namespace, name).driver
    except (stevedore.exception.NoMatches, ImportError) as error:
        raise exception.ConfigurationError(reason=f'The driver {name} of {namespace} cannot be loaded: {error}') \
            from None
