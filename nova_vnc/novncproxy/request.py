# SPDX-License-Identifier: Apache-2.0
"""What a request says: which token, and which web page it comes from. Pure: no socket, no option, no log.

The rules are those of Nova's proxy (nova.console.websocketproxy), made strict where Nova is silent: a token from a
cookie counts only with a matching Origin, and a request that names two different tokens has none.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import re
from collections.abc import Collection, Iterable
from urllib import parse

from nova_vnc.novncproxy.header_fields import Fields
from nova_vnc.novncproxy.refusal import Refusal, Refused

# Nova's tokens are uuids of 36 characters; the column of its table takes 255.
_TOKEN = re.compile(r'[!-~]{1,255}')
# RFC 6454 section 6.2: scheme, host and port, nothing behind them.
_ORIGIN = re.compile(r'(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<authority>[^/?#@\\]+)')
# What the scheme of an access_url stands for: a serial console's is ws or wss.
_PAGE_SCHEME = {'ws': 'http', 'wss': 'https'}


@dataclasses.dataclass(frozen=True)
class ConsoleRequest:
    """The parts of a WebSocket request that decide whether it gets a console.

    :ivar target: path and query as they stand in the request line
    :ivar host: the Host header
    :ivar origin: the Origin header; None says that no browser sent this
    :ivar forwarded_scheme: what the browser has connected with, where a load balancer that is trusted has told
    :ivar cookies: the Cookie headers
    """

    target: str = dataclasses.field(repr=False)
    host: str | None = None
    origin: str | None = None
    forwarded_scheme: str | None = None
    cookies: tuple[str, ...] = dataclasses.field(default=(), repr=False)

    @classmethod
    def from_http(cls, target: str, headers: Fields, forwarded_scheme: str | None = None) -> ConsoleRequest:
        """Take them from a parsed request. A header that is there twice becomes one that nothing matches."""
        host, origin = (', '.join(values) if (values := headers.get_all(name)) else None for name in ('Host', 'Origin'))
        return cls(target, host, origin, forwarded_scheme, tuple(headers.get_all('Cookie', [])))

    @property
    def is_from_browser(self) -> bool:
        return self.origin is not None


def check_origin_host(request: ConsoleRequest, allowed_hosts: Collection[str]) -> None:
    """See to it that the page belongs to this proxy or to a host that the operator named.

    A request without an Origin header is no browser's and passes, as in Nova.

    :param allowed_hosts: in the form that normalize_host() gives
    :raises Refused: ORIGIN
    """
    if request.origin is None:
        return
    host = _parse_origin(request.origin)[1]
    own_host = parse_host_header(request.host)
    if host not in allowed_hosts and host != own_host:
        raise Refused(Refusal.ORIGIN, f'Origin names host "{loggable(host)}", which is neither the Host of the request '
                                      f'("{loggable(own_host or "")}") nor in [console]allowed_origins')


def check_origin_scheme(request: ConsoleRequest, access_url: str) -> None:
    """See to it that a console whose URL is https is not opened by a page that came in the clear, or the reverse.

    What a load balancer tells of the connection counts before the scheme of the Origin, as X-Forwarded-Proto in Nova.

    :raises Refused: SCHEME
    """
    if request.origin is None:
        return
    scheme = request.forwarded_scheme or _parse_origin(request.origin)[0]
    expected = parse.urlsplit(access_url).scheme.lower()
    if scheme not in (expected, _PAGE_SCHEME.get(expected)):
        raise Refused(Refusal.SCHEME, f'the page was opened by "{loggable(scheme)}" and the console URL is '
                                      f'"{expected}"; behind a load balancer that terminates TLS, look at '
                                      'X-Forwarded-Proto, [novncproxy]trusted_proxies and [vnc]novncproxy_base_url')


def find_token(request: ConsoleRequest) -> str:
    """Return the token that a request names, in its query or else in a cookie as noVNC before 1.1 sent it.

    A cookie is sent by a browser whatever page makes the request; so it counts only where there is an Origin, whose
    host check_origin_host() has found to match.

    :raises Refused: TOKEN
    """
    named = _query_tokens(request.target)
    if not named and request.origin is not None:
        named = _cookie_tokens(request.cookies)
    return _single_token(named)


def redirect_for_page(target: str) -> str | None:
    """Return where to send a browser that asks for a page in the form of Queens, `?token=`; None for any other target.

    noVNC since 1.1 hands on its `path` argument only. All other arguments stay as they are. The result is relative, so
    it holds behind a load balancer that adds a prefix, and leads to no other host.

    :raises Refused: TOKEN, two different ones
    """
    path, _, query = target.partition('?')
    arguments = [argument for argument in query.split('&') if argument]
    by_name = [(parse.unquote_plus(argument.partition('=')[0]), argument) for argument in arguments]
    names = {name for name, _ in by_name}
    if not path.endswith('.html') or 'token' not in names or 'path' in names:
        return None
    named = _query_tokens(target)
    if not named:
        return None
    inner = '?token=' + parse.quote(_single_token(named), safe='')
    others = [argument for name, argument in by_name if name != 'token']
    return './' + path.rpartition('/')[2] + '?' + '&'.join(['path=' + parse.quote(inner, safe=''), *others])


def loggable_path(target: str) -> str:
    """Return the path of a target for a log line, without the query."""
    return loggable(parse.unquote(target.partition('?')[0]))


def loggable(text: str) -> str:
    """Return a client's text for a log line: short, nothing that could be a token, no control characters."""
    shown = ''.join(char if char.isprintable() and char != '"' else '?' for char in text[:_LOGGED_CHARS])
    return _SECRET.sub('***', shown)


_LOGGED_CHARS = 128
# A link that was copied or encoded wrongly can carry its token anywhere.
_SECRET = re.compile(r'(?i)[?;&]?token.*|[0-9a-f]{8}-?[0-9a-f]{4}-.*|[0-9a-f]{24,}.*')


def has_token(target: str) -> bool:
    """Tell whether a target's query names a token, valid or not."""
    return bool(_query_tokens(target))


def _query_tokens(target: str) -> set[str]:
    query = target.partition('?')[2]
    return {value for name, value in parse.parse_qsl(query) if name == 'token'}


def _cookie_tokens(headers: Iterable[str]) -> set[str]:
    # RFC 6265 section 5.4, by hand: http.cookies rejects a whole header for one malformed cookie in it.
    pairs = (pair.partition('=') for header in headers for pair in header.split(';'))
    values = {value.strip().removeprefix('"').removesuffix('"')
              for name, equals, value in pairs if equals and name.strip() == 'token'}
    return values - {''}


def _single_token(named: set[str]) -> str:
    if not named:
        raise Refused(Refusal.TOKEN, 'no token')
    if len(named) > 1:
        raise Refused(Refusal.TOKEN, 'two different tokens')
    token, = named
    if not _TOKEN.fullmatch(token):
        raise Refused(Refusal.TOKEN, 'malformed token')
    return token


def _parse_origin(origin: str) -> tuple[str, str]:
    """Return scheme and host.

    :raises Refused: ORIGIN; also for 'null', which a browser sends for a page of no origin
    """
    match = _ORIGIN.fullmatch(origin.strip())
    host = parse_host_header(match['authority']) if match else None
    if match is None or host is None:
        raise Refused(Refusal.ORIGIN, f'malformed Origin "{loggable(origin)}"')
    return match['scheme'].lower(), host


def parse_host_header(value: str | None) -> str | None:
    """Return the normalized host of a `host[:port]`, None where there is none."""
    if not value or re.search(r'[\s/?#@,\\]', value):
        return None
    try:
        parts = parse.urlsplit('//' + value)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return None
    return normalize_host(host) if host else None


def normalize_host(host: str) -> str:
    """Return a host name in lower case, an IP address in its shortest form and without brackets."""
    host = host.strip().lower().removeprefix('[').removesuffix(']')
    if ':' not in host and not host[-1:].isdigit():
        return host     # no address ends so: to try is dearer than all the rest
    try:
        return ipaddress.ip_address(host).compressed
    except ValueError:
        return host
