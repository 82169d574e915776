# SPDX-License-Identifier: Apache-2.0
"""The API as the unmodified python-openstackclient uses it."""

import json
import os
import subprocess
import sys

import pytest

from tests.functional.api.api import UUID

OPENSTACK = os.path.join(os.path.dirname(sys.executable), 'openstack')
TIMEOUT_S = 60

NONE = ('--os-auth-type', 'none')
ADMIN_TOKEN = ('--os-auth-type', 'admin_token', '--os-token')


@pytest.fixture
def openstack(api, cloud, tmp_path):
    def run(*args, endpoint=api.url, environment=None):
        # Nothing of the user's own clouds.yaml or OS_ variables.
        own = {name: value for name, value in os.environ.items() if not name.startswith('OS_')}
        done = subprocess.run([OPENSTACK, '--os-endpoint', endpoint, *args], capture_output=True, text=True,
                              timeout=TIMEOUT_S, cwd=tmp_path, stdin=subprocess.DEVNULL,
                              env={**own, 'HOME': str(tmp_path), **(environment or {})})
        return done
    return run


def shown(done):
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


# How requests are served under either backend, the other tests show; here it is what the client makes of the answers.
@pytest.mark.once
@pytest.mark.parametrize('auth', [NONE, (*ADMIN_TOKEN, 'admin'), (*ADMIN_TOKEN, 'alice:a11ce')],
                         ids=['none', 'admin_token', 'admin_token of a user'])
@pytest.mark.parametrize('server', ['web one', UUID])
@pytest.mark.parametrize('version', [(), ('--os-compute-api-version', '2.1')], ids=['default', '2.1'])
def test_console_url_show(openstack, cloud, auth, server, version):
    console = shown(openstack(*auth, *version, 'console', 'url', 'show', '--novnc', server, '-f', 'json'))
    token, = cloud.authorized
    assert console['url'].endswith(f'?path=%3Ftoken%3D{token}')
    assert console['type'] == 'novnc'
    assert console.get('protocol') == (None if version else 'vnc')


def test_an_endpoint_without_a_version(openstack, api, cloud):
    root = api.url.removesuffix('/v2.1')
    assert shown(openstack(*NONE, 'console', 'url', 'show', 'db', '-f', 'json', endpoint=root))['url']


def test_a_name_that_is_no_regular_expression(openstack):
    assert shown(openstack(*NONE, 'console', 'url', 'show', 'web (old', '-f', 'json'))['url']


@pytest.mark.once
@pytest.mark.parametrize(('arguments', 'message'), [
    (('console', 'url', 'show', 'nosuch'), 'No Server found for nosuch'),
    (('console', 'url', 'show', '--spice', 'web one'), 'Unavailable console type spice-html5.'),
    (('--os-compute-api-version', '2.1', 'console', 'url', 'show', '--xvpvnc', 'web one'),
     'Invalid console type xvpvnc'),
    (('--os-compute-api-version', '2.31', 'console', 'connection', 'show', 'nosuch'), 'Token not found'),
])
def test_what_the_user_reads(openstack, arguments, message):
    done = openstack(*NONE, *arguments)
    assert done.returncode != 0
    assert message in done.stderr


def test_another_projects_server(openstack):
    done = openstack(*ADMIN_TOKEN, 'bob:b0b', 'console', 'url', 'show', 'web one')
    assert 'No Server found for web one' in done.stderr
    done = openstack(*ADMIN_TOKEN, 'bob:b0b', 'console', 'url', 'show', UUID)
    assert f'No Server found for {UUID}' in done.stderr


def test_server_show(openstack):
    server = shown(openstack(*NONE, 'server', 'show', 'web one', '-f', 'json'))
    assert (server['id'], server['name'], server['status'], server['project_id']) == (
        UUID, 'web one', 'ACTIVE', 'a11ce')
    assert server['OS-EXT-SRV-ATTR:host'] == 'host-1'


def test_server_list(openstack, api):
    # `server list` asks for Keystone's version 3 whatever it is to do. A URL that looks like it is enough.
    servers = shown(openstack(*ADMIN_TOKEN, 'admin', 'server', 'list', '-f', 'json',
                              endpoint=api.url.replace('/v2.1', '/v3'),
                              environment={'OS_COMPUTE_ENDPOINT_OVERRIDE': api.url}))
    assert [server['Name'] for server in servers] == ['web one', 'db', 'web (old']
