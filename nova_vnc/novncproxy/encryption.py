# SPDX-License-Identifier: Apache-2.0
"""TLS towards browsers, on the port that takes connections in the clear as well, unless those are refused."""

from __future__ import annotations

from nova_vnc.net import tls
from nova_vnc.net.deadline import DeadlineExceeded
from nova_vnc.net.stream import TransportStream
from nova_vnc.net.tls_context import ReloadingContext

_TEXT = b'This address takes connections with TLS only: its links begin with https.\r\n'
_TLS_ONLY = (b'HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n'
             b'Connection: close\r\n\r\n%s' % (len(_TEXT), _TEXT))


class TurnedAway(Exception):
    """A connection cannot go on; the text is for the operator."""


class Encryption:
    """What a connection has to begin with.

    :param contexts: None: nobody gets TLS
    :param is_required: whether connections in the clear are refused
    """

    def __init__(self, contexts: ReloadingContext | None = None, is_required: bool = False) -> None:
        self._contexts = contexts
        self._is_required = is_required

    def meet(self, stream: TransportStream) -> None:
        """Have a stream go on encrypted, if its client begins so; all under the deadline that the stream has.

        :raises TurnedAway: the client has got its answer, where there is one that it would understand
        :raises DeadlineExceeded: the client has said nothing
        :raises OSError: the connection is broken
        """
        begin = stream.peek(1)
        if begin in tls.CLIENT_HELLO:
            self._encrypt(stream)
        elif begin and self._is_required:
            stream.write(_TLS_ONLY)
            raise TurnedAway('it came without TLS, and [DEFAULT]ssl_only = True')

    def _encrypt(self, stream: TransportStream) -> None:
        context = None if self._contexts is None else self._contexts.current()
        if context is None:
            raise TurnedAway('it speaks TLS, and there is no certificate; see [DEFAULT]cert')
        try:
            stream.upgrade(tls.wrap(context, server_side=True))
        except tls.TlsError as error:
            raise TurnedAway(str(error)) from None
        except DeadlineExceeded:
            raise TurnedAway('the handshake of TLS took too long') from None
