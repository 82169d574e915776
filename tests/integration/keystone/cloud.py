# SPDX-License-Identifier: Apache-2.0
"""The four services as in tests.fixtures.cloud, with users in Keystone instead of noauth2."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import requests

from tests.fixtures import keystone as keystone_fixture
from tests.fixtures.cloud import Cloud
from tests.fixtures.keystone import Keystone
from tests.fixtures.polling import wait_until
from tests.fixtures.wsgi_server import WsgiServer

PASSWORD = 'a-password'
PROJECT, OTHER_PROJECT = 'engineering', 'sales'
MEMBER, READER, OTHER, SYSTEM_ADMIN, SERVICE = 'alice', 'rita', 'bob', 'sam', 'nova'
_TIMEOUT_S = 60


class KeystoneCloud(Cloud):
    """
    :ivar server: the uuid of a VM that belongs to PROJECT, because nova-vnc-manage has said so
    """

    def __init__(self, transport_url: str, keystone: Keystone) -> None:
        self.keystone = keystone
        self.server = ''
        super().__init__(transport_url, options={
            'api': {'auth_strategy': None},     # the default
            'keystone_authtoken': {
                'auth_type': 'password', 'auth_url': keystone.url, 'www_authenticate_uri': keystone.url,
                'username': SERVICE, 'password': PASSWORD, 'project_name': 'service', 'user_domain_name': 'Default',
                'project_domain_name': 'Default', 'service_token_roles': 'service',
                'service_token_roles_required': True},
        })

    def start(self) -> None:
        self._make_users()
        super().start()
        self.server = self.wait_for_server()
        self.manage('instance', 'set-owner', self.server, '--project', self.keystone.project_id(PROJECT))

    def _make_users(self) -> None:
        projects = {name: self.keystone.create_project(name) for name in (PROJECT, OTHER_PROJECT, 'service')}
        for name, project, roles in ((MEMBER, PROJECT, ['member']), (READER, PROJECT, ['reader']),
                                     (OTHER, OTHER_PROJECT, ['member']), (SERVICE, 'service', ['admin', 'service'])):
            self.keystone.create_user(name, PASSWORD, project=projects[project], roles=roles)
        self.keystone.create_user(SYSTEM_ADMIN, PASSWORD, system_roles=['admin'])
        self.keystone.create_service('nova', 'compute', self.endpoint)

    def manage(self, *arguments: str) -> None:
        """Run nova-vnc-manage."""
        subprocess.run([Path(sys.executable).with_name('nova-vnc-manage'), '--config-file', self.consoleauth.conf_path,
                        *arguments], check=True, timeout=_TIMEOUT_S)

    def token(self, user: str = MEMBER, project: str = PROJECT) -> str:
        return self.keystone.token(user, PASSWORD, project=project)

    def admin_token(self, **scope: Any) -> str:
        return self.keystone.token(keystone_fixture.ADMIN, keystone_fixture.ADMIN_PASSWORD,
                                   **(scope or {'project': keystone_fixture.ADMIN}))

    def servers(self) -> list[dict[str, Any]]:
        answer = self.request('GET', '/servers?all_tenants=1', token=self.admin_token())
        return answer.json().get('servers', []) if answer.ok else []

    def console(self, token: str, *, port: int | None = None, **headers: str) -> requests.Response:
        """Ask for a console of the server.

        :param port: of another API than that of nova-vnc-api
        """
        return requests.post(
            f'http://127.0.0.1:{port or self.api_port}/v2.1/servers/{self.server}/remote-consoles', timeout=_TIMEOUT_S,
            json={'remote_console': {'protocol': 'vnc', 'type': 'novnc'}},
            headers={'X-Auth-Token': token, 'OpenStack-API-Version': 'compute 2.6', **headers})

    def expired_token(self) -> str:
        """Return a token of MEMBER's that has expired."""
        directory = self.directory / 'short-lived'
        directory.mkdir()
        conf = (self.keystone.directory / 'keystone.conf').read_text()
        assert 'expiration = 3600' in conf
        (directory / 'keystone.conf').write_text(conf.replace('expiration = 3600', 'expiration = 1'))
        with WsgiServer(self.keystone.venv, 'keystone.wsgi.api:application', directory, name='keystone',
                        environment={'OS_KEYSTONE_CONFIG_DIR': str(directory)}) as server:
            token = self.keystone.token(MEMBER, PASSWORD, project=PROJECT, url=f'{server.url}/v3')
        # Its end is a whole second.
        end = time.time() + 2
        wait_until(lambda: time.time() > end, 10, 'the end of the token')
        return token

    def openstack_of(self, user: str, project: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run python-openstackclient as a user does who has sourced his openrc file."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith('OS_')}
        return subprocess.run(
            [Path(sys.executable).with_name('openstack'), *arguments], capture_output=True, text=True, timeout=120,
            cwd=self.directory, env={
                **environment, 'HOME': str(self.directory), 'OS_AUTH_URL': self.keystone.url,
                'OS_IDENTITY_API_VERSION': '3', 'OS_USERNAME': user, 'OS_PASSWORD': PASSWORD,
                'OS_PROJECT_NAME': project, 'OS_USER_DOMAIN_NAME': 'Default', 'OS_PROJECT_DOMAIN_NAME': 'Default'})
