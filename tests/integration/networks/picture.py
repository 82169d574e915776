# SPDX-License-Identifier: Apache-2.0
"""A public network with a browser, a management network with two compute hosts, and a controller on both.

                   public network          management network
    browser ----------------- controller ----------- switch ----- compute hosts
    203.0.113.2     203.0.113.1   10.20.0.1            |          10.20.0.11, 10.20.0.12
"""

from __future__ import annotations

import contextlib
import re
from pathlib import Path
from typing import Any

from tests.fixtures.cloud import Cloud
from tests.fixtures.guest import Guest
from tests.fixtures.libvirt import Libvirtd
from tests.fixtures.namespaces import Cable, Namespace, Switch, connect
from tests.fixtures.part import Part
from tests.fixtures.process import NovaConf, Service
from tests.fixtures.rabbitmq import RabbitMQ

PUBLIC_ADDRESS, BROWSER_ADDRESS = '203.0.113.1', '203.0.113.2'  # RFC 5737
MANAGEMENT_NETWORK = '10.20.0.0/24'
MANAGEMENT_ADDRESS = '10.20.0.1'

_EXAMPLES = Path(__file__).parents[3] / 'doc/source/admin/networks'


class Broker(RabbitMQ):
    """One that other machines reach; the firewall says who."""

    def __init__(self) -> None:
        super().__init__()
        # Else it takes the user guest from loopback only.
        (self.directory / 'rabbitmq.conf').write_text('loopback_users = none\n')
        self.url = f'rabbit://guest:guest@{MANAGEMENT_ADDRESS}:{self.port}/'

    def _build_environment(self) -> dict[str, str]:
        return {**super()._build_environment(), 'RABBITMQ_NODE_IP_ADDRESS': '0.0.0.0'}


class Controller(Cloud):
    """The console plane but for the compute services. To be used inside() its namespace."""

    @property
    def services(self) -> tuple[Service, ...]:
        return self.consoleauth, self.novncproxy, self.api

    @property
    def endpoint(self) -> str:
        return f'http://{PUBLIC_ADDRESS}:{self.api_port}/v2.1'

    def conf(self) -> dict[str, dict[str, Any]]:
        conf = super().conf()
        conf['DEFAULT']['osapi_compute_listen'] = PUBLIC_ADDRESS
        conf['vnc'].update(novncproxy_host=PUBLIC_ADDRESS,
                           novncproxy_base_url=f'http://{PUBLIC_ADDRESS}:{self.proxy_port}/vnc_auto.html')
        return conf


class ComputeHost(Part):
    """A machine on the management network with a libvirtd, a guest and nova-vnc-compute.

    :ivar cable: to the switch
    """

    def __init__(self, number: int, switch: Switch) -> None:
        self.host = f'compute-{number}'
        self.address = f'10.20.0.{10 + number}'
        self._switch = switch
        self._namespace = Namespace()
        self._parts = contextlib.ExitStack()
        self.cable: Cable
        self.guest: Guest
        self.service: Service

    def start(self) -> None:
        self._parts.enter_context(self._namespace)
        self.cable = self._switch.plug_in(self._namespace, 'management', f'{self.address}/24')
        with self._namespace.inside():
            self._libvirtd = self._parts.enter_context(Libvirtd())

    def start_guest(self, *, boots: bool) -> None:
        with self._namespace.inside():
            self.guest = self._libvirtd.define_guest(display_name=f'VM on {self.host}', vnc_listen=self.address,
                                                     boots=boots, paused=not boots)
        # Only the proxy's host may talk to it.
        self._namespace.load_rules(_example('compute.nft', vnc_ports=str(self.guest.vnc_port())))

    def start_service(self, controller: Controller) -> None:
        self.service = controller.add_service('nova-vnc-compute', f'nova-vnc-{self.host}', {
            'DEFAULT': {'host': self.host, 'compute_driver': 'libvirt.LibvirtDriver'},
            'vnc': {'server_proxyclient_address': self.address},
            'libvirt': {'connection_uri': self._libvirtd.uri}})
        with self._namespace.inside():
            self.service.start()

    def inside(self) -> contextlib.AbstractContextManager[None]:
        return self._namespace.inside()

    def close(self) -> None:
        self._parts.close()


class Picture(Part):
    """
    :param options: added to every nova.conf

    :ivar browser: the namespace of those who use the consoles
    :ivar hosts: the first one's guest boots, the other one's stands before its first instruction
    """

    def __init__(self, options: NovaConf) -> None:
        self._options = options
        self._parts = contextlib.ExitStack()
        self.browser, self.controller_machine, self._switch = Namespace(), Namespace(), Switch()
        self.hosts = [ComputeHost(number, self._switch) for number in (1, 2)]
        self.broker: Broker
        self.controller: Controller
        self.controller_cable: Cable

    def start(self) -> None:
        for machine in (self.browser, self.controller_machine, self._switch):
            self._parts.enter_context(machine)
        connect(self.browser, 'public', f'{BROWSER_ADDRESS}/24',
                self.controller_machine, 'public', f'{PUBLIC_ADDRESS}/24')
        self.controller_cable = self._switch.plug_in(self.controller_machine, 'management', f'{MANAGEMENT_ADDRESS}/24')
        for host in self.hosts:
            self._parts.enter_context(host)
        self.hosts[0].start_guest(boots=True)
        self.hosts[1].start_guest(boots=False)
        self._start_controller()
        for host in self.hosts:
            host.start_service(self.controller)

    def _start_controller(self) -> None:
        with self.controller_machine.inside():
            self.broker = self._parts.enter_context(Broker())
            self.controller = self._parts.enter_context(Controller(self.broker.url, options=self._options))
        self.guard()

    def guard(self) -> None:
        """Load the controller's firewall."""
        self.controller_machine.load_rules(_example(
            'controller.nft', public_ports=f'{{ {self.controller.proxy_port}, {self.controller.api_port} }}'))

    def close(self) -> None:
        self._parts.close()


def _example(name: str, **definitions: str) -> str:
    """Return an example of the documentation, with ports of ours instead of the usual ones."""
    text = (_EXAMPLES / name).read_text()
    for variable, value in definitions.items():
        text, count = re.subn(rf'^define {variable} = .*$', f'define {variable} = {value}', text, flags=re.MULTILINE)
        assert count == 1, f'{name} defines no {variable}'
    return text
