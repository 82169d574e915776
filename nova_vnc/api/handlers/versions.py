# SPDX-License-Identifier: Apache-2.0
"""Version discovery."""

from __future__ import annotations

from typing import Any

from nova_vnc.api.request import ApiRequest
from nova_vnc.api.views import versions as views


def index(request: ApiRequest) -> dict[str, Any]:
    return {'versions': [views.summary(request)]}


def show(request: ApiRequest) -> dict[str, Any]:
    return {'version': views.document(request)}
