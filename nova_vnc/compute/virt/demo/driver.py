# SPDX-License-Identifier: Apache-2.0
"""The compute driver of the demo guest: one instance, which runs as long as the service does."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable
from typing import Any

from nova_vnc import exception, objects, threads
from nova_vnc.compute.virt.demo import font
from nova_vnc.compute.virt.demo.screen import Screen
from nova_vnc.compute.virt.demo.server import MAX_VIEWERS, DemoServer
from nova_vnc.compute.virt.driver import ComputeDriver

# What a hypervisor would call the VM and its VNC server, so that the proxy's renaming is seen.
_GUEST_NAME = 'demo-guest'


class DemoDriver(ComputeDriver):
    """One guest, an RFB server of our own on a free loopback port.

    :param host: [DEFAULT]host; the guest's uuid is made from it and so stays over restarts
    :param project_id: who the guest belongs to; None: nobody
    :param clock: returns unix seconds, for the guest's clock
    :raises ConfigurationError: Pillow is not installed
    """

    def __init__(self, host: str, project_id: str | None = None, user_id: str | None = None, *,
                 display_name: str = 'demo', clock: Callable[[], float] = time.time,
                 max_viewers: int = MAX_VIEWERS) -> None:
        font.check_pillow()
        self._instance = objects.InstanceRecord(
            uuid=demo_instance_uuid(host), id=1, name=_GUEST_NAME, display_name=display_name,
            project_id=project_id, user_id=user_id, vm_state='active')
        self._clock = clock
        self._screen = Screen(f'nova-vnc demo guest on {host}')
        self._server = DemoServer(self._screen, _GUEST_NAME.encode(), max_viewers=max_viewers)
        self._stopped = threading.Event()

    def start(self, on_change: Callable[[], None], fail: threads.Fail) -> None:
        self._server.start(fail)
        threads.start('demo-clock', self._run_clock, fail, self._stopped.is_set)
        on_change()

    def stop(self) -> None:
        self._stopped.set()
        self._server.stop()

    def list_instances(self) -> list[objects.InstanceRecord]:
        return [self._instance]

    def get_vnc_console(self, instance_uuid: str) -> objects.VNCServerAddress:
        if objects.normalize_uuid(instance_uuid) != self._instance.uuid:
            raise exception.InstanceNotFound(instance_id=instance_uuid)
        address = self._server.address
        if address is None:
            raise exception.InstanceNotReady(instance_id=instance_uuid)
        host, port = address
        return objects.VNCServerAddress(host=host, port=str(port))

    def _run_clock(self) -> None:
        while not self._stopped.is_set():
            now = self._clock()
            self._screen.show_time(now)
            self._stopped.wait(1 - now % 1)


def demo_instance_uuid(host: str) -> str:
    """Return the uuid of the demo guest of a host."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f'nova-vnc-demo://{host}'))


def build_driver(conf: Any) -> DemoDriver:
    """Return the driver for a service's options, of which it needs only [DEFAULT]host."""
    return DemoDriver(conf.host)
