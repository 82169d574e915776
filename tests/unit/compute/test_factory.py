# SPDX-License-Identifier: Apache-2.0
import sys

import pytest

from nova_vnc import exception
from nova_vnc.compute import factory
from nova_vnc.compute.virt.demo.driver import DemoDriver
from nova_vnc.compute.virt.libvirt.driver import LibvirtDriver
from tests.fixtures.bus import in_process_bus, new_conf


def conf_with(compute_driver):
    conf = new_conf()
    conf.set_override('compute_driver', compute_driver)
    return conf


@pytest.mark.parametrize(('name', 'cls'), [
    ('demo', DemoDriver),
    pytest.param('libvirt.LibvirtDriver', LibvirtDriver, marks=pytest.mark.libvirt),
    pytest.param('nova.virt.libvirt.LibvirtDriver', LibvirtDriver, marks=pytest.mark.libvirt)])
def test_drivers(name, cls):
    assert isinstance(factory.build_driver(conf_with(name)), cls)


@pytest.mark.parametrize('name', ['', 'fake.FakeDriver', 'libvirt'])
def test_an_unknown_driver_is_one_line_with_the_known_ones(name):
    with pytest.raises(exception.ConfigurationError) as raised:
        factory.build_driver(conf_with(name))
    text = str(raised.value)
    assert text.startswith(f'[DEFAULT]compute_driver = {name}: ')
    assert text.endswith('demo, libvirt.LibvirtDriver')
    assert '\n' not in text


def test_libvirt_python_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, 'libvirt', None)
    monkeypatch.delitem(sys.modules, 'nova_vnc.compute.virt.libvirt.connection', raising=False)
    monkeypatch.delattr('nova_vnc.compute.virt.libvirt.connection', raising=False)
    with pytest.raises(exception.ConfigurationError, match=r'pip install nova-vnc\[libvirt\]') as raised:
        factory.build_driver(conf_with('libvirt.LibvirtDriver'))
    assert '\n' not in str(raised.value)


def test_a_driver_that_cannot_be_imported(monkeypatch):
    monkeypatch.setitem(sys.modules, 'nova_vnc.compute.virt.demo.driver', None)
    with pytest.raises(exception.ConfigurationError, match=r'^\[DEFAULT\]compute_driver = demo cannot be loaded'):
        factory.build_driver(conf_with('demo'))


@pytest.mark.libvirt
@pytest.mark.parametrize(('options', 'uri'), [
    ({}, 'qemu:///system'), ({'connection_uri': 'test:///default'}, 'test:///default'),
    ({'virt_type': 'lxc'}, 'lxc:///'), ({'virt_type': 'xen'}, 'xen:///system'), ({'virt_type': 'qemu'}, 'qemu:///system'),
    ({'virt_type': 'lxc', 'connection_uri': 'lxc+ssh://h/'}, 'lxc+ssh://h/')])
def test_the_uri_of_libvirt(options, uri, monkeypatch):
    conf = conf_with('libvirt.LibvirtDriver')
    for name, value in options.items():
        conf.set_override(name, value, 'libvirt')
    opened = []
    monkeypatch.setattr('nova_vnc.compute.virt.libvirt.driver.LibvirtDriver',
                        lambda *arguments: opened.append(arguments))
    factory.build_driver(conf)
    assert opened[0][:2] == (uri, conf.vnc.server_proxyclient_address)


@pytest.mark.libvirt
def test_the_address_of_the_vnc_servers(monkeypatch):
    conf = conf_with('libvirt.LibvirtDriver')
    conf.set_override('server_proxyclient_address', '192.0.2.7', 'vnc')
    opened = []
    monkeypatch.setattr('nova_vnc.compute.virt.libvirt.driver.LibvirtDriver',
                        lambda *arguments: opened.append(arguments))
    factory.build_driver(conf)
    assert opened[0][1] == '192.0.2.7'


@pytest.mark.parametrize(('value', 'listens'), [('auto', None), ('never', False)])
def test_report_instances(value, listens, monkeypatch):
    given = {}
    monkeypatch.setattr(factory.reporter, 'Reporter', lambda *arguments, **options: given.update(options))
    with in_process_bus() as bus:
        bus.conf.set_override('compute_driver', 'demo')
        bus.conf.set_override('report_instances', value, 'compute')
        monkeypatch.setattr('nova_vnc.compute.audience._ANSWER_TIMEOUT_S', 0.05)
        factory.build_service(bus.conf, bus.transport)
        assert given['listens']() is listens


def test_building_starts_nothing():
    with in_process_bus() as bus:
        bus.conf.set_override('compute_driver', 'demo')
        service = factory.build_service(bus.conf, bus.transport)
        assert service is not None
