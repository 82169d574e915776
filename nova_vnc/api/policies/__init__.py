# SPDX-License-Identifier: Apache-2.0
"""Who may do what: the rules of oslo.policy, with the names and defaults of Nova 34, for what is served here.

A policy.yaml that was written for Nova serves as well: rules for what is not served here do nothing.
"""

from __future__ import annotations

from oslo_policy import policy

from nova_vnc.api.policies import base, console_auth_tokens, extended_server_attributes, remote_consoles, servers


def list_rules() -> list[policy.RuleDefault]:
    """Return all rules; oslo.policy's tools ask for them too."""
    return [rule for module in (base, console_auth_tokens, extended_server_attributes, remote_consoles, servers)
            for rule in module.RULES]
