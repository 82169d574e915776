# SPDX-License-Identifier: Apache-2.0

import dataclasses
import logging
import time

import pytest

from nova_vnc import exception, objects
from nova_vnc.context import service_context
from nova_vnc.objects import InstanceRecord
from tests.fixtures.polling import wait_until
from tests.functional.consoleauth.rig import HOST, INFO, INSTANCE, TOKEN, NovaCompute, Rig


@pytest.fixture
def ready(rig: Rig) -> Rig:
    rig.start()
    rig.start_compute()
    rig.report(INSTANCE)
    return rig


class TestConsole:
    def test_from_authorize_to_check(self, ready: Rig):
        ready.authorize()
        ready.authorize()
        check = ready.check()
        assert check.connect_info == dataclasses.replace(INFO, last_activity_at=check.connect_info.last_activity_at)
        assert (check.reason, check.display_name) == (None, 'web1')
        assert 590 < check.expires - time.time() <= 600
        asked = ready.compute.asked[-1]
        assert (asked['host'], asked['port'], asked['console_type']) == ('192.0.2.1', '15900', 'novnc')
        assert objects.instance_uuid_of(asked['instance']) == INSTANCE.uuid

    def test_request_id_of_the_api_comes_back(self, ready: Rig):
        ctxt = service_context()
        ready.api.authorize_console(ctxt, INFO)
        assert ready.check().request_id == ctxt.request_id

    def test_token_with_other_data(self, ready: Rig):
        ready.authorize()
        with pytest.raises(exception.TokenInUse):
            ready.authorize(port='15901')

    def test_malformed(self, ready: Rig):
        with pytest.raises(exception.InvalidInput):
            ready.authorize(port='0')
        with pytest.raises(exception.ConsoleTypeInvalid):
            ready.authorize(console_type='vnc')
        for token in ('', 'x' * 10000, 'ä', "' OR 1=1"):
            assert ready.check(token).reason == objects.REASON_INVALID

    @pytest.mark.parametrize(('answer', 'reason'), [
        (False, objects.REASON_MOVED), (exception.InstanceNotReady(instance_id='x'), objects.REASON_NOT_READY)])
    def test_vm_changed_since(self, ready: Rig, answer: bool | Exception, reason: str):
        ready.authorize()
        ready.compute.answer = answer
        assert ready.check().reason == reason

    def test_delete_tokens_for_instance(self, ready: Rig):
        ready.authorize()
        ready.api.delete_tokens_for_instance(service_context(), INSTANCE.uuid)
        wait_until(lambda: ready.check().reason == objects.REASON_INVALID, 10, 'the token to be deleted')

    def test_expired(self, rig: Rig):
        rig.bus.conf.set_override('token_ttl', 0, group='consoleauth')
        rig.start()
        rig.authorize()
        assert rig.check().reason == objects.REASON_INVALID

    @pytest.mark.parametrize('version', ['6.5', '5.13', '4.22'])
    def test_novas_compute(self, rig: Rig, version: str):
        nova = NovaCompute(version)
        rig.start()
        rig.start_compute(nova)
        rig.report(INSTANCE)
        rig.authorize()
        if version == '6.5':    # speaks no 5.0; Nova's manager of that release answers 5.13 as well
            assert rig.check().reason == objects.REASON_HOST_SILENT
            return
        for _ in range(2):
            assert rig.check().connect_info is not None
        assert [asked['port'] for asked in nova.asked] == ['15900', '15900']

    def test_no_token_in_any_log(self, ready: Rig, caplog: pytest.LogCaptureFixture):
        caplog.set_level(logging.DEBUG)
        ready.authorize()
        ready.check()
        with pytest.raises(exception.TokenInUse):
            ready.authorize(port='15901')
        ready.compute.answer = False
        ready.check()
        assert TOKEN not in caplog.text


class TestDirectory:
    def test_get(self, ready: Rig):
        entry = ready.api.get_instance(service_context(), INSTANCE.uuid.upper())
        assert entry.instance == INSTANCE
        assert not entry.host_is_silent
        with pytest.raises(exception.InstanceNotFound):
            ready.api.get_instance(service_context(), 'x')

    def test_list(self, ready: Rig):
        assert [entry.instance for entry in ready.list(project_id='p1', name='^web1$')] == [INSTANCE]
        assert ready.list(project_id='p2') == ready.list(limit=0) == []
        with pytest.raises(exception.MarkerNotFound):
            ready.list(marker='x')
        with pytest.raises(exception.InvalidInput):
            ready.list(limit=-1)

    def test_many(self, ready: Rig):
        records = [InstanceRecord(uuid=f'00000000-0000-4000-8000-{number:012d}', host='h2') for number in range(1200)]
        ready.api.report_instances(service_context(), 'h2', records)

        def all_pages() -> list[str]:
            uuids: list[str] = []
            while page := ready.list(limit=5000, marker=uuids[-1] if uuids else None):
                assert len(page) <= 1000
                uuids += [entry.instance.uuid for entry in page]
            return uuids
        expected = [*(record.uuid for record in records), INSTANCE.uuid]
        wait_until(lambda: all_pages() == expected, 20, 'all VMs')
        ready.report(host='h2')
        assert all_pages() == [INSTANCE.uuid]

    def test_foreign_claim(self, ready: Rig, caplog: pytest.LogCaptureFixture):
        ready.authorize()
        ready.api.report_instances(service_context(), 'evil', [dataclasses.replace(INSTANCE, host='evil')])
        wait_until(lambda: 'Security event: host evil claims' in caplog.text, 10, 'the warning')
        assert ready.api.get_instance(service_context(), INSTANCE.uuid).instance.host == HOST
        assert ready.check().connect_info is not None


class TestSeveralProcesses:
    def test_on_one_file(self, rig: Rig):
        services = [rig.start() for _ in range(3)]
        rig.start_compute()
        rig.report(INSTANCE)
        for number in range(20):    # whichever takes the message
            rig.authorize(token=f'token-{number}')
            assert rig.check(f'token-{number}').connect_info is not None
        rig.stop(services[0])
        assert all(rig.check(f'token-{number}').connect_info is not None for number in range(20))

    def test_a_restart_loses_nothing(self, rig: Rig):
        first = rig.start()
        rig.start_compute()
        rig.report(INSTANCE)
        rig.authorize()
        rig.stop(first)
        rig.start()
        assert rig.check().connect_info is not None
        assert rig.api.get_instance(service_context(), INSTANCE.uuid).instance == INSTANCE
