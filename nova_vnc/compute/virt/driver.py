# SPDX-License-Identifier: Apache-2.0
"""What the compute service asks of a hypervisor.

A driver is made by the function that an entry point of the group `nova_vnc.compute_driver` names; it takes the conf
object, raises ConfigurationError for options that it cannot work with, and returns a ComputeDriver that has not been
started.
"""

from __future__ import annotations

import abc
from collections.abc import Callable

from nova_vnc import objects, threads


class ComputeDriver(abc.ABC):
    """One hypervisor host.

    All methods may be called from any (green) thread and at the same time. Each returns or raises in bounded time,
    whatever state the hypervisor is in: get_vnc_console within a few seconds, so that an RPC answer built on it is in
    time, list_instances within half a minute.
    """

    @abc.abstractmethod
    def start(self, on_change: Callable[[], None], fail: threads.Fail) -> None:
        """Begin to work; called once, before all else. Does not wait for the hypervisor to be there.

        :param on_change: to be called, from any green thread, after a VM has started, stopped, appeared or gone, and
            after the hypervisor has become reachable. It takes no time and never raises; several changes may share
            a call.
        :param fail: to be called when the driver cannot go on; its threads are started by nova_vnc.threads
        """

    @abc.abstractmethod
    def stop(self) -> None:
        """Release all and wait for nobody. The VMs go on. May be called without start(), and twice."""

    @abc.abstractmethod
    def list_instances(self) -> list[objects.InstanceRecord]:
        """Return all VMs of this host, running or not; their `host` is None and is filled in by the caller.

        :raises HypervisorUnavailable: the hypervisor cannot be asked now; never an empty list instead
        """

    @abc.abstractmethod
    def get_vnc_console(self, instance_uuid: str) -> objects.VNCServerAddress:
        """Return where the VM's VNC server listens now, with the host as nova-novncproxy reaches it.

        :param instance_uuid: in any letter case
        :raises InstanceNotFound: no such VM on this host
        :raises InstanceNotReady: it is neither running nor paused, or its VNC server does not listen yet
        :raises ConsoleTypeUnavailable: it has no VNC server that listens on TCP
        :raises HypervisorUnavailable: the hypervisor cannot be asked now
        """
