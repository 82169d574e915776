# SPDX-License-Identifier: Apache-2.0
"""Ten thousand consoles at a time through one nova-novncproxy with two workers, each of which then echoes a key press.

    python -m benchmarks.ten_thousand [--sessions 10000] [--workers 2] [--backend eventlet] [--at-a-time 16]

On the real bus, with a stand-in for nova-consoleauth to which every token is good. The key presses of all sessions are
under way at the same time, each is another one, and each answer must be the very one. Prints how the sessions are
spread over the workers, how long it took, and the memory of parent and workers.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import os
import socket
import struct
import sys
import tempfile
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil

from nova_vnc.novncproxy import open_files
from tests.fixtures.echo_vnc_server import EchoVNCServer
from tests.fixtures.ports import free_port
from tests.fixtures.process import ExternalProcess, Service
from tests.fixtures.rabbitmq import RabbitMQ

_ROOT = Path(__file__).resolve().parent.parent
_START_TIMEOUT_S = 120
_TIMEOUT_S = 60
_MIB = 1 << 20
# A final binary frame, and the longest whose length is in the second byte (RFC 6455 section 5.2).
_BINARY, _LONGEST = 0x82, 125


class EchoClient:
    """One session with a VNC server that sends back what it gets: RFB 3.8, security None, small frames."""

    def __init__(self, port: int) -> None:
        self._sock = socket.create_connection(('127.0.0.1', port), timeout=_TIMEOUT_S)
        self._received = b''
        lines = (f'GET /?token={uuid.uuid4()} HTTP/1.1', f'Host: 127.0.0.1:{port}', 'Upgrade: websocket',
                 'Connection: Upgrade', f'Origin: http://127.0.0.1:{port}', 'Sec-WebSocket-Version: 13',
                 f'Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}', 'Sec-WebSocket-Protocol: binary')
        self._sock.sendall('\r\n'.join((*lines, '', '')).encode())
        header = self._receive_until(b'\r\n\r\n')
        if b' 101 ' not in header:
            raise ConnectionError(header.decode())
        self._ahead = b''
        self._send(self._read(12))
        if self._read(2) != b'\1\1':
            raise ConnectionError('refused')
        self._send(b'\1')
        self._read(4)
        self._send(b'\1')
        self._read(int.from_bytes(self._read(24)[20:], 'big'))

    def send_key(self, keysym: int) -> None:
        self._send(_key_event(keysym))

    def has_echoed(self, keysym: int) -> bool:
        """Wait for the next message, and tell whether it is this key press."""
        return self._read(8) == _key_event(keysym)

    def drop(self) -> None:
        self._sock.close()

    def _send(self, payload: bytes) -> None:
        mask = os.urandom(4)
        masked = bytes(byte ^ mask[place % 4] for place, byte in enumerate(payload))
        self._sock.sendall(bytes((0x82, 0x80 | len(payload))) + mask + masked)

    def _read(self, size: int) -> bytes:
        while len(self._ahead) < size:
            opcode, length = self._receive(2)
            payload = self._receive(length)
            if opcode != _BINARY or length > _LONGEST:
                raise ConnectionError(f'a frame that was not expected: {opcode:#x}, {payload!r}')
            self._ahead += payload
        data, self._ahead = self._ahead[:size], self._ahead[size:]
        return data

    def _receive(self, size: int) -> bytes:
        while len(self._received) < size:
            self._receive_more()
        data, self._received = self._received[:size], self._received[size:]
        return data

    def _receive_until(self, end: bytes) -> bytes:
        while end not in self._received:
            self._receive_more()
        return self._receive(self._received.index(end) + len(end))

    def _receive_more(self) -> None:
        data = self._sock.recv(4096)
        if not data:
            raise ConnectionError('the proxy closed the connection')
        self._received += data


def _key_event(keysym: int) -> bytes:
    return struct.pack('!BB2xI', 4, 1, keysym)


class Proxy:
    """
    :ivar parent: the process that was started; its children are the workers
    """

    def __init__(self, backend: str, workers: int, parts: contextlib.ExitStack) -> None:
        directory = Path(parts.enter_context(tempfile.TemporaryDirectory()))
        web = directory / 'novnc'
        (web / 'core').mkdir(parents=True)
        (web / 'core' / 'rfb.js').touch()
        self._port = free_port()
        vnc_server = parts.enter_context(EchoVNCServer(directory))
        broker = parts.enter_context(RabbitMQ())
        consoleauth = parts.enter_context(ExternalProcess(
            [sys.executable, '-m', 'benchmarks.consoleauth_standin', broker.url, str(vnc_server.port)], directory,
            name='consoleauth', environment={'PYTHONPATH': str(_ROOT)}))
        consoleauth.wait_for_line('listening', _START_TIMEOUT_S)
        service = parts.enter_context(Service('nova-novncproxy', {
            'DEFAULT': {'concurrency_backend': backend, 'transport_url': broker.url, 'web': web},
            'vnc': {'novncproxy_host': '127.0.0.1', 'novncproxy_port': self._port},
            # No client answers pings while others are opened.
            'novncproxy': {'drain_timeout': 0, 'workers': workers, 'ping_interval': 0}}, directory))
        service.wait_for_line(r'\d+ workers serve: ' if workers > 1 else 'Listening for browsers', _START_TIMEOUT_S)
        self.parent = psutil.Process(service.pid)

    def open(self, _: int) -> EchoClient:
        return EchoClient(self._port)

    @property
    def workers(self) -> list[psutil.Process]:
        return self.parent.children() or [self.parent]

    def spread(self) -> list[int]:
        """Return how many sessions each worker has."""
        return [sum(connection.laddr.port == self._port and connection.status == psutil.CONN_ESTABLISHED
                    for connection in worker.net_connections('tcp')) for worker in self.workers]

    def pss_mib(self) -> list[float]:
        """Return the memory of the parent, then that of each worker."""
        return [process.memory_full_info().pss / _MIB for process in (self.parent, *self.workers)]


def check_echoes(clients: list[EchoClient]) -> int:
    """Press another key in each session, all at the same time, and return how many answers are right."""
    for keysym, client in enumerate(clients):
        client.send_key(keysym)
    return sum(client.has_echoed(keysym) for keysym, client in enumerate(clients))


def main() -> None:
    arguments = _parse_arguments()
    open_files.raise_limit()
    with contextlib.ExitStack() as parts:
        proxy = Proxy(arguments.backend, arguments.workers, parts)
        print('PSS, MiB, of the parent and of each worker before:', *(f'{mib:.1f}' for mib in proxy.pss_mib()))
        begin = time.monotonic()
        with ThreadPoolExecutor(arguments.at_a_time) as openers:
            clients = list(openers.map(proxy.open, range(arguments.sessions)))
        took_s = time.monotonic() - begin
        print(f'{len(clients)} sessions opened in {took_s:.1f} s, {len(clients) / took_s:.0f} a second; '
              'at the workers:', *proxy.spread())
        begin = time.monotonic()
        right = check_echoes(clients)
        print(f'{right} of {len(clients)} key presses echoed correctly in {time.monotonic() - begin:.1f} s')
        print('PSS, MiB, of the parent and of each worker after:', *(f'{mib:.1f}' for mib in proxy.pss_mib()))
        for client in clients:
            client.drop()
    if right < arguments.sessions:
        sys.exit(1)


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--sessions', type=int, default=10000)
    parser.add_argument('--workers', type=int, default=2)
    parser.add_argument('--backend', choices=['threading', 'eventlet'], default='eventlet')
    parser.add_argument('--at-a-time', type=int, default=16, help='sessions opened at a time')
    return parser.parse_args()


if __name__ == '__main__':
    main()
