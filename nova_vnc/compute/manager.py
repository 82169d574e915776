# SPDX-License-Identifier: Apache-2.0
"""What the compute service answers on the bus (rpc.compute has the contract)."""

from __future__ import annotations

import uuid
from typing import Any

import oslo_messaging
from oslo_log import log as logging

from nova_vnc import access_url, exception, objects
from nova_vnc.compute.virt import driver as virt_driver
from nova_vnc.context import RequestContext
from nova_vnc.rpc import compute as compute_rpc
from nova_vnc.rpc import errors

LOG = logging.getLogger(__name__)


class ComputeManager:
    """The VNC consoles of one host's VMs.

    :param access_url_base: [vnc]novncproxy_base_url
    :param vnc_enabled: [vnc]enabled; without it, no VM of this host has a console
    """

    def __init__(self, driver: virt_driver.ComputeDriver, access_url_base: str, vnc_enabled: bool = True) -> None:
        self._driver = driver
        self._access_url_base = access_url_base
        self._vnc_enabled = vnc_enabled

    def get_vnc_console(self, instance_uuid: str, console_type: str) -> dict[str, Any]:
        """Return {token, host, port, internal_access_path, access_url} with a fresh token, which nobody knows yet.

        :raises ConsoleTypeInvalid, ConsoleTypeUnavailable, InstanceNotFound, InstanceNotReady, HypervisorUnavailable:
            as in ComputeDriver.get_vnc_console
        """
        address = self._find_vnc_server(instance_uuid, console_type)
        token = str(uuid.uuid4())
        LOG.info('Console of instance %s requested; its VNC server is at %s port %s', instance_uuid, address.host,
                 address.port)
        return {'token': token, 'host': address.host, 'port': address.port,
                'internal_access_path': address.internal_access_path,
                'access_url': access_url.build_access_url(self._access_url_base, token)}

    def is_vnc_server_at(self, instance_uuid: str, console_type: str, port: object, host: str | None = None) -> bool:
        """Tell whether the VM's VNC server listens on this port, and at this host if one is given, now.

        :param port: int or str; Nova's releases send either
        :raises NovaVNCError: as get_vnc_console
        """
        address = self._find_vnc_server(instance_uuid, console_type)
        return str(port) == address.port and host in (None, address.host)

    def _find_vnc_server(self, instance_uuid: str, console_type: str) -> objects.VNCServerAddress:
        if not self._vnc_enabled:
            raise exception.ConsoleTypeUnavailable(console_type=console_type)
        if console_type != objects.CONSOLE_TYPE_NOVNC:
            raise exception.ConsoleTypeInvalid(console_type=console_type)
        return self._driver.get_vnc_console(instance_uuid)


class NovaEndpoint:
    """Two methods of Nova's compute manager, for one major version of its contract.

    Arguments that another release may add are taken and left.
    """

    def __init__(self, manager: ComputeManager, version: str) -> None:
        self.target = oslo_messaging.Target(version=version)
        self._manager = manager

    @errors.expected
    def get_vnc_console(self, ctxt: RequestContext, instance: dict[str, Any], console_type: str,
                        **_others: Any) -> dict[str, Any]:
        return self._manager.get_vnc_console(objects.instance_uuid_of(instance), console_type)

    @errors.expected
    def validate_console_port(self, ctxt: RequestContext, instance: dict[str, Any], port: object, console_type: str,
                              **_others: Any) -> bool:
        return self._manager.is_vnc_server_at(objects.instance_uuid_of(instance), console_type, port)


class NovaVNCEndpoint:
    """The methods of our own namespace."""

    target = oslo_messaging.Target(namespace=compute_rpc.NAMESPACE, version=compute_rpc.NAMESPACE_VERSION)

    def __init__(self, manager: ComputeManager) -> None:
        self._manager = manager

    @errors.expected
    def validate_console(self, ctxt: RequestContext, instance: dict[str, Any], host: str, port: object,
                         console_type: str, **_others: Any) -> bool:
        return self._manager.is_vnc_server_at(objects.instance_uuid_of(instance), console_type, port, host)


def build_endpoints(manager: ComputeManager) -> list[object]:
    """Return what an RPC server of the compute topics serves."""
    return [*(NovaEndpoint(manager, version) for version in compute_rpc.ACCEPTED_VERSIONS), NovaVNCEndpoint(manager)]
