# SPDX-License-Identifier: Apache-2.0
"""POST /servers/{id}/action: the consoles of microversions 2.1 to 2.5."""

from __future__ import annotations

from typing import Any, NamedTuple

from nova_vnc import exception
from nova_vnc.api import console_plane, faults, validation
from nova_vnc.api.microversion import MIN, Microversion
from nova_vnc.api.policies import remote_consoles as policies
from nova_vnc.api.request import ApiRequest
from nova_vnc.api.schemas import server_actions as schemas

_LAST = Microversion(2, 5)


class _Action(NamedTuple):
    protocol: str
    schema: validation.Schema


_ACTIONS = {
    'os-getVNCConsole': _Action(console_plane.PROTOCOL_VNC, schemas.GET_VNC_CONSOLE),
    'os-getSPICEConsole': _Action('spice', schemas.GET_SPICE_CONSOLE),
    'os-getSerialConsole': _Action('serial', schemas.GET_SERIAL_CONSOLE),
    'os-getRDPConsole': _Action(console_plane.PROTOCOL_RDP, schemas.GET_RDP_CONSOLE),
}


def act(request: ApiRequest, server_id: str) -> dict[str, Any]:
    body = request.body()
    if not isinstance(body, dict) or len(body) != 1:
        raise faults.Refusal(400, 'Malformed request body')
    name = next(iter(body))
    if name not in _ACTIONS:
        raise faults.Refusal(400, f'There is no such action: {name}')
    if request.version > _LAST:
        raise faults.Refusal(404)
    validation.check_body(body, {MIN: _ACTIONS[name].schema}, request.version)
    console_type = body[name]['type']
    if _ACTIONS[name].protocol == console_plane.PROTOCOL_RDP:
        raise faults.Refusal(400)   # gone from Nova, whoever asks
    request.authorize(policies.CREATE)
    entry = request.plane.get_instance(request.context, server_id, request.deadline)
    try:
        url = request.plane.create_console(request.context, entry, _ACTIONS[name].protocol, console_type,
                                           request.deadline)
    except exception.InstanceInvalidState as error:
        raise faults.Refusal(409, _wrong_state(error)) from None
    return {'console': {'type': console_type, 'url': url}}


def _wrong_state(error: exception.InstanceInvalidState) -> str:
    # Nova has other words for it in actions (nova.api.openstack.common).
    known = error.kwargs
    return (f"Cannot '{known['method']}' instance {known['instance_uuid']} while it is in {known['attr']} "
            f"{known['state']}")
