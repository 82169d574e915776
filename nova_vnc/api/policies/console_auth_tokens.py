# SPDX-License-Identifier: Apache-2.0
"""nova.policies.console_auth_tokens."""

from __future__ import annotations

from oslo_policy import policy

from nova_vnc.api.policies import base

SHOW = 'os_compute_api:os-console-auth-tokens'

RULES = [
    policy.DocumentedRuleDefault(
        name=SHOW, check_str=base.ADMIN, scope_types=base.SCOPE,
        description='Show where a console token leads to.',
        operations=[{'method': 'GET', 'path': '/os-console-auth-tokens/{console_token}'}]),
]
