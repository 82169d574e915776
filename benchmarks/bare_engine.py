# SPDX-License-Identifier: Apache-2.0
"""The relay engine behind the smallest possible set-up: an upgrade, no token, no RFB.

Arguments: the backend, the port to listen on, and that of the VNC server.
"""

from __future__ import annotations

import base64
import hashlib
import sys

from nova_vnc import concurrency

_GUID = b'258EAFA5-E914-47DA-95CA-C5AB0DC85B11'  # RFC 6455 section 1.3


def serve(port: int, target_port: int) -> None:
    import os
    import socket
    import threading

    from nova_vnc.net import tcp
    from nova_vnc.net.deadline import Deadline
    from nova_vnc.net.transport import PlainTransport
    from nova_vnc.net.websocket import FrameParser
    from nova_vnc.relay.engine import Engine

    engine = Engine()
    engine.start(lambda reason: os._exit(1))

    def set_up(client: socket.socket) -> None:
        request = b''
        while not request.endswith(b'\r\n\r\n'):
            received = client.recv(4096)
            if not received:
                return
            request += received
        headers = dict(line.split(b': ', 1) for line in request.split(b'\r\n')[1:-2])
        accept = base64.b64encode(hashlib.sha1(headers[b'Sec-WebSocket-Key'] + _GUID).digest())
        client.sendall(b'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n'
                       b'Sec-WebSocket-Protocol: binary\r\nSec-WebSocket-Accept: ' + accept + b'\r\n\r\n')
        tcp.configure(client)
        target = tcp.connect('127.0.0.1', target_port, Deadline(10))
        engine.add(PlainTransport(client), PlainTransport(target), parser=FrameParser(), on_end=lambda end: None)

    listener = socket.create_server(('127.0.0.1', port), backlog=1024)
    while True:
        client, _ = listener.accept()
        threading.Thread(target=set_up, args=(client,)).start()


if __name__ == '__main__':
    concurrency.patch(sys.argv[1], [])
    serve(int(sys.argv[2]), int(sys.argv[3]))
