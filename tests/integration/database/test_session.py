# SPDX-License-Identifier: Apache-2.0
"""From the API call to a picture of a VM, with tokens and VMs on a real server."""

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from nova_vnc.compute.virt.demo.driver import demo_instance_uuid
from tests.fixtures.cloud import Cloud
from tests.fixtures.console_client import open_console
from tests.fixtures.database_server import DatabaseServer
from tests.fixtures.rabbitmq import RabbitMQ


@pytest.fixture
def cloud(rabbitmq: RabbitMQ, server: DatabaseServer) -> Iterator[Cloud]:
    with server.new_url() as url, contextlib.closing(
            Cloud(rabbitmq.url, options={'database': {'connection': url}})) as cloud:
        yield cloud


def sync(cloud: Cloud) -> None:
    subprocess.run([Path(sys.executable).with_name('nova-vnc-manage'), '--config-file', cloud.consoleauth.conf_path,
                    'db', 'sync'], check=True, timeout=60, capture_output=True)


def test_a_session(cloud: Cloud, server: DatabaseServer):
    sync(cloud)
    cloud.start()
    instance_uuid = cloud.wait_for_server(demo_instance_uuid(cloud.host))
    url = cloud.console_url(instance_uuid)
    with open_console(url) as session:
        session.see_typed(f'kept in {server.name}')
    cloud.consoleauth.restart()
    with open_console(url) as session:
        session.see_typed('after a restart')
    assert not list(cloud.directory.glob('*.sqlite*'))
    assert 'Traceback' not in cloud.output()


def test_without_tables_it_ends_and_names_the_command(cloud: Cloud):
    cloud.consoleauth.start()
    assert cloud.consoleauth.wait(60) == 1
    assert 'run nova-vnc-manage db sync' in cloud.consoleauth.output()
