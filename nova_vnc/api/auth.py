# SPDX-License-Identifier: Apache-2.0
"""Who asks. A way to find that out is an object with identify(); the factory chooses it.

Keystone's seat is here: its middleware's work on the request, and an Identity made of the headers that it leaves.
"""

from __future__ import annotations

import dataclasses
import hmac
import urllib.parse
from collections.abc import Iterable
from typing import Protocol

import webob

from nova_vnc.api import faults

TOKEN_HEADER = 'X-Auth-Token'  # noqa: S105 - its name, not its value
ADMIN_USER = 'admin'


@dataclasses.dataclass(frozen=True)
class Identity:
    """Who asks. An administrator without user and project is the operator of the cloud, who sees all of it."""

    user_id: str | None
    project_id: str | None
    is_admin: bool


class Authentication(Protocol):

    def identify(self, http: webob.Request) -> Identity | None:
        """Return who asks, or None: a stranger, who may see the version documents only.

        It is called for each request. Thread-safe.

        :raises Refusal: the request is not answered at all
        """


class NoAuth2:
    """Everybody is who he says he is: the token is `user:project`, as in Nova's noauth2.

    The user `admin` is an administrator. So is who sends no colon, as the clients do that know no user: `openstack
    --os-auth-type none` sends `notused`, `admin_token` what it is given. He is no user, and of no project.
    """

    def identify(self, http: webob.Request) -> Identity | None:
        user_id, colon, project_id = http.headers.get(TOKEN_HEADER, '').strip().partition(':')
        if not user_id:
            return None
        if not colon:
            return Identity(None, None, is_admin=True)
        return Identity(user_id, project_id or user_id, is_admin=user_id == ADMIN_USER)


class FixedToken:
    """One secret token, whose holder is administrator; and only requests that were made to a name of this server's.

    The second is against DNS rebinding: a web page of http://evil.example:PORT that lets its name point to this
    machine reaches this server as its own origin, with all headers it likes, but the Host header is evil.example.

    :param hosts: names and addresses of this server, without port
    """

    def __init__(self, token: str, hosts: Iterable[str]) -> None:
        self._token = token.encode()
        self._hosts = frozenset(host.lower() for host in hosts)

    def identify(self, http: webob.Request) -> Identity | None:
        if _host_name(http) not in self._hosts:
            raise faults.Refusal(403, 'This server does not answer under the name in the Host header.')
        given = http.headers.get(TOKEN_HEADER, '').encode()
        return Identity(None, None, is_admin=True) if hmac.compare_digest(given, self._token) else None


def _host_name(http: webob.Request) -> str | None:
    try:
        return urllib.parse.urlsplit('//' + http.environ.get('HTTP_HOST', '')).hostname
    except ValueError:
        return None
