# SPDX-License-Identifier: Apache-2.0
"""The listening socket, and a thread for each connection until it is a session or closed."""

from __future__ import annotations

import collections
import contextlib
import functools
import selectors
import socket
import threading
import time
from collections.abc import Callable

from oslo_log import log as logging

from nova_vnc import context, exception, threads
from nova_vnc.net import tcp
from nova_vnc.net.deadline import DeadlineExceeded
from nova_vnc.net.tls import TruncatedStream
from nova_vnc.net.transport import PlainTransport, Transport
from nova_vnc.novncproxy import proxy_header
from nova_vnc.novncproxy.connection import TRY_LATER, ClientConnection
from nova_vnc.novncproxy.encryption import Encryption, TurnedAway
from nova_vnc.novncproxy.forwarded import Client, TrustedProxies
from nova_vnc.novncproxy.handler import ConsoleRequestHandler, Site
from nova_vnc.novncproxy.pending import PendingConnections
from nova_vnc.spare_threads import SpareThreads

LOG = logging.getLogger(__name__)

_BACKLOG = 1024
# How long to leave connections alone after accept() has failed for want of file descriptors or memory.
_ACCEPT_PAUSE_S = 0.5
# How long to wait for a connection that select() has announced and another worker has taken.
_ACCEPT_WAIT_S = 0.1
# Bytes: one for each question that is waiting, and one for the end.
_WAKES_AT_ONCE = 64
_NO_THREAD = TRY_LATER % b'503 Service Unavailable'


def listen(host: str, port: int, prefer_ipv6: bool = False) -> socket.socket:
    """Return a listening socket, which no other process can share by chance.

    SO_REUSEPORT is not set: with it a second start on the same port would silently take half of the users.

    :param prefer_ipv6: where the host is a name with addresses of both kinds
    :raises ConfigurationError: in one line, with the option
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        preferred = socket.AF_INET6 if prefer_ipv6 else socket.AF_INET
        family, _, _, _, address = min(found, key=lambda info: info[0] != preferred)
        listener = socket.socket(family, socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise exception.ConfigurationError(reason=f'[vnc]novncproxy_host = {host}: {error}') from None
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise exception.ConfigurationError(
            reason=f'[vnc]novncproxy_host = {host} and novncproxy_port = {port}: {error.strerror}') from None
    return listener


class Server:
    """Accepts connections and leads each through HTTP, in a thread of its own."""

    def __init__(self, site: Site, pending: PendingConnections, trusted: TrustedProxies | None = None,
                 encryption: Encryption | None = None) -> None:
        self._site = site
        self._pending = pending
        self._trusted = trusted or TrustedProxies()
        self._encryption = encryption or Encryption()
        self._goodbyes = _Goodbyes()
        self._connection_threads = SpareThreads('connection')
        self._wake_reader, self._wake_writer = socket.socketpair()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._answers: collections.deque[Callable[[], None]] = collections.deque()

    def answer_in_loop(self, answer: Callable[[], None]) -> None:
        """Have something called in the accept loop, in its next round: a sign of life. Not after stop()."""
        if not self._stopping.is_set():
            self._answers.append(answer)
            with contextlib.suppress(OSError):     # it is being stopped
                self._wake_writer.send(b'x')

    def start(self, listener: socket.socket, fail: threads.Fail) -> None:
        """Accept from now on.

        :param fail: called if that ends for another reason than stop()
        """
        # Not non-blocking: accept() of eventlet would then return connections that are not green.
        listener.settimeout(_ACCEPT_WAIT_S)
        self._thread = threads.start('accept', lambda: self._run(listener), fail, self._stopping.is_set)

    def stop(self) -> None:
        """Close the listening socket; return once nobody is accepted any more."""
        self._stopping.set()
        self._wake_writer.send(b'x')
        if self._thread is not None:
            self._thread.join()
        self._wake_reader.close()
        self._wake_writer.close()

    def _run(self, listener: socket.socket) -> None:
        try:
            with selectors.DefaultSelector() as selector:
                # Closing a socket does not wake who waits for it, so a second one is waited for.
                selector.register(listener, selectors.EVENT_READ)
                selector.register(self._wake_reader, selectors.EVENT_READ)
                self._accept_until_woken(listener, selector)
        finally:
            listener.close()
            self._goodbyes.close_all()

    def _accept_until_woken(self, listener: socket.socket, selector: selectors.BaseSelector) -> None:
        while True:
            ready = {key.fileobj for key, _ in selector.select(self._goodbyes.seconds_to_next())}
            self._goodbyes.close_old()
            if self._wake_reader in ready and self._is_told_to_stop():
                return
            if listener in ready:
                self._accept(listener)

    def _is_told_to_stop(self) -> bool:
        self._wake_reader.recv(_WAKES_AT_ONCE)
        while self._answers:
            self._answers.popleft()()
        return self._stopping.is_set()

    def _accept(self, listener: socket.socket) -> None:
        try:
            sock, address = listener.accept()
        except (TimeoutError, ConnectionError):
            return  # it left before we came, or another worker was faster
        except OSError as error:
            LOG.error('Cannot accept a connection: %s', error)
            self._pending.displace_inactive()
            time.sleep(_ACCEPT_PAUSE_S)
            return
        try:
            connection = self._take_over(sock, address)
        except OSError as error:
            LOG.debug('%s: connection lost: %s', _peer_at(address), error)
            sock.close()
            return
        self._pending.add(connection, connection.source)
        try:
            self._connection_threads.run(functools.partial(self._serve, connection))
        except RuntimeError as error:
            LOG.error('%s: turned away: %s', connection.peer, error)
            self._pending.remove(connection)
            self._goodbyes.add(connection.release(), _NO_THREAD)

    def _take_over(self, sock: socket.socket, address: tuple[str, int]) -> ClientConnection:
        tcp.configure(sock)
        return ClientConnection(PlainTransport(sock), _peer_at(address), self._pending, self._trusted)

    def _serve(self, connection: ClientConnection) -> None:
        """Lead a connection through HTTP to a session or to its end, in its own thread."""
        try:
            proxy_header.take(connection, self._site.header_timeout_s)
            self._encryption.meet(connection.stream)
            with contextlib.suppress(TruncatedStream):  # many browsers leave so; or its place is another's
                ConsoleRequestHandler(connection, self._site)
            connection.send_owed_answer()
        except proxy_header.MalformedHeader as error:
            LOG.warning('%s: closed: %s', connection.peer, error)
        except (proxy_header.Unwanted, TurnedAway) as error:
            LOG.info('%s: closed: %s', connection.peer, error)
        except DeadlineExceeded:
            pass  # it has said nothing
        except OSError as error:
            LOG.debug('%s: connection lost: %s', connection.peer, error)
        except Exception:
            LOG.exception('%s: serving the connection failed', connection.peer)
        finally:
            # What a session has taken over is not this connection's any more, and nothing happens here.
            connection.close()
            self._pending.remove(connection)
            context.forget()


class _Goodbyes:
    """Connections that got an answer without having been read.

    To close them at once would reset them, and the reset can overtake the answer; so it is done a moment later.
    """

    _DELAY_S = 1.0
    _LIMIT = 128

    def __init__(self) -> None:
        self._waiting: collections.deque[tuple[float, Transport]] = collections.deque()

    def add(self, transport: Transport, answer: bytes) -> None:
        try:
            transport.send(answer)
        except OSError:
            pass  # it has left
        transport.shut_down_writing()
        self._waiting.append((time.monotonic() + self._DELAY_S, transport))
        if len(self._waiting) > self._LIMIT:
            self._waiting.popleft()[1].close()

    def seconds_to_next(self) -> float | None:
        return max(0.0, self._waiting[0][0] - time.monotonic()) if self._waiting else None

    def close_old(self) -> None:
        while self._waiting and self._waiting[0][0] <= time.monotonic():
            self._waiting.popleft()[1].close()

    def close_all(self) -> None:
        while self._waiting:
            self._waiting.popleft()[1].close()


def _peer_at(address: tuple[str, int]) -> Client:
    host, port = address[:2]
    return Client(host.removeprefix('::ffff:') if '.' in host else host, port)
