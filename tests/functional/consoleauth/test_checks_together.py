# SPDX-License-Identifier: Apache-2.0
"""Many tokens at once, from the proxy's checks through one nova-consoleauth to the compute hosts."""

import contextlib
import dataclasses
import threading
import uuid
from collections.abc import Iterator
from concurrent import futures

import oslo_messaging
import pytest

from nova_vnc import objects
from nova_vnc.consoleauth import checker, manager
from nova_vnc.context import service_context
from nova_vnc.net.ceiling import Ceiling
from nova_vnc.novncproxy.token_checks import TokenChecks, build_places
from nova_vnc.rpc import consoleauth as contract
from nova_vnc.rpc.caller import Caller
from nova_vnc.rpc.consoleauth import ConsoleAuthAPI
from tests.functional.consoleauth.rig import INSTANCE, TOKEN, Rig

TOKENS = 48


class Endpoint(manager.NovaVNCEndpoint):
    """Counts its messages. The first of each kind waits until the test has asked for everything."""

    def __init__(self, work: manager.Manager) -> None:
        super().__init__(work)
        self.together: list[int] = []
        self.alone = 0
        self.go_on = threading.Event()

    def check_token(self, ctxt, token):
        self.alone += 1
        return super().check_token(ctxt, token)

    def check_tokens(self, ctxt, checks):
        self.together.append(len(checks))
        self.go_on.wait(30)
        return super().check_tokens(ctxt, checks)


class OlderEndpoint(manager.NovaVNCEndpoint):
    """That of the release before check_tokens."""

    target = oslo_messaging.Target(namespace=contract.NAMESPACE, version='1.0')
    check_tokens = None


class Proxy:
    """The checks of a proxy."""

    def __init__(self, rig: Rig) -> None:
        self._checks = TokenChecks(ConsoleAuthAPI(Caller(rig.bus.transport, max_concurrent=256, max_waiting=0)), 8,
                                   build_places(256))
        self.gathering = self._checks._gathering
        self._pool = futures.ThreadPoolExecutor(100)

    def check(self, token: str) -> objects.TokenCheck:
        return self._checks.check(service_context(), token)

    def begin(self, tokens: list[str]) -> list[futures.Future[objects.TokenCheck]]:
        return [self._pool.submit(self.check, token) for token in tokens]

    def close(self) -> None:
        self._pool.shutdown()


@pytest.fixture(autouse=True)
def place_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """However slow this machine is, nobody is turned away before a host that counts as slow."""
    monkeypatch.setattr('nova_vnc.consoleauth.factory.build_places', lambda threads: Ceiling(1000, 1000))


@pytest.fixture
def endpoints(monkeypatch: pytest.MonkeyPatch) -> list[Endpoint]:
    """What the services that are started have for endpoints."""
    made: list[Endpoint] = []

    def make(work: manager.Manager) -> Endpoint:
        made.append(Endpoint(work))
        return made[-1]
    monkeypatch.setattr('nova_vnc.consoleauth.factory.manager.NovaVNCEndpoint', make)
    return made


@pytest.fixture
def proxy(rig: Rig) -> Iterator[Proxy]:
    with contextlib.closing(Proxy(rig)) as proxy:
        yield proxy


def start(rig: Rig) -> None:
    rig.start()
    rig.start_compute()
    rig.report(INSTANCE)
    rig.authorize()


def add_tokens(rig: Rig, count: int, instance_uuid: str = INSTANCE.uuid) -> list[str]:
    tokens = [str(uuid.uuid4()) for _ in range(count)]
    for token in tokens:
        rig.authorize(token=token, instance_uuid=instance_uuid)
    return tokens


def test_many_checks_are_few_messages(rig: Rig, proxy: Proxy, endpoints: list[Endpoint],
                                      monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr('nova_vnc.novncproxy.token_checks._MESSAGE_TIMEOUT_S', 30)
    start(rig)
    endpoint, = endpoints
    proxy.check(TOKEN)
    assert (endpoint.alone, endpoint.together) == (2, [])   # the first one asks whether it is ours
    tokens = add_tokens(rig, TOKENS)
    proxy.gathering._patience_s = 30
    checks = proxy.begin(tokens)
    endpoint.go_on.set()
    answers = [check.result(30) for check in checks]
    assert [answer.connect_info.token for answer in answers] == tokens
    assert endpoint.alone == 2
    assert sum(endpoint.together) == TOKENS
    assert len(endpoint.together) < TOKENS


def test_a_hung_host_costs_the_others_nothing_but_a_moment(rig: Rig, proxy: Proxy, endpoints: list[Endpoint],
                                                           monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(checker, '_COMPUTE_TIMEOUT_S', 3.0)
    start(rig)
    endpoints[0].go_on.set()
    proxy.check(TOKEN)
    hung = dataclasses.replace(INSTANCE, uuid=str(uuid.uuid4()), host='hung')
    rig.report(hung, host='hung')
    slow = proxy.begin(add_tokens(rig, 4, hung.uuid))
    well = proxy.begin(add_tokens(rig, TOKENS))
    assert all(check.result(30).connect_info for check in well)
    assert {check.result(30).reason for check in slow} == {objects.REASON_HOST_SILENT}


def test_one_of_the_release_before(rig: Rig, proxy: Proxy, monkeypatch: pytest.MonkeyPatch,
                                   caplog: pytest.LogCaptureFixture):
    monkeypatch.setattr('nova_vnc.consoleauth.factory.manager.NovaVNCEndpoint', OlderEndpoint)
    start(rig)
    proxy.check(TOKEN)
    tokens = add_tokens(rig, TOKENS)
    answers = [check.result(30) for check in proxy.begin(tokens)]
    assert [answer.connect_info.token for answer in answers] == tokens
    assert not any(token in caplog.text for token in tokens)


def test_one_of_either_release_on_the_queue(rig: Rig, proxy: Proxy, endpoints: list[Endpoint],
                                            monkeypatch: pytest.MonkeyPatch):
    start(rig)
    endpoints[0].go_on.set()
    monkeypatch.setattr('nova_vnc.consoleauth.factory.manager.NovaVNCEndpoint', OlderEndpoint)
    rig.start()
    tokens = add_tokens(rig, TOKENS)
    for _ in range(3):
        answers = [check.result(30) for check in proxy.begin(tokens)]
        assert [answer.connect_info.token for answer in answers] == tokens
