# SPDX-License-Identifier: Apache-2.0
"""The API on addresses of IPv6, with real sockets."""

import json
import socket
import urllib.request

import pytest


@pytest.fixture
def bus(bus, request):
    bus.conf.set_override('osapi_compute_listen', request.param)
    return bus


def versions(host, port):
    with urllib.request.urlopen(f'http://{host}:{port}/', timeout=20) as response:
        return json.load(response)['versions']


@pytest.mark.parametrize('bus', ['::1', '::'], indirect=True)
def test_its_links_have_the_address_that_was_asked(bus, api):
    port = api.service.port
    assert versions('[::1]', port)[0]['links'][0]['href'].startswith(f'http://[::1]:{port}/')


@pytest.mark.parametrize('bus', ['::'], indirect=True)
def test_all_addresses_of_both_kinds(bus, api):
    port = api.service.port
    assert versions('127.0.0.1', port)[0]['links'][0]['href'].startswith(f'http://127.0.0.1:{port}/')


@pytest.mark.parametrize('bus', ['::1'], indirect=True)
def test_one_address_is_one(bus, api):
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(('127.0.0.1', api.service.port), timeout=20)
