# SPDX-License-Identifier: Apache-2.0
"""Which URL reaches which handler.

The URLs of ROUTES exist twice, as in Nova: below /v2.1 and below /v2.1/{project_id}.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import routes

from nova_vnc.api.handlers import console_auth_tokens, remote_consoles, server_actions, servers, versions

Handler = Callable[..., dict[str, Any]]

# Open to everybody: clients look for the versions before they know how to prove who they are.
VERSION_ROUTES: dict[str, dict[str, Handler]] = {
    '/': {'GET': versions.index},
    '/v2.1': {'GET': versions.show},
    '/v2.1/': {'GET': versions.show},
}

# '/servers/detail' comes before the URL that would take 'detail' for an id.
ROUTES: dict[str, dict[str, Handler]] = {
    '/servers': {'GET': servers.index},
    '/servers/detail': {'GET': servers.detail},
    '/servers/{server_id}': {'GET': servers.show},
    '/servers/{server_id}/action': {'POST': server_actions.act},
    '/servers/{server_id}/remote-consoles': {'POST': remote_consoles.create},
    '/os-console-auth-tokens/{token}': {'GET': console_auth_tokens.show},
}

PREFIX = '/v2.1'
_PROJECT_PREFIX = '/v2.1/{project_id:[0-9a-f-]+}'   # Nova's; hence no other URL can be taken for a project


class Match(NamedTuple):
    """Where a path leads. `arguments` are the handler's; the project stands aside, since no handler takes it."""

    methods: Mapping[str, Handler]
    arguments: dict[str, str]
    project_id: str | None
    is_public: bool
    has_microversions: bool


class Router:
    """Thread-safe."""

    def __init__(self) -> None:
        self._map = routes.Mapper(controller_scan=None, explicit=True)
        self._targets: dict[str, Match] = {}
        for url, methods in VERSION_ROUTES.items():
            self._connect(url, methods, is_public=True, has_microversions=url != '/')
        self._connect(_PROJECT_PREFIX + '/', {'GET': versions.show})
        for url, methods in ROUTES.items():
            self._connect(PREFIX + url, methods)
            self._connect(_PROJECT_PREFIX + url, methods)
        self._map.create_regs()

    def _connect(self, url: str, methods: Mapping[str, Handler], is_public: bool = False,
                 has_microversions: bool = True) -> None:
        self._map.connect(None, url, url=url)    # Routes keeps nothing but text
        self._targets[url] = Match(methods, {}, None, is_public, has_microversions)

    def match(self, path: str) -> Match | None:
        found = self._map.match(path or '/')
        if not found:
            return None
        target = self._targets[found.pop('url')]
        return target._replace(project_id=found.pop('project_id', None), arguments=found)


def is_public(match: Match | None, path: str) -> bool:
    """Tell whether a stranger gets an answer here, and be it that there is nothing."""
    return not path.startswith(PREFIX + '/') if match is None else match.is_public


def handler_for(match: Match, method: str) -> Handler | None:
    """Return None where the URL does not know the method; who can GET can HEAD too."""
    return match.methods.get('GET' if method == 'HEAD' else method)


def allowed_methods(match: Match) -> str:
    """Return the value of an Allow header."""
    return ', '.join(sorted({*match.methods, *(['HEAD'] if 'GET' in match.methods else [])}))
