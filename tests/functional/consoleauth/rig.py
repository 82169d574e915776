# SPDX-License-Identifier: Apache-2.0
"""nova-consoleauth as its callers see it."""

from __future__ import annotations

import contextlib
import dataclasses
import threading
from pathlib import Path
from typing import Any

import oslo_messaging

from nova_vnc import exception, objects
from nova_vnc.access_url import build_access_url
from nova_vnc.consoleauth import factory
from nova_vnc.consoleauth.service import ConsoleAuthService
from nova_vnc.context import RequestContext, service_context
from nova_vnc.objects import InstanceRecord
from nova_vnc.rpc import errors
from nova_vnc.rpc.caller import Caller
from nova_vnc.rpc.consoleauth import ConsoleAuthAPI
from tests.fixtures.bus import in_process_bus
from tests.fixtures.polling import wait_until

HOST = 'compute1'
INSTANCE = InstanceRecord(uuid='9169fdb2-5b74-46b1-9803-60d2926bd97c', id=12, name='instance-0000000c',
                          display_name='web1', host=HOST, project_id='p1', user_id='u1')
TOKEN = '6f1c56b1-dbd3-4a3c-a3f7-4bbf0c3d0f7a'
INFO = objects.ConnectInfo(token=TOKEN, console_type='novnc', host='192.0.2.1', port='15900',
                           instance_uuid=INSTANCE.uuid,
                           access_url=build_access_url('http://127.0.0.1:6080/vnc_auto.html', TOKEN))


class Compute:
    """Our compute service.

    :ivar answer: of validate_console
    """

    target = oslo_messaging.Target(namespace='nova_vnc', version='1.0')

    def __init__(self) -> None:
        self.answer: bool | Exception = True
        self.asked: list[dict[str, Any]] = []

    @errors.expected
    def validate_console(self, ctxt: RequestContext, **arguments: Any) -> bool:
        self.asked.append(arguments)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


class NovaCompute:
    """Nova's compute service of a release: it knows nothing of our namespace.

    :param version: of its contract
    """

    def __init__(self, version: str) -> None:
        self.target = oslo_messaging.Target(version=version)
        self.asked: list[dict[str, Any]] = []

    def validate_console_port(self, ctxt: RequestContext, instance: Any, port: str, console_type: str) -> bool:
        self.asked.append({'instance': instance, 'port': port, 'console_type': console_type})
        return port == INFO.port


class Rig:
    """
    :ivar compute: answers for HOST
    :ivar api: the client of api and proxy
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.compute = Compute()
        self._stack = contextlib.ExitStack()
        self.failures: list[str] = []

    def __enter__(self) -> Rig:
        self.bus = self._stack.enter_context(in_process_bus())
        self.bus.conf.set_override('state_path', str(self.directory))
        self.api = ConsoleAuthAPI(Caller(self.bus.transport), timeout_s=10)
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._stack.close()

    @property
    def database_path(self) -> Path:
        return self.directory / 'nova-vnc.sqlite'

    def start(self) -> ConsoleAuthService:
        """Start one more nova-consoleauth."""
        service = factory.build_service(self.bus.conf, self.bus.transport)
        service.start(self.failures.append)
        self._stack.callback(self.stop, service)
        return service

    @staticmethod
    def stop(service: ConsoleAuthService) -> None:
        hurry = threading.Event()
        hurry.set()
        service.stop(hurry)

    def start_compute(self, endpoint: object | None = None, host: str = HOST) -> None:
        self._stack.enter_context(self.bus.serving('compute', [endpoint or self.compute], host))

    def report(self, *records: InstanceRecord, host: str = HOST) -> None:
        """Report these VMs, and wait until it has been taken note of."""
        self.api.report_instances(service_context(), host, records)
        expected = {record.uuid for record in records}
        wait_until(lambda: {entry.instance.uuid for entry in self.list() if entry.instance.host == host} == expected,
                   10, 'the report')

    def authorize(self, **changes: Any) -> None:
        self.api.authorize_console(service_context(), dataclasses.replace(INFO, **changes))

    def check(self, token: str = TOKEN) -> objects.TokenCheck:
        return self.api.check_token(service_context(), token)

    def list(self, **arguments: Any) -> Any:
        return self.api.list_instances(service_context(), **arguments)

    def is_unavailable(self) -> bool:
        """Tell whether both callers are told that the store is away."""
        try:
            self.authorize()
        except exception.StoreUnavailable:
            return self.check().reason == objects.REASON_UNAVAILABLE
        return False
