# SPDX-License-Identifier: Apache-2.0
"""Servers, as far as the instance directory knows them.

What only Nova knows is left out - created, image, addresses - or, where clients cannot do without, empty.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from nova_vnc.api import server_status
from nova_vnc.api.microversion import Microversion
from nova_vnc.api.policies import extended_server_attributes as attribute_policies
from nova_vnc.api.policies import servers as policies
from nova_vnc.api.request import ApiRequest
from nova_vnc.api.views import links
from nova_vnc.rpc.consoleauth import DirectoryEntry

COLLECTION = 'servers'

_WITH_HOST_STATUS = Microversion(2, 16)

# What calls of a Compute API set, and microversions added to the document. nova-vnc-api has no such call: where there
# is no Nova, whose tables the directory reads, nobody has locked or tagged these servers.
_LOCKED, _DESCRIPTION, _TAGS = Microversion(2, 9), Microversion(2, 19), Microversion(2, 26)
_ADDED_ATTRIBUTES: Mapping[Microversion, Mapping[str, Any]] = {
    Microversion(2, 3): {
        'OS-EXT-SRV-ATTR:hostname': '',     # Nova's schema has no null for this one
        **dict.fromkeys((f'OS-EXT-SRV-ATTR:{name}' for name in (
            'kernel_id', 'launch_index', 'ramdisk_id', 'reservation_id', 'root_device_name', 'user_data')), None),
    },
}


_UNKNOWN = 'UNKNOWN'


class Shown(NamedTuple):
    """What of a server that is not for everybody this user sees."""

    attributes: bool
    host_status: bool
    unknown_host_status: bool

    @classmethod
    def to(cls, request: ApiRequest, project_id: str | None = None) -> Shown:
        """:param project_id: of the server; None: that of the user"""
        has_status = request.version >= _WITH_HOST_STATUS
        shows_status = has_status and request.can(policies.HOST_STATUS, project_id)
        return cls(request.can(attribute_policies.SHOW, project_id), shows_status,
                   shows_status or (has_status and request.can(policies.HOST_STATUS_UNKNOWN_ONLY, project_id)))


def summary(request: ApiRequest, entry: DirectoryEntry) -> dict[str, Any]:
    """What GET /servers shows of each."""
    instance = entry.instance
    return {'id': instance.uuid, 'name': instance.display_name or instance.name,
            'links': links.resource_links(request, COLLECTION, instance.uuid)}


def document(request: ApiRequest, entry: DirectoryEntry, shown_to_him: Shown) -> dict[str, Any]:
    """What GET /servers/detail and GET /servers/{id} show."""
    instance = entry.instance
    shown = {
        **summary(request, entry),
        'status': server_status.status_of(instance.vm_state, instance.task_state),
        'tenant_id': instance.project_id or '',
        'user_id': instance.user_id or '',
        'addresses': {},
        'flavor': {},
        'image': '',
        'metadata': {},
        'OS-EXT-STS:vm_state': instance.vm_state,
        'OS-EXT-STS:task_state': instance.task_state,
        'OS-EXT-STS:power_state': server_status.power_state_of(instance.vm_state),
        **_added({_LOCKED: {'locked': instance.locked}, _DESCRIPTION: {'description': instance.description},
                  _TAGS: {'tags': list(instance.tags)}}, request.version),
    }
    if shown_to_him.attributes:
        shown |= _attributes(request, entry)
    host_status = _UNKNOWN if entry.host_is_silent else 'UP'
    if shown_to_him.host_status or (shown_to_him.unknown_host_status and host_status == _UNKNOWN):
        shown['host_status'] = host_status
    return shown


def _attributes(request: ApiRequest, entry: DirectoryEntry) -> dict[str, Any]:
    return {
        'OS-EXT-SRV-ATTR:host': entry.instance.host,
        'OS-EXT-SRV-ATTR:instance_name': entry.instance.name,
        **_added(_ADDED_ATTRIBUTES, request.version),
    }


def _added(by_version: Mapping[Microversion, Mapping[str, Any]], version: Microversion) -> dict[str, Any]:
    return {name: value for first, fields in by_version.items() if first <= version for name, value in fields.items()}
