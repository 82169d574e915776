# SPDX-License-Identifier: Apache-2.0
"""TLS as a Transport over TCP.

It goes by the object below ssl.SSLSocket, which SSLContext._wrap_socket() makes of a plain socket: eventlet replaces
ssl.SSLSocket by one that waits, and the memory BIOs of ssl.SSLObject would hide the socket from OpenSSL, which could
then never leave the work to the kernel. An idle connection takes 15 KiB, with BIOs 17; bulk costs the same with both.
"""

from __future__ import annotations

import functools
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from nova_vnc.net import tcp_info
from nova_vnc.net.stream import Handshake
from nova_vnc.net.transport import NOTHING_YET, READABLE, WRITABLE, PlainTransport, Transport

# What a client that speaks TLS says first: the type of a record with a ClientHello (RFC 8446 section 5.1), or the
# length of one as SSL 2 had it. No request of HTTP begins so.
CLIENT_HELLO = (b'\x16', b'\x80')

# From this size of a record on, more of them are likely there already; a key press comes alone, and to look for a
# second one would double the calls of the system. Whoever waits for the descriptor learns of what is left there.
_BULK_BYTES = 1024


class TlsError(OSError):
    """TLS failed; the text says in one sentence how, without an address. Its cause is the ssl.SSLError, if any."""


class CertificateRejected(TlsError):
    """The peer's certificate is not trusted.

    :ivar reason: OpenSSL's words, as 'certificate has expired'
    """

    def __init__(self, reason: str) -> None:
        super().__init__(f'the certificate was not accepted: {reason}')
        self.reason = reason


class TruncatedStream(TlsError):
    """The stream ended without TLS having said so: by a failure, or by somebody who is not the peer."""


class _Socket(socket.SocketType):
    # What is made of it keeps only a weak reference, which the plain type does not allow.
    __slots__ = ('__weakref__',)


class TlsTransport:
    """A Transport and a Handshake. Before the handshake is done it neither sends nor receives.

    An end of the stream without close_notify (RFC 8446 section 6.1) raises TruncatedStream. After shut_down_writing()
    what the peer still sends is dropped; its end is seen.

    :param below: is this transport's from here on, and closed where this raises
    :param server_hostname: for a client: what to name to the server, and where the context checks host names, what its
        certificate has to be for: a name or an address
    """

    __slots__ = ('_failure', '_is_at_end', '_is_established', '_is_shut', '_sock', '_tls', 'receive_waits_for',
                 'send_waits_for')

    receives_ahead = True
    is_spliceable = False

    def __init__(self, below: PlainTransport, context: ssl.SSLContext, *, server_side: bool = False,
                 server_hostname: str | None = None) -> None:
        plain = below.release()
        self._sock = _Socket(plain.family, plain.type, plain.proto, plain.detach())
        self._sock.setblocking(False)
        self.receive_waits_for = READABLE
        self.send_waits_for = WRITABLE
        self._is_established = False
        self._is_shut = False
        # What came behind bytes that were there to be returned first.
        self._is_at_end = False
        self._failure: OSError | None = None
        try:
            self._tls = _wrap(context, self._sock, server_side, server_hostname)
        except BaseException:
            self._sock.close()
            raise

    def do_handshake(self) -> int:
        """See stream.Handshake.

        :raises CertificateRejected: the peer's certificate is not trusted
        :raises TlsError: it failed otherwise
        """
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return READABLE
        except ssl.SSLWantWriteError:
            return WRITABLE
        except ssl.SSLError as error:
            if _is_truncation(error):
                raise TlsError('the peer left during the handshake of TLS') from error
            raise _translate(error) from error
        self._is_established = True
        return 0

    def fileno(self) -> int:
        return self._sock.fileno()

    def receive_into(self, room: memoryview) -> int:
        if self._is_shut:
            return self._drop_received(room)
        self._raise_failure()
        filled = 0
        try:
            while filled < len(room) and not self._is_at_end:
                size = self._tls.read(len(room) - filled, room[filled:])
                filled += size
                self._is_at_end = size == 0
                if size < _BULK_BYTES:
                    break
        except ssl.SSLWantReadError:
            self.receive_waits_for = READABLE
            return filled or NOTHING_YET
        except ssl.SSLWantWriteError:
            self.receive_waits_for = WRITABLE
            return filled or NOTHING_YET
        except OSError as error:
            # Without its traceback, which would keep the room.
            self._failure = _translate(error.with_traceback(None))
            if not filled:
                self._raise_failure()
        self.receive_waits_for = READABLE
        return filled

    def has_received(self) -> bool:
        if self._is_shut:
            return False
        return self._tls.pending() > 0 or self._is_at_end or self._failure is not None

    def receive_into_pipe(self, fd: int, max_bytes: int) -> int:
        raise NotImplementedError

    def free_to_send(self) -> int:
        raise NotImplementedError

    def send_from_pipe(self, fd: int, size: int) -> int:
        raise NotImplementedError

    def send(self, data: bytes | memoryview, flags: int = 0) -> int:
        if not len(data):
            return 0
        try:
            sent: int = self._tls.write(data)
        except ssl.SSLWantReadError:
            self.send_waits_for = READABLE
            return 0
        except ssl.SSLWantWriteError:
            self.send_waits_for = WRITABLE
            return 0
        except ssl.SSLError as error:
            raise _translate(error) from error
        self.send_waits_for = WRITABLE
        return sent

    def shut_down_writing(self) -> None:
        self._say_end()
        self.shut_down(socket.SHUT_WR)

    def shut_down(self, how: int) -> None:
        with suppress(OSError):
            self._sock.shutdown(how)

    def is_holding_back(self, silence_s: float) -> bool:
        return tcp_info.is_holding_back(self._sock, silence_s)

    def close(self) -> None:
        if self._sock.fileno() >= 0:
            self._say_end()
        self._sock.close()

    def version(self) -> str | None:
        """Return what is spoken, as 'TLSv1.3'; None before the handshake is done."""
        version: str | None = self._tls.version()
        return version

    def _raise_failure(self) -> None:
        if self._failure is not None:
            failure, self._failure = self._failure, None
            raise failure

    def _say_end(self) -> None:
        """Send close_notify, if it goes out without waiting."""
        if not self._is_established or self._is_shut:
            return
        self._is_shut = True
        with suppress(OSError):     # Python also looks for the peer's, which is no matter: what comes is dropped
            self._tls.shutdown()

    def _drop_received(self, room: memoryview) -> int:
        # Once in a call: somebody who sends without end is not waited for.
        try:
            return NOTHING_YET if self._sock.recv_into(room) else 0
        except BlockingIOError:
            return NOTHING_YET


def wrap(context: ssl.SSLContext, *, server_side: bool = False,
         server_hostname: str | None = None) -> Callable[[Transport], tuple[Transport, Handshake]]:
    """Return what TransportStream.upgrade() takes; the stream is to be over TCP. See TlsTransport."""
    return functools.partial(_take_over, context=context, server_side=server_side, server_hostname=server_hostname)


def _take_over(below: Transport, *, context: ssl.SSLContext, server_side: bool,
               server_hostname: str | None) -> tuple[Transport, Handshake]:
    if not isinstance(below, PlainTransport):
        below.close()
        raise TlsError('TLS goes over TCP only')
    tls = TlsTransport(below, context, server_side=server_side, server_hostname=server_hostname)
    return tls, tls


def _wrap(context: Any, sock: _Socket, server_side: bool, server_hostname: str | None) -> Any:
    # What SSLContext.wrap_socket() sees to before it calls the same.
    if context.check_hostname and not server_hostname:
        raise TlsError('a host name has to be checked and none is known')
    try:
        name = server_hostname and server_hostname.encode('idna').decode('ascii')
    except UnicodeError:
        raise TlsError('the host name is none that a certificate could be for') from None
    return context._wrap_socket(sock, server_side, name or None)


def _translate(error: OSError) -> OSError:
    """Return what to raise for an error of the ssl module, which is its cause; any other is returned as it is."""
    if not isinstance(error, ssl.SSLError):
        return error
    translated: TlsError
    if _is_truncation(error):
        translated = TruncatedStream('the stream ended without the end of TLS')
    elif isinstance(error, ssl.SSLCertVerificationError):
        translated = CertificateRejected(error.verify_message)
    else:
        translated = TlsError(f'TLS failed: {_describe(error)}')
    translated.__cause__ = error
    return translated


def _is_truncation(error: ssl.SSLError) -> bool:
    # Python before 3.12 knows but OpenSSL 1.1's way to say so.
    return isinstance(error, (ssl.SSLEOFError, ssl.SSLZeroReturnError)) or (
        error.reason == 'UNEXPECTED_EOF_WHILE_READING')


def _describe(error: ssl.SSLError) -> str:
    """Return OpenSSL's reason in small letters, as 'no shared cipher'."""
    return (error.reason or 'unknown reason').lower().replace('_', ' ')
