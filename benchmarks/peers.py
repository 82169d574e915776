# SPDX-License-Identifier: Apache-2.0
"""The proxies that are compared, each in processes of its own."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path
from typing import Protocol

from tests.fixtures.process import ExternalProcess, Service
from tests.fixtures.rabbitmq import RabbitMQ

_ROOT = Path(__file__).resolve().parent.parent
_START_TIMEOUT_S = 60


class Peer(Protocol):
    """A proxy in front of one VNC server on loopback.

    :ivar name: what the results call it
    """

    name: str

    def start(self, target_port: int) -> list[int]:
        """Start; return the processes to be measured, with their descendants, once connections are accepted."""

    def url_for(self, session: int) -> str:
        """Return the URL that opens session number so and so."""

    def stop(self) -> None:
        """End every process that start() began."""


class CommandPeer:
    """A peer that is a single command. A subclass says which, and where it listens."""

    name = ''

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._port = 0

    def url_for(self, session: int) -> str:
        return f'ws://127.0.0.1:{self._port}/'

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait()

    def _launch(self, arguments: list[str], **kwargs: object) -> subprocess.Popen[str]:
        environment = {**os.environ, 'PYTHONPATH': str(_ROOT), 'PYTHONWARNINGS': 'ignore'}
        self._process = subprocess.Popen([sys.executable, *arguments], env=environment, text=True, **kwargs)
        return self._process


class Websockify(CommandPeer):
    """websockify's own command: a process for each connection."""

    name = 'websockify'

    def start(self, target_port: int) -> list[int]:
        self._port = free_port()
        process = self._launch(['-m', 'websockify', f'127.0.0.1:{self._port}', f'127.0.0.1:{target_port}'],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for_port(self._port)
        return [process.pid]


class BareEngine(CommandPeer):
    """Our relay engine alone; what is added in front of it costs set-up and memory, but nothing in the relay."""

    def __init__(self, backend: str) -> None:
        super().__init__()
        self.name = f'engine, {backend}'
        self._backend = backend

    def start(self, target_port: int) -> list[int]:
        process = self._launch(['-m', 'benchmarks.bare_engine', self._backend, str(target_port)],
                               stdout=subprocess.PIPE)
        assert process.stdout is not None
        self._port = int(process.stdout.readline())
        return [process.pid]


class NovncProxy:
    """Our nova-novncproxy, as its command starts it, on a RabbitMQ of its own.

    A stand-in answers for nova-consoleauth; neither that nor the broker is measured.
    """

    def __init__(self, backend: str) -> None:
        self.name = f'nova-novncproxy, {backend}'
        self._backend = backend
        self._port = free_port()
        self._token = uuid.uuid4()
        self._parts = contextlib.ExitStack()

    def start(self, target_port: int) -> list[int]:
        directory = Path(self._parts.enter_context(tempfile.TemporaryDirectory()))
        broker = self._parts.enter_context(RabbitMQ())
        consoleauth = self._parts.enter_context(ExternalProcess(
            [sys.executable, '-m', 'benchmarks.consoleauth_standin', broker.url, str(target_port)], directory,
            environment={'PYTHONPATH': str(_ROOT)}))
        consoleauth.wait_for_line('listening', _START_TIMEOUT_S)
        proxy = self._parts.enter_context(Service('nova-novncproxy', {
            'DEFAULT': {'concurrency_backend': self._backend, 'transport_url': broker.url},
            'vnc': {'novncproxy_host': '127.0.0.1', 'novncproxy_port': self._port},
            'novncproxy': {'drain_timeout': 0}}, directory))
        wait_for_port(self._port)
        return [proxy.pid]

    def url_for(self, session: int) -> str:
        return f'ws://127.0.0.1:{self._port}/?token={self._token}'

    def stop(self) -> None:
        self._parts.close()


def free_port() -> int:
    with socket.create_server(('127.0.0.1', 0)) as holder:
        return int(holder.getsockname()[1])


def wait_for_port(port: int) -> None:
    deadline = time.monotonic() + _START_TIMEOUT_S
    while True:
        try:
            socket.create_connection(('127.0.0.1', port), timeout=1).close()
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
