# SPDX-License-Identifier: Apache-2.0

import pytest

from nova_vnc.api import server_status


@pytest.mark.parametrize(('vm_state', 'task_state', 'status'), [
    ('active', None, 'ACTIVE'), ('active', 'migrating', 'MIGRATING'), ('active', 'deleting', 'ACTIVE'),
    ('active', 'rebooting_hard', 'HARD_REBOOT'), ('active', 'resize_finish', 'RESIZE'), ('building', None, 'BUILD'),
    ('stopped', None, 'SHUTOFF'), ('stopped', 'rebuilding', 'REBUILD'), ('paused', None, 'PAUSED'),
    ('suspended', None, 'SUSPENDED'), ('resized', 'resize_reverting', 'REVERT_RESIZE'), ('error', None, 'ERROR'),
    ('shelved_offloaded', None, 'SHELVED_OFFLOADED'), ('unheard-of', None, 'UNKNOWN')])
def test_status(vm_state, task_state, status):
    assert server_status.status_of(vm_state, task_state) == status


@pytest.mark.parametrize(('vm_state', 'power_state'), [('active', 1), ('paused', 3), ('stopped', 4), ('suspended', 7),
                                                       ('error', 0), ('unheard-of', 0)])
def test_power_state(vm_state, power_state):
    assert server_status.power_state_of(vm_state) == power_state


def test_all_statuses_can_be_asked_for():
    assert {'ACTIVE', 'SHUTOFF', 'REBUILD', 'VERIFY_RESIZE'} <= server_status.STATUSES
    assert server_status.UNKNOWN not in server_status.STATUSES
