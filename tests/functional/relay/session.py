# SPDX-License-Identifier: Apache-2.0
"""A session of a relay engine, with the test at both ends."""

import queue
import socket
import struct

from websocket import ABNF
from websocket._abnf import frame_buffer

from nova_vnc.net.transport import PlainTransport
from nova_vnc.net.websocket import FrameParser, Opcode
from nova_vnc.relay.end import RelayEnd
from nova_vnc.relay.engine import Engine
from nova_vnc.relay.lifetime import Limit
from nova_vnc.relay.relay import Filter
from tests.fixtures.connections import receive_exactly, tcp_pair
from tests.fixtures.websocket_frames import binary, client_close, client_frame


class Browser:
    """The client's end."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self._frames = frame_buffer(self._receive, skip_utf8_validation=False)

    def send(self, payload: bytes) -> None:
        self.sock.sendall(binary(payload))

    def send_frame(self, opcode: Opcode, payload: bytes = b'') -> None:
        self.sock.sendall(client_frame(opcode, payload))

    def send_close(self, code: int, reason: str = '') -> None:
        self.sock.sendall(client_close(code, reason))

    def receive_frame(self) -> ABNF:
        return self._frames.recv_frame()

    def receive(self, size: int) -> bytes:
        """Return payload that fills whole frames."""
        data = b''
        while len(data) < size:
            frame = self.receive_frame()
            assert frame.opcode == Opcode.BINARY
            data += frame.data
        assert len(data) == size
        return data

    def receive_to_close(self) -> tuple[list[ABNF], int]:
        """Return all frames before the close frame, and its code."""
        frames = []
        while (frame := self.receive_frame()).opcode != Opcode.CLOSE:
            frames.append(frame)
        return frames, struct.unpack('!H', frame.data[:2])[0]

    def _receive(self, size: int) -> bytes:
        data = self.sock.recv(size)
        if not data:
            raise EOFError
        return data


class Session:
    """Both ends of a relay, and what it reports.

    :param small_buffers: see tcp_pair(); both connections, unless small_target tells otherwise of the target's
    :ivar target: the VNC server's end
    """

    def __init__(self, engine: Engine, *, small_buffers: bool = False, small_target: bool | None = None,
                 parser: FrameParser | None = None, from_client: bytes = b'', from_target: bytes = b'',
                 limit: Limit | None = None, client_filter: Filter | None = None,
                 target_filter: Filter | None = None) -> None:
        far_client, client_sock = tcp_pair(small_buffers=small_buffers)
        self.target, target_sock = tcp_pair(small_buffers=small_buffers if small_target is None else small_target)
        self.browser = Browser(far_client)
        self.ends: queue.Queue[RelayEnd] = queue.Queue()
        self.relay = engine.add(PlainTransport(client_sock), PlainTransport(target_sock),
                                parser=parser or FrameParser(), on_end=self.ends.put, from_client=from_client,
                                from_target=from_target, limit=limit, client_filter=client_filter,
                                target_filter=target_filter)

    def end(self) -> RelayEnd:
        """Wait for the end; see that there is only one."""
        end = self.ends.get(timeout=10)
        assert self.ends.empty()
        return end

    def check_works(self) -> None:
        self.browser.send(b'key')
        assert receive_exactly(self.target, 3) == b'key'
        self.target.sendall(b'pixels')
        assert self.browser.receive(6) == b'pixels'

    def close(self) -> None:
        self.browser.sock.close()
        self.target.close()


def stuff(sock: socket.socket, data: bytes, patience_s: float = 0.3) -> int:
    """Send as much of data as the other end takes; return how much that is."""
    sent = 0
    sock.settimeout(patience_s)
    try:
        while sent < len(data):
            sent += sock.send(data[sent:sent + 65536])
    except TimeoutError:
        pass
    finally:
        sock.settimeout(10)
    return sent
