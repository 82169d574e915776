# SPDX-License-Identifier: Apache-2.0
"""What oslo-config-generator asks for: all options, and the defaults of other libraries that differ here."""

from __future__ import annotations

import collections

import oslo_messaging
from oslo_config import cfg
from oslo_log import log as logging
from oslo_messaging._drivers import impl_rabbit
from oslo_middleware import cors

from nova_vnc import conf as nova_vnc_conf

CONTROL_EXCHANGE = 'nova'

# A process that was cut off from RabbitMQ tries again at least this often; with oslo.messaging's own 30 s users
# would be without consoles for as long after the broker is back.
RABBIT_INTERVAL_MAX_S = 5

# Each concurrent send takes a connection out of this pool, which keeps it for 20 minutes. Waiting for a reply takes
# none, so two are plenty for a process that sends a few small messages for each console.
RPC_CONN_POOL_SIZE = 2

# A process that stands still takes so many messages with it, and the others on its queue get the rest. Without a bound
# RabbitMQ goes on to deal them to it, one in turn, until heartbeats have told it, after two to three minutes. What
# waits for a thread is not acknowledged yet, so a crowded process leaves messages to the others as well.
RABBIT_QOS_PREFETCH_COUNT = 4

# At DEBUG these libraries print what they carry.
_QUIET_LOGGERS = ['websockify=WARNING', 'cheroot=WARNING', 'PIL=WARNING']


def list_opts() -> list[tuple[str, list[cfg.Opt]]]:
    by_group: dict[str, list[cfg.Opt]] = collections.defaultdict(list)
    for module in nova_vnc_conf.MODULES:
        for group, options in module.list_opts():
            by_group[str(group)] += options
    return sorted(by_group.items())


def set_defaults() -> None:
    """Change other libraries' defaults; call it before a transport is made and the command line is parsed."""
    oslo_messaging.set_transport_defaults(control_exchange=CONTROL_EXCHANGE)
    cfg.set_defaults(impl_rabbit.rabbit_opts, rabbit_interval_max=RABBIT_INTERVAL_MAX_S,
                     rpc_conn_pool_size=RPC_CONN_POOL_SIZE, rabbit_qos_prefetch_count=RABBIT_QOS_PREFETCH_COUNT)
    # Nova's (nova.middleware), whose names are in the files that there are.
    cors.set_defaults(
        allow_headers=['X-Auth-Token', 'X-Openstack-Request-Id', 'X-Identity-Status', 'X-Roles', 'X-Service-Catalog',
                       'X-User-Id', 'X-Tenant-Id', 'X-OpenStack-Nova-API-Version', 'OpenStack-API-Version'],
        expose_headers=['X-Auth-Token', 'X-Openstack-Request-Id', 'X-Subject-Token', 'X-Service-Token',
                        'X-OpenStack-Nova-API-Version', 'OpenStack-API-Version'],
        allow_methods=['GET', 'PUT', 'POST', 'DELETE', 'PATCH'])
    logging.set_defaults(default_log_levels=[*logging.get_default_log_levels(), *_QUIET_LOGGERS])


def set_sample_defaults() -> None:
    """Change the defaults of all libraries; oslo-config-generator asks for it."""
    from nova_vnc.conf import keystone_authtoken
    set_defaults()
    keystone_authtoken.set_defaults()
