# SPDX-License-Identifier: Apache-2.0
import pytest
from oslo_context.context import get_current

from nova_vnc import context


@pytest.mark.parametrize('names', [{'user_id': 'u', 'project_id': 'p'}, {'user': 'u', 'tenant': 'p'},
                                   {'user': 'u', 'project': 'p'}])
def test_from_wire_of_any_release(names):
    read = context.RequestContext.from_wire({**names, 'is_admin': True, 'request_id': 'req-1', 'novelty': [1]})
    assert (read.user_id, read.project_id, read.is_admin, read.request_id) == ('u', 'p', True, 'req-1')


def test_from_wire_of_nothing():
    assert context.RequestContext.from_wire({}).is_admin is False


def test_to_wire_round_trip_without_the_keystone_token():
    sent = context.RequestContext(user_id='u', project_id='p', auth_token='secret', global_request_id='req-0')
    values = sent.to_wire()
    assert 'secret' not in repr(values)
    read = context.RequestContext.from_wire(values)
    assert (read.user_id, read.project_id, read.request_id, read.global_request_id) == (
        'u', 'p', sent.request_id, 'req-0')


def test_roles_domain_and_scope_travel():
    sent = context.RequestContext(user_id='u', user_name='alice', user_domain_id='d', roles=['member', 'reader'],
                                  system_scope='all', domain_id='d2', project_domain_id='d3', is_admin=True,
                                  is_admin_project=False, overwrite=False)
    read = context.RequestContext.from_wire(sent.to_wire())
    for name in ('user_id', 'user_name', 'user_domain_id', 'roles', 'system_scope', 'domain_id', 'project_domain_id',
                 'is_admin', 'is_admin_project', 'project_id'):
        assert getattr(read, name) == getattr(sent, name)


def test_a_context_is_forgotten():
    context.RequestContext(overwrite=True)
    context.forget()
    assert get_current() is None
    context.forget()
