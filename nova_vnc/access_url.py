# SPDX-License-Identifier: Apache-2.0
"""The URL that a user opens: the page of [vnc]novncproxy_base_url, and the token where noVNC hands it on."""

from __future__ import annotations

from urllib import parse


def build_access_url(base_url: str, token: str) -> str:
    """Put the token into the `path` argument of the page, `path=%3Ftoken%3D<token>`.

    noVNC opens its WebSocket at the path that it finds in this argument; since 1.1 it hands on no other argument of the
    page (Nova bug 1822676). The result is that of Nova 20 to 34 (nova.objects.console_auth_token), but for
    two cases in which Nova loses something: an argument without a value stays, and where `path` has arguments of its
    own already the token becomes one more of them.
    """
    parts = parse.urlsplit(base_url)
    arguments = parse.parse_qs(parts.query, keep_blank_values=True)
    path = arguments.get('path', [''])[0]
    separator = '&' if '?' in path else '?'
    arguments['path'] = [f'{path}{separator}token={token}']
    return parse.urlunsplit(parts._replace(query=parse.urlencode(arguments, doseq=True)))
