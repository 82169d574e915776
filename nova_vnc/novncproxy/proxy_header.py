# SPDX-License-Identifier: Apache-2.0
"""The PROXY protocol in front of a connection: whom a load balancer has it from.

It is looked for where its word would count, and needs no option: nothing else that a client may say first begins with a
carriage return, neither TLS nor HTTP of a load balancer.
"""

from __future__ import annotations

from nova_vnc.net import proxy_protocol
from nova_vnc.net.proxy_protocol import HEAD_BYTES, MalformedHeader
from nova_vnc.novncproxy.connection import ClientConnection
from nova_vnc.novncproxy.forwarded import Client


class Unwanted(Exception):
    """A header of the PROXY protocol came from somebody who is not trusted."""


def missing_bytes(header: bytes | bytearray) -> int:
    """Return how many bytes may be read without reading beyond the header, of which these are the first; 0: none.

    :raises MalformedHeader: the text is for the operator
    """
    if len(header) < HEAD_BYTES:
        return HEAD_BYTES - len(header)
    return HEAD_BYTES + proxy_protocol.read_head(bytes(header[:HEAD_BYTES])) - len(header)


def introduce(connection: ClientConnection, header: bytes) -> None:
    """Have a connection count as its client's.

    :param header: all of it
    :raises MalformedHeader: the text is for the operator
    """
    source = proxy_protocol.read_body(header[:HEAD_BYTES], header[HEAD_BYTES:])
    if source is not None:
        connection.introduce(Client(source.host, source.port, 'https' if source.is_tls else None))


def refuse_misplaced(connection: ClientConnection) -> None:
    """See to it that what a connection goes on with is no such header, for which there is a word to the operator.

    :raises MalformedHeader: it is one of another version
    :raises Unwanted: it is from somebody who is not trusted
    :raises DeadlineExceeded: nothing came in time
    :raises OSError: the connection is broken
    """
    begin = connection.stream.peek(HEAD_BYTES)
    if connection.is_trusted:
        if begin.startswith(proxy_protocol.SIGNATURE_1):
            raise MalformedHeader('version 1 of the PROXY protocol; this proxy takes version 2')
    elif begin.startswith(proxy_protocol.SIGNATURE):
        raise Unwanted('it speaks the PROXY protocol and is not in [novncproxy]trusted_proxies')
