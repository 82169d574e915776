# SPDX-License-Identifier: Apache-2.0
import logging
import uuid

import pytest

from nova_vnc import exception, objects
from nova_vnc.compute.manager import ComputeManager
from tests.fixtures.hypervisor import FakeHypervisor

RUNNING = objects.InstanceRecord(uuid='9169fdb2-5b74-46b1-9803-60d2926bd97c')
STOPPED = objects.InstanceRecord(uuid='5f1b2a53-7f0b-4a4a-9d7e-2f3f0c2ad1c9')
BASE_URL = 'https://console.example.org/vnc_auto.html'


@pytest.fixture
def hypervisor():
    driver = FakeHypervisor(vnc_host='192.0.2.7')
    driver.add(RUNNING, '5901')
    driver.add(STOPPED)
    return driver


@pytest.fixture
def manager(hypervisor):
    return ComputeManager(hypervisor, BASE_URL)


def test_a_console(manager):
    console = manager.get_vnc_console(RUNNING.uuid, 'novnc')
    token = console.pop('token')
    assert uuid.UUID(token).version == 4
    assert str(uuid.UUID(token)) == token
    assert console == {'host': '192.0.2.7', 'port': '5901', 'internal_access_path': None,
                       'access_url': f'{BASE_URL}?path=%3Ftoken%3D{token}'}


def test_a_console_where_all_is_ipv6():
    driver = FakeHypervisor(vnc_host='fd00::7')
    driver.add(RUNNING, '5901')
    console = ComputeManager(driver, 'http://[fd00::1]:6080/vnc_auto.html').get_vnc_console(RUNNING.uuid, 'novnc')
    assert console['host'] == 'fd00::7'
    assert console['access_url'] == f'http://[fd00::1]:6080/vnc_auto.html?path=%3Ftoken%3D{console["token"]}'


def test_each_console_has_a_token_of_its_own(manager):
    assert len({manager.get_vnc_console(RUNNING.uuid, 'novnc')['token'] for _ in range(50)}) == 50


def test_the_token_is_in_no_log_line(manager, caplog):
    with caplog.at_level(logging.DEBUG):
        console = manager.get_vnc_console(RUNNING.uuid, 'novnc')
    assert RUNNING.uuid in caplog.text
    assert console['token'] not in caplog.text


@pytest.mark.parametrize('console_type', ['xvpvnc', 'spice-html5', 'NOVNC', '', None, 5])
def test_other_console_types(manager, console_type):
    with pytest.raises(exception.ConsoleTypeInvalid):
        manager.get_vnc_console(RUNNING.uuid, console_type)
    with pytest.raises(exception.ConsoleTypeInvalid):
        manager.is_vnc_server_at(RUNNING.uuid, console_type, '5901')


@pytest.mark.parametrize('console_type', ['novnc', 'xvpvnc'])
def test_vnc_disabled(hypervisor, console_type):
    manager = ComputeManager(hypervisor, BASE_URL, vnc_enabled=False)
    with pytest.raises(exception.ConsoleTypeUnavailable):
        manager.get_vnc_console(RUNNING.uuid, console_type)
    with pytest.raises(exception.ConsoleTypeUnavailable):
        manager.is_vnc_server_at(RUNNING.uuid, console_type, '5901')


@pytest.mark.parametrize(('port', 'host', 'expected'), [
    ('5901', None, True), (5901, None, True), ('5902', None, False), (5902, None, False), (None, None, False),
    ('', None, False), ('5901', '192.0.2.7', True), (5901, '192.0.2.7', True), ('5901', '192.0.2.8', False),
    ('5902', '192.0.2.7', False), ('5901', '', False)])
def test_where_the_vnc_server_is(manager, port, host, expected):
    assert manager.is_vnc_server_at(RUNNING.uuid, 'novnc', port, host) is expected


@pytest.mark.parametrize(('instance_uuid', 'error'), [
    (STOPPED.uuid, exception.InstanceNotReady), (str(uuid.uuid4()), exception.InstanceNotFound)],
    ids=['stopped', 'unknown'])
def test_why_there_is_no_vnc_server(manager, instance_uuid, error):
    with pytest.raises(error, match=instance_uuid):
        manager.get_vnc_console(instance_uuid, 'novnc')
    with pytest.raises(error, match=instance_uuid):
        manager.is_vnc_server_at(instance_uuid, 'novnc', '5901')


def test_a_hypervisor_that_is_away(manager, hypervisor):
    hypervisor.is_away = True
    with pytest.raises(exception.HypervisorUnavailable):
        manager.get_vnc_console(RUNNING.uuid, 'novnc')
