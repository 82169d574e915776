# SPDX-License-Identifier: Apache-2.0
"""What holds for every test: the concurrency backend, and how a run ends.

The patching comes first thing, before anything imports what it changes.
"""

import os

from nova_vnc import concurrency
from tests.fixtures.backend import concurrency_backend

# ruff: noqa: E402
concurrency.patch(concurrency_backend(), [])

# trio, which comes with selenium, registers a plugin with hypothesis and cannot be imported once eventlet has patched.
os.environ['HYPOTHESIS_NO_PLUGINS'] = '1'

import signal
from types import FrameType

import hypothesis
import pytest

# How long an example takes says something of the machine, and nothing of the code.
hypothesis.settings.register_profile('unhurried', deadline=None)
hypothesis.settings.load_profile('unhurried')


def _end_run(signum: int, frame: FrameType | None) -> None:
    # Without a handler the run would die at once and leave real parts running.
    pytest.exit(f'ended by signal {signum}', returncode=128 + signum)


def pytest_configure() -> None:
    signal.signal(signal.SIGTERM, _end_run)
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
