# SPDX-License-Identifier: Apache-2.0
"""A client's connection from accept() until it is a session or closed."""

from __future__ import annotations

import contextlib
import socket

from nova_vnc.net.deadline import Deadline
from nova_vnc.net.stream import Released, TransportStream
from nova_vnc.net.transport import Transport
from nova_vnc.novncproxy.forwarded import Client, TrustedProxies
from nova_vnc.novncproxy.goodbyes import Goodbyes
from nova_vnc.novncproxy.header_fields import Fields
from nova_vnc.novncproxy.pending import PendingConnections, source_of
from nova_vnc.novncproxy.pending_places import Stage

# What a client may go on sending after it got the answer that ends the connection: to close while something is unread
# would reset the connection, and the reset can overtake the answer.
_LINGER_S = 1.0
_LINGER_BYTES = 1 << 20
_READ_BYTES = 64 * 1024

TRY_LATER = (b'HTTP/1.1 %s\r\nContent-Type: text/plain\r\nContent-Length: 34\r\nRetry-After: 5\r\n'
             b'Connection: close\r\n\r\nToo many connections, try later.\r\n')
DISPLACED = TRY_LATER % b'429 Too Many Requests'


class ClientConnection:
    """Owns the connection, by its stream, until that is released.

    drop() and displace(), see pending.Droppable, are for any thread, all else for the one that it is with: the accept
    loop's until the client has asked for something, then the connection's own.

    :param peer: who is at its other end
    :param trusted: the load balancers whose word counts
    :param goodbyes: is given the connection that loses its place while nothing is being said to the client

    :ivar stream: through which it is read and written
    :ivar client: who has made the latest request, or the peer
    :ivar is_idle: no request is under way; the handler keeps this up to date
    :ivar is_owed_an_answer: it has lost its place before its first request was whole
    """

    def __init__(self, transport: Transport, peer: Client, pending: PendingConnections,
                 trusted: TrustedProxies, goodbyes: Goodbyes) -> None:
        self.stream = TransportStream(transport)
        self.client = peer
        self.is_idle = True
        self._pending = pending
        self._trusted = trusted
        self._goodbyes = goodbyes
        self._teller = peer     # whose headers are read
        self.is_owed_an_answer = False

    @property
    def peer(self) -> str:
        """Address and port of the client, for people."""
        return str(self.client)

    @property
    def is_trusted(self) -> bool:
        """Whether this is a load balancer, whose word counts."""
        return self._teller.host in self._trusted

    @property
    def source(self) -> str:
        """As whose it counts; a load balancer's own, of which no client is known, are one each."""
        return str(self._teller) if self.client.host in self._trusted else source_of(self.client.host)

    def introduce(self, client: Client) -> None:
        """Take note of whom the load balancer has the connection from."""
        self._teller = self.client = client
        self._pending.count_for(self, self.source)

    def read_headers(self, headers: Fields) -> None:
        """Take note of whom a request is from; a load balancer may send those of many clients on one connection."""
        client = self._trusted.find_client(self._teller, headers)
        if client is not self.client:
            self.client = client
            self._pending.count_for(self, self.source)

    def move(self, stage: Stage) -> bool:
        """Take note of a step forward; return False if the connection has been dropped."""
        return self._pending.move(self, stage)

    def claim(self, token: bytes, instance_uuid: str) -> bool:
        """Take note of a valid token, or what stands for it; return False if it is one too many."""
        return self._pending.claim(self, token, instance_uuid)

    def settle(self) -> bool:
        """Take note that this is about to become a session; return False if the connection has been dropped."""
        return self._pending.settle(self)

    def displace(self, stage: Stage) -> None:
        if stage is Stage.SILENT:
            # Whose turn it is reads, or is about to, and finds that it has lost its place; then it can tell the client.
            self.is_owed_an_answer = True
            self.stream.interrupt(socket.SHUT_RD)
        elif stage is Stage.ASKED:
            # Whoever works on the request says nothing before another move(), which fails now.
            with contextlib.suppress(Released):
                self._goodbyes.hand_in(self.stream.release(), DISPLACED)
        else:
            self.drop()

    def drop(self) -> None:
        """Wake whoever waits for the client: it reads the end of the stream now."""
        self.stream.interrupt()

    def say_goodbye(self) -> None:
        """Tell a client whose place is another's by now, where nothing has been said yet. Never waits."""
        if self.is_owed_an_answer and self.stream.is_owner:
            self._goodbyes.hand_in(self.release(), DISPLACED)

    def release(self) -> Transport:
        """See TransportStream."""
        return self.stream.release()

    def close(self) -> None:
        """Close so that the client gets the last answer even if it is still sending (RFC 9112 section 9.6).

        Does nothing once the connection was released.
        """
        if not self.stream.is_owner:
            return
        left_bytes = _LINGER_BYTES
        self.stream.set_deadline(Deadline(_LINGER_S))
        self.stream.shut_down_writing()
        try:
            while left_bytes > 0 and (data := self.stream.read(_READ_BYTES)):
                left_bytes -= len(data)
        except OSError:
            pass  # it has left, takes too long, or is not ours any more
        self.stream.close()
