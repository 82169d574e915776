# SPDX-License-Identifier: Apache-2.0
"""From options to the service."""

from __future__ import annotations

import oslo_messaging
from oslo_config import cfg
from oslo_log import log as logging

from nova_vnc.consoleauth import manager, open_cells, resources, unreported
from nova_vnc.consoleauth.cell_hosts import CellHosts
from nova_vnc.consoleauth.checker import TokenChecker
from nova_vnc.consoleauth.choice import Choice
from nova_vnc.consoleauth.chosen import ChosenInstanceDirectory, ChosenTokenStore
from nova_vnc.consoleauth.directory.base import InstanceDirectory
from nova_vnc.consoleauth.host_checks import HostChecks, Hosts, build_places
from nova_vnc.consoleauth.service import ConsoleAuthService
from nova_vnc.consoleauth.stores.base import TokenStore
from nova_vnc.rpc import compute as compute_contract
from nova_vnc.rpc import consoleauth as contract
from nova_vnc.rpc import transport as rpc_transport
from nova_vnc.rpc.caller import Caller
from nova_vnc.rpc.server import BackgroundServer, count_threads
from nova_vnc.rpc.silent_hosts import SilentHosts

LOG = logging.getLogger(__name__)

# Calls to compute hosts under way at once, for each thread of the RPC server: those of checks that are waited for no
# longer go on until their own time is over.
_CALLS_PER_THREAD = 4

# Of a periodic task whose spacing is 0 (oslo.service).
_USUAL_INTERVAL_S = 60


def build_service(conf: cfg.ConfigOpts, transport: oslo_messaging.Transport) -> ConsoleAuthService:
    """Make nova-consoleauth.

    :raises ConfigurationError: the options cannot be used
    """
    parts = resources.Resources(conf)
    choice = Choice(parts, LOG.info)
    store: TokenStore = ChosenTokenStore(choice)
    directory: InstanceDirectory = ChosenInstanceDirectory(choice)
    if not choice.needs_the_database:
        store, directory = choice.drivers().store, choice.drivers().directory
    ttl_s = conf.consoleauth.token_ttl
    threads = count_threads(conf)

    def new_caller(bus: oslo_messaging.Transport) -> Caller:
        return Caller(bus, max_concurrent=_CALLS_PER_THREAD * threads, max_waiting=0)
    caller = new_caller(transport)
    versions = compute_contract.versions_to_send(conf.upgrade_levels.compute)

    def hosts_through(caller: Caller) -> Hosts:
        silent = SilentHosts()
        compute = compute_contract.ComputeAPI(caller, versions, silent_hosts=silent,
                                              ask_extensions=conf.consoleauth.compute_extensions == 'auto')
        return Hosts(compute, silent)

    def connect(mapping_url: str) -> tuple[Hosts, Caller]:
        bus = rpc_transport.build_cell_transport(conf, open_cells.fill_transport_url(parts, mapping_url))
        caller = new_caller(bus)
        return hosts_through(caller), caller
    hosts = CellHosts(hosts_through(caller), lambda: open_cells.cells_of(parts), connect)
    parts.shared(CellHosts, lambda: hosts)
    checks = HostChecks(hosts.of, build_places(threads))
    checker = TokenChecker(store, directory, checks, ttl_s,
                           shared_reads=parts.databases.shared_reads)
    work = manager.Manager(store, directory, checker, ttl_s, manager.build_report_places(threads),
                           watch=unreported.Watch(directory))
    server = BackgroundServer(transport, contract.TOPIC, conf.host, [
        manager.NovaEndpoint(work), manager.GrizzlyEndpoint(work), manager.NovaVNCEndpoint(work)])
    return ConsoleAuthService(server, caller, store, parts.databases, choice.drivers,
                              purge_interval_s=_purge_interval_s(conf.instance_delete_interval),
                              decides_at_once=choice.is_local, close=parts.close)


def _purge_interval_s(configured: int) -> float | None:
    """Read [DEFAULT]instance_delete_interval as Nova's periodic tasks do."""
    if configured < 0:
        return None
    return configured or _USUAL_INTERVAL_S
