# SPDX-License-Identifier: Apache-2.0

import pytest
import webob

from nova_vnc.api import auth, faults
from nova_vnc.api.auth import ADMIN_ROLES, MEMBER_ROLES


def request(token=None, host='127.0.0.1:8774'):
    http = webob.Request.blank('/')
    if token is not None:
        http.headers['X-Auth-Token'] = token
    if host is None:
        del http.environ['HTTP_HOST']
    else:
        http.environ['HTTP_HOST'] = host
    return http


def who(identified):
    return identified and (identified.user_id, identified.project_id, identified.roles)


@pytest.mark.parametrize(('token', 'expected'), [
    ('alice:a11ce', ('alice', 'a11ce', MEMBER_ROLES)),
    ('admin:a11ce', ('admin', 'a11ce', ADMIN_ROLES)),
    ('notused', (None, None, ADMIN_ROLES)),      # openstack --os-auth-type none
    ('admin', (None, None, ADMIN_ROLES)),
    ('alice:', ('alice', 'alice', MEMBER_ROLES)),     # as in Nova's noauth2
    ('alice:a:b', ('alice', 'a:b', MEMBER_ROLES)),
    ('Admin:a11ce', ('Admin', 'a11ce', MEMBER_ROLES)),
    (' ', None),
    ('', None),
    (':', None),
    (':a11ce', None),
    (None, None),
])
def test_noauth2_believes_the_token(token, expected):
    assert who(auth.NoAuth2().identify(request(token))) == expected


def test_only_an_administrator_is_without_a_project():
    for token in ('alice', 'alice:', 'alice:x', 'admin:', 'admin'):
        identified = auth.NoAuth2().identify(request(token))
        assert 'admin' in identified.roles or identified.project_id


FIXED = auth.FixedToken('s3cret', ['127.0.0.1', 'localhost', '::1'])


@pytest.mark.parametrize('host', ['127.0.0.1:8774', '127.0.0.1', 'localhost:1', 'LocalHost:8774', '[::1]:8774'])
def test_a_fixed_token_makes_an_administrator(host):
    assert who(FIXED.identify(request('s3cret', host))) == (None, None, ADMIN_ROLES)


@pytest.mark.parametrize('token', [None, '', 's3cre', 's3crett', 'S3CRET', 'notused', 'admin:x', 's3cret\xe9'])
def test_any_other_token_is_a_strangers(token):
    assert FIXED.identify(request(token)) is None


@pytest.mark.parametrize('host', ['evil.example', 'evil.example:8774', '127.0.0.1.evil.example', 'localhost.', '',
                                  None, '127.0.0.2', '[::1', '127.0.0.1@evil.example', ' '])
@pytest.mark.parametrize('token', ['s3cret', None])
def test_another_host_header_is_refused_whatever_the_token(host, token):
    with pytest.raises(faults.Refusal) as caught:
        FIXED.identify(request(token, host))
    assert caught.value.status == 403
