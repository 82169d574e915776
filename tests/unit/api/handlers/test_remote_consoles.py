# SPDX-License-Identifier: Apache-2.0

import dataclasses

import pytest

from tests.fixtures.services import BASE_URL
from tests.unit.api.client import MEMBER, OTHER_UUID, OWNERLESS_UUID, UNKNOWN_UUID, UUID, Client, fault

GONE = 'The server could not comply with the request since it is either malformed or otherwise incorrect.'


@pytest.fixture
def client():
    return Client()


def create(client, server_id=UUID, protocol='vnc', console_type='novnc', version='2.6', **kwargs):
    body = {'remote_console': {'protocol': protocol, 'type': console_type}}
    return client.post(f'/v2.1/servers/{server_id}/remote-consoles', body, version=version, **kwargs)


@pytest.mark.parametrize('version', ['2.6', '2.8', '2.46', 'latest'])
def test_a_console(client, version):
    response = create(client, version=version, token=MEMBER)
    assert response.status_int == 200
    token, = client.cloud.authorized
    assert response.json == {'remote_console': {
        'protocol': 'vnc', 'type': 'novnc', 'url': f'{BASE_URL}?path=%3Ftoken%3D{token}'}}


def test_not_before_2_6(client):
    assert fault(create(client, version='2.5')) == (404, 'itemNotFound', 'The resource could not be found.')


@pytest.mark.parametrize('uuid', [OTHER_UUID, OWNERLESS_UUID, UNKNOWN_UUID])
def test_of_a_server_that_is_not_the_users(client, uuid):
    assert fault(create(client, uuid, token=MEMBER)) == (
        404, 'itemNotFound', f'Instance {uuid} could not be found.')


def test_an_administrator_has_consoles_of_all(client):
    for uuid in (UUID, OTHER_UUID, OWNERLESS_UUID):
        assert create(client, uuid).status_int == 200


@pytest.mark.parametrize(('protocol', 'console_type', 'version', 'message'), [
    ('vnc', 'xvpvnc', '2.6', 'Invalid console type xvpvnc'),
    ('vnc', 'spice-html5', '2.6', 'Invalid console type spice-html5'),
    ('spice', 'spice-html5', '2.6', 'Unavailable console type spice-html5.'),
    ('serial', 'serial', '2.6', 'Unavailable console type serial.'),
    ('rdp', 'rdp-html5', '2.6', GONE),
    ('mks', 'webmks', '2.8', 'Unavailable console type webmks.')])
def test_other_consoles(client, protocol, console_type, version, message):
    assert fault(create(client, UUID, protocol, console_type, version)) == (400, 'badRequest', message)


def test_a_server_without_vnc(client):
    client.cloud.without_vnc.add(UUID)
    assert fault(create(client)) == (400, 'badRequest', 'Unavailable console type novnc.')


def test_a_server_that_is_not_running(client):
    client.cloud.stopped.add(UUID)
    assert fault(create(client)) == (409, 'conflictingRequest', f'Instance {UUID} is not ready')


@pytest.mark.parametrize('task_state', ['deleting', 'migrating'])
def test_a_server_that_is_about_to_leave(client, task_state):
    client.cloud.instances[UUID] = dataclasses.replace(client.cloud.instances[UUID], task_state=task_state)
    assert fault(create(client)) == (
        409, 'conflictingRequest', f'Instance {UUID} in task_state {task_state}. Cannot get_vnc_console while the '
                                   'instance is in this state.')


@pytest.mark.parametrize('body', [None, {}, [], {'remote_console': {}}, {'remote_console': None},
                                  {'remote_console': {'protocol': 'vnc', 'type': 'novnc', 'x': 1}},
                                  {'remote_console': {'protocol': 'vnc', 'type': 'novnc'}, 'x': 1},
                                  {'os-getVNCConsole': {'type': 'novnc'}}])
def test_a_body_that_the_schema_refuses(client, body):
    response = client.post(f'/v2.1/servers/{UUID}/remote-consoles', body, version='2.6')
    assert fault(response)[:2] == (400, 'badRequest')
    assert not client.cloud.requests
