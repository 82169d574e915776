# SPDX-License-Identifier: Apache-2.0
"""The RFB handshakes of a session, one with the VNC server and one with the browser, each in its own version.

The compute side is the VNC server, to which the proxy is a client; the tenant side is the browser, to which it is a
server. What is read beyond a handshake is returned, for whoever reads on.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator, Sequence

from nova_vnc.net.deadline import Deadline, DeadlineExceeded
from nova_vnc.net.stream import Stream, TransportStream
from nova_vnc.net.websocket_stream import WebSocketClosed
from nova_vnc.novncproxy.compute_tls import ComputeTLS
from nova_vnc.novncproxy.refusal import Refusal, Refused
from nova_vnc.rfb.client import ClientHandshake
from nova_vnc.rfb.drive import drive
from nova_vnc.rfb.errors import ConnectionFailed, NoAcceptableSecurity, NoAcceptableSubtype, RFBError, UnexpectedEOF
from nova_vnc.rfb.init import ClientInit, ClientInitReader, ServerInit, ServerInitReader
from nova_vnc.rfb.security import NONE, Scheme
from nova_vnc.rfb.server import RefusalHandshake, ServerHandshake


class ClientGone(Exception):
    """The browser closed or broke its connection; there is nobody left to tell anything."""


@dataclasses.dataclass(frozen=True)
class ComputeSecurity:
    """What is accepted of VNC servers.

    :ivar schemes: the most wanted first
    :ivar tls: for those that need it
    """

    schemes: Sequence[Scheme] = (NONE,)
    tls: ComputeTLS = dataclasses.field(default_factory=lambda: ComputeTLS(None))


def negotiate_with_compute(stream: TransportStream, accepted: ComputeSecurity, host: str, timeout_s: float,
                           early: bytes = b'') -> bytes:
    """Carry the handshake with the VNC server up to SecurityResult; where TLS is agreed on, the stream is upgraded.

    :param host: as it was asked for, by which its certificate may be checked
    :param early: what it has said already
    :raises Refused: SILENT, NOT_VNC, SECURITY, DECLINED or UNREACHABLE
    """
    stream.set_deadline(Deadline(timeout_s))
    handshake = ClientHandshake(accepted.schemes)

    def start_tls() -> None:
        stream.upgrade(accepted.tls.wrapper(handshake.subtype, host))

    with _compute_errors():
        try:
            return drive(handshake, stream.read, stream.write, early, start_tls)
        except (OSError, UnexpectedEOF) as error:
            # Of TLS: in TLS 1.3 our part of its handshake is done before the server judges our certificate.
            if handshake.subtype is None:
                raise
            if isinstance(error, DeadlineExceeded):
                raise Refused(Refusal.SILENT, 'the VNC server was silent during the handshake of TLS') from None
            raise Refused(Refusal.SECURITY, f'VNC server: {accepted.tls.describe(error)}') from None


def exchange_init_with_compute(stream: Stream, client_init: ClientInit, early: bytes,
                               timeout_s: float) -> tuple[ServerInit, bytes]:
    """Send the client's ClientInit and read ServerInit.

    :raises Refused: SILENT, NOT_VNC or UNREACHABLE
    """
    stream.set_deadline(Deadline(timeout_s))
    reader = ServerInitReader()
    with _compute_errors():
        stream.write(client_init.serialize())
        trailing = drive(reader, stream.read, stream.write, early)
    return reader.value, trailing


def negotiate_with_tenant(stream: Stream, timeout_s: float) -> tuple[ClientInit, bytes]:
    """Carry the handshake with the browser up to its ClientInit.

    :raises Refused: CLIENT_SILENT or CLIENT_NOT_VNC
    :raises ClientGone: it closed
    :raises WebSocketProtocolError: it broke the protocol below
    """
    stream.set_deadline(Deadline(timeout_s))
    reader = ClientInitReader()
    with _tenant_errors():
        early = drive(ServerHandshake(), stream.read, stream.write)
        trailing = drive(reader, stream.read, stream.write, early)
    return reader.value, trailing


def send_server_init(stream: Stream, server_init: ServerInit, timeout_s: float) -> None:
    """Answer the browser's ClientInit, the last message of the handshake.

    :raises Refused, ClientGone: as negotiate_with_tenant()
    """
    stream.set_deadline(Deadline(timeout_s))
    with _tenant_errors():
        stream.write(server_init.serialize())


def refuse_tenant(stream: Stream, reason: str, timeout_s: float) -> None:
    """Tell the browser in RFB why it gets no console.

    :raises Refused, ClientGone, WebSocketProtocolError: as negotiate_with_tenant()
    """
    stream.set_deadline(Deadline(timeout_s))
    with _tenant_errors():
        drive(RefusalHandshake(reason), stream.read, stream.write)


@contextlib.contextmanager
def _compute_errors() -> Iterator[None]:
    try:
        yield
    except DeadlineExceeded:
        raise Refused(Refusal.SILENT, 'the VNC server was silent during the RFB handshake') from None
    except ConnectionFailed as error:
        refusal = Refusal.SECURITY if error.refused else Refusal.DECLINED
        raise Refused(refusal, f'VNC server: {error}') from None
    except NoAcceptableSubtype as error:
        raise Refused(Refusal.SECURITY, f'VNC server: {error} ([novncproxy]vencrypt_subtypes)') from None
    except NoAcceptableSecurity as error:
        raise Refused(Refusal.SECURITY, f'VNC server: {error} ([vnc]auth_schemes)') from None
    except RFBError as error:
        raise Refused(Refusal.NOT_VNC, f'VNC server: {error}') from None
    except OSError as error:
        raise Refused(Refusal.UNREACHABLE, f'VNC server: {error}') from None


@contextlib.contextmanager
def _tenant_errors() -> Iterator[None]:
    try:
        yield
    except DeadlineExceeded:
        raise Refused(Refusal.CLIENT_SILENT, 'the client was silent during the RFB handshake') from None
    except RFBError as error:
        raise Refused(Refusal.CLIENT_NOT_VNC, f'client: {error}') from None
    except (WebSocketClosed, OSError) as error:
        raise ClientGone(str(error)) from None
