# SPDX-License-Identifier: Apache-2.0
"""nova-novncproxy as a service: its start, and its end in order."""

from __future__ import annotations

import dataclasses
import socket
import threading
import time
from collections.abc import Callable, Sequence

from oslo_log import log as logging

from nova_vnc.net.websocket import CloseCode
from nova_vnc.novncproxy import open_files
from nova_vnc.novncproxy import server as http_server
from nova_vnc.novncproxy.encryption import Encryption
from nova_vnc.novncproxy.files import FileTree
from nova_vnc.novncproxy.floods import FloodLog
from nova_vnc.novncproxy.forwarded import TrustedProxies
from nova_vnc.novncproxy.handler import ConsoleRequestHandler, Site
from nova_vnc.novncproxy.pending import Limits, PendingConnections
from nova_vnc.novncproxy.request import ConsoleRequest
from nova_vnc.novncproxy.session import Parts, Session
from nova_vnc.pulse import Pulse

LOG = logging.getLogger(__name__)

_POLL_S = 0.1
_FILES_OF_A_SESSION = 2
_FILES_OF_A_RECORDED_SESSION = 3
# What sessions get to say goodbye once their time is up; the relay gives each one less.
_GOODBYE_S = 6.0
_STOPPING = 'The console service is being restarted. Reconnect in a moment.'


@dataclasses.dataclass(frozen=True)
class Settings:
    """Where to listen, what to serve and how long to wait: see the options of the same names."""

    host: str
    port: int
    prefer_ipv6: bool
    header_timeout_s: float
    keep_alive_timeout_s: float
    drain_timeout_s: float
    limits: Limits
    trusted_proxies: TrustedProxies
    encryption: Encryption


class NoVNCProxy:
    """A service.Service.

    :ivar port: the TCP port it listens on, after start()
    """

    def __init__(self, settings: Settings, files: FileTree, parts: Parts,
                 listener: socket.socket | None = None) -> None:
        """:param listener: the listening socket of all workers, where this is one of several"""
        self._listener = listener
        # May sessions go on without end? Not unless retire() says so.
        self._is_limited = threading.Event()
        self._is_limited.set()
        self.port = settings.port
        self._settings = settings
        self._parts = parts
        self._stopping = threading.Event()
        self._pending = PendingConnections(settings.limits, FloodLog().note)
        self._server = http_server.Server(
            Site(files, self._open_session, self._stopping.is_set, settings.header_timeout_s,
                 settings.keep_alive_timeout_s), self._pending, settings.trusted_proxies,
            settings.encryption)

    def start(self, fail: Callable[[str], None]) -> None:
        """:raises ConfigurationError: the address or the port cannot be had, or sessions cannot be recorded"""
        settings = self._settings
        if self._parts.recorder is not None:
            self._parts.recorder.check()
        listener = self._listener or http_server.listen(settings.host, settings.port, settings.prefer_ipv6)
        self.port = listener.getsockname()[1]
        shares = self._share_open_files()
        self._parts.engine.start(fail)
        if self._parts.recorder is not None:
            self._parts.recorder.start(fail)
        self._server.start(listener, fail)
        LOG.info('Listening for browsers on %s port %d, for %d sessions and %d connections that are none yet',
                 settings.host, self.port, shares.sessions, shares.pending)

    def pulses(self) -> Sequence[Pulse]:
        """See systemd.HasPulses."""
        return [Pulse('accept loop', self._server.answer_in_loop),
                Pulse('relay loop', self._parts.engine.answer_in_loop)]

    def sessions(self) -> int:
        """See systemd.HasSessions."""
        return len(self._parts.registry)

    def retire(self, stop: threading.Event) -> None:
        """Let drain_timeout begin with this event, and sessions go on until then, once the service is stopped."""
        self._is_limited = stop

    def stop(self, hurry: threading.Event) -> None:
        """Take no new connections, let the sessions go on for a while, then end them."""
        self._stopping.set()
        self._server.stop()
        while self._is_busy() and not hurry.is_set() and not self._is_limited.is_set():
            self._is_limited.wait(_POLL_S)
        if self._is_busy() and self._settings.drain_timeout_s:
            LOG.info('%d sessions may go on for %d s', len(self._parts.registry), self._settings.drain_timeout_s)
        if not self._wait_until_idle(self._settings.drain_timeout_s, hurry):
            self._pending.drop_all()
            self._parts.registry.close_all(CloseCode.GOING_AWAY, _STOPPING)
            self._wait_until_idle(_GOODBYE_S, hurry)
        self._parts.engine.stop()
        if self._parts.recorder is not None:
            self._parts.recorder.stop()

    def _share_open_files(self) -> open_files.Shares:
        """Have no more sessions and connections than there are file descriptors for; return how many those are."""
        limit = open_files.raise_limit()
        files = _FILES_OF_A_SESSION if self._parts.recorder is None else _FILES_OF_A_RECORDED_SESSION
        places = self._parts.registry.places
        shares = open_files.share(limit, files, self._settings.limits.max_pending_connections)
        if places.max_sessions > shares.sessions:
            LOG.warning('[novncproxy]max_sessions = %d, and the limit of open files (LimitNOFILE, ulimit -n), %d, is '
                        'good for %d sessions. The latter holds.', places.max_sessions, limit, shares.sessions)
        sessions = min(places.max_sessions or shares.sessions, shares.sessions)
        places.set_ceiling(sessions)
        self._pending.set_ceiling(shares.pending)
        return open_files.Shares(sessions, shares.pending)

    def _open_session(self, request: ConsoleRequest, door: ConsoleRequestHandler) -> None:
        Session(self._parts, request, door).open()

    def _is_busy(self) -> bool:
        self._pending.drop_idle()
        return bool(len(self._pending) or len(self._parts.registry))

    def _wait_until_idle(self, timeout_s: float, hurry: threading.Event) -> bool:
        end = time.monotonic() + timeout_s
        while self._is_busy() and not hurry.is_set():
            remaining_s = end - time.monotonic()
            if remaining_s <= 0:
                return False
            hurry.wait(min(_POLL_S, remaining_s))
        return not self._is_busy()
