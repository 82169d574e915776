# SPDX-License-Identifier: Apache-2.0
"""What the tests of this directory do again and again: say how long a refusal took, and wait for recovery."""

from __future__ import annotations

import dataclasses
import re
import time
from collections.abc import Callable, Iterable

import requests

from nova_vnc.rfb.errors import ConnectionFailed
from tests.fixtures.cloud import Cloud
from tests.fixtures.console_client import ConsoleClient, Refusal, open_console, read_refusal
from tests.fixtures.polling import wait_until
from tests.fixtures.process import Service

# What a browser shows, for a token that is good and for one that is not: nobody can tell while the service is away.
UNAVAILABLE = 'Console service unavailable. Try again in a minute.'
UNAVAILABLE_CODE = 4503
NOT_VALID = 'This console link is not valid any more. Ask for a new one.'
NOT_VALID_CODE = 4401

# What the users of this project are promised, in seconds.
REFUSED_WITHIN_S = 10
RECOVERED_WITHIN_S = 30
# All that the API asks of other services has one budget.
API_ANSWERS_WITHIN_S = 10

_ERROR_LINE = re.compile(r'^.* (?:ERROR|CRITICAL) .*$', re.MULTILINE)


@dataclasses.dataclass(frozen=True)
class TimedAnswer:
    response: requests.Response
    after_s: float


def timed(request: Callable[[], requests.Response]) -> TimedAnswer:
    started = time.monotonic()
    response = request()
    return TimedAnswer(response, time.monotonic() - started)


def assert_browser_reads_unavailable(console_url: str) -> Refusal:
    refusal = read_refusal(console_url)
    assert refusal.reason.startswith(UNAVAILABLE)
    assert refusal.close_code == UNAVAILABLE_CODE
    assert refusal.after_s < REFUSED_WITHIN_S
    return refusal


def assert_api_says_unavailable(cloud: Cloud, instance_uuid: str) -> None:
    answer = timed(lambda: cloud.request_console(instance_uuid))
    assert answer.response.status_code == 503, answer.response.text
    assert 'The console service is not available at the moment.' in answer.response.text
    assert answer.after_s < API_ANSWERS_WITHIN_S


def wait_for_session(cloud: Cloud, instance_uuid: str, timeout_s: float = RECOVERED_WITHIN_S) -> ConsoleClient:
    """Ask for a console and open it, again and again, until that works; fails when it takes longer than promised."""
    started = time.monotonic()
    session = wait_until(lambda: _try_to_open(cloud, instance_uuid), timeout_s, 'a new session')
    assert time.monotonic() - started < timeout_s
    return session


def _try_to_open(cloud: Cloud, instance_uuid: str) -> ConsoleClient | None:
    answer = cloud.request_console(instance_uuid)
    if not answer.ok:
        return None
    try:
        return open_console(answer.json()['remote_console']['url'])
    except ConnectionFailed:
        return None


def wait_for_refusal(console_url: str, reason: str, timeout_s: float = RECOVERED_WITHIN_S) -> Refusal:
    """Open a console again and again until the refusal has this reason."""
    def check() -> Refusal | None:
        refusal = read_refusal(console_url)
        return refusal if reason in refusal.reason else None
    return wait_until(check, timeout_s, f'the refusal {reason!r}')


def lines_with(pattern: str, service: Service) -> list[str]:
    """Return the lines of a service's output in which the regular expression is found."""
    return [line for line in service.output().splitlines() if re.search(pattern, line)]


def error_lines(service: Service) -> list[str]:
    return _ERROR_LINE.findall(service.output())


def assert_no_traceback(services: Iterable[Service]) -> None:
    for service in services:
        assert 'Traceback' not in service.output(), service.name
