# SPDX-License-Identifier: Apache-2.0
"""Addresses of resources of this API."""

from __future__ import annotations

import urllib.parse
from collections.abc import Mapping, Sequence

from nova_vnc.api.request import ApiRequest

VERSION_PATH = 'v2.1'


def resource_url(request: ApiRequest, *path: str, with_version: bool = True) -> str:
    """Return the URL of a resource, with the project in it if the request's own URL has one."""
    version = [VERSION_PATH] if with_version else []
    project = [request.project_in_url] if request.project_in_url else []
    return '/'.join([request.base_url, *version, *project, *path])


def resource_links(request: ApiRequest, *path: str) -> list[dict[str, str]]:
    return [{'rel': 'self', 'href': resource_url(request, *path)},
            {'rel': 'bookmark', 'href': resource_url(request, *path, with_version=False)}]


def next_page_link(request: ApiRequest, path: Sequence[str], query: Mapping[str, list[str]],
                   marker: str) -> dict[str, str]:
    """:param query: that of the request, whose other arguments hold for the next page too"""
    arguments = urllib.parse.urlencode({**query, 'marker': [marker]}, doseq=True)
    return {'rel': 'next', 'href': f'{resource_url(request, *path)}?{arguments}'}
