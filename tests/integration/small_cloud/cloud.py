# SPDX-License-Identifier: Apache-2.0
"""A small OpenStack: released and unmodified Keystone, Glance, Placement and Nova, with QEMU guests, on loopback."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import requests

from tests.fixtures.database_server import DatabaseServer
from tests.fixtures.keystone import ADMIN, ADMIN_PASSWORD, Keystone
from tests.fixtures.part import Part
from tests.fixtures.ports import free_port, is_listening
from tests.fixtures.process import ExternalProcess, format_conf
from tests.fixtures.wsgi_server import WsgiServer, run_tool
from tests.integration.small_cloud import confs

NOVNC = '/usr/share/novnc'

_DATABASES = ('keystone', 'glance', 'placement', 'nova_api', 'nova', 'nova_cell0')
_READY_TIMEOUT_S = 180
_CLIENT_TIMEOUT_S = 240
_REQUEST_TIMEOUT_S = 60


@dataclasses.dataclass(frozen=True)
class User:
    """Who asks, and in which project; both by name, of the domain Default."""

    name: str
    password: str
    project: str


ADMINISTRATOR = User(ADMIN, ADMIN_PASSWORD, ADMIN)
TENANT = User('alice', 'alice-password', 'tenant')
STRANGER = User('bob', 'bob-password', 'another')


class SmallCloud(Part):
    """One controller and one compute host, which share a nova.conf.

    :param venv: that of released_openstack()
    :param database: a server of its own
    :param libvirt_uri: where nova-compute finds its hypervisor
    :ivar nova_conf: the file
    """

    def __init__(self, venv: Path, transport_url: str, database: DatabaseServer, libvirt_uri: str) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix='nova-vnc-small-cloud-', dir='/tmp'))
        self.nova_conf = self.directory / 'nova.conf'
        self.proxy_port = free_port()
        self._venv = venv
        self._database = database
        self.keystone = Keystone(venv, self._database_url('keystone'))
        self._write_confs(transport_url, libvirt_uri)
        self._network_port = free_port()
        self._network = ExternalProcess(
            [sys.executable, Path(__file__).with_name('networking.py'), str(self._network_port)], self.directory,
            name='networking')
        self.placement = self._wsgi_server('placement')
        self.glance = self._wsgi_server('glance')
        self.nova_api = self._wsgi_server('nova', module='osapi_compute')
        self.conductor = self.nova_service('nova-conductor')
        self.scheduler = self.nova_service('nova-scheduler')
        self.compute = self.nova_service('nova-compute')

    def nova_service(self, command: str, *arguments: str) -> ExternalProcess:
        """Return one of Nova's own commands, on the common nova.conf; it is the caller's to start and close."""
        return ExternalProcess([self._venv / 'bin' / command, '--config-file', self.nova_conf, *arguments],
                               self.directory, name=command)

    def _wsgi_server(self, project: str, module: str = 'api') -> WsgiServer:
        return WsgiServer(self._venv, f'{project}.wsgi.{module}:application', self.directory, name=f'{project}-api',
                          environment={f'OS_{project.upper()}_CONFIG_DIR': str(self.directory)})

    def _database_url(self, name: str) -> str:
        return f'{self._database.url}{name}?charset=utf8mb4'

    def _write_confs(self, transport_url: str, libvirt_uri: str) -> None:
        for name in ('log', 'nova/instances', 'nova/lock', 'glance/images', 'glance/staging', 'glance/tasks'):
            (self.directory / name).mkdir(parents=True)
        # nova-api looks for it beside nova.conf.
        shutil.copy(self._venv / 'etc/nova/api-paste.ini', self.directory)
        common: dict[str, Any] = {'database_url': self._database_url, 'auth_url': self.keystone.url}
        self.nova_conf.write_text(format_conf(confs.nova_conf(
            self.directory, self._venv, transport_url=transport_url, libvirt_uri=libvirt_uri,
            proxy_port=self.proxy_port, **common)))
        (self.directory / 'glance-api.conf').write_text(
            format_conf(confs.glance_conf(self.directory, self._venv, **common)))
        (self.directory / 'placement.conf').write_text(format_conf(confs.placement_conf(self.directory, **common)))

    # -- start and end

    def start(self) -> None:
        for name in _DATABASES:
            self._database.execute(f'CREATE DATABASE {name} CHARACTER SET utf8mb4')
        _in_parallel(self._start_keystone, self._create_nova_tables, self._create_other_tables)
        self._network.start()
        for server in (self.conductor, self.placement, self.scheduler, self.nova_api, self.glance):
            server.start()
        # Without an answer from nova-conductor, nova-compute waits for 10 s before it asks again.
        self.conductor.wait_until(lambda: 'Starting conductor node' in self.log('nova-conductor'), _READY_TIMEOUT_S,
                                  'has begun')
        self.compute.start()
        self._network.wait_until(lambda: is_listening(self._network_port), _READY_TIMEOUT_S, 'listens')
        self.compute.wait_until(self._has_room_for_guests, _READY_TIMEOUT_S, 'can be scheduled to')

    def close(self) -> None:
        """End everything and leave nothing behind. Idempotent."""
        for server in (self.compute, self.nova_api, self.scheduler, self.conductor, self.glance, self.placement,
                       self._network, self.keystone):
            with contextlib.suppress(Exception):
                server.close()
        shutil.rmtree(self.directory, ignore_errors=True)

    def _start_keystone(self) -> None:
        self.keystone.start()
        service = self.keystone.create_project('service')
        for name in ('nova', 'glance', 'placement', 'neutron'):
            self.keystone.create_user(name, confs.SERVICE_PASSWORD, project=service, roles=('admin', 'service'))
        for user in (TENANT, STRANGER):
            project = self.keystone.create_project(user.project)
            self.keystone.create_user(user.name, user.password, project=project, roles=('member',))
        for name, type_, url in (('nova', 'compute', f'{self.nova_api.url}/v2.1'),
                                 ('glance', 'image', self.glance.url), ('placement', 'placement', self.placement.url),
                                 ('neutron', 'network', f'http://127.0.0.1:{self._network_port}')):
            self.keystone.create_service(name, type_, url)

    def _create_nova_tables(self) -> None:
        for arguments in (('api_db', 'sync'), ('cell_v2', 'map_cell0'), ('db', 'sync'),
                          ('cell_v2', 'create_cell', '--name', 'cell1')):
            self.nova_manage(*arguments)

    def _create_other_tables(self) -> None:
        run_tool(self._venv, 'placement-manage', '--config-file', self.directory / 'placement.conf', 'db', 'sync')
        run_tool(self._venv, 'glance-manage', '--config-file', self.directory / 'glance-api.conf', 'db_sync')

    def nova_manage(self, *arguments: str) -> str:
        return run_tool(self._venv, 'nova-manage', '--config-file', self.nova_conf, *arguments)

    def _has_room_for_guests(self) -> bool:
        """Tell whether the compute host is mapped to its cell and Placement knows what it has."""
        hypervisors = self.request(ADMINISTRATOR, 'GET', f'{self.nova_api.url}/v2.1/os-hypervisors')
        candidates = self.request(ADMINISTRATOR, 'GET', f'{self.placement.url}/allocation_candidates'
                                  '?resources=VCPU:1,MEMORY_MB:64,DISK_GB:1',
                                  headers={'OpenStack-API-Version': 'placement 1.10'})
        return bool(hypervisors.json()['hypervisors']) and bool(candidates.json()['allocation_requests'])

    # -- as a user

    def request(self, user: User, method: str, url: str, *, body: Any = None,
                headers: Mapping[str, str] | None = None) -> requests.Response:
        """Send a request to any of the services, with a fresh token."""
        token = self.keystone.token(user.name, user.password, project=user.project)
        return requests.request(method, url, json=body, timeout=_REQUEST_TIMEOUT_S,
                                headers={'X-Auth-Token': token, **(headers or {})})

    def openstack(self, user: User, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run python-openstackclient as a user does."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith('OS_')}
        credentials = {'OS_AUTH_URL': self.keystone.url, 'OS_USERNAME': user.name, 'OS_PASSWORD': user.password,
                       'OS_PROJECT_NAME': user.project, 'OS_USER_DOMAIN_NAME': 'Default',
                       'OS_PROJECT_DOMAIN_NAME': 'Default', 'OS_IDENTITY_API_VERSION': '3',
                       'HOME': str(self.directory)}
        return subprocess.run([Path(sys.executable).with_name('openstack'), *arguments], capture_output=True, text=True,
                              timeout=_CLIENT_TIMEOUT_S, cwd=self.directory, env={**environment, **credentials})

    def openstack_json(self, user: User, *arguments: str) -> Any:
        """Run it and return what it prints as JSON; raises AssertionError."""
        done = self.openstack(user, *arguments, '-f', 'json')
        assert done.returncode == 0, f'{" ".join(arguments)}: {done.stdout}{done.stderr}\n{self.errors()}'
        return json.loads(done.stdout)

    def log(self, name: str) -> str:
        """Return what is in the log of one of the services; empty before it has one."""
        path = self.directory / f'log/{name}.log'
        return path.read_text(errors='replace') if path.exists() else ''

    def errors(self) -> str:
        """Return what the services have logged of errors, for the message of a test that fails."""
        lines = (f'{path.name}: {line}' for path in sorted((self.directory / 'log').glob('*.log'))
                 for line in path.read_text(errors='replace').splitlines() if ' ERROR ' in line or ' WARNING ' in line)
        return '\n'.join(lines)[-6000:]


def _in_parallel(*tasks: Callable[[], None]) -> None:
    with ThreadPoolExecutor(len(tasks)) as pool:
        for future in [pool.submit(task) for task in tasks]:
            future.result()
