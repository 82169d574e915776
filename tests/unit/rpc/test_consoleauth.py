# SPDX-License-Identifier: Apache-2.0

from typing import Any

import pytest

from nova_vnc import objects
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

    def call(self, target: Any, ctxt: Any, method: str, timeout_s: float, **arguments: Any) -> Any:
        self.sent.append((target.namespace, method, arguments))
        self.timeouts_s.append(timeout_s)
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


def test_check_token_of_ours():
    bus = Bus()
    assert consoleauth.ConsoleAuthAPI(bus).check_token(service_context(), TOKEN) == \
        objects.TokenCheck(INFO, display_name='web1')


def test_check_token_of_novas():
    bus = Bus(ours=False)
    api = consoleauth.ConsoleAuthAPI(bus, timeout_s=3)
    for _ in range(2):
        assert api.check_token(service_context(), TOKEN) == objects.TokenCheck(INFO)
    assert [namespace for namespace, _, _ in bus.sent] == ['nova_vnc', None, None]
    assert all(0 < timeout_s <= 3 for timeout_s in bus.timeouts_s)


@pytest.mark.parametrize(('method', 'arguments'), [
    ('authorize_console', [INFO]), ('check_token', [TOKEN]), ('get_instance', [INFO.instance_uuid]),
    ('list_instances', []), ('delete_tokens_for_instance', [INFO.instance_uuid]), ('report_instances', ['h1', []])])
def test_a_deadline_that_runs_already(method: str, arguments: list[Any]):
    bus = Bus(answers={'get_instance': {'uuid': INFO.instance_uuid}, 'list_instances': []})
    now = [0.0]
    deadline = Deadline(10, lambda: now[0])
    api = consoleauth.ConsoleAuthAPI(bus, timeout_s=3)
    for now[0] in (0.0, 4.0, 12.0):
        getattr(api, method)(service_context(), *arguments, deadline=deadline)
    assert bus.timeouts_s == [10.0, 6.0, 0.0]


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
