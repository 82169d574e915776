# SPDX-License-Identifier: Apache-2.0
import contextlib
import gc
import os
import socket
import ssl
import threading
import weakref

import pytest

from nova_vnc import concurrency
from nova_vnc.net import tls, tls_context
from nova_vnc.net.deadline import Deadline, DeadlineExceeded
from nova_vnc.net.stream import TransportStream
from nova_vnc.net.transport import NOTHING_YET, READABLE, WRITABLE, PlainTransport
from tests.fixtures.certificates import CertificateAuthority

TIMEOUT_S = 30.0
BOTH = pytest.mark.parametrize('version', ['tlsv1_2', 'tlsv1_3'])


@pytest.fixture(scope='module')
def ca(tmp_path_factory):
    return CertificateAuthority(tmp_path_factory.mktemp('ca'))


@pytest.fixture(scope='module')
def certificate(ca):
    return ca.server()


@pytest.fixture
def sockets():
    with contextlib.ExitStack() as opened:
        yield lambda **sizes: [opened.enter_context(contextlib.closing(transport)) for transport in _connect(**sizes)]


def _connect(send_bytes=None):
    with socket.create_server(('127.0.0.1', 0)) as listener:
        client = socket.create_connection(listener.getsockname())
        server, _ = listener.accept()
    for sock in (client, server):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if send_bytes is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_bytes)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, send_bytes)
    return PlainTransport(client), PlainTransport(server)


class Pair:
    """A client and a server, and what of the client is below TLS."""

    def __init__(self, sockets, ca, certificate, version='default', **sizes):
        below, server = sockets(**sizes)
        self.client_socket = socket.socket(fileno=os.dup(below.fileno()))   # to do to the stream what TLS would not
        context = tls_context.client_context(str(ca.ca), check_host=True, minimum_version=version)
        if version == 'tlsv1_2':
            context.maximum_version = ssl.TLSVersion.TLSv1_2
        self.client = tls.TlsTransport(below, context, server_hostname='localhost')
        self.server = tls.TlsTransport(server, tls_context.server_context(str(certificate.both)), server_side=True)

    def shake_hands(self):
        waiting = {self.client, self.server}
        while waiting:
            for side in list(waiting):
                if not side.do_handshake():
                    waiting.remove(side)
        return self

    def close(self):
        self.client.close()
        self.server.close()
        self.client_socket.close()


@pytest.fixture
def pair(sockets, ca, certificate):
    with contextlib.ExitStack() as opened:
        def build(*args, **kwargs):
            return opened.enter_context(contextlib.closing(Pair(sockets, ca, certificate, *args, **kwargs)))
        yield build


def receive(transport, most=1 << 16):
    """Return what comes next, b'' at the end."""
    room = bytearray(most)
    deadline = Deadline(TIMEOUT_S)
    while (size := transport.receive_into(memoryview(room))) == NOTHING_YET:
        assert concurrency.wait_for_descriptor(transport.fileno(), transport.receive_waits_for, deadline.remaining())
    return bytes(room[:size])


def receive_all(transport, size):
    data = bytearray()
    while len(data) < size:
        data += receive(transport)
    return bytes(data)


def receive_now(transport, most=1 << 16):
    """Return what is there, b'' where nothing is: a part of a record is nothing."""
    room = bytearray(most)
    return bytes(room[:max(0, transport.receive_into(memoryview(room)))])


def nothing_yet(transport):
    return transport.receive_into(memoryview(bytearray(100))) == NOTHING_YET


# Bytes.

@BOTH
def test_bytes_go_both_ways(pair, version):
    made = pair(version).shake_hands()
    assert made.server.version() == made.client.version() == {'tlsv1_2': 'TLSv1.2', 'tlsv1_3': 'TLSv1.3'}[version]
    for sender, receiver in ((made.client, made.server), (made.server, made.client)):
        assert nothing_yet(receiver)
        assert receiver.receive_waits_for == READABLE
        assert sender.send(b'some bytes') == 10
        assert receive(receiver) == b'some bytes'


def test_what_does_not_fit_the_room_is_told_of(pair):
    made = pair().shake_hands()
    made.client.send(b'0123456789')
    assert receive(made.server, 4) == b'0123'
    assert made.server.has_received()
    assert receive(made.server, 100) == b'456789'
    assert not made.server.has_received()


def test_one_call_fills_the_room_from_many_records(pair):
    made = pair().shake_hands()
    for letter in b'abcd':
        made.client.send(bytes([letter]) * 16000)
    concurrency.wait_for_descriptor(made.server.fileno(), READABLE, TIMEOUT_S)
    data = receive(made.server, 1 << 17)
    assert len(data) == 64000
    assert not made.server.has_received()
    assert nothing_yet(made.server)


def test_empty_data_is_no_record_and_no_error(pair):
    made = pair().shake_hands()
    assert made.client.send(b'') == 0
    made.client.send(b'x')
    assert receive(made.server) == b'x'


@BOTH
def test_a_peer_that_does_not_read_holds_up_the_sender_and_loses_nothing(pair, version):
    made = pair(version, send_bytes=32768).shake_hands()
    data = memoryview(os.urandom(1 << 18))
    left, received, held_up = data, bytearray(), 0
    while len(received) < len(data):
        sent = made.client.send(left) if left else 0
        left = left[sent:]
        if not sent:
            held_up += 1
            assert made.client.send_waits_for == WRITABLE
            received += receive_now(made.server)
            left = memoryview(bytes(left))     # the same bytes elsewhere: OpenSSL must not mind
    assert held_up
    assert received == data


def test_bytes_go_both_ways_while_neither_is_taken(pair):
    made = pair(send_bytes=32768).shake_hands()
    sides = {made.client: made.server, made.server: made.client}
    left = dict.fromkeys(sides, memoryview(b'x' * (1 << 18)))
    received = dict.fromkeys(sides, 0)
    while any(left.values()):
        for side, other in sides.items():
            while left[side] and (sent := side.send(left[side])):
                left[side] = left[side][sent:]
            received[other] += len(receive_now(other))
    for side in sides:
        received[side] += len(receive_all(side, (1 << 18) - received[side]))
    assert set(received.values()) == {1 << 18}


def test_records_may_come_byte_by_byte(sockets, ca, certificate, pair):
    made = pair().shake_hands()
    wire, far_wire = sockets()
    made.client.send(b'secret')
    made.client.send(b'x' * 3000)
    cipher = bytearray()
    raw = socket.socket(fileno=os.dup(made.server.fileno()))
    raw.setblocking(False)
    concurrency.wait_for_descriptor(raw.fileno(), READABLE, TIMEOUT_S)
    cipher += raw.recv(1 << 16)
    # The server's socket becomes that of another connection, over which the same comes in pieces.
    os.dup2(far_wire.fileno(), made.server.fileno())
    raw.close()
    got = bytearray()
    for octet in cipher:
        wire.send(bytes([octet]))
        concurrency.wait_for_descriptor(made.server.fileno(), READABLE, TIMEOUT_S)
        room = bytearray(5000)
        if (size := made.server.receive_into(memoryview(room))) != NOTHING_YET:
            got += room[:size]
    assert got == b'secret' + b'x' * 3000


# The end.

@BOTH
def test_an_end_that_tls_tells_of_is_an_end(pair, version):
    made = pair(version).shake_hands()
    made.client.send(b'last words')
    made.client.shut_down_writing()
    assert receive(made.server) == b'last words'
    assert receive(made.server) == b'' == receive(made.server)
    made.server.close()
    assert receive(made.client) == b''


@BOTH
def test_an_end_that_tls_does_not_tell_of_is_a_failure(pair, version):
    made = pair(version).shake_hands()
    made.client.send(b'last words')
    made.client_socket.shutdown(socket.SHUT_WR)
    assert receive(made.server) == b'last words'
    with pytest.raises(tls.TruncatedStream, match=r'^the stream ended without the end of TLS$'):
        receive(made.server)


@pytest.mark.parametrize('is_truncated', [False, True])
def test_an_end_behind_bytes_that_fill_no_room_is_told_of(pair, is_truncated):
    made = pair().shake_hands()
    made.client.send(b'x' * 5000)
    if is_truncated:
        made.client_socket.shutdown(socket.SHUT_WR)
    else:
        made.client._say_end()     # the TCP connection goes on
    concurrency.wait_for_descriptor(made.server.fileno(), READABLE, TIMEOUT_S)
    room = memoryview(bytearray(10_000))
    assert made.server.receive_into(room) == 5000
    assert made.server.has_received()
    if is_truncated:
        with pytest.raises(tls.TruncatedStream):
            made.server.receive_into(room)
    else:
        assert made.server.receive_into(room) == 0


@BOTH
def test_closing_tells_the_end(pair, version):
    made = pair(version).shake_hands()
    made.server.close()
    made.server.close()
    assert made.server.fileno() == -1
    assert receive(made.client) == b''


def test_what_comes_after_the_end_was_sent_is_dropped_and_its_end_seen(pair):
    made = pair().shake_hands()
    made.client.send(b'too late')
    made.server.shut_down_writing()
    made.client.send(b'far too late')
    assert nothing_yet(made.server)
    assert not made.server.has_received()
    assert receive(made.client) == b''
    made.client_socket.close()
    made.client.close()
    assert receive(made.server) == b''


def test_an_altered_record_is_a_failure(pair):
    made = pair().shake_hands()
    made.client_socket.send(b'\x17\x03\x03\x00\x20' + bytes(32))
    with pytest.raises(tls.TlsError, match=r'^TLS failed: [a-z0-9 ]+$'):
        receive(made.server)
    with pytest.raises(OSError, match=r'.'):
        receive(made.client)     # the alert, or its end


def test_interrupting_wakes_the_reader(pair):
    made = pair().shake_hands()
    stream = TransportStream(made.server)
    thread = threading.Timer(0.1, stream.interrupt, [socket.SHUT_RD])
    thread.start()
    assert stream.read(100) == b'' == stream.read(100)
    thread.join()
    stream.write(b'goodbye')
    assert receive(made.client) == b'goodbye'
    stream.close()


# The handshake.

def run_handshake(stream, *args, **kwargs):
    stream.set_deadline(Deadline(TIMEOUT_S))
    stream.upgrade(tls.wrap(*args, **kwargs))


def failures(sockets, client_context, server_context, name='localhost'):
    """Have both sides shake hands, each in a thread, and return what they say."""
    said = {}

    def run(side, transport, context, **kwargs):
        stream = TransportStream(transport)
        try:
            run_handshake(stream, context, **kwargs)
            stream.write(b'x')
            stream.read(1)     # with TLS 1.3 the client is done before the server has looked at it
        except OSError as error:
            said[side] = error
        finally:
            stream.close()

    below, above = sockets()
    thread = threading.Thread(target=run, args=('server', above, server_context), kwargs={'server_side': True})
    thread.start()
    run('client', below, client_context, server_hostname=name)
    thread.join(TIMEOUT_S)
    return said


def test_nothing_fails_where_nothing_is_wrong(sockets, ca, certificate):
    for name in ('localhost', '127.0.0.1', '::1', 'LOCALHOST'):
        assert not failures(sockets, tls_context.client_context(str(ca.ca), check_host=True),
                            tls_context.server_context(str(certificate.cert), str(certificate.key)), name)


def other_authority(ca):
    return CertificateAuthority(ca.ca.parent / 'other').server()


@pytest.mark.parametrize(('issue', 'reason'), [
    (lambda ca: ca.expired(), 'certificate has expired'),
    (lambda ca: ca.not_yet_valid(), 'certificate is not yet valid'),
    (other_authority, 'unable to get local issuer certificate'),
    (lambda ca: ca.client('localhost'), 'certificate purpose'),
    (lambda ca: ca.server('elsewhere.example'),
     "Hostname mismatch, certificate is not valid for 'localhost'.")])
def test_a_certificate_that_is_not_to_be_trusted_is_named(sockets, ca, issue, reason):
    said = failures(sockets, tls_context.client_context(str(ca.ca), check_host=True),
                    tls_context.server_context(str(issue(ca).both)))
    assert isinstance(said['client'], tls.CertificateRejected)
    assert said['client'].reason.endswith(reason)     # 'unsuitable' or 'unsupported', as OpenSSL is old
    assert isinstance(said['client'].__cause__, ssl.SSLCertVerificationError)
    assert isinstance(said['server'], tls.TlsError)
    assert str(said['server']).startswith('TLS failed: ')


def test_host_names_are_checked_only_where_that_is_asked_for(sockets, ca):
    assert not failures(sockets, tls_context.client_context(str(ca.ca)),
                        tls_context.server_context(str(ca.server('elsewhere.example').both)))


def test_no_cipher_in_common(sockets, ca, certificate):
    client = tls_context.client_context(str(ca.ca), ciphers='ECDHE-ECDSA-AES128-GCM-SHA256')
    client.maximum_version = ssl.TLSVersion.TLSv1_2
    said = failures(sockets, client,
                    tls_context.server_context(str(certificate.both), ciphers='ECDHE-ECDSA-AES256-GCM-SHA384'))
    assert str(said['server']) == 'TLS failed: no shared cipher'
    assert str(said['client']) == 'TLS failed: sslv3 alert handshake failure'


def test_no_version_in_common(sockets, ca, certificate):
    client = tls_context.client_context(str(ca.ca))
    client.maximum_version = ssl.TLSVersion.TLSv1_2
    said = failures(sockets, client, tls_context.server_context(str(certificate.both), minimum_version='tlsv1_3'))
    assert str(said['server']) == 'TLS failed: unsupported protocol'
    assert str(said['client']) == 'TLS failed: tlsv1 alert protocol version'


def test_a_certificate_of_the_client(sockets, ca, certificate):
    server = tls_context.server_context(str(certificate.both))
    server.verify_mode = ssl.CERT_REQUIRED
    server.load_verify_locations(str(ca.ca))
    own = ca.client()
    assert not failures(sockets, tls_context.client_context(str(ca.ca), str(own.cert), str(own.key)), server)
    said = failures(sockets, tls_context.client_context(str(ca.ca)), server)
    assert str(said['server']) == 'TLS failed: peer did not return a certificate'


def test_a_peer_that_does_not_speak_tls(sockets, ca, certificate):
    for data, server_side in ((b'GET / HTTP/1.1\r\n\r\n', True), (b'RFB 003.008\n', True),
                              (b'HTTP/1.1 400 Bad Request\r\n\r\n', False)):
        near, far = sockets()
        far.send(data)
        context = (tls_context.server_context(str(certificate.both)) if server_side
                   else tls_context.client_context(str(ca.ca)))
        with pytest.raises(tls.TlsError, match=r'^TLS failed: (http request|wrong version number)$'):
            run_handshake(TransportStream(near), context, server_side=server_side)


def test_a_peer_that_leaves_in_the_handshake(sockets, certificate):
    near, far = sockets()
    far.send(b'\x16\x03\x01')
    far.close()
    with pytest.raises(tls.TlsError, match=r'^the peer left during the handshake of TLS$'):
        run_handshake(TransportStream(near), tls_context.server_context(str(certificate.both)), server_side=True)


def test_a_slow_handshake_ends_at_its_deadline(sockets, certificate):
    near, far = sockets()
    far.send(b'\x16\x03\x01')
    stream = TransportStream(near)
    stream.set_deadline(Deadline(0.2))
    with pytest.raises(DeadlineExceeded):
        stream.upgrade(tls.wrap(tls_context.server_context(str(certificate.both)), server_side=True))
    stream.close()


@pytest.mark.parametrize('name', [None, '', 'a..b'])
def test_a_name_that_cannot_be_checked_is_refused_and_nothing_left_open(sockets, ca, name):
    near, _ = sockets()
    fd = near.fileno()
    with pytest.raises(tls.TlsError, match='host name'):
        tls.TlsTransport(near, tls_context.client_context(str(ca.ca), check_host=True), server_hostname=name)
    with pytest.raises(OSError, match='Bad file descriptor'):
        os.fstat(fd)


def test_nothing_is_kept_of_a_connection_that_has_ended(sockets, ca, certificate):
    context = tls_context.server_context(str(certificate.both))
    fds = len(os.listdir('/proc/self/fd'))
    gc.disable()    # nothing may wait for it either
    try:
        left = []
        for _ in range(20):
            client, server = _connect()
            client.send(b'\x16\x03\x01\x00\x05hello')
            transport = tls.TlsTransport(server, context, server_side=True)
            left.append(weakref.ref(transport._sock))
            concurrency.wait_for_descriptor(transport.fileno(), READABLE, TIMEOUT_S)
            with pytest.raises(tls.TlsError):
                transport.do_handshake()
            transport.close()
            client.close()
            del transport
        assert not any(reference() for reference in left)
        assert len(os.listdir('/proc/self/fd')) == fds
    finally:
        gc.enable()
