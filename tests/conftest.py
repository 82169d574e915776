# SPDX-License-Identifier: Apache-2.0
"""What holds for every test: the concurrency backend, and how a run ends.

The patching comes first thing, before anything imports what it changes.
"""

import os

from nova_vnc import concurrency
from tests.fixtures.backend import concurrency_backend
from tests.fixtures.distribution import hands_out_tests

if not hands_out_tests():
    concurrency.patch(concurrency_backend(), [])

# trio, which comes with selenium, registers a plugin with hypothesis and cannot be imported once eventlet has patched.
os.environ['HYPOTHESIS_NO_PLUGINS'] = '1'

import signal
from typing import Any

import hypothesis
import pytest

from tests.fixtures import distribution

# How long an example takes says something of the machine, and nothing of the code.
hypothesis.settings.register_profile('unhurried', deadline=None)
hypothesis.settings.load_profile('unhurried')


def pytest_configure(config: pytest.Config) -> None:
    if distribution.is_worker(config) and concurrency.is_patched():
        from tests.fixtures.scheduler import receive_natively
        receive_natively(config)
    for number in (signal.SIGHUP, signal.SIGINT):
        if signal.getsignal(number) is signal.SIG_IGN:
            # Run by nohup, or in the background of a script. What tests start would ignore it as well; a handler is
            # not passed on.
            signal.signal(number, lambda *_: None)
    # All that tests talk to is on loopback, whatever proxy this machine needs for the rest of the world.
    for name in ('no_proxy', 'NO_PROXY'):
        os.environ[name] = ','.join(filter(None, [os.environ.get(name), '127.0.0.1', 'localhost']))


def pytest_report_header() -> str:
    return f'concurrency backend: {concurrency_backend()}'


def pytest_sessionstart(session: pytest.Session) -> None:
    signal.signal(signal.SIGTERM, lambda signum, _frame: _end_run(session, f'ended by signal {signum}', 128 + signum))


def _end_run(session: pytest.Session, reason: str, status: int) -> None:
    # Without a handler the run would die at once and leave real parts running.
    if distribution.hands_out_tests():
        session.config.pluginmanager.get_plugin('dsession').shouldstop = reason     # once the workers have ended
        return
    session.shouldstop = reason     # which a worker tells
    pytest.exit(reason, returncode=status)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if distribution.is_worker(config):
        distribution.sort_items(items)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    from tests.fixtures.scheduler import Scheduler
    return Scheduler(config, log)
