# SPDX-License-Identifier: Apache-2.0
"""GET /os-console-auth-tokens/{token}: where a console token leads to, for administrators."""

from __future__ import annotations

from typing import Any

from nova_vnc.api import faults
from nova_vnc.api.microversion import Microversion
from nova_vnc.api.policies import console_auth_tokens as policies
from nova_vnc.api.request import ApiRequest

# Before, it told of RDP consoles alone; those are gone, and Nova answers 400.
_FIRST = Microversion(2, 31)


def show(request: ApiRequest, token: str) -> dict[str, Any]:
    if request.version < _FIRST:
        raise faults.Refusal(400)
    request.authorize(policies.SHOW)
    info = request.plane.check_token(request.context, token, request.deadline)
    if info is None:
        raise faults.Refusal(404, 'Token not found')
    return {'console': {'instance_uuid': info.instance_uuid, 'host': info.host, 'port': int(info.port),
                        'internal_access_path': info.internal_access_path}}
