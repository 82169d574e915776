# SPDX-License-Identifier: Apache-2.0

import dataclasses
import pathlib

import pytest

from nova_vnc import context, objects
from nova_vnc.api.microversion import MAX
from tests.fixtures.services import Cloud
from tests.unit.api.client import (
    ADMIN,
    MEMBER,
    OTHER_UUID,
    OWNERLESS_UUID,
    UNKNOWN_UUID,
    UUID,
    Client,
    fault,
)


@pytest.fixture
def client():
    return Client()


class Unscoped:
    """Somebody whom Keystone knows and who asks for no project."""

    def __init__(self, *roles):
        self.roles = list(roles)

    def identify(self, http):
        return context.RequestContext(user_id='alice', roles=self.roles, overwrite=False)


def names(response):
    assert response.status_int == 200, response.text
    return [server['name'] for server in response.json['servers']]


@pytest.mark.parametrize('path', ['/v2.1/servers', '/v2.1/servers/detail'])
class TestList:

    def test_whose_servers(self, client, path):
        assert names(client.get(path, token=MEMBER)) == ['web']
        assert names(client.get(path, token=ADMIN)) == []
        assert names(client.get(path + '?all_tenants=1', token=ADMIN)) == ['web', 'db', 'debian12']
        assert names(client.get(path, token='notused')) == ['web', 'db', 'debian12']
        assert names(client.get(path + '?all_tenants=1&project_id=b0b', token=ADMIN)) == ['db']
        assert fault(client.get(path + '?all_tenants=1', token=MEMBER))[:2] == (403, 'forbidden')

    @pytest.mark.parametrize('query', ['', '?project_id=a11ce', '?tenant_id=a11ce', '?project_id=a11ce&all_tenants=0',
                                       f'?uuid={UUID}', f'?marker={OWNERLESS_UUID}', '?user_id=alice&name=web'])
    def test_an_identity_without_a_project_sees_nothing(self, path, query):
        client = Client(authentication=Unscoped('reader'))
        assert names(client.get(path + query)) == []
        assert client.get(f'/v2.1/servers/{UUID}').status_int == 404
        assert 'list_instances' not in [method for method, _ in client.cloud.requests]

    def test_who_has_no_role_may_not_list(self, path):
        assert fault(Client(authentication=Unscoped()).get(path))[:2] == (403, 'forbidden')

    def test_deleted_servers_are_for_administrators_to_list(self, client, path):
        assert fault(client.get(f'{path}?status=deleted', token=MEMBER)) == (
            403, 'forbidden', 'Only administrators may list deleted instances')
        assert names(client.get(f'{path}?status=deleted', token=ADMIN)) == []

    def test_by_name(self, client, path):
        assert names(client.get(path + '?name=web', token='notused')) == ['web']
        assert names(client.get(path + '?name=%5Ed', token='notused')) == ['db', 'debian12']
        assert names(client.get(path + '?name=nosuch', token='notused')) == []
        assert names(client.get(path + '?name=(', token='notused')) == []

    def test_by_status(self, client, path):
        assert names(client.get(path + '?status=paused', token='notused')) == ['db']
        assert names(client.get(path + '?status=active&status=PAUSED&limit=2', token='notused')) == ['web', 'db']
        assert names(client.get(path + '?status=nonsense', token='notused')) == []
        assert fault(client.get(path + '?status=nonsense', token='notused', version='2.38'))[0] == 400

    def test_by_host(self, client, path):
        assert names(client.get(path + '?host=host-2', token='notused')) == ['db', 'debian12']

    def test_unknown_arguments(self, client, path):
        assert names(client.get(path + '?foo=1', token=MEMBER, version='latest')) == ['web']

    def test_by_tags(self, client, path):
        for name, found in (('tags', []), ('tags-any', []), ('not-tags', ['web']), ('not-tags-any', ['web'])):
            assert names(client.get(f'{path}?{name}=blue', token=MEMBER, version='2.26')) == found
            assert names(client.get(f'{path}?{name}=blue', token=MEMBER, version='2.25')) == ['web']

    @pytest.mark.parametrize('query', ['limit=-1', 'limit=x', 'limit=1&limit=2', 'marker=zz', f'marker={UNKNOWN_UUID}',
                                       'name=%ff', 'all_tenants=maybe', 'flavor=1'])
    def test_arguments_that_are_refused(self, client, path, query):
        assert fault(client.get(f'{path}?{query}'))[:2] == (400, 'badRequest')

    def test_pages(self, client, path):
        found, url = [], f'{path}?limit=1'
        while url:
            answer = client.get(url, token='notused').json
            found += [server['id'] for server in answer['servers']]
            url = next((link['href'].removeprefix('http://localhost') for link in answer.get('servers_links', [])),
                       None)
        assert found == [UUID, OTHER_UUID, OWNERLESS_UUID]

    def test_the_next_page_keeps_the_other_arguments(self, client, path):
        answer = client.get(path + '?limit=1&name=d&name=db&status=paused', token='notused').json
        assert answer['servers_links'] == [{
            'rel': 'next',
            'href': f'http://localhost{path}?limit=1&name=d&name=db&status=paused&marker={OTHER_UUID}'}]

    def test_a_page_of_nothing(self, client, path):
        assert client.get(path + '?limit=0', token='notused').json == {'servers': []}
        assert not client.cloud.requests


def test_no_page_is_longer_than_the_operator_wants():
    client = Client(max_limit=2)
    answer = client.get('/v2.1/servers?limit=1000', token='notused').json
    assert len(answer['servers']) == 2
    assert answer['servers_links']


def test_a_filter_finds_what_is_pages_away():
    records = [objects.InstanceRecord(f'8a2f3f5e-0000-4000-8000-{number:012x}', number, host='h',
                                      vm_state='error' if number == 49 else 'active') for number in range(50)]
    client = Client(Cloud(*records), max_limit=7)
    found, = client.get('/v2.1/servers?status=error&limit=1', token='notused').json['servers']
    assert found['id'].endswith(f'{49:012x}')


def test_summary(client):
    assert client.get('/v2.1/servers', token=MEMBER).json == {'servers': [{'id': UUID, 'name': 'web', 'links': [
        {'rel': 'self', 'href': f'http://localhost/v2.1/servers/{UUID}'},
        {'rel': 'bookmark', 'href': f'http://localhost/servers/{UUID}'}]}]}


def test_the_project_stays_in_the_links(client):
    server, = client.get('/v2.1/a11ce/servers', token=MEMBER).json['servers']
    assert [link['href'] for link in server['links']] == [
        f'http://localhost/v2.1/a11ce/servers/{UUID}', f'http://localhost/a11ce/servers/{UUID}']


def test_a_server_without_a_display_name_is_shown_by_its_name(client):
    client.cloud.instances[UUID] = dataclasses.replace(client.cloud.instances[UUID], display_name='')
    assert names(client.get('/v2.1/servers', token=MEMBER)) == ['instance-00000001']


def test_a_user_sees_his_server(client):
    shown = client.get(f'/v2.1/servers/{UUID}', token=MEMBER, version='2.8').json['server']
    assert {name: value for name, value in shown.items() if name != 'links'} == {
        'id': UUID, 'name': 'web', 'status': 'ACTIVE', 'tenant_id': 'a11ce', 'user_id': 'alice', 'addresses': {},
        'flavor': {}, 'image': '', 'metadata': {}, 'OS-EXT-STS:vm_state': 'active', 'OS-EXT-STS:task_state': None,
        'OS-EXT-STS:power_state': 1}
    assert client.get('/v2.1/servers/detail', token=MEMBER, version='2.8').json['servers'] == [shown]


def test_an_administrator_sees_where_it_is(client):
    shown = client.get(f'/v2.1/servers/{UUID}').json['server']
    assert shown['OS-EXT-SRV-ATTR:host'] == 'host-1'
    assert shown['OS-EXT-SRV-ATTR:instance_name'] == 'instance-00000001'
    assert 'host_status' not in shown


@pytest.mark.parametrize(('silent', 'status'), [(False, 'UP'), (True, 'UNKNOWN')])
def test_an_administrator_sees_whether_its_host_reports(client, silent, status):
    if silent:
        client.cloud.silent_hosts.add('host-1')
    assert client.get(f'/v2.1/servers/{UUID}', version='2.16').json['server']['host_status'] == status


@pytest.mark.parametrize('server_id', [UUID.upper(), UUID])
def test_by_id_in_any_letter_case(client, server_id):
    assert client.get(f'/v2.1/servers/{server_id}').json['server']['id'] == UUID


@pytest.mark.parametrize('server_id', [OTHER_UUID, OWNERLESS_UUID, UNKNOWN_UUID, 'web', UUID + '.json'])
def test_what_is_not_there_for_a_user(client, server_id):
    assert fault(client.get(f'/v2.1/servers/{server_id}', token=MEMBER)) == (
        404, 'itemNotFound', f'Instance {server_id} could not be found.')


def test_arguments_of_a_single_server(client):
    assert client.get(f'/v2.1/servers/{UUID}?foo=1', version='latest').status_int == 200


# What the reference says is there. Each microversion adds to the one before.
FIELDS = {
    '2.1': {'id', 'name', 'links', 'status', 'tenant_id', 'user_id', 'addresses', 'flavor', 'image', 'metadata',
            'OS-EXT-STS:vm_state', 'OS-EXT-STS:task_state', 'OS-EXT-STS:power_state'},
    '2.9': {'locked'},
    '2.19': {'description'},
    '2.26': {'tags'},
}
FIELDS_FOR_ADMIN = {
    '2.1': {'OS-EXT-SRV-ATTR:host', 'OS-EXT-SRV-ATTR:instance_name'},
    '2.3': {f'OS-EXT-SRV-ATTR:{name}' for name in ('hostname', 'kernel_id', 'launch_index', 'ramdisk_id',
                                                   'reservation_id', 'root_device_name', 'user_data')},
    '2.16': {'host_status'},
}


@pytest.mark.parametrize(('token', 'tables'), [(MEMBER, [FIELDS]), (ADMIN, [FIELDS, FIELDS_FOR_ADMIN])])
@pytest.mark.parametrize('minor', range(1, MAX.minor + 1))
def test_which_fields_are_there_in_which_microversion(client, token, tables, minor):
    expected = {name for table in tables for first, names in table.items()
                if int(first.removeprefix('2.')) <= minor for name in names}
    assert set(client.get(f'/v2.1/servers/{UUID}', token=token, version=f'2.{minor}').json['server']) == expected


def test_the_reference_lists_every_field():
    text = (pathlib.Path(__file__).parents[4] / 'doc/source/reference/api.rst').read_text()
    assert not [name for table in (FIELDS, FIELDS_FOR_ADMIN) for names in table.values() for name in names
                if f'``{name}``' not in text]
    assert f'2.1 to {MAX}' in text


def test_what_no_call_here_could_have_set(client):
    shown = client.get(f'/v2.1/servers/{UUID}', version='latest').json['server']
    assert (shown['locked'], shown['description'], shown['tags']) == (False, None, [])
    assert shown['OS-EXT-SRV-ATTR:user_data'] is None


def test_what_a_nova_knows(client):
    known = dataclasses.replace(client.cloud.instances[UUID], locked=True, description='of the team', tags=('a', 'b'))
    client.cloud.instances[UUID] = known
    shown = client.get(f'/v2.1/servers/{UUID}', version='latest').json['server']
    assert (shown['locked'], shown['description'], shown['tags']) == (True, 'of the team', ['a', 'b'])
