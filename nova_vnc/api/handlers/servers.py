# SPDX-License-Identifier: Apache-2.0
"""GET /servers, /servers/detail and /servers/{id}: finding a server by its name or id."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

from nova_vnc import exception
from nova_vnc.api import microversion, server_filter, validation
from nova_vnc.api.policies import servers as policies
from nova_vnc.api.request import ApiRequest
from nova_vnc.api.schemas import servers as schemas
from nova_vnc.api.views import links
from nova_vnc.api.views import servers as views
from nova_vnc.rpc.consoleauth import DirectoryEntry

_View = Callable[[ApiRequest, DirectoryEntry], dict[str, Any]]


def index(request: ApiRequest) -> dict[str, Any]:
    request.authorize(policies.INDEX)
    return _list(request, policies.INDEX, views.summary, [views.COLLECTION])


def detail(request: ApiRequest) -> dict[str, Any]:
    request.authorize(policies.DETAIL)
    shown = views.Shown.to(request)     # Nova asks once, and not for each server
    return _list(request, policies.DETAIL, lambda request, entry: views.document(request, entry, shown),
                 [views.COLLECTION, 'detail'])


def show(request: ApiRequest, server_id: str) -> dict[str, Any]:
    entry = request.plane.get_instance(request.context, server_id, request.deadline)
    project_id = entry.instance.project_id
    request.authorize(policies.SHOW, project_id)
    return {'server': views.document(request, entry, views.Shown.to(request, project_id))}


def _list(request: ApiRequest, rule: str, view: _View, path: list[str]) -> dict[str, Any]:
    query = request.query()
    validation.check_query(query, schemas.INDEX_QUERY, request.version)
    known = microversion.pick(schemas.INDEX_QUERY, request.version)['properties']
    wanted = server_filter.parse(query, known, server_filter.Asker(request.context, request.rights, rule),
                                 request.version, request.page_limit)
    page = _find(request, wanted)
    answer: dict[str, Any] = {'servers': [view(request, entry) for entry in page]}
    if page and len(page) == wanted.limit:
        answer['servers_links'] = [links.next_page_link(request, path, query, page[-1].instance.uuid)]
    return answer


def _find(request: ApiRequest, wanted: server_filter.ServerFilter) -> list[DirectoryEntry]:
    if wanted.nothing or wanted.limit == 0:
        return []
    # Where only some of a page will match, small pages would be many calls.
    page_size = request.page_limit if wanted.statuses is not None or wanted.fields else wanted.limit
    entries = request.plane.iterate_instances(request.context, wanted.project_id, wanted.name, page_size,
                                              wanted.marker, request.deadline)
    try:
        return list(itertools.islice((entry for entry in entries if wanted.matches(entry.instance)), wanted.limit))
    except exception.MarkerNotFound:
        raise server_filter.marker_not_found(wanted.marker) from None
