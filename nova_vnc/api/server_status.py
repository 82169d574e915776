# SPDX-License-Identifier: Apache-2.0
"""The status of a server as users see it, made of Nova's vm_state and task_state."""

from __future__ import annotations

UNKNOWN = 'UNKNOWN'
DELETED = 'DELETED'

_RESIZING = dict.fromkeys(('resize_prep', 'resize_migrating', 'resize_migrated', 'resize_finish'), 'RESIZE')
_REBUILDING = dict.fromkeys(('rebuilding', 'rebuild_block_device_mapping', 'rebuild_spawning'), 'REBUILD')
_REBOOTING = {
    **dict.fromkeys(('rebooting', 'reboot_pending', 'reboot_started'), 'REBOOT'),
    **dict.fromkeys(('rebooting_hard', 'reboot_pending_hard', 'reboot_started_hard'), 'HARD_REBOOT'),
}
_MIGRATING = {'migrating': 'MIGRATING'}

# vm_state -> the status of most task states, and those that change it (nova.api.openstack.common).
_BY_VM_STATE: dict[str, tuple[str, dict[str, str]]] = {
    'active': ('ACTIVE', {**_REBOOTING, **_REBUILDING, **_RESIZING, **_MIGRATING, 'updating_password': 'PASSWORD'}),
    'building': ('BUILD', {}),
    'stopped': ('SHUTOFF', {**_RESIZING, **_REBUILDING}),
    'resized': ('VERIFY_RESIZE', {'resize_reverting': 'REVERT_RESIZE'}),
    'paused': ('PAUSED', _MIGRATING),
    'suspended': ('SUSPENDED', {}),
    'rescued': ('RESCUE', {}),
    'error': ('ERROR', _REBUILDING),
    'deleted': (DELETED, {}),
    'soft-delete': ('SOFT_DELETED', {}),
    'shelved': ('SHELVED', {}),
    'shelved_offloaded': ('SHELVED_OFFLOADED', {}),
}

STATUSES = frozenset(
    status for usual, changed in _BY_VM_STATE.values() for status in (usual, *changed.values()))

# nova.objects.fields.InstancePowerState, as far as a vm_state implies one; 0 is NOSTATE.
_POWER_STATES = {'active': 1, 'rescued': 1, 'resized': 1, 'paused': 3, 'stopped': 4, 'suspended': 7}


def status_of(vm_state: str, task_state: str | None) -> str:
    usual, changed = _BY_VM_STATE.get(vm_state, (UNKNOWN, {}))
    return changed.get(task_state or '', usual)


def power_state_of(vm_state: str) -> int:
    return _POWER_STATES.get(vm_state, 0)
