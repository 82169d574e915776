# SPDX-License-Identifier: Apache-2.0

import pytest
import webob

from nova_vnc.api import access_log

TOKEN = '3f0d6d1e-8a52-4f0d-9a4c-7e1c1c1e1f11'


@pytest.mark.parametrize('path', [
    f'/v2.1/os-console-auth-tokens/{TOKEN}',
    f'/v2.1/a11ce/os-console-auth-tokens/{TOKEN}',
    f'/v2.1/os-console-auth-tokens/{TOKEN}/more',
    f'/v2.1/os-console-auth-tokens//{TOKEN}',
    f'/v2.1/OS-Console-Auth-Tokens/{TOKEN}',
    f'/v2.1/os-console-auth-tokens%2f{TOKEN}',
    f'/v2.1/os-console-auth-tokens/%0a{TOKEN}',
    f'/v2.1/servers?token={TOKEN}',
    f'/?path=%3Ftoken%3D{TOKEN}',
])
def test_a_token_is_not_shown(path):
    assert TOKEN not in access_log.shown_path(webob.Request.blank(path))


@pytest.mark.parametrize(('path', 'shown'), [
    ('/v2.1/servers?name=x', '/v2.1/servers'),
    ('/v2.1/os-console-auth-tokens/x', '/v2.1/os-console-auth-tokens/***'),
    ('/v2.1/servers/vm%20one', '/v2.1/servers/vm%20one'),
    ('/v2.1/%0d%0aINFO%20forged', '/v2.1/%0D%0AINFO%20forged'),
    ('/v2.1/%ff', '/v2.1/%FF'),
])
def test_what_is_shown(path, shown):
    assert access_log.shown_path(webob.Request.blank(path)) == shown


def test_its_length_is_bounded():
    assert len(access_log.shown_path(webob.Request.blank('/' + 'x' * 10_000))) <= 200
