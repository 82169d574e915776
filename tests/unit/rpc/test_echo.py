# SPDX-License-Identifier: Apache-2.0

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from nova_vnc.pulse import Watch
from nova_vnc.rpc import echo
from tests.fixtures.polling import wait_until

HUNG_AFTER_S = 0.5
TIMEOUT_S = 20


class Client:
    """Stands for oslo.messaging's: the ping arrives at one of the servers on the queue.

    :ivar ears: of them
    """

    def __init__(self, *ears: echo.EchoEndpoint) -> None:
        self.ears = list(ears)

    def prepare(self, timeout: float) -> 'Client':
        return self

    def call(self, ctxt: Any, method: str, arg: Any) -> dict[str, Any]:
        self.ears.append(self.ears.pop(0))
        return self.ears[-1].ping(ctxt, arg)


class Broker:
    heartbeat_s = 60

    def __init__(self, answer: Callable[[], bool]) -> None:
        self._answer = answer

    def ask(self, question: Any) -> bool:
        return self._answer()


@pytest.fixture
def watch() -> Iterator[Callable[..., Watch]]:
    stopping = threading.Event()

    def build(client: Client, ear: echo.EchoEndpoint, answer: Callable[[], bool]) -> Watch:
        return Watch([echo.EchoWatch('server', client, ear, Broker(answer), stopping,  # type: ignore[arg-type]
                                     HUNG_AFTER_S).pulse()])
    yield build
    stopping.set()


def refuse() -> bool:
    raise ConnectionRefusedError


def test_the_echo_of_another_server_does_not_count(watch: Any) -> None:
    looked_at = watch(Client(echo.EchoEndpoint()), echo.EchoEndpoint(), lambda: True)
    wait_until(lambda: looked_at.look() == ['server'], TIMEOUT_S, 'silence')


def test_where_another_server_takes_half_of_them_it_is_heard(watch: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(echo, '_AGAIN_S', 0.01)
    ear = echo.EchoEndpoint()
    looked_at = watch(Client(ear, echo.EchoEndpoint()), ear, lambda: True)
    looked_at.look()
    wait_until(lambda: looked_at.look() == [], TIMEOUT_S, 'an answer', interval_s=2 * HUNG_AFTER_S)


def test_a_broker_that_refuses_is_no_evidence(watch: Any) -> None:
    looks = []
    looked_at = watch(Client(echo.EchoEndpoint()), echo.EchoEndpoint(), lambda: bool(looks.append(1)) or refuse())
    looked_at.look()
    wait_until(lambda: len(looks) > 5, TIMEOUT_S, 'looks')
    wait_until(lambda: looked_at.look() == [], TIMEOUT_S, 'an answer')


def test_patience_is_that_of_the_heartbeat() -> None:
    broker = Broker(refuse)
    assert echo._patience_of(broker) == 150     # type: ignore[arg-type] # doc/source/admin/systemd.rst
    broker.heartbeat_s = 0
    assert echo._patience_of(broker) == 150     # type: ignore[arg-type]
    broker.heartbeat_s = 120
    assert echo._patience_of(broker) == 270     # type: ignore[arg-type]
