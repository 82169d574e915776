# SPDX-License-Identifier: Apache-2.0

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nova_vnc import context, objects
from nova_vnc.api import auth, factory, faults, policy, server_filter
from nova_vnc.api.microversion import MIN, Microversion, pick
from nova_vnc.api.policies import servers as policies
from nova_vnc.api.schemas import servers as schemas
from tests.fixtures.bus import new_conf

UUID = '8a2f3f5e-0000-4000-8000-00000000000a'
VM = objects.InstanceRecord(UUID, 1, 'instance-1', 'web', 'host-1', 'a11ce', 'alice')
RIGHTS = policy.Policy(factory.build_enforcer(new_conf()))
ADMIN = context.RequestContext(user_id='admin', project_id='ops', is_admin=True, roles=auth.ADMIN_ROLES,
                               overwrite=False)
OPERATOR = context.RequestContext(is_admin=True, roles=auth.ADMIN_ROLES, overwrite=False)
NO_PROJECT = context.RequestContext(user_id='alice', is_admin=True, roles=auth.ADMIN_ROLES, overwrite=False)
UNSCOPED = context.RequestContext(user_id='alice', overwrite=False)
ALICE = context.RequestContext(user_id='alice', project_id='a11ce', overwrite=False)


def parse(query, ctxt=ADMIN, version=MIN, max_limit=1000):
    known = pick(schemas.INDEX_QUERY, version)['properties']
    return server_filter.parse(query, known, server_filter.Asker(ctxt, RIGHTS, policies.INDEX), version, max_limit)


def refusal(*args, **kwargs):
    with pytest.raises(faults.Refusal) as caught:
        parse(*args, **kwargs)
    return caught.value.status, caught.value.message


def test_without_arguments_the_users_project():
    assert parse({}, ALICE) == server_filter.ServerFilter('a11ce', 1000)
    assert parse({}, ADMIN).project_id == 'ops'


def test_who_operates_the_cloud_sees_all():
    assert parse({}, OPERATOR) == server_filter.ServerFilter(None, 1000)
    assert parse({'project_id': ['a11ce']}, OPERATOR).project_id == 'a11ce'


def test_an_administrator_without_a_project_sees_what_is_his_own():
    wanted = parse({}, NO_PROJECT)
    assert wanted.project_id is None
    assert wanted.matches(VM)
    assert not wanted.matches(dataclasses.replace(VM, user_id='bob'))
    assert not parse({'user_id': ['bob']}, NO_PROJECT).matches(dataclasses.replace(VM, user_id='bob'))
    assert parse({'all_tenants': ['1']}, NO_PROJECT) == server_filter.ServerFilter(None, 1000)
    assert parse({'all_tenants': ['1'], 'project_id': ['b0b']}, NO_PROJECT).project_id == 'b0b'


@pytest.mark.parametrize('query', [{}, {'project_id': ['a11ce']}, {'tenant_id': ['a11ce']}, {'all_tenants': ['0']},
                                   {'user_id': ['alice']}, {'uuid': [UUID]}, {'host': ['host-1']},
                                   {'project_id': ['a11ce'], 'all_tenants': ['0']}, {'deleted': ['0']}])
def test_who_is_of_no_project_sees_nothing_whatever_he_asks_for(query):
    wanted = parse(query, UNSCOPED)
    assert wanted.nothing
    assert wanted.project_id is None


@given(st.fixed_dictionaries({}, optional={name: st.sampled_from(['a11ce', 'b0b', '0', UUID, 'host-1']).map(
    lambda value: [value]) for name in ('project_id', 'tenant_id', 'user_id', 'uuid', 'host', 'vm_state', 'name')}))
def test_no_query_widens_what_a_user_sees(query):
    assert parse(query, ALICE).project_id == 'a11ce'
    assert parse(query, UNSCOPED).nothing
    assert parse(query, ADMIN).project_id == 'ops'


@pytest.mark.parametrize('value', ['1', 'true', 'True', 'on', ''])
def test_all_tenants(value):
    assert parse({'all_tenants': [value]}).project_id is None
    assert refusal({'all_tenants': [value]}, ALICE)[0] == 403


@pytest.mark.parametrize('value', ['0', 'false'])
def test_not_all_tenants(value):
    assert parse({'all_tenants': [value]}, ALICE).project_id == 'a11ce'


def test_a_value_that_is_neither_true_nor_false():
    assert refusal({'all_tenants': ['maybe']})[0] == 400


@pytest.mark.parametrize('name', ['project_id', 'tenant_id'])
def test_another_project_needs_all_tenants(name):
    assert parse({name: ['b0b']}).project_id == 'ops'
    assert parse({name: ['b0b'], 'all_tenants': ['1']}).project_id == 'b0b'
    assert parse({name: ['b0b']}, ALICE).project_id == 'a11ce'


@pytest.mark.parametrize(('value', 'limit'), [('0', 0), ('7', 7), ('999999999', 100)])
def test_limit(value, limit):
    assert parse({'limit': [value]}, max_limit=100).limit == limit


def test_marker():
    assert parse({'marker': [UUID.upper()]}).marker == UUID
    assert refusal({'marker': ['zz']}) == (400, 'marker [zz] not found')


def test_name_and_its_alias():
    assert parse({'name': ['a', 'b']}).name == 'b'
    assert parse({'display_name': ['a']}).name == 'a'
    assert parse({'name': ['']}).name is None


def test_statuses():
    wanted = parse({'status': ['active', 'PAUSED', 'nonsense']})
    assert wanted.statuses == {'ACTIVE', 'PAUSED'}
    assert wanted.matches(VM)
    assert wanted.matches(dataclasses.replace(VM, vm_state='paused'))
    assert not wanted.matches(dataclasses.replace(VM, vm_state='stopped'))


def test_a_status_that_does_not_exist():
    assert parse({'status': ['nonsense']}).nothing
    assert refusal({'status': ['nonsense']}, version=Microversion(2, 38)) == (400, 'Invalid status value')


@pytest.mark.parametrize(('name', 'right', 'wrong'), [
    ('uuid', UUID.upper(), 'x'), ('host', 'host-1', 'host-2'), ('user_id', 'alice', 'bob'),
    ('vm_state', 'active', 'error')])
def test_fields_are_an_administrators(name, right, wrong):
    assert parse({name: [right]}).matches(VM)
    assert not parse({name: [wrong]}).matches(VM)
    assert parse({name: [wrong]}, ALICE).matches(VM)


@pytest.mark.parametrize('name', ['deleted', 'soft_deleted'])
def test_there_are_no_deleted_servers(name):
    assert parse({name: ['True']}).nothing
    assert not parse({name: ['False']}).nothing


@pytest.mark.parametrize('name', ['flavor', 'image', 'ip', 'changes-since', 'metadata'])
def test_a_filter_that_cannot_be_heeded_is_refused(name):
    assert refusal({name: ['x']}) == (400, f'Servers cannot be filtered by {name} here.')


def test_unknown_and_harmless_arguments_change_nothing():
    assert parse({'foo': ['x'], 'sort_key': ['created_at'], 'sort_dir': ['asc']}) == parse({})
