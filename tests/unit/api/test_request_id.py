# SPDX-License-Identifier: Apache-2.0

import re

import pytest
import webob

from nova_vnc.api import request_id

GIVEN = 'req-8f3c0f0e-6d0e-4d0c-9b0a-0123456789ab'


def ids(value):
    return request_id.ids_of(webob.Request.blank('/', headers={'x-openstack-request-id': value}))


def test_each_request_gets_an_id_of_its_own():
    first, second = ids(''), ids('')
    assert first.own != second.own
    assert re.fullmatch(r'req-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}', first.own)


def test_the_senders_id_is_kept_beside_it():
    assert ids(GIVEN).inbound == GIVEN
    assert ids(GIVEN).own != GIVEN


@pytest.mark.parametrize('value', ['', 'x', GIVEN + 'x', 'x' + GIVEN, GIVEN.upper(), GIVEN[4:], GIVEN + '\n'])
def test_what_is_no_request_id_is_dropped(value):
    http = webob.Request.blank('/')
    http.environ['HTTP_X_OPENSTACK_REQUEST_ID'] = value
    assert request_id.ids_of(http).inbound is None


def test_both_headers_tell_it():
    assert dict(request_id.RequestIds('req-1', None).response_headers()) == {
        'X-OpenStack-Request-ID': 'req-1', 'X-Compute-Request-ID': 'req-1'}
