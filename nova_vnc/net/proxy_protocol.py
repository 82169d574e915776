# SPDX-License-Identifier: Apache-2.0
"""The header of the PROXY protocol, version 2, with which a load balancer tells who its client is. Sans I/O.

Source: https://www.haproxy.org/download/2.6/doc/proxy-protocol.txt, section 2.2. Its parts: 12 bytes of signature, one
for version and command, one for address family and transport, two for the length of what follows; then addresses and
ports, then TLVs.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import struct
from collections.abc import Iterator

SIGNATURE = b'\r\n\r\n\0\r\nQUIT\n'
# What version 1 begins with, a line of text, which is not read here.
SIGNATURE_1 = b'PROXY '

HEAD_BYTES = 16
# The sender may add TLVs, of which certificates are the largest; 64 KiB is what the length can say. Nobody who balances
# consoles sends that much.
MAX_BODY_BYTES = 4096

_VERSION = 2
_LOCAL, _PROXY = 0, 1
_TCP4, _TCP6 = 0x11, 0x21
_PP2_TYPE_SSL = 0x20
_PP2_CLIENT_SSL = 0x01


class MalformedHeader(Exception):
    """It is no such header, or one that makes no sense. The text is for the operator, and quotes nothing."""


@dataclasses.dataclass(frozen=True)
class Source:
    """Whom a connection is from.

    :ivar host: an IPv4 or IPv6 address
    :ivar is_tls: whether the load balancer has said that it ended TLS; False where it said nothing
    """

    host: str
    port: int
    is_tls: bool = False


def read_head(head: bytes) -> int:
    """Return how many bytes of the header are still to come.

    :param head: the first HEAD_BYTES of the connection
    :raises MalformedHeader: what this is instead
    """
    if len(head) < HEAD_BYTES or not head.startswith(SIGNATURE):
        raise MalformedHeader('no header of the PROXY protocol')
    version, size = head[12] >> 4, int.from_bytes(head[14:16], 'big')
    if version != _VERSION:
        raise MalformedHeader(f'version {version} of the PROXY protocol in the form of version 2')
    if head[12] & 0xf not in (_LOCAL, _PROXY):
        raise MalformedHeader(f'unknown command {head[12] & 0xf} of the PROXY protocol')
    if size > MAX_BODY_BYTES:
        raise MalformedHeader(f'a header of the PROXY protocol with {size} bytes; {MAX_BODY_BYTES} are the most')
    return size


def read_body(head: bytes, body: bytes) -> Source | None:
    """Return whom the connection is from.

    None: from the load balancer itself, which looks whether we live (LOCAL), or has not said whom from (UNSPEC, or
    sockets of other kinds); section 2.2 has the connection's own peer count then.

    :param head: that read_head() has taken
    :param body: as many bytes as it said
    :raises MalformedHeader: the body is too short for what it should hold
    """
    if head[12] & 0xf == _LOCAL or head[13] not in (_TCP4, _TCP6):
        return None
    address_bytes = 4 if head[13] == _TCP4 else 16
    end = 2 * address_bytes + 4
    if len(body) < end:
        raise MalformedHeader('a header of the PROXY protocol without room for its addresses')
    address = ipaddress.ip_address(body[:address_bytes])
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    port, = struct.unpack_from('!H', body, 2 * address_bytes)
    return Source((mapped or address).compressed, port, _is_tls(body[end:]))


def _is_tls(rest: bytes) -> bool:
    tlvs = list(_tlvs(rest))    # all of them, so that a broken one is found wherever it is
    return any(kind == _PP2_TYPE_SSL and value and value[0] & _PP2_CLIENT_SSL for kind, value in tlvs)


def _tlvs(rest: bytes) -> Iterator[tuple[int, bytes]]:
    """:raises MalformedHeader: one goes beyond the end"""
    while rest:
        if len(rest) < 3 or len(rest) < 3 + (size := int.from_bytes(rest[1:3], 'big')):
            raise MalformedHeader('a header of the PROXY protocol that breaks off')
        yield rest[0], rest[3:3 + size]
        rest = rest[3 + size:]
