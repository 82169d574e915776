# SPDX-License-Identifier: Apache-2.0
"""A client's connection with TLS, in the form in which cheroot uses a socket.

Not cheroot's own adapters: they shake hands in the accept loop, where one silent client holds up all others.
"""

from __future__ import annotations

import errno
import socket

from oslo_log import log as logging

from nova_vnc.net import tls
from nova_vnc.net.deadline import Deadline, DeadlineExceeded
from nova_vnc.net.stream import TransportStream
from nova_vnc.net.tls_context import ReloadingContext
from nova_vnc.net.transport import PlainTransport

LOG = logging.getLogger(__name__)

_TEXT = b'This address takes connections with TLS only: https.\r\n'
_TLS_ONLY = (b'HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n'
             b'Connection: close\r\n\r\n%s' % (len(_TEXT), _TEXT))


class TlsSocket:
    """What cheroot and socket.SocketIO call of a socket. The handshake is part of the first read.

    :param sock: is this object's from here on
    """

    def __init__(self, sock: socket.socket, contexts: ReloadingContext) -> None:
        transport = PlainTransport(sock)
        self._fd = transport.fileno()
        self._stream = TransportStream(transport)
        self._contexts = contexts
        self._timeout_s: float | None = None
        self._is_encrypted = False

    def fileno(self) -> int:
        return self._fd

    def settimeout(self, timeout_s: float | None) -> None:
        """Bound each call that follows, the handshake included."""
        self._timeout_s = timeout_s

    def gettimeout(self) -> float | None:
        return self._timeout_s

    def recv_into(self, room: memoryview) -> int:
        """:raises TimeoutError, ConnectionResetError: which cheroot knows"""
        self._stream.set_deadline(self._deadline())
        try:
            self._encrypt()
            data = self._stream.read(len(room))
        except DeadlineExceeded:
            raise TimeoutError('timed out') from None   # the words by which cheroot knows it
        except tls.TlsError as error:
            LOG.debug('A connection of a client broke: %s', error)
            raise ConnectionResetError(errno.ECONNRESET, 'TLS failed') from None
        room[:len(data)] = data
        return len(data)

    def send(self, data: bytes) -> int:
        """Send all of it.

        :raises TimeoutError, ConnectionResetError: as recv_into()
        """
        self._stream.set_deadline(self._deadline())
        try:
            self._stream.write(data)
        except DeadlineExceeded:
            raise TimeoutError('timed out') from None
        except tls.TlsError:
            raise ConnectionResetError(errno.ECONNRESET, 'TLS failed') from None
        return len(data)

    def shutdown(self, how: int) -> None:
        self._stream.shut_down_writing()
        if how != socket.SHUT_WR:
            self._stream.interrupt(how)

    def close(self) -> None:
        self._fd = -1
        self._stream.close()

    def _decref_socketios(self) -> None:
        """For socket.SocketIO, which tells so that it is closed; the connection is not its to close."""

    def _deadline(self) -> Deadline | None:
        return None if self._timeout_s is None else Deadline(self._timeout_s)

    def _encrypt(self) -> None:
        if self._is_encrypted:
            return
        if self._stream.peek(1) not in (*tls.CLIENT_HELLO, b''):
            self._stream.write(_TLS_ONLY)
            raise ConnectionResetError(errno.ECONNRESET, 'no TLS')
        context = self._contexts.current()
        if context is None:
            raise tls.TlsError('there is no certificate')
        self._stream.upgrade(tls.wrap(context, server_side=True))
        self._is_encrypted = True
