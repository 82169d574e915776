# SPDX-License-Identifier: Apache-2.0

import re

import pytest
import webob

from nova_vnc.api import request_id

GIVEN = 'req-8f3c0f0e-6d0e-4d0c-9b0a-0123456789ab'


def ids(value):
    """Return what an application learns of a request, and what it answers."""
    found = []

    def application(environ, start_response):
        found.append(request_id.ids_of(webob.Request(environ)))
        return webob.Response()(environ, start_response)

    http = webob.Request.blank('/', headers={'x-openstack-request-id': value})
    response = http.get_response(request_id.RequestId(application, {}))
    return found[0], response.headers


def test_each_request_gets_an_id_of_its_own():
    first, second = ids('')[0], ids('')[0]
    assert first.own != second.own
    assert re.fullmatch(r'req-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}', first.own)


def test_the_senders_id_is_kept_beside_it():
    found, _ = ids(GIVEN)
    assert found.inbound == GIVEN
    assert found.own != GIVEN


@pytest.mark.parametrize('value', ['', 'x', GIVEN + 'x', 'x' + GIVEN, GIVEN.upper(), GIVEN[4:], GIVEN + ' x'])
def test_what_is_no_request_id_is_dropped(value):
    assert ids(value)[0].inbound is None


def test_both_headers_tell_it():
    found, headers = ids('')
    assert headers['X-OpenStack-Request-ID'] == headers['X-Compute-Request-ID'] == found.own
