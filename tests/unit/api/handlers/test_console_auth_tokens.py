# SPDX-License-Identifier: Apache-2.0

import pytest

from nova_vnc import objects
from tests.unit.api.client import MEMBER, UUID, Client, fault

TOKEN = '3f0d6d1e-8a52-4f0d-9a4c-7e1c1c1e1f11'
PATH = f'/v2.1/os-console-auth-tokens/{TOKEN}'


@pytest.fixture
def client():
    made = Client()
    made.cloud.checks[TOKEN] = objects.TokenCheck(
        objects.ConnectInfo(TOKEN, 'novnc', '192.0.2.7', '5901', UUID, None, 'http://x/'))
    return made


@pytest.mark.parametrize('version', ['2.31', '2.46', 'latest'])
def test_where_a_token_leads_to(client, version):
    response = client.get(PATH, version=version)
    assert response.status_int == 200
    assert response.json == {'console': {
        'instance_uuid': UUID, 'host': '192.0.2.7', 'port': 5901, 'internal_access_path': None}}


@pytest.mark.parametrize('version', [None, '2.1', '2.30'])
def test_not_before_2_31(client, version):
    assert fault(client.get(PATH, version=version))[:2] == (400, 'badRequest')
    assert not client.cloud.requests


def test_for_administrators_alone(client):
    assert fault(client.get(PATH, version='2.31', token=MEMBER)) == (
        403, 'forbidden', "Policy doesn't allow os_compute_api:os-console-auth-tokens to be performed.")
    assert not client.cloud.requests


def test_an_unknown_token(client):
    assert fault(client.get(PATH + 'x', version='2.31')) == (404, 'itemNotFound', 'Token not found')


def test_a_token_nobody_can_tell_of_now(client):
    client.cloud.checks[TOKEN] = objects.TokenCheck(None, objects.REASON_UNAVAILABLE)
    assert fault(client.get(PATH, version='2.31'))[0] == 503


def test_arguments_do_no_harm(client):
    assert client.get(PATH + '?x=1', version='latest').status_int == 200


def test_the_token_is_in_no_log_line(client, caplog):
    caplog.set_level('DEBUG')
    client.get(PATH, version='2.31')
    client.get(PATH, version='2.30')
    assert '/os-console-auth-tokens/***' in caplog.text
    assert TOKEN not in caplog.text
