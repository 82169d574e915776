# SPDX-License-Identifier: Apache-2.0
"""The PROXY protocol in front of a connection: whom a load balancer has it from.

It is looked for where its word would count, and needs no option: nothing else that a client may say first begins with a
carriage return, neither TLS nor HTTP of a load balancer.
"""

from __future__ import annotations

from nova_vnc.net import proxy_protocol
from nova_vnc.net.deadline import Deadline
from nova_vnc.net.proxy_protocol import MalformedHeader
from nova_vnc.net.stream import TransportStream
from nova_vnc.novncproxy.connection import ClientConnection
from nova_vnc.novncproxy.forwarded import Client


class Unwanted(Exception):
    """A header of the PROXY protocol came from somebody who is not trusted."""


def take(connection: ClientConnection, timeout_s: float) -> None:
    """Have a connection count as its client's, if it begins with such a header. What follows that is left to be read.

    :raises MalformedHeader: the text is for the operator
    :raises Unwanted: ditto
    :raises DeadlineExceeded: nothing came in time, or not all of the header
    :raises OSError: the connection is broken
    """
    stream = connection.stream
    stream.set_deadline(Deadline(timeout_s))
    begin = stream.peek(proxy_protocol.HEAD_BYTES)
    if not connection.is_trusted:
        if begin.startswith(proxy_protocol.SIGNATURE):
            raise Unwanted('it speaks the PROXY protocol and is not in [novncproxy]trusted_proxies')
        return
    if begin.startswith(proxy_protocol.SIGNATURE_1):
        raise MalformedHeader('version 1 of the PROXY protocol; this proxy takes version 2')
    if not begin.startswith(proxy_protocol.SIGNATURE[:1]):
        return
    head = _read_exactly(stream, proxy_protocol.HEAD_BYTES)
    source = proxy_protocol.read_body(head, _read_exactly(stream, proxy_protocol.read_head(head)))
    if source is not None:
        connection.introduce(Client(source.host, source.port, 'https' if source.is_tls else None))


def _read_exactly(stream: TransportStream, size: int) -> bytes:
    data = b''
    while len(data) < size:
        piece = stream.read(size - len(data))
        if not piece:
            raise MalformedHeader('the connection ended in a header of the PROXY protocol')
        data += piece
    return data
