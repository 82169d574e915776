# SPDX-License-Identifier: Apache-2.0

import threading
import time
from collections.abc import Callable
from typing import Any

import amqp
import pytest

from nova_vnc.rpc import server
from tests.fixtures.fail import unexpected


class Transport:
    """Nobody is behind it."""


class Server:
    """Stands where oslo.messaging's RPCServer does.

    :param on_start: called by start()
    """

    def __init__(self, on_start: Callable[[], object]) -> None:
        self._on_start = on_start
        self.calls: list[str] = []
        self.may_stop = threading.Event()
        self.may_stop.set()

    def start(self) -> None:
        self._on_start()
        self.calls.append('start')

    def stop(self) -> None:
        self.may_stop.wait()
        self.calls.append('stop')

    def wait(self) -> None:
        self.calls.append('wait')


@pytest.fixture
def build(monkeypatch: pytest.MonkeyPatch) -> Callable[[Server], server.BackgroundServer]:
    def build(fake: Server) -> server.BackgroundServer:
        monkeypatch.setattr(server, 'build_server', lambda *arguments: fake)
        return server.BackgroundServer(Transport(), 'topic', 'host', [])
    return build


def test_start_does_not_wait_for_the_broker(build: Any):
    broker_is_there = threading.Event()
    background = build(Server(broker_is_there.wait))
    background.start(unexpected)
    assert not background.wait_listening(0.05)
    broker_is_there.set()
    assert background.wait_listening(5)


def test_broker_that_refuses_is_asked_again(build: Any, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(server, '_RETRY_S', 0.01)
    answers = iter([amqp.AccessRefused('no'), OSError('no'), None])

    def answer() -> None:
        error = next(answers)
        if error is not None:
            raise error
    background = build(Server(answer))
    background.start(unexpected)
    assert background.wait_listening(5)


def test_stop_waits_for_what_is_under_way(build: Any):
    fake = Server(lambda: None)
    background = build(fake)
    background.start(unexpected)
    assert background.wait_listening(5)
    background.stop()
    assert fake.calls == ['start', 'stop', 'wait']


@pytest.mark.parametrize('hurry', [True, False])
def test_stop_does_not_wait_for_ever(build: Any, hurry: bool):
    fake = Server(lambda: None)
    fake.may_stop.clear()
    background = build(fake)
    background.start(unexpected)
    assert background.wait_listening(5)
    started = time.monotonic()
    in_hurry = threading.Event()
    in_hurry.set()
    background.stop(timeout_s=30 if hurry else 0.2, hurry=in_hurry if hurry else None)
    assert time.monotonic() - started < 10
    fake.may_stop.set()


def test_one_that_waits_for_the_broker_stops_at_once(build: Any):
    broker_is_there = threading.Event()
    fake = Server(broker_is_there.wait)
    # oslo.messaging's stop() waits for its start().
    fake.may_stop.clear()
    background = build(fake)
    background.start(unexpected)
    started = time.monotonic()
    background.stop(timeout_s=30)
    assert time.monotonic() - started < 10
    broker_is_there.set()
    fake.may_stop.set()


def test_several_stop_at_the_same_time(build: Any):
    fakes = [Server(lambda: None) for _ in range(3)]
    servers = []
    for fake in fakes:
        servers.append(build(fake))
        servers[-1].start(unexpected)
        assert servers[-1].wait_listening(20)
    gathered = threading.Barrier(3)
    for fake in fakes:
        fake.stop = lambda: gathered.wait(20)   # type: ignore[method-assign]
    server.stop_all(servers, timeout_s=20)
    assert not gathered.broken
    assert all('wait' in fake.calls for fake in fakes)


def test_stop_without_start(build: Any):
    build(Server(lambda: None)).stop()
