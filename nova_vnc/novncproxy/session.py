# SPDX-License-Identifier: Apache-2.0
"""The story of one session, from the request to its end.

Whatever can be refused is refused before the WebSocket is there, so that a program gets an HTTP status. A browser
cannot see one; it gets its WebSocket all the same, and reads the reason in RFB. A refusal after that is a close frame.

A session is set up in the thread of its connection, which is done once the relay has both connections. The name of the
session in the log is its request id, which the user reads in every refusal.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import time
from collections.abc import Iterator
from logging import DEBUG
from typing import Protocol

from oslo_log import log as logging

from nova_vnc import context
from nova_vnc.net.stream import Stream, TransportStream
from nova_vnc.net.websocket_stream import WebSocketProtocolError, WebSocketStream
from nova_vnc.novncproxy import request as requests
from nova_vnc.novncproxy import security, session_timeout
from nova_vnc.novncproxy.authorizer import Authorizer, Grant
from nova_vnc.novncproxy.connector import Connector
from nova_vnc.novncproxy.failed_tokens import FailedTokens
from nova_vnc.novncproxy.recording import RecordedStream, Recorder, Recording
from nova_vnc.novncproxy.refusal import Refusal, Refused
from nova_vnc.novncproxy.registry import EndObserver, OpenSession, SessionRegistry
from nova_vnc.novncproxy.session_places import Full, Holder
from nova_vnc.relay.end import RelayEnd
from nova_vnc.relay.engine import Engine, EngineStopped
from nova_vnc.relay.lifetime import Limit
from nova_vnc.relay.relay import Relay
from nova_vnc.rfb.init import console_name
from nova_vnc.rfb.text import drop_control_characters

LOG = logging.getLogger(__name__)

_FULL = {'max_sessions': Refusal.FULL, 'max_sessions_per_address': Refusal.ADDRESS_FULL,
         'max_sessions_per_instance': Refusal.INSTANCE_FULL}


class Door(Protocol):
    """The client's connection, while it is still HTTP's. All methods but claim() raise OSError when the client left."""

    peer: str
    source: str     # as whose it counts

    @property
    def takes_notices(self) -> bool:
        """Whether its WebSocket may carry text messages too, see upgrade.NOTICES."""

    def claim(self, token: bytes, instance_uuid: str) -> None:
        """The client holds a valid token, for which something stands here.

        :raises Refused: BUSY, there are too many set-ups already with this token or for this instance
        """

    def hush(self) -> None:
        """Have what is still to be logged of the request logged at DEBUG."""

    def turn_away(self, refusal: Refusal, text: str) -> None:
        """Answer with an HTTP status."""

    def open(self) -> WebSocketStream:
        """Answer with 101, along with what is written first. The connection is the caller's from here on."""

    def settle(self) -> bool:
        """Take note that nobody gets the place of this connection any more; return False if somebody has."""


@dataclasses.dataclass(frozen=True)
class Parts:
    """What all sessions share.

    :ivar compute_security: what is accepted of VNC servers
    :ivar allowed_hosts: see request.check_origin_host()
    :ivar handshake_timeout_s: for each part of the RFB handshake, on each side
    :ivar recorder: None: sessions are not recorded
    :ivar enforce_session_timeout: whether sessions end when their token expires
    """

    authorizer: Authorizer
    connector: Connector
    compute_security: security.ComputeSecurity
    engine: Engine
    registry: SessionRegistry
    allowed_hosts: frozenset[str]
    handshake_timeout_s: float
    failed_tokens: FailedTokens
    recorder: Recorder | None = None
    enforce_session_timeout: bool = False


class Session:
    """One client on its way to a console."""

    def __init__(self, parts: Parts, request: requests.ConsoleRequest, door: Door) -> None:
        self._parts = parts
        self._request = request
        self._door = door
        self._ctxt = context.service_context()
        self._id = self._ctxt.request_id.removeprefix('req-')

    def open(self) -> None:
        """Lead the client to its console, or tell it why not. Logs what either side does wrong; raises nothing."""
        try:
            self._open()
        finally:
            self._parts.registry.leave(self._id)    # if it has not become one

    def _open(self) -> None:
        try:
            with _mistakes_refused():
                grant = self._admit()
                self._find_place(grant)
                compute_stream, compute_early = self._reach_console(grant)
        except Refused as refused:
            self._turn_away(refused)
            return
        self._let_in(grant, compute_stream, compute_early)

    # Before the WebSocket.

    def _admit(self) -> Grant:
        """Check where the request comes from and what it may open.

        The Origin's host comes first, so that a foreign page cannot find out which tokens are valid; its scheme comes
        last, as the right one is known with the token only.
        """
        requests.check_origin_host(self._request, self._parts.allowed_hosts)
        token = requests.find_token(self._request)
        with self._parts.failed_tokens.counted(self._door.source, _stand_in(token)):
            grant = self._parts.authorizer.check(self._ctxt, token)
        self._ctxt.global_request_id = grant.request_id
        if grant.access_url is not None:
            requests.check_origin_scheme(self._request, grant.access_url)
        elif self._request.is_from_browser:
            LOG.info('Session %s: instance %s: the token came without an access_url (consoleauth 1.2 or 2.0), so the '
                     'scheme of the Origin is not checked', self._id, grant.instance_uuid)
        return grant

    def _find_place(self, grant: Grant) -> None:
        """See to it that there may be one more, first of what is set up and then of sessions.

        :raises Refused: BUSY, INSTANCE_FULL, ADDRESS_FULL or FULL
        """
        stand_in = _stand_in(requests.find_token(self._request))
        self._door.claim(stand_in, grant.instance_uuid)
        try:
            self._parts.registry.admit(self._id, Holder(self._door.source, grant.instance_uuid, stand_in))
        except Full as full:
            raise Refused(_FULL[full.limit], f'instance {grant.instance_uuid}: {full}') from None

    def _reach_console(self, grant: Grant) -> tuple[TransportStream, bytes]:
        """Return a stream to the VNC server, past RFB security, and what was read beyond that."""
        try:
            stream, early = self._parts.connector.connect(grant.host, grant.port, grant.internal_access_path)
            try:
                early = security.negotiate_with_compute(stream, self._parts.compute_security, grant.host,
                                                        self._parts.handshake_timeout_s, early)
                return stream, early
            except BaseException:
                stream.close()
                raise
        except Refused as refused:
            raise Refused(refused.refusal, f'instance {grant.instance_uuid}: {refused.detail}') from None

    def _turn_away(self, refused: Refused) -> None:
        refusal = refused.refusal
        LOG.log(refusal.level, 'Session %s: refused %s with %d: %s', self._id, self._door.peer, refusal.status,
                refused.detail)
        if refusal.level <= DEBUG:
            self._door.hush()
        text = refusal.text_with(self._ctxt.request_id)
        with contextlib.suppress(OSError):  # it does not wait for the reason
            if self._request.is_from_browser:
                self._turn_away_in_rfb(refusal, text)
            else:
                self._door.turn_away(refusal, text)

    def _turn_away_in_rfb(self, refusal: Refusal, text: str) -> None:
        tenant_stream = self._door.open()
        with contextlib.suppress(Refused, WebSocketProtocolError, security.ClientGone):
            security.refuse_tenant(tenant_stream, text, self._parts.handshake_timeout_s)
        tenant_stream.close(refusal.close_code, text)

    # With the WebSocket.

    def _let_in(self, grant: Grant, compute_stream: TransportStream, compute_early: bytes) -> None:
        """Open the WebSocket, introduce the sides to each other, and hand both to the relay."""
        with contextlib.ExitStack() as on_failure:
            on_failure.callback(compute_stream.close)
            try:
                tenant_stream = self._door.open()
            except OSError as error:
                self._log_broken_off(grant, Refusal.CLIENT_SILENT.level, f'the client left: {error}')
                return
            on_failure.callback(tenant_stream.close)
            recording = self._parts.recorder.open(self._id) if self._parts.recorder is not None else None
            if recording is not None:
                on_failure.callback(recording.close)
            try:
                with _mistakes_refused():
                    greeted: Stream = tenant_stream if recording is None else RecordedStream(tenant_stream, recording)
                    from_client, from_target = self._introduce(grant, greeted, compute_stream, compute_early)
                    self._hand_over(grant, tenant_stream, compute_stream, from_client, from_target, recording)
                on_failure.pop_all()
            except Refused as refused:
                text = refused.refusal.text_with(self._ctxt.request_id)
                self._log_broken_off(grant, refused.refusal.level, refused.detail)
                tenant_stream.close(refused.refusal.close_code, text)
            except WebSocketProtocolError as error:
                self._log_broken_off(grant, Refusal.CLIENT_NOT_VNC.level, f'client: {error}')
                tenant_stream.close(error.close_code)
            except security.ClientGone as gone:
                self._log_broken_off(grant, Refusal.CLIENT_SILENT.level, f'the client left: {gone}')

    def _introduce(self, grant: Grant, tenant_stream: Stream, compute_stream: TransportStream,
                   compute_early: bytes) -> tuple[bytes, bytes]:
        """Carry the browser's handshake and both Init messages; return what either side has said beyond them."""
        timeout_s = self._parts.handshake_timeout_s
        client_init, from_client = security.negotiate_with_tenant(tenant_stream, timeout_s)
        server_init, from_target = security.exchange_init_with_compute(compute_stream, client_init, compute_early,
                                                                       timeout_s)
        note = session_timeout.describe_end(grant.expires, time.time()) if self._parts.enforce_session_timeout else ''
        name = console_name(grant.display_name, grant.instance_uuid, note)
        if not self._door.settle():
            raise security.ClientGone('another connection has got its place')
        security.send_server_init(tenant_stream, dataclasses.replace(server_init, name=name), timeout_s)
        return from_client, from_target

    def _hand_over(self, grant: Grant, tenant_stream: WebSocketStream, compute_stream: TransportStream,
                   from_client: bytes, from_target: bytes, recording: Recording | None) -> None:
        session = OpenSession(self._id, grant.instance_uuid, drop_control_characters(grant.display_name),
                              self._door.peer, time.time(), grant.request_id)
        LOG.info('Session %s: instance %s at %s port %d opened for %s', session.id, session.instance, grant.host,
                 grant.port, session.peer)

        def start(on_end: EndObserver) -> Relay:
            with contextlib.ExitStack() as on_failure:
                client, parser, unread = tenant_stream.release()
                on_failure.callback(client.close)
                target = compute_stream.release()
                on_failure.callback(target.close)
                if recording is not None:
                    recording.from_client(unread)
                    recording.to_client(from_target)
                relay = self._parts.engine.add(client, target, parser=parser, on_end=on_end,
                                               from_client=from_client + unread, from_target=from_target,
                                               limit=self._limit(grant),
                                               client_filter=None if recording is None else recording.from_client,
                                               target_filter=None if recording is None else recording.to_client)
                on_failure.pop_all()
            return relay

        def on_end(end: RelayEnd) -> None:
            log_end(session, end)
            if recording is not None:
                recording.close()

        try:
            self._parts.registry.open(session, start, on_end)
        except EngineStopped:
            if recording is not None:
                recording.close()
            LOG.info('Session %s: instance %s ended: the proxy is stopping', session.id, session.instance_uuid)

    def _limit(self, grant: Grant) -> Limit | None:
        if not self._parts.enforce_session_timeout:
            return None
        return session_timeout.build_limit(grant.expires, time.time(), self._ctxt.request_id,
                                           takes_notices=self._door.takes_notices)

    def _log_broken_off(self, grant: Grant, level: int, detail: str) -> None:
        LOG.log(level, 'Session %s: instance %s: set-up for %s broken off: %s', self._id, grant.instance_uuid,
                self._door.peer, detail)


def log_end(session: OpenSession, end: RelayEnd) -> None:
    """Take note of the end of a session, in a thread of the relay engine's."""
    ctxt = context.RequestContext(request_id=f'req-{session.id}', global_request_id=session.global_request_id,
                                  overwrite=False)
    LOG.info('Session %s: instance %s ended for %s: %s (code %d) after %.1f s, %d bytes from it, %d bytes to it',
             session.id, session.instance, session.peer, end.cause.value, end.close_code, end.duration_s,
             end.bytes_from_client, end.bytes_from_target, context=ctxt)


def _stand_in(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


@contextlib.contextmanager
def _mistakes_refused() -> Iterator[None]:
    """Turn a defect of ours into a refusal like any other, so that no client ever waits for nothing."""
    try:
        yield
    except (Refused, security.ClientGone, WebSocketProtocolError):
        raise
    except Exception:
        LOG.exception('Setting up a session failed')
        raise Refused(Refusal.INTERNAL, 'see the traceback before this line') from None
