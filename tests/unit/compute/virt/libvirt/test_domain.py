# SPDX-License-Identifier: Apache-2.0
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nova_vnc import exception, objects
from nova_vnc.compute.virt.libvirt import domain

UUID = '9169fdb2-5b74-46b1-9803-60d2926bd97c'

# A guest as libvirt 9.0 shows it; the metadata is what nova 34.0.0 writes (LibvirtConfigGuestMetaNovaInstance.to_xml).
NOVA_GUEST = """
<domain type='kvm' id='3'>
  <name>instance-0000000c</name>
  <uuid>9169fdb2-5b74-46b1-9803-60d2926bd97c</uuid>
  <metadata>
    <nova:instance xmlns:nova="http://openstack.org/xmlns/libvirt/nova/1.1">
      <nova:package version="34.0.0"/>
      <nova:name>Grüße &amp; &lt;b&gt;</nova:name>
      <nova:creationTime>2026-01-02 03:04:05</nova:creationTime>
      <nova:flavor name="m1.tiny" id="1">
        <nova:memory>128</nova:memory>
        <nova:disk>1</nova:disk>
        <nova:swap>0</nova:swap>
        <nova:ephemeral>0</nova:ephemeral>
        <nova:vcpus>1</nova:vcpus>
        <nova:extraSpecs/>
      </nova:flavor>
      <nova:image uuid="5f1b2a53-7f0b-4a4a-9d7e-2f3f0c2ad1c9">
        <nova:properties/>
      </nova:image>
      <nova:owner>
        <nova:user uuid="8f6d1f4b2a3c4d5e8f6d1f4b2a3c4d5e">alice</nova:user>
        <nova:project uuid="0d5c3f0e1b2a4c6d8e9f0a1b2c3d4e5f">demo</nova:project>
      </nova:owner>
      <nova:root type="image" uuid="5f1b2a53-7f0b-4a4a-9d7e-2f3f0c2ad1c9"/>
      <nova:ports/>
    </nova:instance>
  </metadata>
  <memory unit='KiB'>131072</memory>
  <os><type arch='x86_64' machine='pc-i440fx-7.2'>hvm</type></os>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
    <graphics type='vnc' port='5900' autoport='yes' websocket='5700' listen='127.0.0.1'>
      <listen type='address' address='127.0.0.1'/>
    </graphics>
    <video><model type='vga' vram='16384' heads='1' primary='yes'/></video>
  </devices>
</domain>
"""


def guest(*, body: str = '', graphics: str = '', name: str = 'some-vm', running: bool = True) -> str:
    root = '<domain id="3">' if running else '<domain>'
    return f'{root}<name>{name}</name><uuid>{UUID}</uuid>{body}<devices>{graphics}</devices></domain>'


def test_a_guest_of_nova():
    assert domain.read_instance(NOVA_GUEST, domain.DomainState.RUNNING) == objects.InstanceRecord(
        uuid=UUID, id=12, name='instance-0000000c', display_name='Grüße & <b>', host=None,
        project_id='0d5c3f0e1b2a4c6d8e9f0a1b2c3d4e5f', user_id='8f6d1f4b2a3c4d5e8f6d1f4b2a3c4d5e', vm_state='active')
    assert domain.read_vnc_port(NOVA_GUEST, UUID) == '5900'


@pytest.mark.parametrize('version', ['1.0', '1.1', '1.2', '1.27'])
def test_any_minor_version_of_novas_metadata(version):
    instance = domain.read_instance(NOVA_GUEST.replace('nova/1.1', f'nova/{version}'), 1)
    assert (instance.display_name, instance.project_id) == ('Grüße & <b>', '0d5c3f0e1b2a4c6d8e9f0a1b2c3d4e5f')


@pytest.mark.parametrize('namespace', ['http://openstack.org/xmlns/libvirt/nova/2.0', 'http://example.org/nova/1.1'])
def test_metadata_of_others_gives_no_owner(namespace):
    instance = domain.read_instance(NOVA_GUEST.replace('http://openstack.org/xmlns/libvirt/nova/1.1', namespace), 1)
    assert (instance.display_name, instance.project_id, instance.user_id) == ('instance-0000000c', None, None)


def test_novas_metadata_among_others():
    xml = NOVA_GUEST.replace('<metadata>', '<metadata><a:b xmlns:a="http://example.org/1"><a:name>no</a:name></a:b>')
    assert domain.read_instance(xml, 1).display_name == 'Grüße & <b>'


@pytest.mark.parametrize(('body', 'display_name'), [
    ('', 'some-vm'), ('<title>Some title</title>', 'Some title'), ('<title> </title>', 'some-vm')])
def test_a_guest_of_nobody(body, display_name):
    instance = domain.read_instance(guest(body=body), 1)
    assert (instance.id, instance.display_name, instance.project_id, instance.user_id) == (0, display_name, None, None)


@pytest.mark.parametrize(('name', 'instance_id'), [
    ('instance-00000001', 1), ('instance-7fffffff', 2 ** 31 - 1), ('instance-ffffffff', 0), ('instance-1', 0),
    ('instance-0000000C', 0), ('instance-00000001x', 0), ('', 0)])
def test_the_id_comes_from_the_name_that_nova_gives(name, instance_id):
    assert domain.read_instance(guest(name=name), 1).id == instance_id


def test_texts_are_bounded():
    instance = domain.read_instance(guest(name='n' * 1000, body=f'<title>{"t" * 1000}</title>'), 1)
    assert (len(instance.name), len(instance.display_name)) == (255, 255)


@pytest.mark.parametrize(('state', 'vm_state'), [
    (0, 'active'), (1, 'active'), (2, 'active'), (3, 'paused'), (4, 'stopped'), (5, 'stopped'), (6, 'error'),
    (7, 'suspended'), (99, 'error')])
def test_states(state, vm_state):
    assert domain.read_instance(guest(), state).vm_state == vm_state


@pytest.mark.parametrize('graphics', [
    "<graphics type='vnc' port='5901' autoport='no'/>",
    "<graphics type='vnc' port='5901'><listen type='address'/></graphics>",
    "<graphics type='vnc' port='5901'><listen type='network' address='10.0.0.1' network='x'/></graphics>",
    "<graphics type='spice' port='5999'/><graphics type='vnc' port='5901'/>",
    "<graphics type='vnc' socket='/x'/><graphics type='vnc' port='5901'/><graphics type='vnc' port='5902'/>",
    "<graphics type='vnc' port='-1'/><graphics type='vnc' port='5901'/>",
])
def test_the_port(graphics):
    assert domain.read_vnc_port(guest(graphics=graphics), UUID) == '5901'


@pytest.mark.parametrize('graphics', [
    '', "<graphics type='spice' port='5900'/>", "<graphics type='vnc'/>", "<graphics type='vnc' port='http'/>",
    "<graphics type='vnc' port='65536'/>", "<graphics type='vnc' socket='/run/vnc'/>",
    "<graphics type='vnc'><listen type='socket' socket='/run/vnc'/></graphics>",
    "<graphics type='vnc' port='-1'><listen type='none'/></graphics>",
])
@pytest.mark.parametrize('running', [True, False])
def test_no_vnc_server_on_tcp(graphics, running):
    with pytest.raises(exception.ConsoleTypeUnavailable):
        domain.read_vnc_port(guest(graphics=graphics, running=running), UUID)


@pytest.mark.parametrize(('port', 'running'), [('-1', False), ('-1', True), ('0', True), ('5900', False)])
def test_a_vnc_server_that_does_not_listen(port, running):
    with pytest.raises(exception.InstanceNotReady, match=UUID):
        domain.read_vnc_port(guest(graphics=f"<graphics type='vnc' port='{port}' autoport='yes'/>", running=running),
                             UUID)


NO_DOMAINS = [
    '', 'x', '<domain', '<domain/>', '<network><uuid>' + UUID + '</uuid></network>', '<domain><uuid>x</uuid></domain>',
    '\0', '<domain>\udc80</domain>', '<?xml version="1.0" encoding="nonsense"?><domain/>',
    f'<!DOCTYPE domain [<!ENTITY a "aaaa">]><domain id="1"><uuid>{UUID}</uuid><name>&a;</name></domain>',
]


@pytest.mark.parametrize('xml', NO_DOMAINS)
def test_what_is_no_domain(xml):
    assert domain.read_instance(xml, 1) is None
    with pytest.raises(exception.ConsoleTypeUnavailable):
        domain.read_vnc_port(xml, UUID)


@st.composite
def damaged_guests(draw):
    xml = list(NOVA_GUEST)
    for _ in range(draw(st.integers(1, 5))):
        at = draw(st.integers(0, len(xml) - 1))
        xml[at:at + draw(st.integers(0, 40))] = draw(st.text(max_size=8))
    return ''.join(xml)


@given(st.one_of(st.text(), damaged_guests()), st.integers())
def test_whatever_comes_it_is_read_or_refused(xml, state):
    instance = domain.read_instance(xml, state)
    assert instance is None or objects.InstanceRecord.from_dict(instance.to_dict()) == instance
    try:
        port = domain.read_vnc_port(xml, UUID)
    except (exception.ConsoleTypeUnavailable, exception.InstanceNotReady):
        return
    assert objects.check_port(port) == port
