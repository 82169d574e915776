# SPDX-License-Identifier: Apache-2.0
"""A client of the application, without a network."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import webob
from oslo_middleware import cors, http_proxy_to_wsgi, sizelimit
from oslo_middleware.healthcheck import opts as healthcheck_opts
from oslo_policy import opts as oslo_policy_opts

from nova_vnc import objects
from nova_vnc.api import auth, factory, wsgi
from tests.fixtures.bus import new_conf
from tests.fixtures.services import Cloud, DirectCaller

UUID = '8a2f3f5e-0000-4000-8000-000000000001'
OTHER_UUID = '8a2f3f5e-0000-4000-8000-000000000002'
OWNERLESS_UUID = '8a2f3f5e-0000-4000-8000-000000000003'
UNKNOWN_UUID = '8a2f3f5e-0000-4000-8000-00000000000f'

ADMIN = 'admin:operators'
MEMBER = 'alice:a11ce'


def three_servers() -> Cloud:
    return Cloud(
        objects.InstanceRecord(UUID, 1, 'instance-00000001', 'web', 'host-1', 'a11ce', 'alice'),
        objects.InstanceRecord(OTHER_UUID, 2, 'instance-00000002', 'db', 'host-2', 'b0b', 'bob', vm_state='paused'),
        objects.InstanceRecord(OWNERLESS_UUID, 3, 'debian12', 'debian12', 'host-2'))


class Client:
    """:ivar cloud: what the other services know; change it at will"""

    def __init__(self, cloud: Cloud | None = None, authentication: auth.Authentication | None = None,
                 endpoints: dict[str, list[object]] | None = None, max_limit: int = 1000,
                 options: Iterable[tuple[str, str, Any]] = ()) -> None:
        self.cloud = cloud or three_servers()
        conf = new_conf()
        conf.set_override('auth_strategy', 'noauth2', 'api')
        conf.set_override('max_limit', max_limit, 'api')
        for group, library_opts in (('oslo_middleware', http_proxy_to_wsgi.OPTS), ('oslo_middleware', sizelimit.OPTS),
                                    ('healthcheck', healthcheck_opts.HEALTHCHECK_OPTS), ('cors', cors.OPTS)):
            conf.register_opts(library_opts, group)
        conf.register_opts(oslo_policy_opts._options, 'oslo_policy')
        for name, group, value in options:
            conf.set_override(name, value, group)
        self.app: wsgi.WSGIApplication = factory.build_app(
            conf, DirectCaller(self.cloud.endpoints() if endpoints is None else endpoints), authentication)

    def send(self, method: str, path: str, body: Any = None, *, token: str | None = ADMIN,
             version: str | None = None, raw: bytes | None = None, content_type: str | None = 'application/json',
             headers: dict[str, str] | None = None, environ: dict[str, str] | None = None) -> webob.Response:
        request = webob.Request.blank(path, environ, method=method, headers=headers or {})
        if token is not None:
            request.headers['X-Auth-Token'] = token
        if version is not None:
            request.headers['OpenStack-API-Version'] = f'compute {version}'
        if body is not None or raw is not None:
            request.body = json.dumps(body).encode() if raw is None else raw
            request.content_type = content_type
        return request.get_response(self.app)

    def get(self, path: str, **kwargs: Any) -> webob.Response:
        return self.send('GET', path, **kwargs)

    def post(self, path: str, body: Any = None, **kwargs: Any) -> webob.Response:
        return self.send('POST', path, body, **kwargs)


def fault(response: webob.Response) -> tuple[int, str, str]:
    """Return status, kind and message of an error, having checked its shape."""
    assert response.content_type == 'application/json'
    (kind, content), = response.json.items()
    assert content['code'] == response.status_int
    assert set(content) == {'code', 'message'}
    return response.status_int, kind, content['message']
