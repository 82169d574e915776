# SPDX-License-Identifier: Apache-2.0
"""What a session keeps for a peer that does not read, beside what the kernel keeps: 256 KiB for each direction."""

import fcntl
import itertools
import socket
import ssl
import struct
import termios
import threading
import time

import pytest

from nova_vnc.net import tls, tls_context
from nova_vnc.net.deadline import Deadline
from nova_vnc.net.stream import TransportStream
from nova_vnc.net.transport import PlainTransport
from nova_vnc.net.websocket import FrameParser
from tests.fixtures.certificates import CertificateAuthority
from tests.fixtures.connections import tcp_pair
from tests.fixtures.websocket_frames import binary
from tests.functional.relay.session import stuff

MOST_BYTES = 256 * 1024
ENDLESS = bytes(64_000_000)
ENDLESS_FRAMES = b''.join(itertools.repeat(binary(bytes(50_000)), 600))
# Headers of frames and records, which are counted on one side only.
HEADERS_SHARE = 0.01


class Peer:
    """One end of a session: what of it is ours, and what the relay is given."""

    def __init__(self, ca: CertificateAuthority, certificate, *, has_tls: bool) -> None:
        self.far, near = tcp_pair()
        self.near_fd = near.fileno()
        self.stream: ssl.SSLSocket | socket.socket = self.far
        wire = TransportStream(PlainTransport(near))
        if has_tls:
            context = tls_context.server_context(str(certificate.cert), str(certificate.key))
            wire.set_deadline(Deadline(30))
            server = threading.Thread(target=wire.upgrade, args=(tls.wrap(context, server_side=True),))
            server.start()
            self.stream = ssl.create_default_context(cafile=str(ca.ca)).wrap_socket(self.far,
                                                                                    server_hostname='localhost')
            server.join()
        self.transport = wire.release()

    def sent_and_not_read(self) -> int:
        """Return how many bytes the kernel keeps of those that this end has sent."""
        return _ask(self.stream.fileno(), termios.TIOCOUTQ) + _ask(self.near_fd, termios.FIONREAD)

    def not_received(self) -> int:
        """Return how many bytes the kernel keeps of those that the relay has sent to this end."""
        return _ask(self.near_fd, termios.TIOCOUTQ) + _ask(self.stream.fileno(), termios.FIONREAD)


def _ask(fd: int, question: int) -> int:
    return struct.unpack('i', fcntl.ioctl(fd, question, bytes(4)))[0]


@pytest.fixture(scope='module')
def ca(tmp_path_factory):
    return CertificateAuthority(tmp_path_factory.mktemp('ca'))


@pytest.fixture(scope='module')
def certificate(ca):
    return ca.server()


@pytest.fixture
def open_peers(ca, certificate):
    peers = []

    def open_two(client_tls, target_tls):
        for has_tls in (client_tls, target_tls):
            peers.append(Peer(ca, certificate, has_tls=has_tls))
        return peers

    yield open_two
    for peer in peers:
        peer.stream.close()


WAYS = pytest.mark.parametrize(('client_tls', 'target_tls', 'is_filtered'), [
    pytest.param(False, False, False, id='splice'), pytest.param(False, False, True, id='filter'),
    pytest.param(True, False, False, id='TLS'), pytest.param(True, True, False, id='TLS both sides')])


def kept(sent: int, sender: Peer, receiver: Peer) -> int:
    """Return what is kept in user space of what was sent, once nothing moves any more."""
    seen = None
    while seen != (seen := (sender.sent_and_not_read(), receiver.not_received())):
        time.sleep(0.3)
    in_kernel = sum(seen)
    print(f'{sent - in_kernel} bytes in user space, {in_kernel} in the kernel')
    return sent - in_kernel


@WAYS
def test_a_client_that_does_not_read(start_engine, open_peers, client_tls, target_tls, is_filtered):
    client, target = open_peers(client_tls, target_tls)
    start_engine().add(client.transport, target.transport, parser=FrameParser(), on_end=lambda end: None,
                       target_filter=(lambda payload: payload) if is_filtered else None)
    sent = stuff(target.stream, ENDLESS, 1.0)
    assert sent < len(ENDLESS)
    assert kept(sent, target, client) <= MOST_BYTES + sent * HEADERS_SHARE


@WAYS
def test_a_target_that_does_not_read(start_engine, open_peers, client_tls, target_tls, is_filtered):
    client, target = open_peers(client_tls, target_tls)
    start_engine().add(client.transport, target.transport, parser=FrameParser(), on_end=lambda end: None,
                       client_filter=(lambda payload: payload) if is_filtered else None)
    sent = stuff(client.stream, ENDLESS_FRAMES, 1.0)
    assert sent < len(ENDLESS_FRAMES)
    assert kept(sent, client, target) <= MOST_BYTES + sent * HEADERS_SHARE
