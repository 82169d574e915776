# SPDX-License-Identifier: Apache-2.0
"""More clients than the process may have files open."""

import contextlib
import resource
import socket
import time

import psutil
import pytest
import requests

from tests.fixtures.polling import wait_until
from tests.fixtures.ports import free_port
from tests.fixtures.process import Service

FREE_FILES = 20
CLIENTS = 60
TIMEOUT_S = 60
# In which the proxy would give silent clients up by itself.
HEADER_TIMEOUT_S = 100


@pytest.fixture
def proxy(web, tmp_path):
    service = Service('nova-novncproxy', {
        'DEFAULT': {'transport_url': f'rabbit://guest:guest@127.0.0.1:{free_port()}/', 'web': web},
        'novncproxy': {'header_timeout': HEADER_TIMEOUT_S},
        'vnc': {'novncproxy_host': '127.0.0.1', 'novncproxy_port': free_port()}}, tmp_path)
    with contextlib.closing(service):
        service.start()
        yield service


def is_served(port):
    with contextlib.suppress(requests.RequestException):
        return requests.get(f'http://127.0.0.1:{port}/vnc.html', timeout=5).ok


@pytest.mark.timeout(200)
def test_silent_clients_that_hold_all_files_have_to_go(proxy):
    port = int(proxy.wait_for_line(r'Listening for browsers on \S+ port (\d+)', TIMEOUT_S)[1])
    process = psutil.Process(proxy.pid)
    most = process.num_fds() + FREE_FILES
    process.rlimit(resource.RLIMIT_NOFILE, (most, process.rlimit(resource.RLIMIT_NOFILE)[1]))
    with contextlib.ExitStack() as silent:
        for _ in range(CLIENTS):
            silent.enter_context(socket.create_connection(('127.0.0.1', port)))
        proxy.wait_for_line('Cannot accept a connection: .*Too many open files', TIMEOUT_S)
        began = time.monotonic()
        wait_until(lambda: is_served(port), TIMEOUT_S, 'an answer')
        assert time.monotonic() - began < HEADER_TIMEOUT_S / 3
