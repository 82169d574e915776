# SPDX-License-Identifier: Apache-2.0

import logging
from typing import Any

import pytest

from nova_vnc import exception, objects
from nova_vnc.consoleauth import checker
from nova_vnc.context import service_context
from nova_vnc.net.deadline import Deadline
from nova_vnc.rpc import caller, consoleauth

TOKEN = '6f1c56b1-dbd3-4a3c-a3f7-4bbf0c3d0f7a'
INFO = objects.ConnectInfo(token=TOKEN, console_type='novnc', host='192.0.2.1', port='5901',
                           instance_uuid='9169fdb2-5b74-46b1-9803-60d2926bd97c', access_url='http://example.com/?token')


def uuid(number: int) -> str:
    return f'00000000-0000-4000-8000-{number:012d}'


class Bus:
    """Stands where rpc.caller.Caller does: keeps what is sent, and answers like a nova-consoleauth.

    :param ours: it knows our namespace
    :param answers: to methods other than check_token
    """

    def __init__(self, ours: bool = True, answers: dict[str, Any] | None = None) -> None:
        self.ours = ours
        self.answers = answers or {}
        self.sent: list[tuple[str | None, str, dict[str, Any]]] = []
        self.timeouts_s: list[float] = []
        self.versions: list[str] = []

    def call(self, target: Any, ctxt: Any, method: str, timeout_s: float, **arguments: Any) -> Any:
        self.sent.append((target.namespace, method, arguments))
        self.timeouts_s.append(timeout_s)
        self.versions.append(target.version)
        if target.namespace and not self.ours:
            raise caller.UnknownMethod('consoleauth', method)
        if method != 'check_token':
            return self.answers.get(method)
        return objects.TokenCheck(INFO, display_name='web1').to_dict() if target.namespace else INFO.to_dict()

    cast = call


def test_authorize_console():
    bus = Bus()
    consoleauth.ConsoleAuthAPI(bus).authorize_console(service_context(), INFO)
    assert bus.sent == [(None, 'authorize_console', {
        'token': TOKEN, 'console_type': 'novnc', 'host': '192.0.2.1', 'port': '5901', 'internal_access_path': None,
        'instance_uuid': INFO.instance_uuid, 'access_url': INFO.access_url})]


# From the table of versions and arguments: 2.0 (Icehouse, Juno) and 1.2 (Grizzly, Havana) know no access_url.
@pytest.mark.parametrize(('level', 'version'), [
    (None, '2.1'), ('', '2.1'), ('2.1', '2.1'), ('2.9', '2.1'), ('kilo', '2.1'), ('ocata', '2.1'), ('Queens', '2.1'),
    ('2.0', '2.0'), ('icehouse', '2.0'), ('juno', '2.0'), ('1.2', '1.2'), ('1.9', '1.2'), ('grizzly', '1.2'),
    ('havana', '1.2')])
def test_upgrade_levels(level: str | None, version: str):
    bus = Bus(ours=False)
    api = consoleauth.ConsoleAuthAPI(bus, version=consoleauth.version_to_send(level))
    api.authorize_console(service_context(), INFO)
    api.check_token(service_context(), TOKEN)
    api.delete_tokens_for_instance(service_context(), INFO.instance_uuid)
    assert bus.versions == [version, '1.0', version, version]
    (_, _, arguments), *_ = bus.sent
    assert arguments.pop('access_url', None) == (INFO.access_url if version == '2.1' else None)
    assert set(arguments) == {'token', 'console_type', 'host', 'port', 'internal_access_path', 'instance_uuid'}


@pytest.mark.parametrize('level', ['1.1', '0.5', 'essex', 'train', 'auto', '2', 'x.y', '-1.2', '2.1\n2.0'])
def test_upgrade_levels_that_cannot_be_sent(level: str):
    with pytest.raises(exception.ConfigurationError, match=r'^\[upgrade_levels\]consoleauth = ') as caught:
        consoleauth.version_to_send(level)
    assert 'grizzly' in str(caught.value)


def test_what_a_foreign_one_leaves_out_is_said_once(caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO)
    api = consoleauth.ConsoleAuthAPI(Bus(ours=False))
    for _ in range(3):
        api.check_token(service_context(), TOKEN)
    said, = caplog.records
    assert said.levelno == logging.INFO
    assert all(words in said.getMessage() for words in ("Nova's own", 'name of a VM in the title', 'why a console'))


@pytest.mark.parametrize(('answer', 'takes'), [
    (None, True), (caller.UnknownMethod('consoleauth', 'check_token'), False),
    (caller.UnknownMethod('consoleauth', 'check_token', is_contract_known=True), True)])
def test_who_takes_reports(answer: Exception | None, takes: bool):
    class Answering(Bus):
        def call(self, target: Any, *arguments: Any, **others: Any) -> Any:
            assert target.namespace == 'nova_vnc'
            if answer is not None:
                raise answer
    assert consoleauth.ConsoleAuthAPI(Answering()).takes_reports(service_context()) is takes


def test_check_token_of_ours():
    bus = Bus()
    api = consoleauth.ConsoleAuthAPI(bus)
    for _ in range(2):
        assert api.check_token(service_context(), TOKEN) == objects.TokenCheck(INFO, display_name='web1')
    # What waits for no compute host is asked first, and once.
    assert [arguments['token'] for _, _, arguments in bus.sent] == ['', TOKEN, TOKEN]


def test_check_token_of_novas():
    bus = Bus(ours=False)
    api = consoleauth.ConsoleAuthAPI(bus, timeout_s=3)
    for _ in range(2):
        assert api.check_token(service_context(), TOKEN) == objects.TokenCheck(INFO)
    assert [namespace for namespace, _, _ in bus.sent] == ['nova_vnc', None, None]
    assert all(0 < timeout_s <= 3 for timeout_s in bus.timeouts_s)


ASKED_TWICE = [('authorize_console', [INFO]), ('get_instance', [INFO.instance_uuid]), ('list_instances', [])]


@pytest.mark.parametrize(('method', 'arguments'), [
    ('check_token', [TOKEN]), ('delete_tokens_for_instance', [INFO.instance_uuid]), ('report_instances', ['h1', []])])
def test_a_deadline_that_runs_already(method: str, arguments: list[Any]):
    bus = Bus(answers={'get_instance': {'uuid': INFO.instance_uuid}, 'list_instances': []})
    now = [0.0]
    deadline = Deadline(10, lambda: now[0])
    api = consoleauth.ConsoleAuthAPI(bus, timeout_s=3)
    for now[0] in (0.0, 4.0, 12.0):
        getattr(api, method)(service_context(), *arguments, deadline=deadline)
    if method == 'check_token':     # first of all it is asked whether it is ours
        assert bus.timeouts_s == [3.0, 5.5, 5.5, 0.0]
    else:
        assert bus.timeouts_s == [10.0, 6.0, 0.0]


class Unanswered(Bus):
    """Takes its time for the first questions, as somebody who was killed with them in his hands.

    :param count: of questions without an answer
    """

    def __init__(self, now: list[float], count: int) -> None:
        super().__init__(answers={'get_instance': {'uuid': INFO.instance_uuid}, 'list_instances': []})
        self._now = now
        self._count = count

    def call(self, target: Any, ctxt: Any, method: str, timeout_s: float, **arguments: Any) -> Any:
        answer = super().call(target, ctxt, method, timeout_s, **arguments)
        if len(self.sent) <= self._count:
            self._now[0] += timeout_s
            raise caller.NoAnswer(service='consoleauth')
        return answer


@pytest.mark.parametrize(('method', 'arguments'), ASKED_TWICE)
class TestAskedTwice:

    def test_another_one_answers(self, method: str, arguments: list[Any]):
        now = [0.0]
        bus = Unanswered(now, 1)
        getattr(consoleauth.ConsoleAuthAPI(bus), method)(
            service_context(), *arguments, deadline=Deadline(10, lambda: now[0]))
        first, second = bus.sent
        assert first == second
        assert bus.timeouts_s == [3.0, 7.0]

    @pytest.mark.parametrize(('seconds', 'timeouts_s'), [(10, [3.0, 7.0]), (4, [3.0, 1.0]), (2, [2.0])])
    def test_nobody_answers(self, method: str, arguments: list[Any], seconds: float, timeouts_s: list[float]):
        now = [0.0]
        bus = Unanswered(now, 3)
        with pytest.raises(caller.NoAnswer):
            getattr(consoleauth.ConsoleAuthAPI(bus), method)(
                service_context(), *arguments, deadline=Deadline(seconds, lambda: now[0]))
        assert bus.timeouts_s == timeouts_s

    def test_an_answer_ends_it(self, method: str, arguments: list[Any]):
        now = [0.0]
        bus = Unanswered(now, 0)
        getattr(consoleauth.ConsoleAuthAPI(bus), method)(
            service_context(), *arguments, deadline=Deadline(10, lambda: now[0]))
        assert len(bus.sent) == 1

    def test_without_a_broker_it_is_not_tried_again(self, method: str, arguments: list[Any]):
        class NoBroker(Bus):
            def call(self, *arguments: Any, **others: Any) -> Any:
                super().call(*arguments, **others)
                raise caller.NotAsked(service='consoleauth')
        bus = NoBroker()
        with pytest.raises(caller.NotAsked):
            getattr(consoleauth.ConsoleAuthAPI(bus), method)(service_context(), *arguments)
        assert len(bus.sent) == 1


class TestCheckAskedTwice:

    def api(self, bus: Bus, *, is_known: bool) -> consoleauth.ConsoleAuthAPI:
        api = consoleauth.ConsoleAuthAPI(bus)
        if is_known:
            api._extensions._note_known('consoleauth')
        return api

    @pytest.mark.parametrize(('is_known', 'timeouts_s'), [(True, [5.5, 2.5]), (False, [3.0, 5.0])])
    def test_another_one_answers(self, is_known: bool, timeouts_s: list[float]):
        now = [0.0]
        bus = Unanswered(now, 1)
        check = self.api(bus, is_known=is_known).check_token(
            service_context(), TOKEN, deadline=Deadline(8, lambda: now[0]))
        assert check.connect_info == INFO
        assert bus.timeouts_s == timeouts_s

    @pytest.mark.parametrize(('seconds', 'timeouts_s'), [(8, [5.5, 2.5]), (4, [4.0])])
    def test_nobody_answers(self, seconds: float, timeouts_s: list[float]):
        now = [0.0]
        bus = Unanswered(now, 3)
        with pytest.raises(caller.NoAnswer):
            self.api(bus, is_known=True).check_token(
                service_context(), TOKEN, deadline=Deadline(seconds, lambda: now[0]))
        assert bus.timeouts_s == timeouts_s

    def test_novas_holds_a_thread_for_each_and_is_asked_once(self):
        class Novas(Bus):
            def call(self, target: Any, ctxt: Any, method: str, timeout_s: float, **arguments: Any) -> Any:
                super().call(target, ctxt, method, timeout_s, **arguments)
                raise caller.NoAnswer(service='consoleauth')
        bus = Novas(ours=False)
        with pytest.raises(caller.NoAnswer):
            consoleauth.ConsoleAuthAPI(bus).check_token(service_context(), TOKEN)
        assert [namespace for namespace, _, _ in bus.sent] == ['nova_vnc', None]

    def test_it_is_longer_than_a_host_that_hangs_is_waited_for(self):
        assert consoleauth._CHECK_AGAIN_AFTER_S > checker._COMPUTE_TIMEOUT_S


class TestCheckTokens:

    CHECKS = [(service_context(), TOKEN), (service_context(), 'another'), (service_context(), 'third')]
    ANSWERS = [objects.TokenCheck(INFO).to_dict(), objects.TokenCheck(None, 'invalid').to_dict(), None]

    def known(self, bus: Bus) -> consoleauth.ConsoleAuthAPI:
        """Return the client of one that has been asked something before."""
        api = consoleauth.ConsoleAuthAPI(bus)
        api.check_token(service_context(), TOKEN)
        return api

    def test_answers_in_their_order(self):
        bus = Bus(answers={'check_tokens': self.ANSWERS})
        api = self.known(bus)
        assert api.may_check_tokens()
        assert api.check_tokens(self.CHECKS) == [objects.TokenCheck(INFO), objects.TokenCheck(None, 'invalid'), None]
        assert bus.sent[-1] == ('nova_vnc', 'check_tokens', {'checks': [
            {'token': token, 'request_id': ctxt.request_id} for ctxt, token in self.CHECKS]})
        assert bus.versions[-2:] == ['1.0', '1.1']

    def test_an_answer_that_cannot_be_used_spoils_no_other(self):
        broken = {'connect_info': {'host': 'h', 'port': 'none'}}
        bus = Bus(answers={'check_tokens': [broken, *self.ANSWERS[1:]]})
        assert self.known(bus).check_tokens(self.CHECKS) == [None, objects.TokenCheck(None, 'invalid'), None]

    def test_novas_is_never_asked(self):
        assert not consoleauth.ConsoleAuthAPI(Bus()).may_check_tokens()     # nothing is known of it yet
        assert not self.known(Bus(ours=False)).may_check_tokens()

    def test_one_of_an_older_release_is_asked_once_and_for_the_rest_as_before(self):
        class Older(Bus):
            def call(self, target: Any, ctxt: Any, method: str, timeout_s: float, **arguments: Any) -> Any:
                if target.namespace and target.version == '1.1':
                    raise caller.UnknownMethod('consoleauth', method)
                return super().call(target, ctxt, method, timeout_s, **arguments)
        api = self.known(Older())
        assert api.may_check_tokens()
        with pytest.raises(caller.UnknownMethod):
            api.check_tokens(self.CHECKS)
        assert not api.may_check_tokens()
        assert api.check_token(service_context(), TOKEN).display_name == 'web1'


def test_delete_tokens_for_instance():
    bus = Bus()
    consoleauth.ConsoleAuthAPI(bus).delete_tokens_for_instance(service_context(), INFO.instance_uuid)
    assert bus.sent == [(None, 'delete_tokens_for_instance', {'instance_uuid': INFO.instance_uuid})]


@pytest.mark.parametrize(('count', 'sizes'), [
    (0, [0]), (1, [1]), (500, [500]), (501, [500, 1]), (1200, [500, 500, 200])])
def test_report_instances(count: int, sizes: list[int]):
    bus = Bus()
    api = consoleauth.ConsoleAuthAPI(bus)
    records = [objects.InstanceRecord(uuid=uuid(number), host='h1') for number in range(count)]
    api.report_instances(service_context(), 'h1', [*records, *records[:1]])
    messages = [arguments for _, _, arguments in bus.sent]
    assert [len(message['instances']) for message in messages] == sizes
    assert {message['total'] for message in messages} == {count}
    assert len({message['report_number'] for message in messages}) == 1
    assert [values['uuid'] for message in messages for values in message['instances']] == \
        [record.uuid for record in records]


def test_later_reports_have_greater_numbers(monkeypatch: pytest.MonkeyPatch):
    bus = Bus()
    api = consoleauth.ConsoleAuthAPI(bus)
    for now in (1000.0, 1000.0, 500.0, 2000.0):
        monkeypatch.setattr(consoleauth.time, 'time', lambda now=now: now)
        api.report_instances(service_context(), 'h1', [])
    assert [arguments['report_number'] for _, _, arguments in bus.sent] == [1000000, 1000001, 1000002, 2000000]
