# SPDX-License-Identifier: Apache-2.0
"""A stand-in for Neutron in a cloud without networks, of which Nova asks all the same: it has none of anything.

Run as a program: networking.py PORT.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIServer, make_server

Start = Callable[[str, list[tuple[str, str]]], object]


def application(environ: dict[str, str], start_response: Start) -> Iterable[bytes]:
    """Answer GET /v2.0/<collection> with an empty collection, and everything else with 404."""
    path = environ['PATH_INFO'].strip('/').split('/')
    if environ['REQUEST_METHOD'] == 'GET' and path[0] == 'v2.0' and len(path) == 2:
        status, body = '200 OK', {path[1].removesuffix('.json').replace('-', '_'): []}
    else:
        status, body = '404 Not Found', {'NeutronError': {'type': 'NotFound', 'message': 'not found', 'detail': ''}}
    start_response(status, [('Content-Type', 'application/json')])
    return [json.dumps(body).encode()]


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


if __name__ == '__main__':
    with make_server('127.0.0.1', int(sys.argv[1]), application, server_class=_Server) as server:
        server.serve_forever()
