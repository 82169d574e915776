# SPDX-License-Identifier: Apache-2.0
"""The HTTP side: pages, refusals, and the WebSocket request, in a subclass of websockify's request handler.

Of websockify and http.server it uses the reading of requests and the WebSocket handshake. It overrides what they say to
clients and to the log: their texts quote the request, and a request holds a token.
"""

from __future__ import annotations

import dataclasses
import email.utils
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from oslo_log import log as logging
from websockify import websockifyserver

from nova_vnc.net.stream import Released
from nova_vnc.net.websocket_stream import WebSocketStream
from nova_vnc.novncproxy import request as requests
from nova_vnc.novncproxy import request_line, upgrade
from nova_vnc.novncproxy.connection import ClientConnection
from nova_vnc.novncproxy.files import FileTree, ServedFile
from nova_vnc.novncproxy.header_fields import MalformedHeader, TooManyFields
from nova_vnc.novncproxy.http_stream import (
    HeaderTooLong,
    IncompleteRequest,
    RequestLineTooLong,
    RequestReader,
    ResponseWriter,
    SlowRequest,
)
from nova_vnc.novncproxy.pending_places import Stage
from nova_vnc.novncproxy.refusal import Refusal, Refused

LOG = logging.getLogger(__name__)

# Pages and all that is ours are checked for a newer version each time, so that an upgrade reaches everybody; noVNC's
# fifty files are kept for a short time.
_CHECKED = 'no-cache'
_KEPT = 'max-age=300'

# For our own page. Nothing forbids that the page is shown in a frame: Horizon does so.
_CONTENT_SECURITY_POLICY = ("default-src 'none'; script-src 'self'; style-src 'self'; "
                            "img-src 'self' data: blob:; media-src 'self'; connect-src 'self' ws: wss:; "
                            "base-uri 'none'; form-action 'none'")
# For our own drawings, the operator's logo among them: nothing in one runs where somebody opens it by itself.
_DRAWING_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:; sandbox"
_LOGGED_METHODS = ('GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'CONNECT')
_REFUSAL_HEADERS = {
    HTTPStatus.UNAUTHORIZED: {'WWW-Authenticate': 'Console-Link'},
    HTTPStatus.TOO_MANY_REQUESTS: {'Retry-After': '2'},
    HTTPStatus.SERVICE_UNAVAILABLE: {'Retry-After': '60'},
}
# What of a file goes out at a time; each piece that the client takes is a sign of life.
_PIECE_BYTES = 64 * 1024
# As with oslo.middleware, and so with nova-vnc-api and others.
_HEALTHCHECK = '/healthcheck'
_NO_PAGE_HERE = 'This address takes WebSocket connections. Open the link of a console in a browser.'


@dataclasses.dataclass(frozen=True)
class Site:
    """What all connections share. Its attributes are also those that websockify looks for in its server.

    :ivar open_session: leads a WebSocket request to its console
    :ivar is_stopping: whether connections are to be closed after their present request
    """

    files: FileTree
    open_session: Callable[[requests.ConsoleRequest, ConsoleRequestHandler], None]
    is_stopping: Callable[[], bool]
    header_timeout_s: float
    keep_alive_timeout_s: float
    logger: Any = LOG


class _WebSocket(websockifyserver.CompatibleWebSocket):

    def select_subprotocol(self, protocols: list[str]) -> str:
        return upgrade.choose_subprotocol(protocols)


class ConsoleRequestHandler(websockifyserver.WebSockifyRequestHandler):
    """Serves one connection: constructing it does all the work. Runs in a thread of the connection's own.

    :ivar peer: see session.Door
    """

    SocketClass = _WebSocket
    server: Site

    def __init__(self, connection: ClientConnection, site: Site) -> None:
        self._requests = 0
        self._log_level = logging.INFO
        super().__init__(connection, (connection.peer, 0), site)

    @property
    def peer(self) -> str:
        """See session.Door."""
        return self.connection.peer

    @property
    def source(self) -> str:
        """See session.Door."""
        return self.connection.source

    # One connection.

    def setup(self) -> None:
        self.connection: ClientConnection = self.request
        self.rfile = self._reader = RequestReader(self.connection.stream)
        self.wfile = self._writer = ResponseWriter(self.connection.stream, self.server.header_timeout_s)

    def handle_one_request(self) -> None:
        self.close_connection = True
        self.command, self.path, self.request_version = '', '', ''
        self.connection.is_idle = True
        # In this order: whoever stops the proxy sees either that the connection is idle, or it is seen here. Who has
        # just been accepted has asked already, or is about to, and does not ask again as browsers do between requests.
        if self._requests and self.server.is_stopping():
            return
        idle_timeout_s = self.server.keep_alive_timeout_s if self._requests else self.server.header_timeout_s
        if not self._reader.wait_for_request(idle_timeout_s, self.server.header_timeout_s):
            return
        self._requests += 1
        self._log_level = logging.INFO
        self.connection.is_idle = False
        try:
            super().handle_one_request()
        except RequestLineTooLong:
            self.send_error(HTTPStatus.REQUEST_URI_TOO_LONG)
        except SlowRequest:
            self.send_error(HTTPStatus.REQUEST_TIMEOUT)
        except MalformedHeader:
            self.send_error(HTTPStatus.BAD_REQUEST)
        except IncompleteRequest:
            pass  # it has left, or was dropped

    def parse_request(self) -> bool:
        """In place of http.server's; see header_fields and request_line."""
        self.close_connection = True
        try:
            line = request_line.parse(self.raw_requestline)
            self.command, self.path, self.request_version = line.method, line.target, line.version
            self.headers = self._reader.read_fields()
        except request_line.BadRequestLine as error:
            self.send_error(error.status)
            return False
        except (HeaderTooLong, TooManyFields):
            self.send_error(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
            return False
        self.connection.read_headers(self.headers)
        if not self.connection.move(Stage.SERVED):
            return False
        self.close_connection = (self.request_version < 'HTTP/1.1' or not self.server.keep_alive_timeout_s
                                 or self.server.is_stopping()
                                 or 'close' in self.headers.tokens('Connection'))
        if not self.path.startswith('/'):
            self.send_error(HTTPStatus.BAD_REQUEST)
            return False
        if self.command not in ('GET', 'HEAD'):
            self.close_connection = True
            self._answer(HTTPStatus.METHOD_NOT_ALLOWED, headers={'Allow': 'GET, HEAD'})
            return False
        if 'Transfer-Encoding' in self.headers or {*self.headers.get_all('Content-Length', [])} - {'0'}:
            self.close_connection = True  # the body is not read, so it must not be taken for the next request
        return True

    # Pages.

    def do_GET(self) -> None:  # noqa: N802 - http.server's name
        self._serve_page(with_body=True)

    def do_HEAD(self) -> None:  # noqa: N802 - http.server's name
        self._serve_page(with_body=False)

    def _serve_page(self, with_body: bool) -> None:
        if self.path.startswith('//'):
            # Where such a path gets into a Location header, browsers read it as another host (CVE-2021-3654).
            self._answer(HTTPStatus.BAD_REQUEST)
            return
        if self.path == _HEALTHCHECK:
            self._answer_healthcheck()
            return
        try:
            location = requests.redirect_for_page(self.path)
        except Refused as refused:
            self._answer(HTTPStatus.BAD_REQUEST, refused.refusal.text)
            return
        if location is not None:
            self._answer(HTTPStatus.FOUND, headers={'Location': location, 'Cache-Control': 'no-store'})
            return
        try:
            served = self.server.files.open(self.path.partition('?')[0], self._takes_gzip())
        except OSError as error:
            LOG.error('%s: cannot open a file: %s', self.peer, error.strerror)
            self._answer(HTTPStatus.SERVICE_UNAVAILABLE, headers={'Retry-After': '5', 'Cache-Control': 'no-store'})
            return
        if served is None:
            self._answer_missing()
            return
        with served.file:
            self._send_file(served, with_body)

    def _answer_healthcheck(self) -> None:
        """Tell a load balancer whether to send anybody here.

        That depends on nothing that all proxies have in common, as the message bus: with all of them taken out nobody
        would read any more what is the matter.
        """
        self._log_level = logging.DEBUG     # it asks every other second
        is_stopping = self.server.is_stopping()
        self._answer(HTTPStatus.SERVICE_UNAVAILABLE if is_stopping else HTTPStatus.OK,
                     'STOPPING' if is_stopping else 'OK', {'Cache-Control': 'no-store'})

    def _answer_missing(self) -> None:
        is_websocket_path = self.path.partition('?')[0] in ('/', '/websockify') or requests.has_token(self.path)
        if 'Sec-WebSocket-Key' in self.headers:
            LOG.warning('%s: a WebSocket request arrived without its header Upgrade: websocket. A load balancer or '
                        'reverse proxy on the way must be told to pass WebSockets on.', self.peer)
        if is_websocket_path:
            self._answer(HTTPStatus.UPGRADE_REQUIRED, _NO_PAGE_HERE,
                         {'Upgrade': 'websocket', 'Connection': 'Upgrade', 'Sec-WebSocket-Version': upgrade.VERSION})
        else:
            self._answer(HTTPStatus.NOT_FOUND)

    def _send_file(self, served: ServedFile, with_body: bool) -> None:
        modified = email.utils.formatdate(served.modified_at, usegmt=True)
        self._log_level = logging.INFO if served.is_page else logging.DEBUG   # one page makes noVNC's fifty files
        is_known = self.headers.get('If-Modified-Since') == modified
        self.send_response(HTTPStatus.NOT_MODIFIED if is_known else HTTPStatus.OK)
        if not is_known:
            self.send_header('Content-Type', served.content_type)
            self.send_header('Content-Length', str(served.size_bytes))
            if served.is_packed:
                self.send_header('Content-Encoding', 'gzip')
        if served.is_packable:
            self.send_header('Vary', 'Accept-Encoding')
        self.send_header('Last-Modified', modified)
        self.send_header('Cache-Control', _CHECKED if served.is_page or served.is_own else _KEPT)
        if served.is_own and served.is_page:
            self.send_header('Content-Security-Policy', _CONTENT_SECURITY_POLICY)
        elif served.is_own and served.is_drawing:
            self.send_header('Content-Security-Policy', _DRAWING_POLICY)
        self.end_headers()
        if with_body and not is_known:
            while piece := served.file.read(_PIECE_BYTES):
                self.wfile.write(piece)
                self.connection.move(Stage.SERVED)

    def _takes_gzip(self) -> bool:
        """RFC 9110 section 12.5.3. Whoever gives it any weight, even none, is no browser and gets files as they are."""
        return 'gzip' in self.headers.tokens('Accept-Encoding')

    # WebSocket.

    def handle_upgrade(self) -> None:
        self.close_connection = True
        if not self.connection.move(Stage.ASKED):
            return
        try:
            upgrade.check_upgrade(self.request_version, self.headers)
        except upgrade.UpgradeRefused as refused:
            self._refuse_upgrade(refused.status, refused.text, {'Sec-WebSocket-Version': upgrade.VERSION})
            return
        request = requests.ConsoleRequest.from_http(self.path, self.headers, self.connection.client.scheme)
        self.server.open_session(request, self)

    def claim(self, token: bytes, instance_uuid: str) -> None:
        """See session.Door."""
        if not self.connection.claim(token, instance_uuid):
            raise Refused(Refusal.BUSY, f'instance {instance_uuid}: too many set-ups with this token or for this VM')

    def hush(self) -> None:
        """See session.Door."""
        self._log_level = logging.DEBUG

    def turn_away(self, refusal: Refusal, text: str) -> None:
        """See session.Door."""
        self._refuse_upgrade(HTTPStatus(refusal.status), text, _REFUSAL_HEADERS.get(HTTPStatus(refusal.status)))

    @property
    def takes_notices(self) -> bool:
        """See session.Door."""
        return upgrade.takes_notices(self.headers)

    def open(self) -> WebSocketStream:
        """See session.Door."""
        if not self.connection.move(Stage.GREETED):
            raise Released('another connection has got its place')
        self._log_level = logging.DEBUG     # the line of the session, or of its refusal, tells more
        self._writer.keep()
        self.SocketClass(self).accept(self.request, self.headers)
        return WebSocketStream(self.connection.stream, self._reader.take_ahead(), self._writer.take_kept())

    def settle(self) -> bool:
        """See session.Door."""
        return self.connection.settle()

    # Answers.

    def _refuse_upgrade(self, status: HTTPStatus, text: str, headers: dict[str, str] | None) -> None:
        """Answer, unless the connection has lost its place: then its client has been told that."""
        if self.connection.move(Stage.SERVED):
            self._answer(status, text, headers)

    def _answer(self, status: HTTPStatus, text: str = '', headers: dict[str, str] | None = None) -> None:
        body = f'{text or status.phrase}\n'.encode()
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header('Content-Type', 'text/plain; charset=utf-8')
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        if self.command != 'HEAD':
            self.wfile.write(body)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answer for http.server, in our words; then close, as nobody knows where the next request would begin."""
        self.close_connection = True
        if not self.request_version.startswith('HTTP/1.'):
            self.request_version = 'HTTP/1.0'  # or else there would be no status line
        self._answer(HTTPStatus(code))

    def send_response(self, code: int, message: str | None = None) -> None:
        super().send_response(code, message)
        if self.close_connection and code != HTTPStatus.SWITCHING_PROTOCOLS:
            self.send_header('Connection', 'close')

    def end_headers(self) -> None:
        self.send_header('Referrer-Policy', 'no-referrer')
        self.send_header('X-Content-Type-Options', 'nosniff')
        super().end_headers()

    def version_string(self) -> str:
        return 'nova-novncproxy'

    def log_request(self, code: int | str = '-', size: int | str = '-') -> None:
        command = self.command if self.command in _LOGGED_METHODS else '-'
        LOG.log(self._log_level, '%s "%s %s" %d', self.peer, command, requests.loggable_path(self.path), code)

    def log_message(self, format: str, *args: Any) -> None:
        """Drop what http.server and websockify have to say: it quotes requests."""
