# SPDX-License-Identifier: Apache-2.0
"""Who asks. A way to find that out is an object with identify(); the factory chooses it."""

from __future__ import annotations

import hmac
import urllib.parse
from collections.abc import Iterable
from typing import Protocol

import webob

from nova_vnc.api import faults
from nova_vnc.context import RequestContext

TOKEN_HEADER = 'X-Auth-Token'  # noqa: S105 - its name, not its value
ADMIN_USER = 'admin'

# Those that Keystone's bootstrap makes: each implies those that follow.
MEMBER_ROLES = ['member', 'reader']
ADMIN_ROLES = ['admin', 'manager', *MEMBER_ROLES]

# keystonemiddleware.auth_token: no header of a request becomes such a key, nor can a client set these headers.
_TOKEN_INFO = 'keystone.token_info'  # noqa: S105 - a name
_IDENTITY_STATUS = 'HTTP_X_IDENTITY_STATUS'
_SERVICE_IDENTITY_STATUS = 'HTTP_X_SERVICE_IDENTITY_STATUS'
_CONFIRMED = 'Confirmed'


class Authentication(Protocol):

    def identify(self, http: webob.Request) -> RequestContext | None:
        """Return who asks, or None: a stranger, who may see the version documents only.

        Whether he is an administrator is not its affair but the policy's. It is called for each request. Thread-safe.

        :raises Refusal: the request is not answered at all
        """


class Keystone:
    """Who asks is whom keystonemiddleware has found, which a request passes before."""

    def identify(self, http: webob.Request) -> RequestContext | None:
        environ = http.environ
        if _TOKEN_INFO not in environ or environ.get(_IDENTITY_STATUS) != _CONFIRMED:
            return None     # public, or [keystone_authtoken]delay_auth_decision leaves it to us
        if environ.get(_SERVICE_IDENTITY_STATUS, _CONFIRMED) != _CONFIRMED:
            return None
        # The tokens themselves are of no use any more.
        found = RequestContext.from_environ(environ, auth_token=None, service_token=None, overwrite=False)
        return found if found.user_id else None


class NoAuth2:
    """Everybody is who he says he is: the token is `user:project`, as in Nova's noauth2.

    The user `admin` is an administrator. So is who sends no colon, as the clients do that know no user: `openstack
    --os-auth-type none` sends `notused`, `admin_token` what it is given. He is no user, and of no project.
    """

    def identify(self, http: webob.Request) -> RequestContext | None:
        user_id, colon, project_id = http.headers.get(TOKEN_HEADER, '').strip().partition(':')
        if not user_id:
            return None
        if not colon:
            return _operator()
        return RequestContext(user_id=user_id, project_id=project_id or user_id, overwrite=False,
                              roles=ADMIN_ROLES if user_id == ADMIN_USER else MEMBER_ROLES)


class FixedToken:
    """One secret token, whose holder is administrator; and only requests that were made to a name of this server's.

    The second is against DNS rebinding: a web page of http://evil.example:PORT that lets its name point to this
    machine reaches this server as its own origin, with all headers it likes, but the Host header is evil.example.

    :param hosts: names and addresses of this server, without port
    """

    def __init__(self, token: str, hosts: Iterable[str]) -> None:
        self._token = token.encode()
        self._hosts = frozenset(host.lower() for host in hosts)

    def identify(self, http: webob.Request) -> RequestContext | None:
        if _host_name(http) not in self._hosts:
            raise faults.Refusal(403, 'This server does not answer under the name in the Host header.')
        given = http.headers.get(TOKEN_HEADER, '').encode()
        return _operator() if hmac.compare_digest(given, self._token) else None


def _operator() -> RequestContext:
    """The operator of the cloud: an administrator without user and project, who sees all of it."""
    return RequestContext(roles=ADMIN_ROLES, overwrite=False)


def _host_name(http: webob.Request) -> str | None:
    try:
        return urllib.parse.urlsplit('//' + http.environ.get('HTTP_HOST', '')).hostname
    except ValueError:
        return None
