# SPDX-License-Identifier: Apache-2.0
"""The TCP connection to a VNC server."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Sequence

from nova_vnc.net import tcp
from nova_vnc.net.deadline import Deadline, DeadlineExceeded
from nova_vnc.net.resolver import Resolver
from nova_vnc.net.stream import TransportStream
from nova_vnc.net.transport import PlainTransport
from nova_vnc.novncproxy import access_path
from nova_vnc.novncproxy.refusal import Refusal, Refused

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_READ_BYTES = 4096


class Connector:
    """Connects, but only to where the operator allows.

    :param networks: none means anywhere
    :param resolver: of the names of hosts
    :param timeout_s: for the resolution of the name, the connection and the CONNECT request together
    :param lost_after_s: once connected, see tcp.configure()
    """

    def __init__(self, networks: Sequence[Network], resolver: Resolver, timeout_s: float, lost_after_s: int) -> None:
        self._networks = tuple(networks)
        self._resolver = resolver
        self._timeout_s = timeout_s
        self._lost_after_s = lost_after_s

    def connect(self, host: str, port: int, internal_access_path: str | None = None) -> tuple[TransportStream, bytes]:
        """Return a stream to the VNC server, and what that has said already.

        :param internal_access_path: where given, what to ask for with HTTP CONNECT first, as Nova does for hypervisors
            that serve all their consoles on one port
        :raises Refused: UNREACHABLE, SILENT, FORBIDDEN_TARGET or DECLINED
        """
        deadline = Deadline(self._timeout_s)
        try:
            addresses = self._allowed_addresses(self._resolver.resolve(host, deadline), host)
            stream = TransportStream(PlainTransport(self._connect_to_first(addresses, port, deadline)))
        except DeadlineExceeded as error:
            raise Refused(Refusal.SILENT, f'{host} port {port}: {error}') from None
        except OSError as error:
            raise Refused(Refusal.UNREACHABLE, f'{host} port {port}: {error.strerror or error}') from None
        if internal_access_path:
            stream.set_deadline(deadline)
            try:
                return stream, _request_path(stream, internal_access_path)
            except BaseException:
                stream.close()
                raise
        return stream, b''

    def _allowed_addresses(self, addresses: Sequence[str], host: str) -> list[str]:
        allowed = [address for address in addresses if self._is_allowed(address)]
        if addresses and not allowed:
            raise Refused(Refusal.FORBIDDEN_TARGET,
                          f'{host} ({", ".join(addresses)}) lies in none of [novncproxy]target_networks')
        return allowed

    def _is_allowed(self, text: str) -> bool:
        if not self._networks:
            return True
        address = ipaddress.ip_address(text)
        # ::ffff:192.0.2.1 is a connection to 192.0.2.1.
        address = getattr(address, 'ipv4_mapped', None) or address
        return any(address in network for network in self._networks)

    def _connect_to_first(self, addresses: Sequence[str], port: int, deadline: Deadline) -> socket.socket:
        """Connect to the first address that answers; none may use up the time of those behind it."""
        error: OSError = socket.gaierror(socket.EAI_NONAME, 'no address')
        for position, address in enumerate(addresses):
            share = Deadline(deadline.remaining() / (len(addresses) - position))
            try:
                return tcp.connect(address, port, share, self._lost_after_s)
            except OSError as caught:
                error = caught
        raise error


def _request_path(stream: TransportStream, path: str) -> bytes:
    """Ask for a path; return what the VNC server behind it has said already."""
    reader = access_path.AnswerReader()
    try:
        stream.write(access_path.build_request(path))
        while not reader.done:
            reader.receive_data(stream.read(_READ_BYTES))
    except access_path.MalformedPath:
        raise Refused(Refusal.UNREACHABLE, 'malformed internal_access_path') from None
    except access_path.BadAnswer as error:
        raise Refused(Refusal.DECLINED, f'CONNECT for the internal_access_path: {error}') from None
    except DeadlineExceeded as error:
        raise Refused(Refusal.SILENT, f'CONNECT for the internal_access_path: {error}') from None
    except OSError as error:
        raise Refused(Refusal.UNREACHABLE, f'CONNECT for the internal_access_path: {error}') from None
    return reader.trailing_data
