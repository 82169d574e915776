# SPDX-License-Identifier: Apache-2.0
"""The version documents (nova.api.openstack.compute.versions). Of Nova's two versions v2.1 is offered alone."""

from __future__ import annotations

from typing import Any

from nova_vnc.api import microversion
from nova_vnc.api.request import ApiRequest
from nova_vnc.api.views import links

_ID = 'v2.1'
_STATUS = 'CURRENT'
_UPDATED = '2013-07-23T11:33:21Z'   # Nova's, of v2.1
_MEDIA_TYPE = {'base': 'application/json', 'type': 'application/vnd.openstack.compute+json;version=2.1'}
_DOCUMENTATION = {'rel': 'describedby', 'type': 'text/html', 'href': 'http://docs.openstack.org/'}


def summary(request: ApiRequest) -> dict[str, Any]:
    return {'id': _ID, 'status': _STATUS, 'version': str(microversion.MAX), 'min_version': str(microversion.MIN),
            'updated': _UPDATED, 'links': [_self_link(request)]}


def document(request: ApiRequest) -> dict[str, Any]:
    return {**summary(request), 'links': [_self_link(request), _DOCUMENTATION], 'media-types': [_MEDIA_TYPE]}


def _self_link(request: ApiRequest) -> dict[str, str]:
    return {'rel': 'self', 'href': f'{request.base_url}/{links.VERSION_PATH}/'}
