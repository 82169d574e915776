# SPDX-License-Identifier: Apache-2.0
"""The contract of the compute services: topics `compute` and `compute-alt`, one queue for each host.

Without a namespace: two methods of Nova's compute manager, whose argument names have not changed since 3.2. In the
namespace `nova_vnc`: ours.
"""

from __future__ import annotations

from typing import Any

import oslo_messaging

from nova_vnc import exception, objects
from nova_vnc.context import RequestContext
from nova_vnc.net.deadline import Deadline
from nova_vnc.rpc import caller, expiring, extensions, upgrade_levels
from nova_vnc.rpc.silent_hosts import SilentHosts

TOPIC = 'compute'
TOPIC_ALT = 'compute-alt'   # nova 33.0 and later send validate_console_port here
NAMESPACE = 'nova_vnc'
NAMESPACE_VERSION = '1.0'
# The newest minor version of each major one that a Nova release sent: Juno+Kilo, Queens, 2026.1, 2026.1.
ACCEPTED_VERSIONS = ('3.40', '4.22', '5.13', '6.5')
VERSION = '5.0'
OLD_VERSION = '4.0'

# What [upgrade_levels]compute may say instead of a version (nova.compute.rpcapi, VERSION_ALIASES of 34.0.0).
_RELEASES = {
    'icehouse': '3.23', 'juno': '3.35', 'kilo': '4.0', 'liberty': '4.5', 'mitaka': '4.11', 'newton': '4.13',
    'ocata': '4.13', 'pike': '4.17', 'queens': '5.0', 'rocky': '5.0', 'stein': '5.1', 'train': '5.3', 'ussuri': '5.11',
    'victoria': '5.12', 'wallaby': '6.0', 'xena': '6.0', 'yoga': '6.0', 'zed': '6.1', 'antelope': '6.2',
    'bobcat': '6.2', 'caracal': '6.3', 'dalmatian': '6.3', 'epoxy': '6.4', 'flamingo': '6.4', 'gazpacho': '6.5',
    'hibiscus': '6.5',
}


def versions_to_send(upgrade_level: str | None) -> tuple[str, ...]:
    """Return the versions to try in turn, for a value of [upgrade_levels]compute.

    :raises ConfigurationError: neither a version, nor the name of a release, or one of before 4.0, whose services do
        not understand the instance that is sent here
    """
    level = (upgrade_level or 'auto').strip().lower()
    if level == 'auto':
        return (VERSION, OLD_VERSION)
    major, _ = upgrade_levels.parse('compute', upgrade_level, _RELEASES)
    if major < 4:
        raise exception.ConfigurationError(
            reason=f'[upgrade_levels]compute = {upgrade_level}: below 4.0 (kilo) is not spoken here')
    return (VERSION,) if major >= 5 else (OLD_VERSION,)


class ComputeAPI:
    """Client of the compute services.

    Every call raises ServiceUnavailable when there is no answer in timeout_s, or by the deadline that it is given
    instead, which may have been running for other calls before; HostSilent at once, for a host that is not to be asked
    now. host_is_silent, as in the directory, is what counts of a host that was not asked for a while.

    :param silent_hosts: default: one of its own
    :param ask_extensions: whether to find out which hosts know our namespace; the rest get Nova's methods
    """

    def __init__(self, rpc_caller: caller.Caller, versions: tuple[str, ...] = (VERSION, OLD_VERSION),
                 timeout_s: float = 5.0, silent_hosts: SilentHosts | None = None, ask_extensions: bool = True) -> None:
        self._caller = rpc_caller
        self._versions = versions
        self._timeout_s = timeout_s
        self._hosts = silent_hosts or SilentHosts()
        # A version that a host does not know leaves a traceback in its log as well.
        self._old_hosts = expiring.ExpiringSet(extensions.ASK_AGAIN_S)
        self._extensions = extensions.Extensions(ask_extensions)

    def get_vnc_console(self, ctxt: RequestContext, instance: objects.InstanceRecord, console_type: str,
                        deadline: Deadline | None = None, host_is_silent: bool = False) -> dict[str, Any]:
        """Return {token, host, port, internal_access_path, access_url}.

        :raises ConsoleTypeInvalid, ConsoleTypeUnavailable, InstanceNotFound, InstanceNotReady: as Nova's
        """
        with self._hosts.asking(str(instance.host), host_is_silent):
            return self._call_nova(ctxt, instance, 'get_vnc_console', deadline or Deadline(self._timeout_s),
                                   console_type=console_type)

    def validate_console(self, ctxt: RequestContext, instance: objects.InstanceRecord, host: str, port: str,
                         console_type: str, deadline: Deadline | None = None, host_is_silent: bool = False) -> bool:
        """Tell whether the VM's VNC server is at this host and port now.

        Nova's own compute service compares the port only.

        :raises InstanceNotFound, InstanceNotReady: as Nova's
        """
        with self._hosts.asking(str(instance.host), host_is_silent):
            return self._validate(ctxt, instance, host, port, console_type, deadline or Deadline(self._timeout_s))

    def _validate(self, ctxt: RequestContext, instance: objects.InstanceRecord, host: str, port: str,
                  console_type: str, deadline: Deadline) -> bool:
        target = oslo_messaging.Target(topic=TOPIC, server=instance.host, namespace=NAMESPACE,
                                       version=NAMESPACE_VERSION)
        try:
            return bool(self._extensions.call(str(instance.host), lambda: self._caller.call(
                target, ctxt, 'validate_console', deadline.remaining(), instance=instance.to_primitive(), host=host,
                port=port, console_type=console_type), deadline))
        except caller.UnknownMethod:
            pass
        return bool(self._call_nova(ctxt, instance, 'validate_console_port', deadline, port=port,
                                    console_type=console_type))

    def _call_nova(self, ctxt: RequestContext, instance: objects.InstanceRecord, method: str, deadline: Deadline,
                   **kwargs: Any) -> Any:
        # Should it have been upgraded meanwhile, the others follow.
        versions = self._versions[::-1] if instance.host in self._old_hosts else self._versions
        for version in versions:
            target = oslo_messaging.Target(topic=TOPIC, server=instance.host, version=version)
            try:
                answer = self._caller.call(target, ctxt, method, deadline.remaining(),
                                           instance=instance.to_primitive(), **kwargs)
            except caller.UnknownMethod:
                continue
            if version == OLD_VERSION:
                self._old_hosts.add(instance.host)
            else:
                self._old_hosts.discard(instance.host)
            return answer
        raise exception.ServiceUnavailable(service=f'{TOPIC} on host {instance.host}')
