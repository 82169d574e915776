# SPDX-License-Identifier: Apache-2.0
"""The accept loop, and a thread for each connection that has asked for something, until it is a session or closed."""

from __future__ import annotations

import collections
import contextlib
import functools
import socket
import threading
import time
from collections.abc import Callable

from oslo_log import log as logging

from nova_vnc import concurrency, context, exception, threads
from nova_vnc.net.deadline import Deadline, DeadlineExceeded
from nova_vnc.net.listener import Listener
from nova_vnc.net.tls import TruncatedStream
from nova_vnc.net.transport import READABLE, PlainTransport
from nova_vnc.novncproxy import proxy_header
from nova_vnc.novncproxy.connection import DISPLACED, TRY_LATER, ClientConnection
from nova_vnc.novncproxy.doorstep import Doorstep
from nova_vnc.novncproxy.encryption import Encryption, TurnedAway
from nova_vnc.novncproxy.forwarded import Client, TrustedProxies
from nova_vnc.novncproxy.goodbyes import Goodbyes
from nova_vnc.novncproxy.handler import ConsoleRequestHandler, Site
from nova_vnc.novncproxy.pending import PendingConnections
from nova_vnc.spare_threads import SpareThreads

LOG = logging.getLogger(__name__)

# For a second or so of a flood. Linux bounds it by the sysctl net.core.somaxconn, which is 4096 since 5.4.
_BACKLOG = 4096
# How many connections to accept before others have their turn.
_ACCEPTS_AT_ONCE = 64
# How long to accept nobody after accept() has failed for want of file descriptors or memory.
_ACCEPT_PAUSE_S = 0.5
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
    """Accepts connections, and leads each that has asked for something through HTTP, in a thread of its own."""

    def __init__(self, site: Site, pending: PendingConnections, trusted: TrustedProxies | None = None,
                 encryption: Encryption | None = None) -> None:
        self._site = site
        self._pending = pending
        self._trusted = trusted or TrustedProxies()
        self._encryption = encryption or Encryption()
        self._goodbyes = Goodbyes(self._wake)
        self._connection_threads = SpareThreads('connection')
        self._wake_reader, self._wake_writer = socket.socketpair()
        self._stopping = threading.Event()
        self._accepts_no_more = threading.Event()
        self._accepts_again_at: float | None = None     # while that pauses
        self._answers: collections.deque[Callable[[], None]] = collections.deque()
        self._listener: Listener | None = None
        self._poller: concurrency.Epoll
        self._doorstep: Doorstep

    def answer_in_loop(self, answer: Callable[[], None]) -> None:
        """Have something called in the accept loop, in its next round: a sign of life. Not after stop()."""
        if not self._stopping.is_set():
            self._answers.append(answer)
            self._wake()

    def start(self, listener: socket.socket, fail: threads.Fail) -> None:
        """Accept from now on.

        :param fail: called if that ends for another reason than stop()
        """
        self._listener = Listener(listener)
        self._poller = concurrency.Epoll()
        self._doorstep = Doorstep(self._poller, self._pending, self._site.header_timeout_s, self._admit, self._refuse,
                                  self._goodbyes)
        threads.start('accept', self._run, fail, self._stopping.is_set)

    def stop(self) -> None:
        """Close the listening socket; return once nobody is accepted any more.

        Who is there by then is served on: the loop ends when the last one who has asked for nothing has gone.
        """
        self._stopping.set()
        self._wake()
        if self._listener is not None:
            self._accepts_no_more.wait()

    def _wake(self) -> None:
        with contextlib.suppress(OSError):     # the loop has ended
            self._wake_writer.send(b'x')

    def _run(self) -> None:
        assert self._listener is not None
        try:
            self._poller.register(self._wake_reader.fileno(), READABLE)
            self._poller.register(self._listener.fileno(), READABLE)
            while not self._stopping.is_set():
                self._run_once(self._listener)
            self._close(self._listener)
            while self._doorstep or self._goodbyes:
                self._run_once(self._listener)
        finally:
            self._close(self._listener)
            self._doorstep.close_all()
            self._goodbyes.close_all()
            self._poller.close()
            self._wake_reader.close()
            self._wake_writer.close()

    def _run_once(self, listener: Listener) -> None:
        for fd, _ in self._poller.poll(self._seconds_to_next()):
            if fd == listener.fileno():
                self._accept(listener)
            elif fd == self._wake_reader.fileno():
                self._wake_reader.recv(_WAKES_AT_ONCE)
            else:
                self._doorstep.look_at(fd)
        while self._answers:
            self._answers.popleft()()
        self._doorstep.end_old()
        self._goodbyes.close_old()
        if self._accepts_again_at is not None and self._accepts_again_at <= time.monotonic():
            self._accepts_again_at = None
            self._poller.register(listener.fileno(), READABLE)

    def _seconds_to_next(self) -> float | None:
        pause_s = None if self._accepts_again_at is None else max(0.0, self._accepts_again_at - time.monotonic())
        waits_s = (pause_s, self._doorstep.seconds_to_next(), self._goodbyes.seconds_to_next())
        return min((wait_s for wait_s in waits_s if wait_s is not None), default=None)

    def _close(self, listener: Listener) -> None:
        if listener.fileno() >= 0 and self._accepts_again_at is None:
            # Closing does not do it, as long as other workers have the same socket.
            self._poller.unregister(listener.fileno())
        self._accepts_again_at = None
        listener.close()
        self._accepts_no_more.set()

    def _accept(self, listener: Listener) -> None:
        for _ in range(_ACCEPTS_AT_ONCE):
            try:
                accepted = listener.accept()
            except ConnectionError:
                continue    # it left before we came
            except OSError as error:
                LOG.error('Cannot accept a connection: %s', error)
                self._pending.displace_inactive()
                self._poller.unregister(listener.fileno())
                self._accepts_again_at = time.monotonic() + _ACCEPT_PAUSE_S
                return
            if accepted is None:
                return
            self._take_in(*accepted)

    def _take_in(self, transport: PlainTransport, address: tuple[str, int]) -> None:
        self._doorstep.receive(ClientConnection(transport, _peer_at(address), self._pending, self._trusted,
                                                self._goodbyes))

    def _admit(self, connection: ClientConnection) -> None:
        """Have a connection served whose client has asked for something, or begins TLS."""
        try:
            self._connection_threads.run(functools.partial(self._serve, connection))
        except RuntimeError as error:
            LOG.error('%s: turned away: %s', connection.peer, error)
            self._pending.remove(connection)
            self._goodbyes.add(connection.release(), _NO_THREAD)

    def _refuse(self, connection: ClientConnection) -> None:
        """Have what a client has said so far answered as it would be in a thread; here, as that need not wait.

        It has no place any more, so nothing is served: see parse_request() of the handler.
        """
        connection.stream.wait_no_more()
        self._lead(connection)
        self._goodbyes.add(connection.release(), DISPLACED if connection.is_owed_an_answer else b'')

    def _serve(self, connection: ClientConnection) -> None:
        """Lead a connection through HTTP to a session or to its end, in its own thread."""
        try:
            connection.stream.set_deadline(Deadline(self._site.header_timeout_s))
            self._lead(connection)
            connection.say_goodbye()
        finally:
            # What a session has taken over is not this connection's any more, and nothing happens here.
            connection.close()
            self._pending.remove(connection)
            context.forget()

    def _lead(self, connection: ClientConnection) -> None:
        try:
            proxy_header.refuse_misplaced(connection)
            self._encryption.meet(connection.stream)
            with contextlib.suppress(TruncatedStream):  # many browsers leave so; or its place is another's
                ConsoleRequestHandler(connection, self._site)
        except proxy_header.MalformedHeader as error:
            LOG.warning('%s: closed: %s', connection.peer, error)
        except (proxy_header.Unwanted, TurnedAway) as error:
            LOG.info('%s: closed: %s', connection.peer, error)
        except DeadlineExceeded:
            pass  # it has said nothing, or does not take the answer
        except OSError as error:
            LOG.debug('%s: connection lost: %s', connection.peer, error)
        except Exception:
            LOG.exception('%s: serving the connection failed', connection.peer)


def _peer_at(address: tuple[str, int]) -> Client:
    host, port = address[:2]
    return Client(host.removeprefix('::ffff:') if '.' in host else host, port)
