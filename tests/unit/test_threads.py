# SPDX-License-Identifier: Apache-2.0
import logging
import threading
from collections.abc import Callable

import pytest

from nova_vnc import threads
from tests.fixtures.polling import wait_until


class Broken(BaseException):
    """What no `except Exception` stops."""


def start(run: Callable[[], None], is_stopping: Callable[[], bool] | None = None) -> list[str]:
    """Run it to its end and return why the process would end."""
    reasons: list[str] = []
    threads.start('worker', run, reasons.append, is_stopping).join(30)
    return reasons


def fail() -> None:
    raise Broken('a defect')


@pytest.mark.parametrize('is_stopping', [None, lambda: False])
def test_what_raises_ends_the_process(is_stopping: Callable[[], bool] | None,
                                      caplog: pytest.LogCaptureFixture) -> None:
    reason, = start(fail, is_stopping)
    assert 'worker' in reason
    assert 'a defect' in reason
    assert 'test_threads.py' in caplog.text     # where it was


def test_what_returns_too_early_ends_the_process() -> None:
    reason, = start(lambda: None, lambda: False)
    assert 'worker' in reason


def test_what_has_done_its_work_may_return() -> None:
    assert start(lambda: None) == []


@pytest.mark.parametrize('run', [lambda: None, fail])
def test_while_the_service_stops_it_may_end_as_it_likes(run: Callable[[], None]) -> None:
    assert start(run, lambda: True) == []


@pytest.mark.parametrize('run', [lambda: None, fail])
def test_a_native_thread_that_ends_ends_the_process(run: Callable[[], None]) -> None:
    reasons: list[str] = []
    threads.start_native('worker', run, reasons.append)
    wait_until(lambda: reasons, 30, 'the reason')
    assert 'worker' in reasons[0]


@pytest.mark.parametrize(('name', 'ends'), [(None, True), ('Rabbit-heartbeat', True), ('CP Server Thread-3', True),
                                            ('connection', False)])
def test_a_thread_of_a_library_that_fails_ends_the_process(monkeypatch: pytest.MonkeyPatch, name: str | None,
                                                           ends: bool, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(threading, 'excepthook', threading.excepthook)
    reasons: list[str] = []
    threads.watch_libraries(reasons.append)
    thread = threading.Thread(target=fail, name=name)
    thread.start()
    thread.join(30)
    assert len(reasons) == ends
    assert [record.exc_info is not None for record in caplog.records if record.levelno == logging.ERROR] == [True]
