# SPDX-License-Identifier: Apache-2.0
"""The whole console plane with nothing left out but the hypervisor: ours, and Nova's."""

from __future__ import annotations

import sys
import uuid
from pathlib import Path
from typing import Any

from oslo_config import cfg

from benchmarks import unprivileged
from benchmarks.compute_program import INSTANCE_UUID, PORT_VARIABLE
from benchmarks.native import Endpoint, VncServer
from benchmarks.peers import ROOT, START_TIMEOUT_S, Peer
from benchmarks.process_tree import ProcessTree
from nova_vnc import exception, objects
from nova_vnc.conf import opts
from nova_vnc.context import service_context
from nova_vnc.rpc import transport as rpc_transport
from nova_vnc.rpc.caller import Caller
from nova_vnc.rpc.consoleauth import ConsoleAuthAPI
from tests.fixtures.certificates import Certificate
from tests.fixtures.database_server import MariaDB
from tests.fixtures.nova_cell import NovaCell
from tests.fixtures.nova_release import nova_34
from tests.fixtures.placement import Placement
from tests.fixtures.polling import wait_until
from tests.fixtures.ports import free_port
from tests.fixtures.process import ExternalProcess, format_conf
from tests.fixtures.rabbitmq import RabbitMQ

_TOKENS = 200
_TOKEN_TTL_S = 86400


class OurStack(Peer):
    """nova-novncproxy, nova-consoleauth and nova-vnc-compute on RabbitMQ and MariaDB.

    :param certificate: for browsers that come with TLS
    :param token_ttl_s: of all tokens, those of the endpoint among them
    :param options: of [novncproxy]

    :ivar stack: all three, where tree is the proxy alone
    :ivar services: the three by their names
    """

    def __init__(self, vnc_port: int, backend: str, broker: RabbitMQ, database: MariaDB, *,
                 certificate: Certificate | None = None, token_ttl_s: int = _TOKEN_TTL_S, **options: Any) -> None:
        super().__init__()
        self.name = f'nova-vnc {backend}'
        self._vnc_port = vnc_port
        self._backend = backend
        self._broker = broker
        self._database = database
        self._certificate = certificate
        self._token_ttl_s = token_ttl_s
        self._options = options

    def start(self) -> None:
        directory = self._directory()
        port = free_port()
        url = self._broker.new_vhost()
        connection = self._parts.enter_context(self._database.new_url())
        tls = {}
        if self._certificate is not None:
            (directory / 'cert.pem').write_bytes(self._certificate.both.read_bytes())
            tls = {'cert': directory / 'cert.pem'}
        (directory / 'nova.conf').write_text(format_conf({
            'DEFAULT': {'concurrency_backend': self._backend, 'transport_url': url, 'host': 'benchmark',
                        'compute_driver': 'demo', 'state_path': directory, **tls},
            'database': {'connection': connection},
            'consoleauth': {'token_ttl': self._token_ttl_s},
            'novncproxy': self._options,
            'vnc': {'novncproxy_host': '127.0.0.1', 'novncproxy_port': port,
                    'novncproxy_base_url': f'http://127.0.0.1:{port}/vnc_auto.html'}}))
        scripts = Path(sys.executable).parent
        self._run(directory, str(scripts / 'nova-vnc-manage'), 'db', 'sync').wait(START_TIMEOUT_S)
        consoleauth = self._run(directory, str(scripts / 'nova-consoleauth'))
        compute = self._run(directory, sys.executable, '-m', 'benchmarks.compute_program')
        proxy = self._launch([str(scripts / 'nova-novncproxy'), '--config-file', str(directory / 'nova.conf')],
                             directory, port)
        self._open_api(url)
        tokens = (self.issue_token() for _ in range(_TOKENS))
        self.endpoint = Endpoint(port, self._paths(directory, *(f'/?token={token}' for token in tokens)))
        self.tree = ProcessTree([proxy.pid])
        self.services = {'nova-novncproxy': self.tree, 'nova-consoleauth': ProcessTree([consoleauth.pid]),
                         'nova-vnc-compute': ProcessTree([compute.pid])}
        self.stack = ProcessTree([proxy.pid, consoleauth.pid, compute.pid])

    def _run(self, directory: Path, *command: str) -> ExternalProcess:
        arguments = [*command, '--config-file', str(directory / 'nova.conf')]
        if 'nova-vnc-manage' in command[0]:
            arguments = [command[0], *arguments[-2:], *command[1:]]
        return self._parts.enter_context(ExternalProcess(
            unprivileged.command(arguments), directory, name=f'{Path(command[0]).name}-{len(command)}',
            environment={'PYTHONPATH': str(ROOT), 'PYTHONWARNINGS': 'ignore', PORT_VARIABLE: str(self._vnc_port)}))

    def _open_api(self, url: str) -> None:
        opts.set_defaults()
        cfg.CONF([], default_config_files=[])
        transport = rpc_transport.build_transport(cfg.CONF, url)
        self._parts.callback(transport.cleanup)
        self._api = ConsoleAuthAPI(Caller(transport), timeout_s=10)

        def is_reported() -> bool:
            try:
                return bool(self._api.get_instance(service_context(), INSTANCE_UUID))
            except (exception.InstanceNotFound, exception.ServiceUnavailable):
                return False
        wait_until(is_reported, START_TIMEOUT_S, 'the VM to be reported')

    def issue_token(self) -> str:
        """Authorize one more token for the VM, and return it."""
        info = objects.ConnectInfo(token=str(uuid.uuid4()), console_type='novnc', host='127.0.0.1',
                                   port=str(self._vnc_port), instance_uuid=INSTANCE_UUID)
        self._api.authorize_console(service_context(), info)
        return info.token


class NovaStack(Peer):
    """nova-novncproxy 34.0.0 with the conductor and compute service of that release, on RabbitMQ and MariaDB.

    nova-compute has Nova's fake driver, which is asked for the port of the VNC server by each session's check.
    """

    name = 'nova 34'

    def __init__(self, server: VncServer, broker: RabbitMQ, database: MariaDB) -> None:
        super().__init__()
        self._vnc_port = server.ports['plain']
        self._broker = broker
        self._database = database

    def start(self) -> None:
        directory = self._directory()
        url = self._parts.enter_context(self._database.new_url())
        placement = self._parts.enter_context(Placement())
        cell = self._parts.enter_context(NovaCell(
            nova_34(), self._broker.new_vhost(), f'{url}?charset=utf8', placement=placement))
        compute = cell.start_compute()      # known to be ready by a line of its debug log
        cell.add_options({'DEFAULT': {'debug': False}})
        fields: dict[str, Any] = {'project_id': '3f6b8b1a3f8e4b3f9a5d0e4f7b8c9d0e',
                                  'user_id': '9d0e3f6b8b1a4b3f9a5d0e4f7b8c3f8e'}
        cell.call('create_instance', uuid=INSTANCE_UUID, host=cell.host, display_name='benchmark', vm_state='active',
                  **fields)
        cell.set_console(INSTANCE_UUID, '127.0.0.1', str(self._vnc_port))
        proxy = cell.start_novncproxy()
        tokens = [cell.call('authorize', ttl_s=_TOKEN_TTL_S, console_type='novnc', host='127.0.0.1',
                            port=self._vnc_port, internal_access_path=None, instance_uuid=INSTANCE_UUID,
                            access_url_base=cell.base_url)['token'] for _ in range(20)]
        self.endpoint = Endpoint(cell.proxy_port, self._paths(directory, *(f'/?token={token}' for token in tokens)))
        self.tree = ProcessTree([proxy.pid])
        self.stack = ProcessTree([proxy.pid, compute.pid])
