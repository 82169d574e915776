# SPDX-License-Identifier: Apache-2.0

import json

import pytest
import webob
from oslo_context import context as oslo_context

from nova_vnc import exception
from nova_vnc.api import auth
from tests.unit.api.client import MEMBER, UUID, Client, fault

GLOBAL_ID = 'req-8f3c0f0e-6d0e-4d0c-9b0a-0123456789ab'
BODY = {'remote_console': {'protocol': 'vnc', 'type': 'novnc'}}
MAX_BODY_BYTES = 114688      # the default of [oslo_middleware]max_request_body_size
CONSOLES = f'/v2.1/servers/{UUID}/remote-consoles'


@pytest.fixture
def client():
    return Client()


# -- headers

@pytest.mark.parametrize('path', ['/', '/v2.1', '/v2.1/servers', '/v2.1/nosuch', '/nosuch', '/v2.1/servers?limit=x'])
@pytest.mark.parametrize('token', [MEMBER, None])
def test_every_answer_carries_its_request_id(client, path, token):
    headers = client.get(path, token=token).headers
    assert headers['X-OpenStack-Request-ID'].startswith('req-')
    assert headers['X-Compute-Request-ID'] == headers['X-OpenStack-Request-ID']


@pytest.mark.parametrize(('path', 'version', 'answered'), [
    ('/v2.1', None, '2.1'), ('/v2.1/servers', '2.30', '2.30'), ('/v2.1/servers', 'latest', '2.46'),
    ('/v2.1/servers?limit=x', '2.3', '2.3'), ('/v2.1/servers', '2.104', '2.104'),
    (f'/v2.1/servers/{UUID}', None, '2.1')])
def test_an_answer_tells_its_microversion(client, path, version, answered):
    headers = client.get(path, version=version).headers
    assert headers['OpenStack-API-Version'] == f'compute {answered}'
    assert headers['X-OpenStack-Nova-API-Version'] == answered
    assert headers.getall('Vary') == ['OpenStack-API-Version', 'X-OpenStack-Nova-API-Version']


def test_the_list_of_versions_has_no_microversion(client):
    response = client.get('/', version='9.9')
    assert response.status_int == 200
    assert 'Vary' not in response.headers


def test_microversions_that_are_refused(client):
    assert fault(client.get('/v2.1/servers', version='2.999')) == (
        406, 'computeFault', 'Version 2.999 is not supported by the API. Minimum is 2.1 and maximum is 2.46.')
    assert fault(client.get('/v2.1/servers', version='garbage')) == (
        400, 'badRequest',
        'API Version String garbage is of invalid format. Must be of format MajorNum.MinorNum.')


# -- where to

@pytest.mark.parametrize('path', ['/favicon.ico', '/v2', '/v2/servers', '/v3', '/v2.1/nosuch', '/v2.1/servers/', '/%ff',
                                  '/v2.1/%ff'])
def test_an_unknown_url(client, path):
    assert fault(client.get(path)) == (404, 'itemNotFound', 'The resource could not be found.')


@pytest.mark.parametrize(('method', 'path', 'allowed'), [
    ('POST', '/', 'GET, HEAD'), ('PUT', '/v2.1/servers', 'GET, HEAD'), ('GET', CONSOLES, 'POST'),
    ('OPTIONS', CONSOLES, 'POST'), ('DELETE', f'/v2.1/servers/{UUID}', 'GET, HEAD'), ('FOO', '/v2.1/', 'GET, HEAD')])
def test_a_method_that_the_url_does_not_know(client, method, path, allowed):
    response = client.send(method, path)
    assert fault(response)[:2] == (405, 'badMethod')
    assert response.headers['Allow'] == allowed


def test_head_is_get_without_a_body(client):
    response = client.send('HEAD', '/v2.1/servers')
    assert response.status_int == 200
    assert response.body == b''


def test_the_project_in_the_url_must_be_the_users(client):
    assert client.get('/v2.1/a11ce/servers', token=MEMBER).status_int == 200
    assert fault(client.get('/v2.1/b0b/servers', token=MEMBER)) == (
        400, 'badRequest',
        "Malformed request URL: URL's project_id 'b0b' doesn't match Context's project_id 'a11ce'")
    assert client.get('/v2.1/b0b/servers', token='notused').status_int == 200


def test_an_app_below_a_prefix(client):
    request_ = webob.Request.blank('/v2.1/servers', base_url='https://cloud.example/compute/')
    request_.headers['X-Auth-Token'] = MEMBER
    server, = request_.get_response(client.app).json['servers']
    assert [link['href'] for link in server['links']] == [
        f'https://cloud.example/compute/v2.1/servers/{UUID}', f'https://cloud.example/compute/servers/{UUID}']


# -- who asks

@pytest.mark.parametrize('path', ['/v2.1/servers', f'/v2.1/servers/{UUID}', '/v2.1/nosuch', '/v2.1/a11ce/'])
def test_a_stranger_gets_nothing(client, path):
    response = client.get(path, token=None)
    assert fault(response)[:2] == (401, 'unauthorized')
    assert 'WWW-Authenticate' in response.headers
    assert not client.cloud.requests


@pytest.mark.parametrize('path', ['/', '/v2.1', '/v2.1/'])
def test_a_stranger_gets_the_versions(client, path):
    assert client.get(path, token=None).status_int == 200


def test_a_fixed_token():
    client = Client(authentication=auth.FixedToken('s3cret', ['localhost']))
    assert client.get('/v2.1/', token=None).status_int == 200
    assert client.get('/v2.1/servers', token='s3cret').status_int == 200
    assert fault(client.get('/v2.1/servers', token='notused'))[0] == 401
    for path in ('/', '/v2.1/', '/v2.1/servers', '/nosuch'):
        assert fault(client.get(path, token='s3cret', headers={'Host': 'evil.example:80'}))[0] == 403
    assert client.cloud.requests


def test_who_asks_and_the_request_ids_reach_the_other_services(client):
    response = client.post(CONSOLES, BODY, token=MEMBER, version='2.6',
                           headers={'X-OpenStack-Request-ID': GLOBAL_ID})
    assert response.status_int == 200
    assert [method for method, _ in client.cloud.requests] == ['get_instance', 'get_vnc_console', 'authorize_console']
    for _, ctxt in client.cloud.requests:
        assert (ctxt.user_id, ctxt.project_id, ctxt.is_admin) == ('alice', 'a11ce', False)
        assert ctxt.request_id == response.headers['X-OpenStack-Request-ID']
        assert ctxt.global_request_id == GLOBAL_ID


def test_the_next_request_of_a_thread_inherits_nothing(client):
    client.get('/v2.1/servers', token=MEMBER)
    response = client.get('/', token=None)
    current = oslo_context.get_current()
    assert current.user_id is None
    assert current.request_id == response.headers['X-OpenStack-Request-ID']


# -- bodies

@pytest.mark.parametrize('content_type', ['application/json', 'application/json; charset=UTF-8', 'text/plain', None,
                                          'application/vnd.openstack.compute+json'])
def test_types_that_are_taken_for_json(client, content_type):
    raw = json.dumps(BODY).encode()
    assert client.post(CONSOLES, raw=raw, content_type=content_type, version='2.6').status_int == 200


@pytest.mark.parametrize('content_type', ['text/xml', 'application/x-www-form-urlencoded', 'multipart/form-data'])
def test_types_that_are_not(client, content_type):
    response = client.post(CONSOLES, raw=b'{}', content_type=content_type, version='2.6')
    assert fault(response) == (415, 'badMediaType', 'Unsupported Content-Type')


@pytest.mark.parametrize('raw', [b'{nojson', b'\xff\xfe', b'[' * 100_000, b'9' * 5000 + b'x', b'{} {}', b'\x00'])
def test_bodies_that_are_no_json(client, raw):
    assert fault(client.post(CONSOLES, raw=raw, version='2.6')) == (400, 'badRequest', 'Malformed request body')


def test_a_body_of_the_longest_size_and_one_byte_more(client):
    raw = json.dumps(BODY).encode().ljust(MAX_BODY_BYTES)
    assert client.post(CONSOLES, raw=raw, version='2.6').status_int == 200
    assert fault(client.post(CONSOLES, raw=raw + b' ', version='2.6'))[:2] == (413, 'overLimit')


def test_a_body_without_a_length_is_bounded_too(client):
    class Endless:
        read_bytes = 0

        def read(self, size=-1):
            assert size >= 0
            self.read_bytes += size
            return b' ' * size

    endless = Endless()
    request_ = webob.Request.blank(CONSOLES, method='POST', headers={'X-Auth-Token': MEMBER,
                                                                     'X-OpenStack-Nova-API-Version': '2.6'})
    request_.environ.update({'wsgi.input': endless, 'wsgi.input_terminated': True})
    assert request_.get_response(client.app).status_int == 413
    assert endless.read_bytes <= MAX_BODY_BYTES + 1


def test_a_client_that_goes_away(client):
    class Gone:
        def read(self, size=-1):
            raise TimeoutError('timed out')

    request_ = webob.Request.blank(CONSOLES, method='POST', headers={'X-Auth-Token': MEMBER,
                                                                     'X-OpenStack-Nova-API-Version': '2.6'})
    request_.environ.update({'wsgi.input': Gone(), 'CONTENT_LENGTH': '100'})
    assert request_.get_response(client.app).status_int == 400


# -- bad days

def test_without_the_other_services():
    client = Client(endpoints={})
    status, kind, message = fault(client.get('/v2.1/servers'))
    assert (status, kind) == (503, 'serviceUnavailable')
    assert message.startswith('The console service is not available')


def test_with_a_compute_host_that_is_silent(client):
    client = Client(client.cloud, endpoints={'consoleauth': client.cloud.endpoints()['consoleauth']})
    status, _, message = fault(client.post(CONSOLES, BODY, version='2.6'))
    assert status == 503
    assert message.startswith('The compute host of this server does not answer')
    assert 'host-1' not in message


def test_an_error_that_nobody_thought_of(client):
    client.cloud.failure = RuntimeError('a secret')
    response = client.get('/v2.1/servers')
    assert fault(response)[:2] == (500, 'computeFault')
    assert 'secret' not in response.text
    assert response.headers['X-OpenStack-Request-ID'] in response.text


def test_a_database_that_is_away(client):
    client.cloud.failure = exception.StoreUnavailable(reason='a secret')
    response = client.get('/v2.1/servers')
    assert fault(response)[:2] == (503, 'serviceUnavailable')
    assert 'secret' not in response.text
