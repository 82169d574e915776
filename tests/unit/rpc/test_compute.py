# SPDX-License-Identifier: Apache-2.0
import pytest

from nova_vnc import exception, objects
from nova_vnc.context import service_context
from nova_vnc.net.deadline import Deadline
from nova_vnc.rpc import caller, compute
from nova_vnc.rpc.silent_hosts import SilentHosts
from tests.fixtures.vectors import Vector


@pytest.mark.parametrize(('level', 'versions'), [
    (None, ('5.0', '4.0')), ('', ('5.0', '4.0')), ('auto', ('5.0', '4.0')), ('AUTO', ('5.0', '4.0')),
    ('4.0', ('4.0',)), ('4.22', ('4.0',)), ('pike', ('4.0',)), ('5.0', ('5.0',)), ('6.5', ('5.0',)),
    ('queens', ('5.0',)), ('2026.1', ('5.0',)), ('Kilo', ('4.0',)), (' hibiscus ', ('5.0',)), ('yoga', ('5.0',)),
])
def test_versions_to_send(level, versions):
    assert compute.versions_to_send(level) == versions


@pytest.mark.parametrize('level', ['3.40', 'juno', 'icehouse', 'fünf;', '-', '5', '5.', '.5', '5.0.1', '-5.0', 'essex',
                                   'bananas', '5.0\n6.0', '\u0665.\u0660'])
def test_levels_that_cannot_be_sent(level):
    with pytest.raises(exception.ConfigurationError, match=r'^\[upgrade_levels\]compute = ') as caught:
        compute.versions_to_send(level)
    assert 'kilo' in str(caught.value) or 'icehouse' in str(caught.value)


INSTANCE = objects.InstanceRecord(uuid='9169fdb2-5b74-46b1-9803-60d2926bd97c', id=12, host='compute1',
                                  display_name='web1', project_id='p1', user_id='u1')


class Bus:
    """Stands where rpc.caller.Caller does, before a compute service that knows some (namespace, version) only."""

    def __init__(self, *known):
        self.known = known
        self.sent = []
        self.timeouts_s = []

    def call(self, target, ctxt, method, timeout_s, **arguments):
        self.sent.append((target.namespace, target.version, method))
        self.timeouts_s.append(timeout_s)
        self.target, self.arguments = target, arguments
        if (target.namespace, target.version) not in self.known:
            raise caller.UnknownMethod('compute', method)
        return True


OURS = ('nova_vnc', '1.0')


def validate(api, **arguments):
    return api.validate_console(service_context(), INSTANCE, '192.0.2.1', '15900', 'novnc', **arguments)


def test_our_compute():
    bus = Bus(OURS)
    assert validate(compute.ComputeAPI(bus))
    assert bus.sent == [('nova_vnc', '1.0', 'validate_console')]
    assert (bus.target.topic, bus.target.server) == ('compute', 'compute1')
    assert bus.arguments == {'instance': INSTANCE.to_primitive(), 'host': '192.0.2.1', 'port': '15900',
                             'console_type': 'novnc'}


@pytest.mark.parametrize(('known', 'asked'), [((None, '5.0'), ['1.0', '5.0']), ((None, '4.0'), ['1.0', '5.0', '4.0'])])
def test_novas_compute_is_remembered(known, asked):
    bus = Bus(known)
    api = compute.ComputeAPI(bus, timeout_s=3)
    assert validate(api)
    assert validate(api)
    assert [version for _, version, _ in bus.sent] == [*asked, known[1]]
    assert {method for namespace, _, method in bus.sent if namespace is None} == {'validate_console_port'}
    assert all(0 < timeout_s <= 3 for timeout_s in bus.timeouts_s)


def test_our_methods_are_not_asked_for():
    bus = Bus((None, '5.0'))
    assert validate(compute.ComputeAPI(bus, ask_extensions=False))
    assert bus.sent == [(None, '5.0', 'validate_console_port')]


def test_a_host_that_was_upgraded_past_the_version_that_is_remembered():
    bus = Bus((None, '4.0'))
    api = compute.ComputeAPI(bus, ask_extensions=False)
    validate(api)
    bus.known = [(None, '5.0')]
    del bus.sent[:]
    for _ in range(2):
        assert validate(api)
    assert [version for _, version, _ in bus.sent] == ['4.0', '5.0', '5.0']


def test_a_shorter_deadline():
    bus = Bus(OURS)
    validate(compute.ComputeAPI(bus), deadline=Deadline(0.5))
    assert bus.timeouts_s[0] <= 0.5


def test_a_deadline_that_runs_already():
    bus = Bus((None, '5.0'))
    now = [0.0]
    deadline = Deadline(10, lambda: now[0])
    now[0] = 4.0
    compute.ComputeAPI(bus, timeout_s=3).get_vnc_console(service_context(), INSTANCE, 'novnc', deadline=deadline)
    assert bus.timeouts_s == [6.0]


def test_message_is_that_of_queens():
    sent = Vector('queens-17.0.13-validate_console_port')
    bus = Bus((None, '4.0'))
    validate(compute.ComputeAPI(bus, compute.versions_to_send('4.0')))
    assert bus.sent[-1][2] == sent.message['method']
    assert set(bus.arguments) == set(sent.args)
    assert (bus.arguments['port'], bus.arguments['console_type']) == (sent.args['port'], sent.args['console_type'])
    assert bus.arguments['instance'].keys() <= sent.args['instance'].keys()
    assert bus.arguments['instance']['nova_object.data'].keys() <= sent.args['instance']['nova_object.data'].keys()


def test_compute_that_knows_nothing():
    with pytest.raises(exception.ServiceUnavailable, match='compute on host compute1'):
        validate(compute.ComputeAPI(Bus()))


class HungHost(Bus):
    def call(self, target, ctxt, method, timeout_s, **arguments):
        self.sent.append(method)
        raise caller.NoAnswer(service='compute')


@pytest.mark.parametrize('ask', [
    lambda api, **arguments: api.get_vnc_console(service_context(), INSTANCE, 'novnc', **arguments),
    lambda api, **arguments: validate(api, **arguments)])
def test_a_host_that_has_not_answered_is_asked_by_one_at_a_time(ask):
    hosts = SilentHosts(least_wait_s=0)
    bus = HungHost()
    api = compute.ComputeAPI(bus, silent_hosts=hosts)
    for _ in range(2):
        with pytest.raises(caller.NoAnswer):
            ask(api)
    with hosts.asking('compute1'), pytest.raises(exception.HostSilent):
        ask(api)
    assert len(bus.sent) == 2


def test_a_host_that_does_not_report_is_asked_by_one_at_a_time():
    hosts = SilentHosts()
    api = compute.ComputeAPI(Bus(OURS), silent_hosts=hosts)
    with hosts.asking('compute1', seems_silent=True), pytest.raises(exception.HostSilent):
        validate(api, host_is_silent=True)
    assert validate(api, host_is_silent=True)
