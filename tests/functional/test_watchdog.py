# SPDX-License-Identifier: Apache-2.0
"""Real processes and the socket of a service manager: what systemd hears, and when it hears nothing any more."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fixtures.process import ExternalProcess
from tests.fixtures.service_manager import ServiceManager, hanging_service

# The real ones are at least 60; a machine that is busy for so long would not only fail tests.
WATCHDOG_S = 4.0


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[ServiceManager]:
    made = ServiceManager(tmp_path, WATCHDOG_S)
    yield made
    made.close()


@pytest.fixture
def process(tmp_path: Path, manager: ServiceManager, request: pytest.FixtureRequest) -> Iterator[ExternalProcess]:
    with hanging_service(manager, tmp_path, request.param) as made:
        yield made


@pytest.mark.parametrize('process', ['api'], indirect=True)
def test_systemd_hears_of_the_whole_life(manager: ServiceManager, process: ExternalProcess) -> None:
    manager.wait_for('READY=1')
    manager.wait_for('WATCHDOG=1')
    manager.wait_for('WATCHDOG=1')
    process.signal(signal.SIGHUP)
    manager.wait_for('RELOADING=1\nMONOTONIC_USEC=')
    manager.wait_for('WATCHDOG=1')
    assert manager.messages.count('READY=1') == 2
    assert process.terminate() == 0
    manager.read()
    assert 'STOPPING=1' in manager.messages
    assert 'NOTIFY_SOCKET' not in process.output()


@pytest.mark.parametrize(('process', 'name'), [
    ('api', 'accept loop'), ('rpc', 'RPC server compute'), ('relay', 'relay loop'), ('accept', 'accept loop')],
    indirect=['process'])
def test_a_loop_that_hangs_ends_the_signs_of_life(manager: ServiceManager, process: ExternalProcess,
                                                 name: str) -> None:
    manager.wait_for('WATCHDOG=1')
    process.wait_for_line(f'that this process is alive, while it is: .*{name}')
    manager.wait_for('WATCHDOG=1')
    process.signal(signal.SIGUSR1)
    manager.wait_for_silence()
    process.wait_for_line(f'No sign of life from: {name}')
    assert process.is_running()
