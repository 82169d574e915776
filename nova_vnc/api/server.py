# SPDX-License-Identifier: Apache-2.0
"""The HTTP server of nova-vnc-api: cheroot, with (green) threads, around the application."""

from __future__ import annotations

import queue
import re
import socket
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from cheroot import wsgi
from cheroot.server import HTTPConnection, HTTPRequest
from oslo_log import log as logging

from nova_vnc import exception, threads
from nova_vnc.api.tls_socket import TlsSocket
from nova_vnc.net.deadline import Deadline
from nova_vnc.net.tls_context import ReloadingContext
from nova_vnc.pulse import Answer, Pulse

LOG = logging.getLogger(__name__)

# For the header of a request, and for each silence within a request, in seconds.
CLIENT_TIMEOUT_S = 10

# Nginx and Apache take 8 KiB for a line; a token of Keystone's has a place in that.
MAX_HEADER_BYTES = 64 * 1024

# Above it cheroot itself answers, with 413 in plain text, before the body is read. Below it the application says 413
# in JSON, and cheroot reads what is left.
MAX_BODY_BYTES = 1024 * 1024

# Requests under way when the service stops; factory.REQUEST_TIMEOUT_S, and what it takes to read and write.
STOP_TIMEOUT_S = 15

BACKLOG = 128

_STOP_POLL_S = 0.1

# A socket with a timeout of 0 would not wait at all.
_SHORTEST_WAIT_S = 0.001

# How long to leave connections alone after accept() has failed for want of file descriptors or memory.
_ACCEPT_PAUSE_S = 0.5

Application = Callable[..., object]


class ApiServer:
    """A service.Service.

    :param host: address to listen on
    :param port: 0: any; `port` tells which, once it has started
    :param threads: that answer requests
    :param close: called when the service has stopped
    :param certificates: to speak TLS by; None: it is spoken in the clear
    """

    def __init__(self, app: Application, host: str, port: int, threads: int, close: Callable[[], None],
                 certificates: ReloadingContext | None = None) -> None:
        self._app = app
        self.host = host
        self.port = port
        self._threads = threads
        self._close = close
        self._certificates = certificates
        self._server: _Server | None = None
        self._stopping = threading.Event()

    def start(self, fail: threads.Fail) -> None:
        """See service.Service.

        :raises ConfigurationError: the address cannot be listened on
        """
        try:
            built = _build_server(self._app, self.host, self.port, self._threads)
            built.certificates = self._certificates
            built.prepare()
            built.socket = _Listener(built.socket)
        except (OSError, ValueError) as error:
            raise exception.ConfigurationError(reason=(
                f'nova-vnc-api cannot listen on {self.host}:{self.port} ([DEFAULT]osapi_compute_listen, '
                f'[DEFAULT]osapi_compute_listen_port): {_reason(error)}')) from None
        self._server = built
        self.port = built.bind_addr[1]
        # Raises too when one of its workers could not go on.
        threads.start('api', built.serve, fail, self._stopping.is_set)
        LOG.info('The Compute API listens on %s:%s', self.host, self.port)

    def pulses(self) -> Sequence[Pulse]:
        """See systemd.HasPulses. A request that hangs is bounded by what it waits for, and counts as no sign."""
        if self._server is None or not self._server.has_pulse:
            return []
        return [Pulse('accept loop', self._server.answer_in_loop)]

    def stop(self, hurry: threading.Event) -> None:
        """See service.Service. Requests under way are answered, unless there is hurry."""
        self._stopping.set()
        stopped = threading.Event()
        if self._server is not None:
            threading.Thread(target=_stop, args=(self._server, stopped), name='api-stop', daemon=True).start()
            while not (stopped.wait(_STOP_POLL_S) or hurry.is_set()):
                pass
        self._close()


def _reason(error: Exception) -> str:
    # cheroot wraps what the system said into a sentence with the address.
    found = re.search(r'\[Errno -?\d+\] ([^)]+)', str(error))
    return found[1] if found else str(error)


class _Socket:
    """A client's connection. cheroot bounds each read alone, so a client that sends byte by byte would have a thread.

    :ivar deadline: of all reads together; None: there is none
    """

    def __init__(self, sock: socket.socket | TlsSocket) -> None:
        self._sock = sock
        self.deadline: Deadline | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)

    def recv_into(self, *args: Any) -> int:
        if self.deadline is not None:
            if self.deadline.expired():
                raise TimeoutError('timed out')     # the words by which cheroot knows it
            self._sock.settimeout(max(_SHORTEST_WAIT_S, self.deadline.remaining()))
        return self._sock.recv_into(*args)


class _Request(HTTPRequest):

    def parse_request(self) -> None:
        if self.server.certificates is not None:
            self.scheme = b'https'
        sock = self.conn.socket
        sock.deadline = Deadline(CLIENT_TIMEOUT_S)
        try:
            super().parse_request()
        finally:
            sock.deadline = None
            sock.settimeout(CLIENT_TIMEOUT_S)


class _Connection(HTTPConnection):
    RequestHandlerClass = _Request

    def __init__(self, server: _Server, sock: socket.socket, makefile: Any) -> None:
        certificates = server.certificates
        super().__init__(server, _Socket(sock if certificates is None else TlsSocket(sock, certificates)), makefile)


class _Server(wsgi.Server):
    """cheroot's, which would print its errors, and let silent connections take its threads."""

    ConnectionClass = _Connection

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._answers: queue.SimpleQueue[Answer] = queue.SimpleQueue()
        self.has_pulse = False
        self.certificates: ReloadingContext | None = None

    def prepare(self) -> None:
        super().prepare()
        # cheroot calls it in the accept loop, every half second (expiration_interval), and has no public hook there.
        # A release without it has no pulse, rather than one that is never felt.
        manager = getattr(self, '_connections', None)
        expire = getattr(manager, '_expire', None)
        if manager is None or expire is None:
            return

        def expire_and_answer(*args: Any, **kwargs: Any) -> None:
            expire(*args, **kwargs)
            while not self._answers.empty():
                self._answers.get()()
        manager._expire = expire_and_answer
        self.has_pulse = True

    def answer_in_loop(self, answer: Answer) -> None:
        """Have something called in the accept loop."""
        self._answers.put(answer)

    def process_conn(self, conn: HTTPConnection) -> None:
        if conn.last_used is None:  # new: it waits in the selector until it says something, CLIENT_TIMEOUT_S at most
            self.put_conn(conn)
        else:
            super().process_conn(conn)

    def error_log(self, msg: str = '', level: int = logging.INFO, traceback: bool = False) -> None:
        LOG.log(level, 'HTTP server: %s', msg, exc_info=traceback)


class _Listener:
    """cheroot's listening socket, of which it learns no failure.

    Otherwise one that repeats itself (EMFILE) keeps cheroot from looking at all other connections, also from closing
    those that have ended or been silent for too long: so it would go on for ever, and without a pause.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)

    def accept(self) -> tuple[socket.socket, Any]:
        try:
            return self._sock.accept()
        except TimeoutError:
            raise
        except OSError as error:
            LOG.error('Cannot accept a connection: %s', error)
        time.sleep(_ACCEPT_PAUSE_S)
        raise TimeoutError


def _build_server(app: Application, host: str, port: int, threads: int) -> _Server:
    built = _Server((host, port), app, numthreads=threads, max=threads, request_queue_size=BACKLOG,
                    timeout=CLIENT_TIMEOUT_S, shutdown_timeout=STOP_TIMEOUT_S, server_name='nova-vnc-api')
    built.max_request_header_size = MAX_HEADER_BYTES
    built.max_request_body_size = MAX_BODY_BYTES
    # One request a connection: under eventlet cheroot would notice the next one half a second late, because its
    # selector waits for the connections alone that were there when it began to wait.
    built.keep_alive_conn_limit = 0
    return built


def _stop(running: _Server, stopped: threading.Event) -> None:
    try:
        running.stop()
    finally:
        stopped.set()
