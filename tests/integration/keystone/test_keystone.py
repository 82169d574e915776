# SPDX-License-Identifier: Apache-2.0
"""[api]auth_strategy = keystone, with a released Keystone."""

from __future__ import annotations

import json
import re
import shlex
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.fixtures.cloud import ADMIN_TOKEN
from tests.fixtures.console_client import ConsoleClient
from tests.fixtures.keystone import Keystone
from tests.fixtures.polling import wait_until
from tests.fixtures.ports import free_port, is_listening
from tests.fixtures.process import ExternalProcess
from tests.integration.keystone.cloud import (
    MEMBER,
    OTHER,
    OTHER_PROJECT,
    PASSWORD,
    PROJECT,
    READER,
    SERVICE,
    SYSTEM_ADMIN,
    KeystoneCloud,
)

PAGE = Path(__file__).parents[3] / 'doc/source/reference/api.rst'
CONSOLES_REFUSED = "Policy doesn't allow os_compute_api:os-remote-consoles to be performed."
# With the defaults a request asks Keystone four times, 2 s each, and pauses in between.
HUNG_S = 30
CROWD = 48


def test_a_token_of_the_project_opens_a_console(cloud: KeystoneCloud):
    answer = cloud.console(cloud.token())
    assert answer.status_code == 200, answer.text
    with ConsoleClient(answer.json()['remote_console']['url']) as client:
        assert client.connect().name


def test_another_projects_server_is_not_there(cloud: KeystoneCloud):
    answer = cloud.console(cloud.token(OTHER, OTHER_PROJECT))
    assert answer.status_code == 404
    assert answer.json()['itemNotFound']['message'] == f'Instance {cloud.server} could not be found.'
    assert cloud.request('GET', '/servers', token=cloud.token(OTHER, OTHER_PROJECT)).json()['servers'] == []


def test_a_reader_sees_the_server_and_gets_no_console(cloud: KeystoneCloud):
    token = cloud.token(READER)
    assert cloud.request('GET', f'/servers/{cloud.server}', token=token).json()['server']['id'] == cloud.server
    answer = cloud.console(token)
    assert (answer.status_code, answer.json()['forbidden']['message']) == (403, CONSOLES_REFUSED)


def test_an_administrator_of_whatever_project(cloud: KeystoneCloud):
    token = cloud.admin_token()
    assert cloud.console(token).status_code == 200
    assert cloud.request('GET', '/servers', token=token).json()['servers'] == []
    server, = cloud.request('GET', '/servers/detail?all_tenants=1', token=token).json()['servers']
    assert server['OS-EXT-SRV-ATTR:host'] == cloud.host
    assert server['tenant_id'] == cloud.keystone.project_id(PROJECT)


def test_the_scope_of_the_system_is_none_for_consoles(cloud: KeystoneCloud):
    answer = cloud.console(cloud.keystone.token(SYSTEM_ADMIN, PASSWORD, system=True))
    assert (answer.status_code, answer.json()['forbidden']['message']) == (403, CONSOLES_REFUSED)


def test_the_project_in_the_url(cloud: KeystoneCloud):
    own, other = (cloud.keystone.project_id(name) for name in (PROJECT, OTHER_PROJECT))
    assert cloud.request('GET', f'/{own}/servers', token=cloud.token()).status_code == 200
    assert cloud.request('GET', f'/{other}/servers', token=cloud.token()).status_code == 400


@pytest.mark.parametrize('token', ['', 'nonsense', ADMIN_TOKEN, 'notused'])
def test_what_is_no_token(cloud: KeystoneCloud, token: str):
    answer = cloud.request('GET', '/servers', token=token)
    assert answer.status_code == 401
    assert answer.json()['error']['title'] == 'Unauthorized'
    assert answer.headers['WWW-Authenticate'] == f'Keystone uri="{cloud.keystone.url}"'
    assert answer.headers['X-OpenStack-Request-ID'].startswith('req-')


def test_an_expired_token_and_what_a_service_token_makes_of_it(cloud: KeystoneCloud):
    expired = cloud.expired_token()
    assert cloud.console(expired).status_code == 401
    service = cloud.token(SERVICE, 'service')
    assert cloud.console(expired, **{'X-Service-Token': service}).status_code == 200
    # One of a user who is no service changes nothing.
    assert cloud.console(expired, **{'X-Service-Token': cloud.token()}).status_code == 401


def test_openstack_finds_the_api_in_the_catalogue(cloud: KeystoneCloud):
    done = cloud.openstack_of(MEMBER, PROJECT, 'server', 'list', '-f', 'json')
    assert done.returncode == 0, done.stderr
    assert [server['ID'] for server in json.loads(done.stdout)] == [cloud.server]
    done = cloud.openstack_of(MEMBER, PROJECT, 'console', 'url', 'show', '--novnc', cloud.server, '-f', 'json')
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)['url'].startswith(f'http://127.0.0.1:{cloud.proxy_port}/')
    done = cloud.openstack_of(OTHER, OTHER_PROJECT, 'console', 'url', 'show', cloud.server)
    assert f'No Server found for {cloud.server}' in done.stderr


def test_another_owner_by_nova_vnc_manage(cloud: KeystoneCloud):
    ids = {name: cloud.keystone.project_id(name) for name in (PROJECT, OTHER_PROJECT)}
    cloud.manage('instance', 'set-owner', cloud.server, '--project', ids[OTHER_PROJECT])
    try:
        assert cloud.console(cloud.token()).status_code == 404
        assert cloud.console(cloud.token(OTHER, OTHER_PROJECT)).status_code == 200
    finally:
        cloud.manage('instance', 'set-owner', cloud.server, '--project', ids[PROJECT])
    assert cloud.console(cloud.token()).status_code == 200


def documented_line(program: str) -> list[str]:
    """Return the command line of the reference, the port of which is for the caller to change."""
    found = re.search(rf'^    {program} (?:.*\\\n)*.*$', PAGE.read_text(), re.MULTILINE)
    assert found is not None
    return shlex.split(found[0].replace('\\\n', ' '))


@pytest.fixture(params=['uwsgi', 'gunicorn'])
def port_of_other_server(request: pytest.FixtureRequest, cloud: KeystoneCloud, tmp_path: Path) -> Iterator[int]:
    port = free_port()
    program, *arguments = (word.replace('8774', str(port)) for word in documented_line(request.param))
    server = ExternalProcess([Path(sys.executable).with_name(program), *arguments], tmp_path, environment={
        'OS_NOVA_CONFIG_DIR': str(cloud.directory), 'OS_NOVA_CONFIG_FILES': cloud.api.conf_path.name})
    with server:
        server.wait_until(lambda: is_listening(port), 60, f'listens on {port}')
        yield port


def test_under_another_wsgi_server(cloud: KeystoneCloud, port_of_other_server: int):
    assert cloud.console(cloud.token(), port=port_of_other_server).status_code == 200
    assert cloud.console(cloud.token(READER), port=port_of_other_server).status_code == 403
    assert cloud.console('nonsense', port=port_of_other_server).status_code == 401


def test_a_keystone_that_is_away_and_comes_back(cloud: KeystoneCloud, keystone: Keystone):
    # Tokens that have been seen are known for [keystone_authtoken]token_cache_time.
    seen, fresh, later = cloud.token(), cloud.token(), cloud.token()
    assert cloud.console(seen).status_code == 200
    keystone.stop()
    try:
        assert cloud.console(fresh).status_code == 503
        assert cloud.console(seen).status_code == 200
        assert cloud.request('GET', '/', token=fresh).status_code == 200
    finally:
        keystone.start()
    # For a moment after a failure nobody asks it.
    wait_until(lambda: cloud.console(fresh).status_code == 200, 30, 'the API to ask Keystone again')
    keystone.pause()
    try:
        began = time.monotonic()
        assert cloud.console(later).status_code == 503
        assert time.monotonic() - began < HUNG_S
    finally:
        keystone.resume()
    wait_until(lambda: cloud.console(later).status_code == 200, 30, 'the API to ask Keystone again')


def test_a_crowd_before_a_keystone_that_hangs(cloud: KeystoneCloud, keystone: Keystone):
    cloud.api.restart()     # it has no token of its own yet, without which all would wait one after the other
    cloud.wait_until_listening()
    token = cloud.token()
    keystone.pause()
    try:
        with ThreadPoolExecutor(CROWD) as pool:
            began = time.monotonic()
            crowd = [pool.submit(cloud.console, f'{token}{number}') for number in range(CROWD)]
            assert cloud.request('GET', '/', token='').status_code == 200
            assert {answer.result().status_code for answer in crowd} == {503}
            assert time.monotonic() - began < HUNG_S
    finally:
        keystone.resume()
    wait_until(lambda: cloud.console(token).status_code == 200, 30, 'the API to ask Keystone again')


def test_no_token_is_in_a_log(cloud: KeystoneCloud):
    token = cloud.token()
    assert cloud.console(token).status_code == 200
    assert token not in cloud.output()
    assert PASSWORD not in cloud.output()
