# SPDX-License-Identifier: Apache-2.0
"""nova.policies.remote_consoles: one rule for the call of all microversions."""

from __future__ import annotations

from oslo_policy import policy

from nova_vnc.api.policies import base

CREATE = 'os_compute_api:os-remote-consoles'

_ACTION = '/servers/{server_id}/action'

RULES = [
    policy.DocumentedRuleDefault(
        name=CREATE, check_str=base.PROJECT_MEMBER_OR_ADMIN, scope_types=base.SCOPE,
        description='Get the URL of a console of a server.',
        operations=[{'method': 'POST', 'path': path} for path in (
            '/servers/{server_id}/remote-consoles', f'{_ACTION} (os-getVNCConsole)', f'{_ACTION} (os-getSPICEConsole)',
            f'{_ACTION} (os-getSerialConsole)')]),
]
