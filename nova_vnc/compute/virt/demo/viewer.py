# SPDX-License-Identifier: Apache-2.0
"""One VNC client looking at the demo guest's screen.

Two threads serve it: one reads what the client says, the other sends updates. They meet at the
screen's condition. The client's pace is the only one: a picture is sent when it asked for one
(RFC 6143 section 7.5.3), and a client that asks and does not read is dropped.
"""

from __future__ import annotations

import contextlib
import dataclasses
import socket
import threading

from oslo_log import log as logging

from nova_vnc.compute.virt.demo import messages
from nova_vnc.compute.virt.demo import screen as screen_module
from nova_vnc.compute.virt.demo.area import Area, changed_areas, crop, paste
from nova_vnc.compute.virt.demo.screen import COLOURS, Screen
from nova_vnc.compute.virt.demo.update import RGB_32, PixelEncoder, Rectangle, build_framebuffer_update
from nova_vnc.net.deadline import Deadline
from nova_vnc.rfb.drive import drive
from nova_vnc.rfb.errors import RFBError
from nova_vnc.rfb.init import ClientInitReader, ServerInit
from nova_vnc.rfb.server import ServerHandshake
from nova_vnc.rfb.version import Version

LOG = logging.getLogger(__name__)

# For the time that a client may take for its part of the handshake: people do not take part in it.
HANDSHAKE_TIMEOUT_S = 10
# For the time that it may take to read one update.
WRITE_TIMEOUT_S = 30

_SCREEN_AREA = Area(0, 0, screen_module.WIDTH, screen_module.HEIGHT)
_NO_COLOUR = len(COLOURS)
_READ_BYTES = 4096
# A socket with a timeout of 0 does not wait at all, so what is left of a deadline is never rounded down to it.
_SHORTEST_WAIT_S = 0.001


@dataclasses.dataclass(frozen=True)
class _Request:
    incremental: bool
    area: Area

    def merged_with(self, other: _Request) -> _Request:
        return _Request(self.incremental and other.incremental, self.area.union(other.area))


class Viewer:
    """Serves one connection, from the handshake to its end.

    :param name: the name in ServerInit
    :param max_version: the RFB version to announce
    """

    def __init__(self, sock: socket.socket, screen: Screen, name: bytes, max_version: Version,
                 handshake_timeout_s: float = HANDSHAKE_TIMEOUT_S,
                 write_timeout_s: float = WRITE_TIMEOUT_S) -> None:
        self._sock = sock
        self._screen = screen
        self._name = name
        self._max_version = max_version
        self._handshake_timeout_s = handshake_timeout_s
        self._write_timeout_s = write_timeout_s
        self._is_open = True
        self._request: _Request | None = None
        self._pixel_encoder = PixelEncoder(RGB_32, COLOURS)
        # What the client has on its screen. At first that is nothing, which no frame is equal to.
        self._shown = bytes([_NO_COLOUR]) * len(screen.frame)
        # The frame in which there was nothing new for the request.
        self._looked_at: bytes | None = None

    def run(self) -> None:
        """Serve until either side closes; never raises. Runs in a thread of its own."""
        sender = threading.Thread(target=self._send_updates, name='demo-updates', daemon=True)
        try:
            early = self._shake_hands()
            sender.start()
            self._read_messages(early)
        except (RFBError, OSError) as error:
            LOG.info('The demo guest dropped a viewer: %s', error)
        finally:
            self.close()
            if sender.ident is not None:
                sender.join()  # so that it finds its own socket, not another one by the same number
            self._sock.close()

    def close(self) -> None:
        """End the connection, from any thread; both threads of the viewer return soon after."""
        with self._screen.changed:
            self._is_open = False
            self._screen.changed.notify_all()
        with contextlib.suppress(OSError):  # where it is not connected any more
            self._sock.shutdown(socket.SHUT_RDWR)

    def _shake_hands(self) -> bytes:
        deadline = Deadline(self._handshake_timeout_s)

        def read(max_bytes: int) -> bytes:
            deadline.check()
            self._sock.settimeout(max(_SHORTEST_WAIT_S, deadline.remaining()))
            return self._sock.recv(max_bytes)

        early = drive(ServerHandshake(self._max_version), read, self._sock.sendall)
        # The client's wish to be alone (ClientInit) is not granted: everybody may look.
        early = drive(ClientInitReader(), read, self._sock.sendall, early)
        self._sock.sendall(ServerInit(screen_module.WIDTH, screen_module.HEIGHT, RGB_32,
                                      self._name).serialize())
        self._sock.settimeout(self._write_timeout_s)
        return early

    def _read_messages(self, early: bytes) -> None:
        parser = messages.ClientMessageParser()
        data = early or self._read()
        while not parser.done:
            try:
                parser.receive_data(data)
            finally:
                for message in parser.take_messages():
                    self._obey(message)
            data = b'' if parser.done else self._read()

    def _read(self) -> bytes:
        while True:
            try:
                return self._sock.recv(_READ_BYTES)
            except TimeoutError:
                continue  # the timeout is the sending thread's; a client may look and say nothing

    def _obey(self, message: messages.ClientMessage) -> None:
        if isinstance(message, messages.KeyEvent):
            if message.down:
                self._screen.press_key(message.keysym)
        elif isinstance(message, messages.FramebufferUpdateRequest):
            self._take_request(message)
        elif isinstance(message, messages.SetPixelFormat):
            self._pixel_encoder = PixelEncoder(message.pixel_format, COLOURS)
        # Raw needs no leave (SetEncodings), and the guest has neither mouse nor clipboard.

    def _take_request(self, message: messages.FramebufferUpdateRequest) -> None:
        wanted = Area(message.x, message.y, message.width, message.height)
        request = _Request(message.incremental, wanted.intersection(_SCREEN_AREA))
        if request.area.is_empty():
            return
        with self._screen.changed:
            if self._request is not None:
                request = request.merged_with(self._request)
            self._request = request
            self._looked_at = None
            self._screen.changed.notify_all()

    def _send_updates(self) -> None:
        try:
            while update := self._wait_for_update():
                self._sock.sendall(self._build_update(*update))
        except OSError as error:
            LOG.info('The demo guest could not send to a viewer: %s', error)
        finally:
            self.close()

    def _wait_for_update(self) -> tuple[bytes, list[Area]] | None:
        """Return the frame to send from and the areas to send; None once the viewer is closed."""
        with self._screen.changed:
            while self._is_open:
                frame, request = self._screen.frame, self._request
                if request is not None and frame is not self._looked_at:
                    areas = self._areas_to_send(frame, request)
                    if areas:
                        self._request = None
                        self._remember(frame, request.area)
                        return frame, areas
                    self._looked_at = frame
                self._screen.changed.wait()
        return None

    def _areas_to_send(self, frame: bytes, request: _Request) -> list[Area]:
        if not request.incremental:
            return [request.area]
        return changed_areas(self._shown, frame, screen_module.WIDTH, request.area)

    def _remember(self, frame: bytes, area: Area) -> None:
        if area == _SCREEN_AREA:
            self._shown = frame
        else:
            pixels = crop(frame, screen_module.WIDTH, area)
            self._shown = paste(self._shown, screen_module.WIDTH, area, pixels)

    def _build_update(self, frame: bytes, areas: list[Area]) -> bytes:
        encoder = self._pixel_encoder
        return build_framebuffer_update([
            Rectangle(area.x, area.y, area.width, area.height,
                      encoder.encode(crop(frame, screen_module.WIDTH, area)))
            for area in areas])
