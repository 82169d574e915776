# SPDX-License-Identifier: Apache-2.0
"""Two ways to keep an access_url without its token.

Ours marks the place where the token was, so that the very same URL comes back. Nova's keeps the bare URL of the page,
from which every release of Nova builds the URL in its own way; so does build_from_base().
"""

from __future__ import annotations

import re
from urllib import parse

from nova_vnc import access_url as page_url
from nova_vnc import objects

# Where a token was in a stored URL. No URL holds a `<`; one that does anyway has it doubled.
_PLACE = '<token>'
_ESCAPED = {_PLACE: None, '<<': '<'}


def take_token_out(access_url: str, token: str) -> str:
    """Replace the token wherever it stands in the URL; put_token_in() undoes exactly that.

    It stands there as `?token=<token>` (Nova up to Stein) or `?path=%3Ftoken%3D<token>` (since). A URL without it stays
    as it is.
    """
    return re.sub(f'{re.escape(token)}|<', lambda found: _PLACE if found[0] == token else '<<', access_url)


def put_token_in(marked_url: str, token: str) -> str:
    return re.sub('|'.join(_ESCAPED), lambda found: _ESCAPED[found[0]] or token, marked_url)


def base_of(access_url: str, token: str) -> str | None:
    """Return the bare URL of the page (access_url_base); None if the token stands where no release puts it."""
    parts = parse.urlsplit(access_url.removesuffix(f'?token={token}'))
    query = '&'.join(filter(None, (_without_token(argument, token) for argument in parts.query.split('&'))))
    base = parse.urlunsplit(parts._replace(query=query))
    return None if token in base else base


def _without_token(argument: str, token: str) -> str:
    """Return an argument of a query as it was before the token came in; '' if it was not there then."""
    if argument == f'token={token}':
        return ''
    name, _, value = argument.partition('=')
    path = parse.unquote_plus(value)
    for separator in '?&':
        if name == 'path' and path.endswith(f'{separator}token={token}'):
            before = path.removesuffix(f'{separator}token={token}')
            return f'path={parse.quote_plus(before)}' if before else ''
    return argument


def build_from_base(access_url_base: str, console_type: str, token: str) -> str:
    """Return the URL that Nova (nova.objects.console_auth_token) builds from the bare one."""
    if console_type == objects.CONSOLE_TYPE_NOVNC:
        return page_url.build_access_url(access_url_base, token)
    return f'{access_url_base}?token={token}'
