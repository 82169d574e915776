# SPDX-License-Identifier: Apache-2.0
"""Two of whatever there can be two of, and users who keep opening consoles there."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Iterator

from nova_vnc.compute.virt.demo.driver import demo_instance_uuid
from tests.fixtures.console_client import ConsoleClient
from tests.fixtures.load_balancers import LoadBalancer
from tests.fixtures.polling import wait_until
from tests.fixtures.process import Service
from tests.fixtures.repeaters import Repeaters
from tests.integration.load_balancers.checks import opened
from tests.integration.load_balancers.conftest import READY_S, Front

# As etc/haproxy/nova-novncproxy.cfg names them.
NAMES_AT_HAPROXY = ('controller-1', 'controller-2')
# Of a user between two consoles, which leaves processors to what starts meanwhile.
_PAUSE_S = 0.1


@dataclasses.dataclass(frozen=True)
class Plane:
    """
    :ivar front: the two proxies
    :ivar balancer: HAProxy before them, running
    :ivar consoleauths: the two, on one broker and one database
    """

    front: Front
    balancer: LoadBalancer
    consoleauths: tuple[Service, Service]

    def console_url(self) -> str:
        return self.front.cloud.console_url(demo_instance_uuid(self.front.cloud.host))

    def url_made_by(self, number: int) -> str:
        """Return a console URL whose token this one of the two nova-consoleauth has stored."""
        consoleauth = self.consoleauths[number]

        def make() -> str | None:
            before = count_authorized(consoleauth)
            url = self.console_url()
            return url if count_authorized(consoleauth) > before else None
        return wait_until(make, READY_S, f'a console that {consoleauth.name} authorizes')

    def open_at_each(self, url: str) -> list[list[ConsoleClient]]:
        """Open a console until each proxy has it; return the sessions by proxy."""
        sessions: list[list[ConsoleClient]] = [[], []]

        def is_at_each() -> bool:
            marks = self.front.marks()
            session = self.front.open(url)
            sessions[opened(self.front, marks, 1).index(1)].append(session)
            return all(sessions)
        wait_until(is_at_each, READY_S, 'a session at each proxy')
        return sessions

    def wait_for_state(self, proxy: int, state: str) -> None:
        """Wait until HAProxy has said that a proxy is UP, or DOWN, for the first time."""
        self.balancer.wait_for_line(rf'nova-novncproxy/{NAMES_AT_HAPROXY[proxy]} is {state}')


def count_authorized(consoleauth: Service) -> int:
    return consoleauth.output().count('was authorized for')


@dataclasses.dataclass(frozen=True)
class Attempt:
    """To ask for a console and open it.

    :ivar began_at: time.monotonic()
    :ivar failure: None: the VNC server has introduced itself
    """

    began_at: float
    failure: Exception | None


class Users:
    """Who keep opening consoles while they are busy."""

    def __init__(self, plane: Plane, count: int) -> None:
        self._plane = plane
        self._count = count
        self.attempts: list[Attempt] = []

    @contextlib.contextmanager
    def busy(self) -> Iterator[Users]:
        repeaters = Repeaters(_PAUSE_S)
        for _ in range(self._count):
            repeaters.add(lambda: self.attempts.append(self._try()))
        with repeaters.busy():
            yield self

    def wait_for_more(self) -> None:
        """Wait until each may have gone through an attempt that begins now."""
        now = time.monotonic()
        wait_until(lambda: sum(attempt.began_at > now for attempt in list(self.attempts)) >= 2 * self._count,
                   READY_S, 'users to go on')

    def failed(self, since: float = 0) -> list[Attempt]:
        return [attempt for attempt in self.attempts if attempt.failure is not None and attempt.began_at > since]

    def _try(self) -> Attempt:
        began_at = time.monotonic()
        try:
            self._plane.front.open(self._plane.console_url()).close()
        except Exception as failure:
            return Attempt(began_at, failure)
        return Attempt(began_at, None)
