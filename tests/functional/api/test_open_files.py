# SPDX-License-Identifier: Apache-2.0
"""More clients than the process may have files open."""

import contextlib
import resource
import socket

import psutil
import pytest
import requests

from tests.fixtures.polling import wait_until
from tests.fixtures.ports import free_port
from tests.fixtures.process import Service

FREE_FILES = 20
CLIENTS = 25
TIMEOUT_S = 40


@pytest.fixture
def api(tmp_path):
    service = Service('nova-vnc-api', {
        'DEFAULT': {'transport_url': f'rabbit://guest:guest@127.0.0.1:{free_port()}/',
                    'osapi_compute_listen': '127.0.0.1', 'osapi_compute_listen_port': free_port()},
        'api': {'auth_strategy': 'noauth2'}}, tmp_path)
    with contextlib.closing(service):
        service.start()
        service.wait_for_line('The Compute API listens', TIMEOUT_S)
        yield service


def port_of(api):
    return int(api.wait_for_line(r'The Compute API listens on .*:(\d+)')[1])


def answers(api):
    with contextlib.suppress(requests.RequestException):
        return requests.get(f'http://127.0.0.1:{port_of(api)}/', timeout=5).status_code == 200


@pytest.mark.timeout(120)
def test_silent_clients_that_hold_all_files_have_to_go(api):
    process = psutil.Process(api.pid)
    most = process.num_fds() + FREE_FILES
    process.rlimit(resource.RLIMIT_NOFILE, (most, process.rlimit(resource.RLIMIT_NOFILE)[1]))
    with contextlib.ExitStack() as silent:
        for _ in range(CLIENTS):
            silent.enter_context(socket.create_connection(('127.0.0.1', port_of(api))))
        api.wait_for_line('Too many open files', TIMEOUT_S)
        before_s = api.cpu_seconds()
        wait_until(lambda: answers(api), TIMEOUT_S, 'an answer')
        assert api.cpu_seconds() - before_s < 3
    assert 'Traceback' not in api.output()
