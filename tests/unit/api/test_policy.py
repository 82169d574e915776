# SPDX-License-Identifier: Apache-2.0
"""Rules: Nova's defaults, and what an operator's files make of them."""

import os

import pytest

from nova_vnc import context, exception
from nova_vnc.api import factory, faults, policies, policy
from nova_vnc.api.policies import base, console_auth_tokens, remote_consoles, servers
from tests.fixtures.bus import new_conf
from tests.unit.api.client import MEMBER, UUID, Client, fault

CONSOLES = f'/v2.1/servers/{UUID}/remote-consoles'
BODY = {'remote_console': {'protocol': 'vnc', 'type': 'novnc'}}


def who(*roles, project_id='a11ce', **more):
    return context.RequestContext(user_id='alice', project_id=project_id, roles=list(roles), overwrite=False, **more)


READER, MEMBER_, MANAGER, ADMIN, SERVICE = (who(*roles) for roles in (
    ['reader'], ['member', 'reader'], ['manager', 'member', 'reader'], ['admin', 'manager', 'member', 'reader'],
    ['service']))
NOBODY = who()
STRANGER = who('member', 'reader', project_id='b0b')
OPERATORS = [ADMIN, who('admin', project_id='ops')]
SYSTEM_ADMIN = who('admin', 'member', 'reader', project_id=None, system_scope='all')
DOMAIN_ADMIN = who('admin', 'member', 'reader', project_id=None, domain_id='default')
EVERYBODY = [READER, MEMBER_, MANAGER, *OPERATORS, SERVICE, NOBODY, STRANGER, SYSTEM_ADMIN, DOMAIN_ADMIN]
A_SERVER = {'project_id': 'a11ce'}

MEMBERS = [MEMBER_, MANAGER, *OPERATORS]
READERS = [READER, *MEMBERS]


def rights(*files, **options):
    conf = new_conf(*files)
    enforcer = factory.build_enforcer(conf)
    for name, value in options.items():
        conf.set_override(name, value, 'oslo_policy')
    return policy.Policy(enforcer if not options else factory.build_enforcer(conf))


@pytest.fixture(scope='module')
def defaults():
    return rights()


@pytest.fixture
def files(tmp_path):
    """Write a policy file and return a nova.conf that names it; the clock of the files goes on with each."""
    written = 0

    def write(text):
        nonlocal written
        written += 1
        path = tmp_path / 'policy.yaml'
        path.write_text(text)
        os.utime(path, (written, written))
        (tmp_path / 'nova.conf').write_text(f'[oslo_policy]\npolicy_file = {path}\npolicy_dirs = {tmp_path / "d"}\n')
        return tmp_path / 'nova.conf'
    return write


# -- the defaults

@pytest.mark.parametrize(('rule', 'allowed'), [
    (remote_consoles.CREATE, MEMBERS),
    (console_auth_tokens.SHOW, OPERATORS),
    (servers.SHOW, READERS),
    (servers.GET_ALL_TENANTS[servers.INDEX], OPERATORS),
    (servers.GET_ALL_TENANTS[servers.DETAIL], OPERATORS),
    (servers.ALL_FILTERS, OPERATORS),
    (servers.HOST_STATUS, OPERATORS),
])
def test_who_may_do_what_to_a_server(defaults, rule, allowed):
    assert [ctxt for ctxt in EVERYBODY if defaults.allows(ctxt, rule, A_SERVER)] == allowed


@pytest.mark.parametrize('rule', [servers.INDEX, servers.DETAIL])
def test_who_may_list_what_is_his_own(defaults, rule):
    assert [ctxt for ctxt in EVERYBODY if defaults.allows(ctxt, rule)] == [*READERS, STRANGER]


def test_a_refusal_names_the_rule(defaults):
    with pytest.raises(faults.Refusal) as caught:
        defaults.authorize(READER, remote_consoles.CREATE, A_SERVER)
    assert (caught.value.status, caught.value.message) == (
        403, "Policy doesn't allow os_compute_api:os-remote-consoles to be performed.")


def test_every_rule_has_a_description_and_every_call_its_operations():
    for rule in policies.list_rules():
        assert rule.description
        assert (rule.name in {known.name for known in base.RULES}) is (rule.scope_types is None)


def test_the_former_defaults_on_request(tmp_path):
    former = rights(enforce_new_defaults=False)
    owner = who()
    assert former.allows(owner, remote_consoles.CREATE, A_SERVER)
    assert not former.allows(owner, remote_consoles.CREATE, {'project_id': 'b0b'})
    assert not former.allows(owner, console_auth_tokens.SHOW)


def test_is_admin_is_what_context_is_admin_says(files):
    operator = who('cloud_admin')
    changed = rights(files('context_is_admin: role:cloud_admin\nos_compute_api:servers:show: is_admin:TRUE\n'))
    assert changed.is_admin(operator)
    assert not changed.is_admin(ADMIN)
    operator.is_admin = True
    assert changed.allows(operator, servers.SHOW, {'project_id': 'b0b'})
    assert not changed.allows(MEMBER_, servers.SHOW, A_SERVER)


# -- an operator's files

def test_a_file_of_novas_with_rules_for_more_than_this(files):
    changed = rights(files("""
"os_compute_api:os-remote-consoles": "rule:project_manager_or_admin"
"os_compute_api:os-keypairs:create": "rule:service_or_admin"
"network:attach_external_network": "rule:context_is_admin"
"""))
    assert [ctxt for ctxt in EVERYBODY if changed.allows(ctxt, remote_consoles.CREATE, A_SERVER)] == [
        MANAGER, *OPERATORS]


def test_a_change_holds_from_the_next_question_on(files):
    ours = rights(files('os_compute_api:os-remote-consoles: "!"\n'))
    assert not ours.allows(ADMIN, remote_consoles.CREATE, A_SERVER)
    files('os_compute_api:os-remote-consoles: "role:reader"\n')
    assert ours.allows(READER, remote_consoles.CREATE, A_SERVER)
    assert ours.allows(READER, servers.SHOW, A_SERVER)
    files('{}')
    assert not ours.allows(READER, remote_consoles.CREATE, A_SERVER)


@pytest.mark.parametrize('text', ['a: [b', '- a list', 'just words'])
def test_a_file_that_turns_bad_leaves_the_rules_as_they_were(files, caplog, text):
    ours = rights(files('os_compute_api:os-remote-consoles: "!"\n'))
    files(text)
    for _ in range(3):
        assert not ours.allows(ADMIN, remote_consoles.CREATE, A_SERVER)
        assert ours.allows(READER, servers.SHOW, A_SERVER)
    errors = [record for record in caplog.records if record.levelname == 'ERROR']
    assert ['[oslo_policy]policy_file' in record.getMessage() for record in errors[:1]] == [True]
    files('os_compute_api:os-remote-consoles: "@"\n')
    assert ours.allows(NOBODY, remote_consoles.CREATE, A_SERVER)


def test_a_directory_of_files(files, tmp_path):
    (tmp_path / 'd').mkdir()
    (tmp_path / 'd' / 'a.yaml').write_text('os_compute_api:os-remote-consoles: "role:reader"\n')
    ours = rights(files('os_compute_api:os-remote-consoles: "!"\nos_compute_api:servers:show: "!"\n'))
    assert ours.allows(READER, remote_consoles.CREATE, A_SERVER)
    assert not ours.allows(READER, servers.SHOW, A_SERVER)


@pytest.mark.parametrize('text', ['a: [b', '- a list', 'just words'])
def test_a_bad_file_at_the_start_is_one_line(files, text):
    with pytest.raises(exception.ConfigurationError) as caught:
        rights(files(text))
    assert '[oslo_policy]policy_file' in caught.value.message
    assert '\n' not in caught.value.message


def test_a_file_that_is_not_there_means_the_defaults(tmp_path):
    (tmp_path / 'nova.conf').write_text('[oslo_policy]\npolicy_file = none.yaml\n')
    assert rights(tmp_path / 'nova.conf').allows(MEMBER_, remote_consoles.CREATE, A_SERVER)


# -- in requests

def client_with(files, text):
    path = files(text)
    return Client(options=[('policy_file', 'oslo_policy', str(path.with_name('policy.yaml')))])


def test_each_call_asks_its_rule(files):
    client = client_with(files, '\n'.join(f'"{rule.name}": "!"' for rule in policies.list_rules()
                                          if rule.scope_types))
    for path, rule in (('/v2.1/servers', 'servers:index'), ('/v2.1/servers/detail', 'servers:detail'),
                       (f'/v2.1/servers/{UUID}', 'servers:show'),
                       ('/v2.1/os-console-auth-tokens/x', 'os-console-auth-tokens')):
        for token in (MEMBER, 'admin:a11ce', 'notused'):
            assert fault(client.get(path, token=token, version='2.31')) == (
                403, 'forbidden', f"Policy doesn't allow os_compute_api:{rule} to be performed.")
    action = {'os-getVNCConsole': {'type': 'novnc'}}
    for answer in (client.post(CONSOLES, BODY, version='2.6'), client.post(f'/v2.1/servers/{UUID}/action', action)):
        assert fault(answer) == (
            403, 'forbidden', "Policy doesn't allow os_compute_api:os-remote-consoles to be performed.")
    assert not client.cloud.authorized


@pytest.mark.parametrize(('path', 'rule'), [('/v2.1/servers', 'index'), ('/v2.1/servers/detail', 'detail')])
def test_all_tenants_has_a_rule_for_each_list(files, path, rule):
    client = client_with(files, f'"os_compute_api:servers:{rule}:get_all_tenants": "role:member"')
    assert len(client.get(f'{path}?all_tenants=1', token=MEMBER).json['servers']) == 3
    other = '/v2.1/servers' if rule == 'detail' else '/v2.1/servers/detail'
    assert fault(client.get(f'{other}?all_tenants=1', token=MEMBER))[0] == 403


def test_filters_for_everybody(files):
    client = client_with(files, '"os_compute_api:servers:allow_all_filters": "@"')
    assert client.get('/v2.1/servers?host=host-2', token=MEMBER).json['servers'] == []
    assert len(Client().get('/v2.1/servers?host=host-2', token=MEMBER).json['servers']) == 1


@pytest.mark.parametrize('path', [f'/v2.1/servers/{UUID}', '/v2.1/servers/detail'])
@pytest.mark.parametrize(('rules', 'silent', 'host', 'status'), [
    ('', False, None, None),
    ('"os_compute_api:os-extended-server-attributes": "@"', False, 'host-1', None),
    ('"os_compute_api:servers:show:host_status": "@"', False, None, 'UP'),
    ('"os_compute_api:servers:show:host_status:unknown-only": "@"', False, None, None),
    ('"os_compute_api:servers:show:host_status:unknown-only": "@"', True, None, 'UNKNOWN'),
])
def test_what_is_shown_of_a_server(files, path, rules, silent, host, status):
    client = client_with(files, rules or '{}')
    if silent:
        client.cloud.silent_hosts.add('host-1')
    answer = client.get(path, token=MEMBER, version='2.16').json
    server = answer.get('server') or answer['servers'][0]
    assert (server.get('OS-EXT-SRV-ATTR:host'), server.get('host_status')) == (host, status)


@pytest.mark.parametrize('rules', [
    '"a": "rule:b"\n"b": "rule:a"\n"os_compute_api:os-remote-consoles": "rule:a"\n',
    '"os_compute_api:os-remote-consoles": "http://127.0.0.1:1/check"\n'])
def test_a_rule_that_cannot_be_decided_is_named_in_one_line(files, rules, caplog):
    client = Client(options=[('policy_file', 'oslo_policy', str(files(rules).with_name('policy.yaml')))])
    response = client.post(CONSOLES, BODY, token=MEMBER, version='2.6')
    assert fault(response) == (500, 'computeFault', 'The rule os_compute_api:os-remote-consoles cannot be decided; the '
                                                    'log of the server says why.')
    line, = (record.getMessage() for record in caplog.records if record.levelname == 'ERROR')
    assert 'os_compute_api:os-remote-consoles of [oslo_policy]policy_file' in line
    assert '\n' not in line
