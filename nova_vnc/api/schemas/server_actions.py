# SPDX-License-Identifier: Apache-2.0
"""Bodies of POST /servers/{id}/action, by the name of the action (nova.api.openstack.compute.schemas)."""

from __future__ import annotations

from typing import Any


def _action(name: str, types: list[str]) -> dict[str, Any]:
    return {
        'type': 'object',
        'properties': {name: {
            'type': 'object',
            'properties': {'type': {'type': 'string', 'enum': types}},
            'required': ['type'],
            'additionalProperties': False,
        }},
        'required': [name],
        'additionalProperties': False,
    }


GET_VNC_CONSOLE = _action('os-getVNCConsole', ['novnc', 'xvpvnc'])
GET_SPICE_CONSOLE = _action('os-getSPICEConsole', ['spice-html5'])
GET_SERIAL_CONSOLE = _action('os-getSerialConsole', ['serial'])
GET_RDP_CONSOLE = _action('os-getRDPConsole', ['rdp-html5'])
