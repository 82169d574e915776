# SPDX-License-Identifier: Apache-2.0
"""Queries of GET /servers: the names that Nova's schemas allow, so that the same requests pass.

Which of them filter here is handlers.servers' affair (nova.api.openstack.compute.schemas.servers).
"""

from __future__ import annotations

from typing import Any

from nova_vnc.api.microversion import MIN, Microversion

_TEXT = {'type': 'array', 'items': {'type': 'string', 'maxLength': 255}}
# Nine digits are a page beyond every limit, and no work for int().
_NUMBER = {'type': 'array', 'items': {'type': 'string', 'pattern': '^[0-9]{1,9}$'}, 'maxItems': 1}

_BASE: dict[str, Any] = {
    **dict.fromkeys((
        'user_id', 'project_id', 'tenant_id', 'launch_index', 'image_ref', 'image', 'vm_state', 'task_state', 'host',
        'uuid', 'sort_key', 'sort_dir', 'all_tenants', 'soft_deleted', 'deleted', 'status', 'changes-since', 'marker',
        'kernel_id', 'ramdisk_id', 'hostname', 'key_name', 'power_state', 'node', 'flavor', 'reservation_id',
        'launched_at', 'terminated_at', 'availability_zone', 'description', 'display_description', 'locked_by',
        'root_device_name', 'config_drive', 'access_ip_v4', 'access_ip_v6', 'auto_disk_config', 'progress', 'ip',
        'ip6', 'created_at', 'block_device_mapping', 'services', 'metadata', 'system_metadata', 'info_cache',
        'security_groups', 'pci_devices',
        # Regular expressions to Nova, which refuses what is none. The directory never runs them, and finds a VM by a
        # name such as `web (old`.
        'name', 'display_name'), _TEXT),
    'limit': _NUMBER,
    'offset': _NUMBER,
    'page_size': _NUMBER,
}
_V226 = _BASE | dict.fromkeys(('tags', 'tags-any', 'not-tags', 'not-tags-any'), _TEXT)


def _tolerant(properties: dict[str, Any]) -> dict[str, Any]:
    return {'type': 'object', 'properties': properties}


INDEX_QUERY = {
    MIN: _tolerant(_BASE),
    Microversion(2, 26): _tolerant(_V226),
}
