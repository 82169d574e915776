# SPDX-License-Identifier: Apache-2.0

import logging
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import amqp
import oslo_messaging
import pytest

from nova_vnc import exception
from nova_vnc.context import service_context
from nova_vnc.rpc.caller import Caller, NoAnswer, NotAsked, UnknownMethod
from tests.fixtures.bus import Bus, in_process_bus
from tests.fixtures.polling import wait_until

TARGET = oslo_messaging.Target(topic='test', version='1.0')


class Endpoint:
    def add(self, ctxt: Any, a: int, b: int) -> int:
        return a + b

    def who(self, ctxt: Any) -> list[Any]:
        return [ctxt.request_id, ctxt.is_admin]

    def fail(self, ctxt: Any) -> None:
        raise ZeroDivisionError('a token perhaps')


@pytest.fixture
def bus() -> Iterator[Bus]:
    with in_process_bus() as bus:
        yield bus


class StuckBroker:
    """oslo.messaging's driver while there is no broker: nothing comes back before release()."""

    def __init__(self, bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
        self.entered = 0
        self.most = 0
        self._released = threading.Event()
        monkeypatch.setattr(bus.transport._driver, 'send', self._send)

    def _send(self, *args: Any, **kwargs: Any) -> str:
        self.entered += 1
        self._released.wait()
        return 'late'

    def release(self) -> None:
        self._released.set()


def call(caller: Caller, method: str = 'add', timeout_s: float = 5, **arguments: Any) -> Any:
    return caller.call(TARGET, service_context(), method, timeout_s, **arguments)


def test_answer(bus: Bus):
    with bus.serving('test', [Endpoint()]):
        assert call(Caller(bus.transport), a=2, b=3) == 5


def test_context_travels(bus: Bus):
    ctxt = service_context()
    with bus.serving('test', [Endpoint()]):
        assert Caller(bus.transport).call(TARGET, ctxt, 'who', 5) == [ctxt.request_id, True]


def test_unknown_method(bus: Bus):
    with bus.serving('test', [Endpoint()]), pytest.raises(UnknownMethod, match='test does not know subtract'):
        call(Caller(bus.transport), 'subtract')


def test_failure_of_the_other_side(bus: Bus, caplog: pytest.LogCaptureFixture):
    with bus.serving('test', [Endpoint()]), pytest.raises(exception.ServiceUnavailable):
        call(Caller(bus.transport), 'fail')
    lines = [record.getMessage() for record in caplog.records if record.name == 'nova_vnc.rpc.caller']
    assert lines == ['test failed to answer fail: ZeroDivisionError; its own log says more']


def test_nobody_answers(bus: Bus):
    started = time.monotonic()
    with pytest.raises(exception.ServiceUnavailable, match='The test service is not available'):
        call(Caller(bus.transport), timeout_s=0.2, a=1, b=1)
    assert time.monotonic() - started < 5


def test_the_client_is_made_once(bus: Bus, monkeypatch: pytest.MonkeyPatch):
    caller = Caller(bus.transport)
    monkeypatch.setattr(oslo_messaging, 'get_rpc_client', None)
    with bus.serving('test', [Endpoint()]):
        assert [call(caller, a=number, b=1) for number in range(3)] == [1, 2, 3]


def test_whether_it_was_asked_is_told_apart(bus: Bus, monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(NoAnswer):
        call(Caller(bus.transport), timeout_s=1, a=1, b=1)
    broker = StuckBroker(bus, monkeypatch)
    with pytest.raises(NotAsked):
        call(Caller(bus.transport), timeout_s=0.2, a=1, b=1)
    broker.release()


@pytest.mark.parametrize('timeout_s', [0, -1])
def test_nothing_is_sent_when_no_time_is_left(bus: Bus, monkeypatch: pytest.MonkeyPatch, timeout_s: float):
    broker = StuckBroker(bus, monkeypatch)
    caller = Caller(bus.transport)
    with pytest.raises(exception.ServiceUnavailable):
        call(caller, timeout_s=timeout_s)
    with pytest.raises(exception.ServiceUnavailable):
        caller.cast(TARGET, service_context(), 'add', timeout_s)
    broker.release()
    assert broker.entered == 0


@pytest.mark.parametrize('error', [amqp.AccessRefused('no'), amqp.NotAllowed('no such vhost'), ConnectionResetError(),
                                   oslo_messaging.MessageDeliveryFailure()])
def test_broker_refuses(bus: Bus, monkeypatch: pytest.MonkeyPatch, error: Exception):
    def refuse(*args: Any, **kwargs: Any) -> None:
        raise error
    monkeypatch.setattr(bus.transport._driver, 'send', refuse)
    caller = Caller(bus.transport)
    with pytest.raises(exception.ServiceUnavailable):
        call(caller, a=1, b=1)
    with pytest.raises(exception.ServiceUnavailable):
        caller.cast(TARGET, service_context(), 'add', 5, a=1, b=1)


def test_cast(bus: Bus):
    received = threading.Event()

    class Listener:
        def hear(self, ctxt: Any, word: str) -> None:
            if word == 'hello':
                received.set()
    with bus.serving('test', [Listener()]):
        Caller(bus.transport).cast(TARGET, service_context(), 'hear', 5, word='hello')
        assert received.wait(5)


def test_without_a_broker(bus: Bus, monkeypatch: pytest.MonkeyPatch):
    """Deadlines hold, threads are bounded, and all goes on when the broker is there."""
    broker = StuckBroker(bus, monkeypatch)
    caller = Caller(bus.transport, max_concurrent=2, max_waiting=2)
    outcomes: list[str] = []

    def attempt() -> None:
        try:
            call(caller, timeout_s=0.3)
        except exception.ServiceUnavailable:
            outcomes.append('unavailable')
    threads = [threading.Thread(target=attempt) for _ in range(6)]
    started = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert outcomes == ['unavailable'] * 6
    assert time.monotonic() - started < 5
    assert broker.entered == 2

    with pytest.raises(exception.ServiceUnavailable):
        caller.cast(TARGET, service_context(), 'add', 0.1)
    assert broker.entered == 2

    broker.release()
    assert wait_until(lambda: _answers(lambda: call(caller, timeout_s=0.3)), 5, 'an answer') == 'late'


def _answers(attempt: Callable[[], Any]) -> Any:
    try:
        return attempt()
    except exception.ServiceUnavailable:
        return None


def test_one_too_many_fails_at_once(bus: Bus, monkeypatch: pytest.MonkeyPatch):
    broker = StuckBroker(bus, monkeypatch)
    caller = Caller(bus.transport, max_concurrent=1, max_waiting=0)
    first = threading.Thread(target=lambda: _answers(lambda: call(caller, timeout_s=30)))
    first.start()
    wait_until(lambda: broker.entered, 5, 'the first call')
    started = time.monotonic()
    with pytest.raises(exception.ServiceUnavailable):
        call(caller, timeout_s=30)
    assert time.monotonic() - started < 10
    broker.release()
    first.join(10)


def test_closed(bus: Bus, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.DEBUG)
    caller = Caller(bus.transport)
    caller.close()
    with pytest.raises(exception.ServiceUnavailable):
        call(caller, a=1, b=1)
