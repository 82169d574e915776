# SPDX-License-Identifier: Apache-2.0
"""POST /servers/{id}/remote-consoles: a console since microversion 2.6."""

from __future__ import annotations

from typing import Any

from nova_vnc.api import console_plane, faults, microversion, validation
from nova_vnc.api.policies import remote_consoles as policies
from nova_vnc.api.request import ApiRequest
from nova_vnc.api.schemas import remote_consoles as schemas


@microversion.available('2.6')
def create(request: ApiRequest, server_id: str) -> dict[str, Any]:
    body = request.body()
    validation.check_body(body, schemas.CREATE, request.version)
    protocol, console_type = body['remote_console']['protocol'], body['remote_console']['type']
    entry = request.plane.get_instance(request.context, server_id, request.deadline)
    request.authorize(policies.CREATE, entry.instance.project_id)
    if protocol == console_plane.PROTOCOL_RDP:
        raise faults.Refusal(400)   # gone from Nova
    url = request.plane.create_console(request.context, entry, protocol, console_type, request.deadline)
    return {'remote_console': {'protocol': protocol, 'type': console_type, 'url': url}}
