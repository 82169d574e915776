# SPDX-License-Identifier: Apache-2.0

from tests.unit.api.client import MEMBER, Client


def test_the_list_of_versions():
    response = Client().get('/', token=None)
    assert response.content_type == 'application/json'
    assert response.json == {'versions': [{
        'id': 'v2.1', 'status': 'CURRENT', 'version': '2.46', 'min_version': '2.1', 'updated': '2013-07-23T11:33:21Z',
        'links': [{'rel': 'self', 'href': 'http://localhost/v2.1/'}]}]}


def test_the_version_document():
    expected = {
        'id': 'v2.1', 'status': 'CURRENT', 'version': '2.46', 'min_version': '2.1', 'updated': '2013-07-23T11:33:21Z',
        'links': [{'rel': 'self', 'href': 'http://localhost/v2.1/'},
                  {'rel': 'describedby', 'type': 'text/html', 'href': 'http://docs.openstack.org/'}],
        'media-types': [{'base': 'application/json', 'type': 'application/vnd.openstack.compute+json;version=2.1'}]}
    client = Client()
    assert client.get('/v2.1', token=None).json == {'version': expected}
    assert client.get('/v2.1/', token=None).json == {'version': expected}
    assert client.get('/v2.1/a11ce/', token=MEMBER).json == {'version': expected}
