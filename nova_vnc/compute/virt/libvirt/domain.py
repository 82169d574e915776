# SPDX-License-Identifier: Apache-2.0
"""What the XML of a libvirt domain says of a VM. Pure: text in, values out.

The form is that of libvirt's formatdomain.html; the element nova:instance in it is written by Nova
(nova.virt.libvirt.config, LibvirtConfigGuestMetaNovaInstance).
"""

from __future__ import annotations

import dataclasses
import enum
import re
from xml.etree import ElementTree

from nova_vnc import exception, objects

# 1.0 and 1.1 so far, with what is read here in the same places.
_NOVA_INSTANCE = re.compile(r'(\{http://openstack\.org/xmlns/libvirt/nova/1\.\d+\})instance')
# [DEFAULT]instance_name_template of Nova as it is by default.
_NOVA_NAME = re.compile(r'instance-([0-9a-f]{8})')

_MAX_NOVA_ID = 2 ** 31 - 1     # a signed INTEGER column

# Columns of this length keep names and ids in Nova's instances table.
_MAX_CHARACTERS = 255


class DomainState(enum.IntEnum):
    """virDomainState of libvirt-domain.h."""

    NOSTATE = 0
    RUNNING = 1
    BLOCKED = 2
    PAUSED = 3
    SHUTDOWN = 4        # being shut down
    SHUTOFF = 5
    CRASHED = 6
    PMSUSPENDED = 7     # suspended by the guest's own power management


@dataclasses.dataclass(frozen=True)
class Description:
    """What libvirt says of a domain.

    :ivar xml: None: it could not be had, for the reason `error`
    :ivar state: a DomainState, or a number that a later libvirt may add
    """

    uuid: str
    name: str
    xml: str | None = None
    state: int = DomainState.NOSTATE
    error: str = ''


_VM_STATES: dict[int, str] = {
    DomainState.NOSTATE: 'active', DomainState.RUNNING: 'active', DomainState.BLOCKED: 'active',
    DomainState.PAUSED: 'paused', DomainState.PMSUSPENDED: 'suspended',
    DomainState.SHUTDOWN: 'stopped', DomainState.SHUTOFF: 'stopped', DomainState.CRASHED: 'error'}


def read_instance(xml: str, state: int) -> objects.InstanceRecord | None:
    """Return the VM, without host, or None for what is no domain XML.

    Name and owner are those that Nova has written into the domain. A domain without them is called by its title or
    name, and belongs to nobody.

    :param state: a DomainState, or a number that a later libvirt may add
    """
    root = _parse(xml)
    uuid = objects.normalize_uuid(_text(root, 'uuid')) if root is not None else None
    if root is None or uuid is None:
        return None
    name = _text(root, 'name')
    display_name, user_id, project_id = _read_nova_metadata(root)
    return objects.InstanceRecord(
        uuid=uuid, id=_nova_id(name), name=name, display_name=display_name or _text(root, 'title') or name,
        user_id=user_id, project_id=project_id, vm_state=_VM_STATES.get(state, 'error'))


def of_unknown_state(description: Description) -> objects.InstanceRecord | None:
    """Return the VM of which nothing but its names is known."""
    uuid = objects.normalize_uuid(description.uuid)
    name = description.name[:_MAX_CHARACTERS]
    return objects.InstanceRecord(uuid=uuid, id=_nova_id(name), name=name, display_name=name,
                                  vm_state=objects.VM_STATE_UNKNOWN) if uuid else None


def read_vnc_port(xml: str, instance_uuid: str) -> str:
    """Return the TCP port on which the VNC server of a domain listens, from its live XML.

    :param instance_uuid: for the errors
    :raises ConsoleTypeUnavailable: it has no VNC server that listens on TCP
    :raises InstanceNotReady: it does not run, or its VNC server does not listen yet
    """
    root = _parse(xml)
    ports = [port for port in map(_tcp_port, root.iterfind('devices/graphics[@type="vnc"]'))
             if port is not None] if root is not None else []
    if root is None or not ports:
        raise exception.ConsoleTypeUnavailable(console_type=objects.CONSOLE_TYPE_NOVNC)
    listening = next(filter(None, ports), None)
    # Only a domain that runs, be it paused or crashed, has an id.
    if root.get('id') is None or listening is None:
        raise exception.InstanceNotReady(instance_id=instance_uuid)
    return listening


def _tcp_port(graphics: ElementTree.Element) -> str | None:
    """Return the port; '' while there is none yet (port='-1'); None where there will never be one."""
    # listen type='none' and type='socket': a server for local processes only.
    listens = {listen.get('type') for listen in graphics.iterfind('listen')}
    if graphics.get('socket') is not None or (listens and not listens & {'address', 'network'}):
        return None
    try:
        return objects.check_port(graphics.get('port'))
    except exception.InvalidInput:
        return '' if graphics.get('port') in ('-1', '0') else None


def _read_nova_metadata(root: ElementTree.Element) -> tuple[str, str | None, str | None]:
    """Return display name, user id and project id as far as they are there."""
    for element in root.iterfind('metadata/*'):
        match = _NOVA_INSTANCE.fullmatch(element.tag)
        if match:
            namespace = match[1]
            owner = f'{namespace}owner/{namespace}'
            return (_text(element, f'{namespace}name'), _uuid_attribute(element, f'{owner}user'),
                    _uuid_attribute(element, f'{owner}project'))
    return '', None, None


def _uuid_attribute(parent: ElementTree.Element, path: str) -> str | None:
    element = parent.find(path)
    # Not only uuids: Keystone's ids are 32 hex digits, or whatever an identity backend has.
    value = element.get('uuid') if element is not None else None
    return value[:_MAX_CHARACTERS] if value else None


def _text(parent: ElementTree.Element, path: str) -> str:
    return (parent.findtext(path) or '').strip()[:_MAX_CHARACTERS]


def _nova_id(name: str) -> int:
    match = _NOVA_NAME.fullmatch(name)
    found = int(match[1], 16) if match else 0
    return found if found <= _MAX_NOVA_ID else 0


class _NoDocumentType(ElementTree.TreeBuilder):
    """libvirt writes no document type; entities of one could make a short text long."""

    def doctype(self, name: str, pubid: str | None, system: str | None) -> None:
        raise ValueError('a document type')


def _parse(xml: str) -> ElementTree.Element | None:
    try:
        root = ElementTree.fromstring(xml, ElementTree.XMLParser(target=_NoDocumentType()))  # noqa: S314 - see above
    except (ElementTree.ParseError, ValueError):
        return None
    return root if root.tag == 'domain' else None
