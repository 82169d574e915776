# SPDX-License-Identifier: Apache-2.0

import pytest

from nova_vnc.api import routes
from nova_vnc.api.handlers import console_auth_tokens, servers, versions

ROUTER = routes.Router()


@pytest.mark.parametrize(('path', 'handler', 'arguments', 'project_id'), [
    ('/', versions.index, {}, None),
    ('', versions.index, {}, None),
    ('/v2.1', versions.show, {}, None),
    ('/v2.1/', versions.show, {}, None),
    ('/v2.1/a11ce/', versions.show, {}, 'a11ce'),
    ('/v2.1/servers', servers.index, {}, None),
    ('/v2.1/a11ce/servers', servers.index, {}, 'a11ce'),
    ('/v2.1/servers/detail', servers.detail, {}, None),
    ('/v2.1/servers/vm one.json', servers.show, {'server_id': 'vm one.json'}, None),
    ('/v2.1/a11ce/servers/x', servers.show, {'server_id': 'x'}, 'a11ce'),
    ('/v2.1/os-console-auth-tokens/x', console_auth_tokens.show, {'token': 'x'}, None),
])
def test_where_a_path_leads(path, handler, arguments, project_id):
    match = ROUTER.match(path)
    assert routes.handler_for(match, 'GET') is handler
    assert match.arguments == arguments
    assert match.project_id == project_id


@pytest.mark.parametrize('path', ['/v2', '/v2/', '/v2/servers', '/v2.1/servers/', '/v2.1//servers',
                                  '/v2.1/nosuch/servers', '/v2.1/a11ce', '/v2.1/servers/x/y', '//',
                                  '/v2.1/servers/x/action/', '/favicon.ico',
                                  '/v2.1/os-console-auth-tokens/', '/v2.1/a11ce/a11ce/servers'])
def test_nowhere(path):
    assert ROUTER.match(path) is None


def test_only_the_version_documents_are_public():
    assert {url for url in ('/', '/v2.1', '/v2.1/', '/v2.1/a11ce/', '/v2.1/servers', '/v2.1/servers/x')
            if routes.is_public(ROUTER.match(url), url)} == {'/', '/v2.1', '/v2.1/'}


def test_a_stranger_does_not_learn_what_the_api_lacks():
    assert not routes.is_public(None, '/v2.1/nosuch')
    assert routes.is_public(None, '/favicon.ico')


def test_methods():
    match = ROUTER.match('/v2.1/servers')
    assert routes.allowed_methods(match) == 'GET, HEAD'
    assert routes.handler_for(match, 'HEAD') is servers.index
    assert routes.handler_for(match, 'POST') is None
    assert routes.allowed_methods(ROUTER.match('/v2.1/servers/x/action')) == 'POST'
