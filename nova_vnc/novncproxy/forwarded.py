# SPDX-License-Identifier: Apache-2.0
"""Who the client is, behind the load balancers that the operator trusts. Pure: no socket, no option, no log.

A header can be sent by anybody, so what it says counts as far as somebody trusted has said it. `Forwarded` (RFC 7239)
is not looked at: a load balancer that sets X-Forwarded-For passes on what a client says in there.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import itertools
import re
from collections.abc import Iterable, Iterator, Sequence

from nova_vnc.novncproxy.header_fields import Fields

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# More load balancers than that in a row are a forgery or a loop.
_MAX_HOPS = 16
# An address as some load balancers write it, with a port: 192.0.2.1:4711, [2001:db8::1]:4711, [2001:db8::1].
_WITH_PORT = re.compile(r'(?:\[(?P<v6>[0-9A-Fa-f:.%]+)\]|(?P<v4>[0-9.]+))(?::(?P<port>[0-9]{1,5}))?')
_SCHEME = re.compile(r'[A-Za-z][A-Za-z0-9+.-]{0,15}')


@dataclasses.dataclass(frozen=True)
class Client:
    """
    :ivar host: its address, in its shortest form
    :ivar port: None where nobody told
    :ivar scheme: what it has connected with, 'https' or 'http' as a rule; None where nobody trusted told
    """

    host: str
    port: int | None = None
    scheme: str | None = None

    def __str__(self) -> str:
        if self.port is None:
            return self.host
        return f'[{self.host}]:{self.port}' if ':' in self.host else f'{self.host}:{self.port}'


class TrustedProxies:
    """The networks of the load balancers whose word counts."""

    def __init__(self, networks: Iterable[Network] = ()) -> None:
        self._networks = tuple(networks)

    def __contains__(self, host: str) -> bool:
        """Tell whether an address, as a socket or a header gives it, lies in one of them."""
        if not self._networks:
            return False
        address = _parse_address(host)
        return address is not None and any(address in network for network in self._networks)

    def find_client(self, peer: Client, headers: Fields) -> Client:
        """Return who sent a request, by its headers X-Forwarded-For and X-Forwarded-Proto where peer is trusted.

        Each load balancer adds to the end of X-Forwarded-For whom it got the request from; so they are read from the
        end, as long as it is somebody trusted who has told.

        :param peer: who is at the other end of the connection
        """
        if peer.host not in self:
            return peer
        hops = list(itertools.islice(self._hops(peer, _last_to_first(headers, 'X-Forwarded-For')), _MAX_HOPS))
        client = hops[-1] if hops else peer
        scheme = _told_by(list(_last_to_first(headers, 'X-Forwarded-Proto')), max(1, len(hops)))
        return dataclasses.replace(client, scheme=scheme or peer.scheme)

    def _hops(self, teller: Client, told: Iterable[str]) -> Iterator[Client]:
        for value in told:
            client = _parse_client(value) if teller.host in self else None
            if client is None:
                return  # who wrote garbage, or "unknown", is the last one who is known
            yield client
            teller = client


def _last_to_first(headers: Fields, name: str) -> Iterator[str]:
    for line in reversed(headers.get_all(name, [])):
        for value in reversed(line.split(',')):
            yield value.strip()


def _told_by(schemes: Sequence[str], hops: int) -> str | None:
    """Return the scheme that the outermost of the trusted told, where each added one; else the outermost there is.

    :param schemes: from the last to the first
    """
    value = schemes[min(hops, len(schemes)) - 1] if schemes else ''
    return value.lower() if _SCHEME.fullmatch(value) else None


def _parse_client(value: str) -> Client | None:
    address, port = _parse_address(value), None
    if address is None and (match := _WITH_PORT.fullmatch(value)):
        address = _parse_address(match['v6'] or match['v4'])
        port = int(match['port']) if match['port'] else None
    if address is None or (port is not None and port > 0xffff):
        return None
    return Client(address.compressed, port)


def _parse_address(text: str) -> Address | None:
    try:
        address = ipaddress.ip_address(text.partition('%')[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address
