# SPDX-License-Identifier: Apache-2.0
"""A running API and a client of it."""

from __future__ import annotations

import http.client
import json
import socket
from typing import Any, NamedTuple

from nova_vnc import objects
from nova_vnc.api.server import ApiServer
from tests.fixtures.services import Cloud

UUID = '8a2f3f5e-0000-4000-8000-000000000001'
CONSOLES = f'/v2.1/servers/{UUID}/remote-consoles'
CREATE = {'remote_console': {'protocol': 'vnc', 'type': 'novnc'}}

TIMEOUT_S = 30


def three_servers() -> Cloud:
    return Cloud(
        objects.InstanceRecord(UUID, 1, 'instance-00000001', 'web one', 'host-1', 'a11ce', 'alice'),
        objects.InstanceRecord('8a2f3f5e-0000-4000-8000-000000000002', 2, 'instance-00000002', 'db', 'host-2', 'b0b'),
        objects.InstanceRecord('8a2f3f5e-0000-4000-8000-000000000003', 3, 'debian12', 'web (old', 'host-2'))


class Answer(NamedTuple):
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class Api:

    def __init__(self, service: ApiServer) -> None:
        self.service = service
        self.url = f'http://127.0.0.1:{service.port}/v2.1'

    def send(self, method: str, path: str, body: Any = None, *, token: str = 'notused', version: str = '2.46',
             headers: dict[str, str] | None = None) -> Answer:
        """:param body: JSON, or bytes as they are, or an iterable of bytes, which is sent in chunks"""
        connection = http.client.HTTPConnection('127.0.0.1', self.service.port, timeout=TIMEOUT_S)
        try:
            connection.request(method, path, json.dumps(body) if isinstance(body, dict) else body, {
                'X-Auth-Token': token, 'OpenStack-API-Version': f'compute {version}', **(headers or {})})
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())
        finally:
            connection.close()

    def create_console(self, **kwargs: Any) -> Answer:
        return self.send('POST', CONSOLES, CREATE, **kwargs)

    def connect(self) -> socket.socket:
        return socket.create_connection(('127.0.0.1', self.service.port), TIMEOUT_S)


def read_all(sock: socket.socket) -> bytes:
    """Return what comes until the other side closes."""
    pieces = []
    while piece := sock.recv(65536):
        pieces.append(piece)
    return b''.join(pieces)
