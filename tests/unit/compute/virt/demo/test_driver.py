# SPDX-License-Identifier: Apache-2.0

import threading

import pytest

from nova_vnc import exception
from nova_vnc.compute.virt.demo.driver import DemoDriver, demo_instance_uuid
from tests.fixtures.fail import unexpected


def test_the_uuid_is_the_hosts_own_and_stays():
    assert DemoDriver('one').list_instances()[0].uuid == demo_instance_uuid('one')
    assert demo_instance_uuid('one') != demo_instance_uuid('two')


def test_the_instance_belongs_to_whom_it_was_given():
    instance, = DemoDriver('one', project_id='p', user_id='u').list_instances()
    assert (instance.project_id, instance.user_id) == ('p', 'u')
    assert (instance.display_name, instance.vm_state, instance.host) == ('demo', 'active', None)


def test_an_unknown_instance():
    with pytest.raises(exception.InstanceNotFound):
        DemoDriver('one').get_vnc_console(demo_instance_uuid('two'))
    with pytest.raises(exception.InstanceNotFound):
        DemoDriver('one').get_vnc_console('not-a-uuid')


def test_there_is_a_console_from_start_to_stop():
    driver = DemoDriver('one')
    instance_uuid = demo_instance_uuid('one')
    with pytest.raises(exception.InstanceNotReady):
        driver.get_vnc_console(instance_uuid)
    changed = threading.Event()
    driver.start(changed.set, unexpected)
    try:
        assert changed.is_set()
        address = driver.get_vnc_console(instance_uuid.upper())
        assert address.host == '127.0.0.1'
        assert int(address.port) > 0
        assert address.internal_access_path is None
    finally:
        driver.stop()
    with pytest.raises(exception.InstanceNotReady):
        driver.get_vnc_console(instance_uuid)


def test_stop_may_come_without_start_and_twice():
    driver = DemoDriver('one')
    driver.stop()
    driver.stop()
