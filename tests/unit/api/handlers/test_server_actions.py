# SPDX-License-Identifier: Apache-2.0

import dataclasses

import pytest

from tests.fixtures.services import BASE_URL
from tests.unit.api.client import MEMBER, OTHER_UUID, UUID, Client, fault

GONE = 'The server could not comply with the request since it is either malformed or otherwise incorrect.'


@pytest.fixture
def client():
    return Client()


def act(client, body, server_id=UUID, **kwargs):
    return client.post(f'/v2.1/servers/{server_id}/action', body, **kwargs)


@pytest.mark.parametrize('version', [None, '2.1', '2.5'])
def test_a_console(client, version):
    response = act(client, {'os-getVNCConsole': {'type': 'novnc'}}, version=version, token=MEMBER)
    assert response.status_int == 200
    token, = client.cloud.authorized
    assert response.json == {'console': {'type': 'novnc', 'url': f'{BASE_URL}?path=%3Ftoken%3D{token}'}}


def test_not_since_2_6(client):
    response = act(client, {'os-getVNCConsole': {'type': 'novnc'}}, version='2.6')
    assert fault(response) == (404, 'itemNotFound', 'The resource could not be found.')


def test_of_a_server_that_is_not_the_users(client):
    response = act(client, {'os-getVNCConsole': {'type': 'novnc'}}, OTHER_UUID, token=MEMBER)
    assert fault(response)[:2] == (404, 'itemNotFound')


@pytest.mark.parametrize(('body', 'message'), [
    ({'os-getVNCConsole': {'type': 'xvpvnc'}}, 'Invalid console type xvpvnc'),
    ({'os-getSPICEConsole': {'type': 'spice-html5'}}, 'Unavailable console type spice-html5.'),
    ({'os-getSerialConsole': {'type': 'serial'}}, 'Unavailable console type serial.'),
    ({'os-getRDPConsole': {'type': 'rdp-html5'}}, GONE),
    ({'os-getVNCConsole': {'type': 'x'}},
     "Invalid input for field/attribute type. Value: x. 'x' is not one of ['novnc', 'xvpvnc']"),
    ({'os-getVNCConsole': None},
     "Invalid input for field/attribute os-getVNCConsole. Value: None. None is not of type 'object'"),
    ({'reboot': {'type': 'SOFT'}}, 'There is no such action: reboot'),
    ({'a': 1, 'b': 2}, 'Malformed request body'),
    ({}, 'Malformed request body'),
    ([1], 'Malformed request body'),
    ('os-getVNCConsole', 'Malformed request body'),
    (5, 'Malformed request body'),
    (None, 'Malformed request body'),
])
def test_what_is_refused(client, body, message):
    assert fault(act(client, body)) == (400, 'badRequest', message)


def test_the_name_of_an_action_is_not_repeated_whole(client):
    assert len(act(client, {'x' * 100_000: {}}).body) < 2000


def test_a_state_in_which_there_is_no_console_is_told_in_novas_words():
    client = Client()
    client.cloud.instances[UUID] = dataclasses.replace(client.cloud.instances[UUID], task_state='migrating')
    assert fault(client.post(f'/v2.1/servers/{UUID}/action', {'os-getVNCConsole': {'type': 'novnc'}})) == (
        409, 'conflictingRequest', f"Cannot 'get_vnc_console' instance {UUID} while it is in task_state migrating")
