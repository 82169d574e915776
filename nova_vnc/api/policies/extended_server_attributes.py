# SPDX-License-Identifier: Apache-2.0
"""nova.policies.extended_server_attributes."""

from __future__ import annotations

from oslo_policy import policy

from nova_vnc.api.policies import base

SHOW = 'os_compute_api:os-extended-server-attributes'

RULES = [
    policy.DocumentedRuleDefault(
        name=SHOW, check_str=base.ADMIN, scope_types=base.SCOPE,
        description='Show the attributes OS-EXT-SRV-ATTR:* of a server, such as its host.',
        operations=[{'method': 'GET', 'path': '/servers/{server_id}'}, {'method': 'GET', 'path': '/servers/detail'}]),
]
