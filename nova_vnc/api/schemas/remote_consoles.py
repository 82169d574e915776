# SPDX-License-Identifier: Apache-2.0
"""Bodies of POST /servers/{id}/remote-consoles (nova.api.openstack.compute.schemas.remote_consoles)."""

from __future__ import annotations

from typing import Any

from nova_vnc.api.microversion import Microversion

_PROTOCOLS = ['vnc', 'spice', 'serial', 'rdp']
_TYPES = ['novnc', 'xvpvnc', 'spice-html5', 'serial', 'rdp-html5']


def _create(protocols: list[str], types: list[str]) -> dict[str, Any]:
    return {
        'type': 'object',
        'properties': {'remote_console': {
            'type': 'object',
            'properties': {
                'protocol': {'type': 'string', 'enum': protocols},
                'type': {'type': 'string', 'enum': types},
            },
            'required': ['protocol', 'type'],
            'additionalProperties': False,
        }},
        'required': ['remote_console'],
        'additionalProperties': False,
    }


CREATE = {
    Microversion(2, 6): _create(_PROTOCOLS, _TYPES),
    Microversion(2, 8): _create([*_PROTOCOLS, 'mks'], [*_TYPES, 'webmks']),
}
