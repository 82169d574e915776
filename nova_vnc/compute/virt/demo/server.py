# SPDX-License-Identifier: Apache-2.0
"""The demo guest's VNC server: a listening socket and a bounded number of viewers."""

from __future__ import annotations

import socket
import threading

from oslo_log import log as logging

from nova_vnc import threads
from nova_vnc.compute.virt.demo.screen import Screen
from nova_vnc.compute.virt.demo.viewer import HANDSHAKE_TIMEOUT_S, WRITE_TIMEOUT_S, Viewer
from nova_vnc.net import tcp
from nova_vnc.rfb.version import VERSION_3_8, Version

LOG = logging.getLogger(__name__)

# Each costs two threads, which are cheap where they are green; and the proxy can be tried with many sessions.
MAX_VIEWERS = 1024
# How long the server pauses after accept() has failed for want of file descriptors or memory.
_ACCEPT_PAUSE_S = 1


class DemoServer:
    """Shows a screen to VNC clients.

    :param name: the desktop's name
    :param address: where to listen; port 0: any free one
    :param max_version: the RFB version to announce
    """

    def __init__(self, screen: Screen, name: bytes, address: tuple[str, int] = ('127.0.0.1', 0), *,
                 max_version: Version = VERSION_3_8, max_viewers: int = MAX_VIEWERS,
                 handshake_timeout_s: float = HANDSHAKE_TIMEOUT_S,
                 write_timeout_s: float = WRITE_TIMEOUT_S) -> None:
        self._screen = screen
        self._name = name
        self._address = address
        self._max_version = max_version
        self._max_viewers = max_viewers
        self._handshake_timeout_s = handshake_timeout_s
        self._write_timeout_s = write_timeout_s
        self._listener: socket.socket | None = None
        self._viewers: set[Viewer] = set()
        self._lock = threading.Lock()
        self._stopped = threading.Event()

    @property
    def address(self) -> tuple[str, int] | None:
        """Host and port where it listens; None before start() and after stop()."""
        listener = self._listener
        return None if listener is None else listener.getsockname()[:2]

    def start(self, fail: threads.Fail) -> None:
        """Listen; return once clients can connect.

        :raises OSError: the address is not to be had
        """
        self._listener = listener = socket.create_server(self._address)
        threads.start('demo-accept', lambda: self._accept_viewers(listener), fail, self._stopped.is_set)

    def stop(self) -> None:
        """Close the listening socket and all connections, without waiting for the threads."""
        self._stopped.set()
        listener, self._listener = self._listener, None
        if listener is not None:
            # Wakes the thread that waits in accept(), which closes it then. Closed here, at once,
            # neither a native nor a green thread would wake.
            listener.shutdown(socket.SHUT_RDWR)
        with self._lock:
            viewers = list(self._viewers)
        for viewer in viewers:
            viewer.close()

    def _accept_viewers(self, listener: socket.socket) -> None:
        with listener:
            while not self._stopped.is_set():
                try:
                    sock, _ = listener.accept()
                except OSError as error:
                    if not self._stopped.is_set():
                        LOG.warning('The demo guest cannot accept a viewer: %s', error)
                        self._stopped.wait(_ACCEPT_PAUSE_S)
                    continue
                self._welcome(sock)

    def _welcome(self, sock: socket.socket) -> None:
        viewer = Viewer(sock, self._screen, self._name, self._max_version,
                        self._handshake_timeout_s, self._write_timeout_s)
        with self._lock:
            is_welcome = len(self._viewers) < self._max_viewers and not self._stopped.is_set()
            if is_welcome:
                self._viewers.add(viewer)
        if not is_welcome:
            LOG.warning('The demo guest has %d viewers and takes no more', self._max_viewers)
            sock.close()
            return
        threading.Thread(target=self._serve, args=(sock, viewer), name='demo-viewer',
                         daemon=True).start()

    def _serve(self, sock: socket.socket, viewer: Viewer) -> None:
        try:
            tcp.configure(sock)
            viewer.run()
        finally:
            with self._lock:
                self._viewers.discard(viewer)
