# SPDX-License-Identifier: Apache-2.0
"""The whole console plane on an in-process bus: API, consoleauth, proxy, and compute hosts that can hang."""

from __future__ import annotations

import contextlib
import http.client
import json
import threading
import uuid
from pathlib import Path

from nova_vnc import service
from nova_vnc.api import factory as api_factory
from nova_vnc.compute import manager as compute_manager
from nova_vnc.consoleauth import factory as consoleauth_factory
from nova_vnc.context import service_context
from nova_vnc.novncproxy import factory as novncproxy_factory
from nova_vnc.objects import InstanceRecord
from nova_vnc.rpc import caller, compute
from nova_vnc.rpc.consoleauth import ConsoleAuthAPI
from tests.fixtures.bus import Bus
from tests.fixtures.hypervisor import FakeHypervisor
from tests.fixtures.polling import wait_until
from tests.functional.novncproxy.rig import VNCServerStandIn, echo

TIMEOUT_S = 60
CREATE = {'remote_console': {'protocol': 'vnc', 'type': 'novnc'}}


class Host:
    """A compute host with one VM, which belongs to a project of its own."""

    def __init__(self, bus: Bus, name: str, base_url: str, vnc: VNCServerStandIn) -> None:
        self.name = name
        self.vm = InstanceRecord(uuid=str(uuid.uuid4()), id=1, name='instance-00000001', display_name=f'vm of {name}',
                                 host=name, project_id=f'project-{name}', user_id='user')
        hypervisor = FakeHypervisor(vnc.host)
        hypervisor.add(self.vm, str(vnc.port))
        self._serving = contextlib.ExitStack()
        self._serving.enter_context(bus.serving(compute.TOPIC, compute_manager.build_endpoints(
            compute_manager.ComputeManager(hypervisor, base_url)), name))
        self.records = hypervisor.list_instances()

    def hang(self) -> None:
        """Take no message from the bus any more."""
        self._serving.close()


class Cloud:
    """:ivar hosts: all of them; each one's VM shows the same VNC server, which echoes"""

    def __init__(self, bus: Bus, web: Path, state_path: Path, hosts: int, **proxy_options: object) -> None:
        self._bus = bus
        self._stack = contextlib.ExitStack()
        self.failures: list[str] = []
        conf = bus.conf
        for name, value in (('web', str(web)), ('state_path', str(state_path)), ('osapi_compute_listen_port', 0)):
            conf.set_override(name, value)
        conf.set_override('osapi_compute_listen', '127.0.0.1')
        conf.set_override('auth_strategy', 'noauth2', 'api')
        conf.set_override('novncproxy_host', '127.0.0.1', 'vnc')
        conf.set_override('novncproxy_port', 0, 'vnc')
        for name, value in proxy_options.items():
            conf.set_override(name, value, 'novncproxy')
        self._start(consoleauth_factory.build_service(conf, bus.transport))
        self.proxy = novncproxy_factory.build_service(conf, bus.transport)
        self._start(self.proxy)
        self.api = api_factory.build_service(conf, bus.transport)
        self._start(self.api)
        vnc = VNCServerStandIn(echo)
        self._stack.callback(vnc.close)
        base_url = f'http://127.0.0.1:{self.proxy.port}/vnc_auto.html'
        self.hosts = [Host(bus, f'compute{number}', base_url, vnc) for number in range(hosts)]
        for host in self.hosts:
            self._stack.callback(host.hang)
        self._report()

    def close(self) -> None:
        self._stack.close()
        assert not self.failures

    def create_console(self, host: Host) -> str:
        """Return a console URL of the host's VM, as its owner gets it."""
        status, body = self.post_console(host)
        assert status == 200, (status, body)
        return str(json.loads(body)['remote_console']['url'])

    def post_console(self, host: Host) -> tuple[int, bytes]:
        return self._ask('POST', f'/v2.1/servers/{host.vm.uuid}/remote-consoles', host, json.dumps(CREATE))

    def list_servers(self, host: Host) -> tuple[int, bytes]:
        """Do what the owner of the host's VM does to see it."""
        return self._ask('GET', '/v2.1/servers', host)

    def _ask(self, method: str, path: str, host: Host, body: str | None = None) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection('127.0.0.1', self.api.port, timeout=TIMEOUT_S)
        with contextlib.closing(connection):
            connection.request(method, path, body, {'X-Auth-Token': f'user:{host.vm.project_id}',
                                                    'OpenStack-API-Version': 'compute 2.6'})
            response = connection.getresponse()
            return response.status, response.read()

    def _start(self, built: service.Service) -> None:
        built.start(self.failures.append)
        hurry = threading.Event()
        hurry.set()
        self._stack.callback(built.stop, hurry)

    def _report(self) -> None:
        api = ConsoleAuthAPI(caller.Caller(self._bus.transport))
        for host in self.hosts:
            api.report_instances(service_context(), host.name, host.records)
        wait_until(lambda: len(api.list_instances(service_context())) == len(self.hosts), 20, 'the reports')
