# SPDX-License-Identifier: Apache-2.0
"""Queries of GET /os-console-auth-tokens/{token} (nova.api.openstack.compute.schemas.console_auth_tokens)."""

from __future__ import annotations

from nova_vnc.api.microversion import MIN, Microversion
from nova_vnc.api.validation import VersionedSchema

SHOW_QUERY: VersionedSchema = {
    MIN: {'type': 'object'},
    Microversion(2, 99): {'type': 'object', 'properties': {}, 'additionalProperties': False},
}
