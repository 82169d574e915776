# SPDX-License-Identifier: Apache-2.0
"""A proxy with stand-ins around it: who answers for tokens, who shows a screen, and who looks."""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import os
import socket
import threading
import uuid
from collections.abc import Callable, Sequence

import oslo_messaging
import websocket

from nova_vnc import objects
from nova_vnc.compute.virt.demo.update import RGB_32
from nova_vnc.net.websocket import Opcode
from nova_vnc.novncproxy import factory
from nova_vnc.novncproxy.proxy import NoVNCProxy
from nova_vnc.rfb.drive import drive
from nova_vnc.rfb.errors import RFBError
from nova_vnc.rfb.init import ClientInitReader, ServerInit
from nova_vnc.rfb.server import ServerHandshake
from nova_vnc.rfb.version import VERSION_3_8, Version
from nova_vnc.rpc import consoleauth
from tests.fixtures.bus import Bus
from tests.fixtures.certificates import Certificate, CertificateAuthority
from tests.fixtures.connections import receive_until_eof

INSTANCE_UUID = '6f1c2a3e-93d5-4b8e-8a4c-0d2f6c1b7a55'
DISPLAY_NAME = 'web-01 \u00fc'
TIMEOUT_S = 20


class ConsoleAuthStandIn:
    """Answers check_token in our namespace.

    :ivar checks: what to answer for a token; an exception is raised, a function called
    :ivar asked: how often, but for the question without a token by which the proxy finds out whose service this is
    """

    target = oslo_messaging.Target(namespace=consoleauth.NAMESPACE, version=consoleauth.NAMESPACE_VERSION)

    def __init__(self) -> None:
        self.checks: dict[str, objects.TokenCheck | Exception | Callable[[], objects.TokenCheck]] = {}
        self.asked = 0

    def check_token(self, ctxt: object, token: str) -> dict[str, object]:
        self.asked += token != ''
        check = self.checks.get(token, objects.TokenCheck(None, objects.REASON_INVALID))
        if callable(check):
            check = check()
        if isinstance(check, Exception):
            raise check
        return check.to_dict()


class VNCServerStandIn:
    """Listens; what it does with a connection is the test's to say.

    :param behave: is given each connection, in a thread of its own; the connection is closed when it returns
    """

    def __init__(self, behave: Callable[[socket.socket], None], family: int = socket.AF_INET) -> None:
        address = ('::1', 0) if family == socket.AF_INET6 else ('127.0.0.1', 0)
        self._listener = socket.create_server(address, family=family)
        self._behave = behave
        self.host, self.port = self._listener.getsockname()[:2]
        self.accepted: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with self._listener, contextlib.suppress(OSError):
            while True:
                sock, _ = self._listener.accept()
                sock.settimeout(TIMEOUT_S)
                self.accepted.append(sock)
                threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock: socket.socket) -> None:
        with sock, contextlib.suppress(OSError, EOFError, RFBError):
            self._behave(sock)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # which ends accept(); the thread closes the socket
        for sock in self.accepted:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)


def shake_hands(sock: socket.socket, version: Version = VERSION_3_8, name: bytes = b'QEMU (instance-0000000c)',
                behind: bytes = b'') -> bytes:
    """Play a VNC server up to ServerInit, which is sent together with what is behind; return what came too early."""
    early = drive(ServerHandshake(version), sock.recv, sock.sendall)
    early = drive(ClientInitReader(), sock.recv, sock.sendall, early)
    sock.sendall(ServerInit(640, 480, RGB_32, name).serialize() + behind)
    return early


def echo(sock: socket.socket) -> None:
    """Play a VNC server that then sends back whatever it gets."""
    data = shake_hands(sock)
    while True:
        if data:
            sock.sendall(data)
        data = sock.recv(65536)
        if not data:
            return


@dataclasses.dataclass(frozen=True)
class Response:
    status: int
    headers: dict[str, str]     # names in lower case
    body: bytes


class Rig:
    """
    :ivar consoleauth: the stand-in that answers for tokens
    :ivar proxy: the proxy under test, once started
    """

    def __init__(self, bus: Bus, web: str) -> None:
        self.bus = bus
        self.conf = bus.conf
        self.consoleauth = ConsoleAuthStandIn()
        self.conf.set_override('novncproxy_host', '127.0.0.1', 'vnc')
        self.conf.set_override('novncproxy_port', 0, 'vnc')
        self.conf.set_override('web', web)
        self.proxy: NoVNCProxy
        self.failures: list[str] = []
        self._started = False
        self._stack = contextlib.ExitStack()

    # The parts.

    def start(self, with_consoleauth: bool = True, **options: object) -> Rig:
        """Start the proxy; options are those of [novncproxy]."""
        for name, value in options.items():
            self.conf.set_override(name, value, 'novncproxy')
        if with_consoleauth:
            self._stack.enter_context(self.bus.serving(consoleauth.TOPIC, [self.consoleauth]))
        self.proxy = factory.build_service(self.conf, self.bus.transport)
        self.proxy.start(self.failures.append)
        self._started = True
        return self

    def ask_for_vencrypt(self, authority: CertificateAuthority, client: Certificate | None = None,
                         schemes: Sequence[str] = ('vencrypt',)) -> None:
        """Have the proxy, once started, ask VNC servers for VeNCrypt; client is what it shows them."""
        self.conf.set_override('auth_schemes', list(schemes), 'vnc')
        self.conf.set_override('vencrypt_ca_certs', str(authority.ca), 'vnc')
        if client is not None:
            self.conf.set_override('vencrypt_client_cert', str(client.cert), 'vnc')
            self.conf.set_override('vencrypt_client_key', str(client.key), 'vnc')

    def stop(self, hurry: bool = True) -> None:
        if self._started:
            self._started = False
            event = threading.Event()
            if hurry:
                event.set()
            self.proxy.stop(event)

    def close(self) -> None:
        self.stop()
        self._stack.close()

    def vnc_server(self, behave: Callable[[socket.socket], None] = echo, **kwargs: object) -> VNCServerStandIn:
        server = VNCServerStandIn(behave, **kwargs)
        self._stack.callback(server.close)
        return server

    def grant(self, host: str, port: int | str, **changes: object) -> str:
        """Return a token that is valid for a VNC server."""
        token = str(uuid.uuid4())
        check_changes = {name: changes.pop(name) for name in ('display_name', 'expires', 'request_id')
                         if name in changes}
        info = objects.ConnectInfo(token=token, console_type='novnc', host=host, port=str(port),
                                   instance_uuid=INSTANCE_UUID, access_url='http://127.0.0.1:6080/vnc_auto.html')
        self.consoleauth.checks[token] = objects.TokenCheck(
            dataclasses.replace(info, **changes), **{'display_name': DISPLAY_NAME, **check_changes})
        return token

    def console(self, behave: Callable[[socket.socket], None] = echo) -> str:
        """Return a token for a new VNC server."""
        server = self.vnc_server(behave)
        return self.grant(server.host, server.port)

    # Clients.

    @property
    def address(self) -> tuple[str, int]:
        return '127.0.0.1', self.proxy.port

    @property
    def origin(self) -> str:
        return f'http://127.0.0.1:{self.proxy.port}'

    def connect(self, source: str = '127.0.0.1') -> socket.socket:
        """:param source: the client's address, any of 127.0.0.0/8"""
        sock = socket.create_connection(self.address, timeout=TIMEOUT_S, source_address=(source, 0))
        return self._stack.enter_context(contextlib.closing(sock))  # a green one closes when nobody holds it

    def get(self, target: str, *, method: str = 'GET', **headers: str) -> Response:
        """Send a request on a connection of its own."""
        return self.send_raw(build_request(target, method=method, **{'Connection': 'close', **headers}))

    def send_raw(self, request: bytes) -> Response:
        sock = self.connect()
        sock.sendall(request)
        return parse_response(receive_until_eof(sock))

    def open_websocket(self, target: str, *, origin: str | None = None, subprotocols: Sequence[str] = (),
                       **options: object) -> WebSocketClient:
        """Do the opening handshake; raises websocket.WebSocketBadStatusException, which holds the response."""
        client = websocket.WebSocket(**options)
        client.settimeout(TIMEOUT_S)
        self._stack.callback(client.shutdown)
        headers = {'suppress_origin': True} if origin is None else {'origin': origin}
        client.connect(f'ws://127.0.0.1:{self.proxy.port}{target}', subprotocols=list(subprotocols), **headers)
        return WebSocketClient(client)

    def open_console(self, token: str, *, origin: str | None = None) -> WebSocketClient:
        return self.open_websocket(f'/websockify?token={token}', origin=origin)


class WebSocketClient:
    """A websocket-client as a stream, for the RFB machines."""

    def __init__(self, client: websocket.WebSocket) -> None:
        self.client = client
        self._ahead = b''
        self.close_frame: tuple[int, str] | None = None

    def read(self, max_bytes: int) -> bytes:
        if not self._ahead:
            self._ahead = self._read_message()
        data, self._ahead = self._ahead[:max_bytes], self._ahead[max_bytes:]
        return data

    def _read_message(self) -> bytes:
        while True:
            opcode, data = self.client.recv_data(control_frame=True)
            if opcode == Opcode.CLOSE:
                self.close_frame = (int.from_bytes(data[:2], 'big'), data[2:].decode())
                return b''
            if opcode == Opcode.BINARY and data:
                return data

    def write(self, data: bytes) -> None:
        self.client.send_binary(data)

    def read_exactly(self, size: int) -> bytes:
        data = b''
        while len(data) < size:
            piece = self.read(size - len(data))
            if not piece:
                raise EOFError(f'{len(data)} of {size} bytes, then {self.close_frame}')
            data += piece
        return data

    def read_to_close(self) -> tuple[bytes, tuple[int, str] | None]:
        data = b''
        while piece := self.read(65536):
            data += piece
        return data, self.close_frame


def build_request(target: str, *, method: str = 'GET', **headers: str) -> bytes:
    lines = [f'{method} {target} HTTP/1.1', 'Host: 127.0.0.1',
             *(f'{name.replace("_", "-")}: {value}' for name, value in headers.items())]
    return ('\r\n'.join(lines) + '\r\n\r\n').encode('latin-1')


def build_upgrade(target: str, **headers: str) -> bytes:
    return build_request(target, **{'Upgrade': 'websocket', 'Connection': 'Upgrade', 'Sec_WebSocket_Version': '13',
                                    'Sec_WebSocket_Key': base64.b64encode(os.urandom(16)).decode(), **headers})


def parse_response(data: bytes) -> Response:
    head, _, body = data.partition(b'\r\n\r\n')
    lines = head.decode('latin-1').split('\r\n')
    headers: dict[str, str] = {}
    for line in lines[1:]:
        name, _, value = line.partition(':')
        headers[name.lower()] = ', '.join(filter(None, [headers.get(name.lower()), value.strip()]))
    return Response(int(lines[0].split()[1]), headers, body)
