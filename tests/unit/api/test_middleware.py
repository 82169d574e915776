# SPDX-License-Identifier: Apache-2.0
"""What a request passes before it reaches the application."""

import pytest

from nova_vnc import exception
from nova_vnc.api import auth
from nova_vnc.conf import opts
from tests.unit.api.client import MEMBER, UUID, Client, fault

CONSOLES = f'/v2.1/servers/{UUID}/remote-consoles'
HORIZON = 'https://horizon.example.com'
FORWARDED = {'X-Forwarded-Proto': 'https', 'X-Forwarded-Host': 'cloud.example', 'X-Forwarded-Prefix': '/compute',
             'X-Forwarded-For': '192.0.2.44'}


@pytest.fixture
def behind_a_proxy():
    return Client(options=[('enable_proxy_headers_parsing', 'oslo_middleware', True)])


@pytest.fixture
def for_horizon():
    opts.set_defaults()
    return Client(options=[('allowed_origin', 'cors', [HORIZON])])


def self_link(response):
    return response.json['version']['links'][0]['href']


# -- healthcheck

@pytest.mark.parametrize(('method', 'status'), [('GET', 200), ('HEAD', 204)])
@pytest.mark.parametrize('token', [None, MEMBER])
def test_a_load_balancer_needs_no_token(method, status, token, caplog):
    caplog.set_level('INFO')
    client = Client(endpoints={})   # and is told of this process, not of the other services
    response = client.send(method, '/healthcheck', token=token)
    assert response.status_int == status
    assert 'healthcheck' not in caplog.text


def test_whom_the_operator_lets_ask():
    client = Client(options=[('allowed_source_ranges', 'healthcheck', ['192.0.2.0/24'])])
    for address, status in (('192.0.2.1', 200), ('198.51.100.1', 404)):
        response = client.send('GET', '/healthcheck', environ={'REMOTE_ADDR': address})
        assert response.status_int == status


# -- HTTPProxyToWSGI

def test_links_are_those_of_the_load_balancer(behind_a_proxy):
    assert self_link(behind_a_proxy.get('/v2.1/', headers=FORWARDED)) == 'https://cloud.example/compute/v2.1/'
    assert self_link(behind_a_proxy.get(
        '/v2.1/', headers={'Forwarded': 'for=192.0.2.44;proto=https;host=x.example'})) == 'https://x.example/v2.1/'


def test_the_log_has_the_address_of_the_user(behind_a_proxy, caplog):
    caplog.set_level('INFO')
    behind_a_proxy.get('/v2.1/', headers=FORWARDED)
    assert '192.0.2.44 "GET' in caplog.text


def test_without_the_option_anybody_could_have_said_so():
    assert self_link(Client().get('/v2.1/', headers=FORWARDED)) == 'http://localhost/v2.1/'


def test_a_host_header_that_is_checked_is_the_clients_own():
    client = Client(authentication=auth.FixedToken('s3cret', ['localhost']),
                    options=[('enable_proxy_headers_parsing', 'oslo_middleware', True)])
    response = client.get('/v2.1/', token='s3cret', headers={'Host': 'evil.example', 'X-Forwarded-Host': 'localhost'})
    assert fault(response)[0] == 403


# -- CORS

def test_a_preflight_needs_no_token(for_horizon):
    response = for_horizon.send('OPTIONS', CONSOLES, token=None, headers={
        'Origin': HORIZON, 'Access-Control-Request-Method': 'POST',
        'Access-Control-Request-Headers': 'X-Auth-Token, OpenStack-API-Version'})
    assert response.status_int == 200
    assert response.headers['Access-Control-Allow-Origin'] == HORIZON
    assert response.headers['Access-Control-Allow-Methods'] == 'POST'


@pytest.mark.parametrize(('path', 'status'), [('/v2.1/servers', 200), ('/v2.1/nosuch', 404)])
def test_every_answer_may_be_read_by_that_origin_and_no_other(for_horizon, path, status):
    response = for_horizon.get(path, token=MEMBER, headers={'Origin': HORIZON})
    assert response.status_int == status
    assert response.headers['Access-Control-Allow-Origin'] == HORIZON
    assert 'X-Openstack-Request-Id' in response.headers['Access-Control-Expose-Headers']
    response = for_horizon.get(path, token=MEMBER, headers={'Origin': 'https://evil.example'})
    assert 'Access-Control-Allow-Origin' not in response.headers


def test_a_cache_is_told_of_the_microversion_too(for_horizon):
    response = for_horizon.get('/v2.1/servers', token=MEMBER, headers={'Origin': HORIZON})
    named = {name.strip() for value in response.headers.getall('Vary') for name in value.split(',')}
    assert named == {'Origin', 'OpenStack-API-Version', 'X-OpenStack-Nova-API-Version'}


def test_without_an_origin_there_is_no_cors():
    response = Client().send('OPTIONS', CONSOLES, headers={'Origin': HORIZON, 'Access-Control-Request-Method': 'POST'})
    assert fault(response)[0] == 405
    assert 'Access-Control-Allow-Origin' not in response.headers


# -- the length of a body, which the application bounds itself

def test_the_longest_body_is_the_operators_choice():
    client = Client(options=[('max_request_body_size', 'oslo_middleware', 100)])
    assert fault(client.post(CONSOLES, raw=b' ' * 101, version='2.6')) == (
        413, 'overLimit', 'Request is too large. Larger than 100 bytes.')
    assert fault(client.post(CONSOLES, raw=b' ' * 100, version='2.6'))[0] == 400


# -- options that cannot be

@pytest.mark.parametrize(('name', 'group', 'value'), [
    ('allowed_source_ranges', 'healthcheck', ['nonsense']),
    ('backends', 'healthcheck', ['enable_by_files', 'disable_by_file'])])
def test_an_option_of_the_librarys_that_cannot_be_is_one_line(name, group, value):
    with pytest.raises(exception.ConfigurationError) as caught:
        Client(options=[(name, group, value)])
    assert f'[{group}]' in caught.value.message
    assert '\n' not in caught.value.message
