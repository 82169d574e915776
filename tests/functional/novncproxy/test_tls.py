# SPDX-License-Identifier: Apache-2.0
"""Browsers that come with TLS: the proxy's own certificate, and all that can be wrong with a handshake."""

import contextlib
import logging
import os
import select
import socket
import ssl
import subprocess
import time

import pytest
import websocket
from websocket import ABNF

from nova_vnc import exception
from nova_vnc.rfb.client import ClientHandshake
from nova_vnc.rfb.drive import drive
from nova_vnc.rfb.errors import ConnectionFailed
from nova_vnc.rfb.init import ServerInitReader
from tests.fixtures.certificates import CertificateAuthority
from tests.fixtures.connections import receive_until_eof
from tests.fixtures.polling import wait_until
from tests.functional.novncproxy.rig import TIMEOUT_S, WebSocketClient, build_request, parse_response, shake_hands


@pytest.fixture(scope='module')
def ca(tmp_path_factory):
    return CertificateAuthority(tmp_path_factory.mktemp('ca'))


def send_while_receiving(client, messages):
    """Send messages, reading what comes only where the proxy would take no more; it is there for client to be read.

    In one thread, since before Python 3.13 two must not use one ssl.SSLSocket at a time.
    """
    sock, received = client.client.sock, b''
    unsent = b''.join(ABNF.create_frame(message, ABNF.OPCODE_BINARY).format() for message in messages)
    sock.setblocking(False)
    while unsent:
        try:
            unsent = unsent[sock.send(unsent[:65536]):]
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            with contextlib.suppress(ssl.SSLWantReadError, ssl.SSLWantWriteError):
                received += sock.recv(65536)
            select.select([sock], [sock], [], 1)
    sock.setblocking(True)  # eventlet's SSLSocket stays non-blocking with a timeout alone
    sock.settimeout(TIMEOUT_S)
    client.client.frame_buffer.recv_buffer.append(received)


class Tls:
    """A rig whose proxy has a certificate, and clients of it."""

    def __init__(self, rig, ca, directory):
        self.rig, self.ca = rig, ca
        self.cert, self.key = directory / 'cert.pem', directory / 'key.pem'
        rig.conf.set_override('cert', str(self.cert))
        rig.conf.set_override('key', str(self.key))

    def start(self, **options):
        self.renew()
        self.rig.start(**options)
        return self

    def renew(self):
        certificate = self.ca.server()
        certificate.copy_to(self.cert, self.key)
        return ssl.PEM_cert_to_DER_cert(certificate.cert.read_text())

    def connect(self, **changes):
        context = ssl.create_default_context(cafile=self.ca.ca)
        context.options &= ~getattr(ssl, 'OP_IGNORE_UNEXPECTED_EOF', 0)
        for name, value in changes.items():
            setattr(context, name, value)
        sock = context.wrap_socket(self.rig.connect(), server_hostname='127.0.0.1', suppress_ragged_eofs=False)
        return self.rig._stack.enter_context(contextlib.closing(sock))

    def get(self, target='/vnc_auto.html'):
        sock = self.connect()
        sock.sendall(build_request(target, Connection='close'))
        return parse_response(receive_until_eof(sock))

    def open_console(self, token, **changes):
        client = websocket.WebSocket()
        client.settimeout(TIMEOUT_S)
        self.rig._stack.callback(client.shutdown)
        client.connect(f'ws://127.0.0.1:{self.rig.proxy.port}/websockify?token={token}',
                       origin=f'https://127.0.0.1:{self.rig.proxy.port}', socket=self.connect(**changes))
        return WebSocketClient(client)

    def console(self, *behave):
        server = self.rig.vnc_server(*behave)
        return self.rig.grant(server.host, server.port, access_url='https://127.0.0.1:6080/vnc_auto.html')


@pytest.fixture
def encrypted(rig, ca, tmp_path, caplog):
    caplog.set_level(logging.INFO, 'nova_vnc')
    return Tls(rig, ca, tmp_path)


def enter(client):
    """Go through RFB up to the screen; return what came behind it."""
    ahead = drive(ClientHandshake(), client.read, client.write)
    client.write(b'\x01')
    return drive(ServerInitReader(), client.read, client.write, ahead)


def check_echo(client, data):
    client.write(data)
    assert client.read_exactly(len(data)) == data


# What goes through.

def test_pages_come_with_tls_and_without_on_one_port(encrypted):
    encrypted.start()
    assert encrypted.get().status == 200
    assert encrypted.rig.get('/vnc_auto.html').status == 200


@pytest.mark.parametrize('version', [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_session_in_the_relay(encrypted, version):
    encrypted.start()
    client = encrypted.open_console(encrypted.console(), maximum_version=version)
    assert enter(client) == b''
    check_echo(client, b'k')
    check_echo(client, os.urandom(100_000))
    client.client.close(timeout=TIMEOUT_S)


def test_much_both_ways_while_nobody_reads(encrypted):
    encrypted.start()
    client = encrypted.open_console(encrypted.console())
    enter(client)
    data = os.urandom(4 << 20)
    send_while_receiving(client, [data[at:at + 50_000] for at in range(0, len(data), 50_000)])
    assert client.read_exactly(len(data)) == data


def test_a_session_begins_with_what_came_in_one_packet(encrypted):
    def greet(sock):
        shake_hands(sock, behind=b'and the first picture')
        sock.recv(1)
    encrypted.start()
    client = encrypted.open_console(encrypted.console(greet))
    ahead = enter(client)
    assert ahead + client.read_exactly(21 - len(ahead)) == b'and the first picture'


def test_a_page_over_http_does_not_open_what_is_https(encrypted):
    encrypted.start()
    client = encrypted.rig.open_console(encrypted.console(), origin=encrypted.rig.origin)
    with pytest.raises(ConnectionFailed):
        enter(client)


# What does not.

def test_with_ssl_only_the_clear_is_refused_readably(encrypted, caplog):
    encrypted.rig.conf.set_override('ssl_only', True)
    encrypted.start()
    response = encrypted.rig.get('/vnc_auto.html?token=secret')
    assert (response.status, response.body) == (
        400, b'This address takes connections with TLS only: its links begin with https.\r\n')
    assert 'closed: it came without TLS, and [DEFAULT]ssl_only = True' in caplog.text
    assert encrypted.get().status == 200
    assert 'secret' not in caplog.text


def test_tls_without_a_certificate_is_turned_away(encrypted, caplog):
    encrypted.rig.start()
    with pytest.raises((ssl.SSLError, ConnectionError)):
        encrypted.connect()
    wait_until(lambda: 'it speaks TLS, and there is no certificate; see [DEFAULT]cert' in caplog.text, TIMEOUT_S,
               'the line in the log')
    assert encrypted.rig.get('/vnc_auto.html').status == 200
    assert 'ERROR' not in caplog.text


@pytest.mark.parametrize('content', [None, 'nonsense'])
def test_ssl_only_without_a_certificate_does_not_start(encrypted, content):
    encrypted.rig.conf.set_override('ssl_only', True)
    if content:
        encrypted.cert.write_text(content)
    with pytest.raises(exception.ConfigurationError, match=r'^\[DEFAULT\](cert|key) = /[^\n]*$'):
        encrypted.rig.start()


def test_unknown_ciphers_do_not_start(encrypted):
    encrypted.rig.conf.set_override('ssl_only', True)
    encrypted.rig.conf.set_override('ssl_ciphers', 'NONSENSE', 'console')
    encrypted.renew()
    with pytest.raises(exception.ConfigurationError, match=r'^\[console\]ssl_ciphers = NONSENSE: '):
        encrypted.rig.start()


def test_versions_and_ciphers_are_the_operators(encrypted, caplog):
    encrypted.rig.conf.set_override('ssl_minimum_version', 'tlsv1_2', 'console')
    encrypted.rig.conf.set_override('ssl_ciphers', 'ECDHE-ECDSA-AES128-GCM-SHA256', 'console')
    encrypted.start()
    sock = encrypted.connect(maximum_version=ssl.TLSVersion.TLSv1_2)
    assert sock.cipher()[0] == 'ECDHE-ECDSA-AES128-GCM-SHA256'
    context = ssl.create_default_context(cafile=encrypted.ca.ca)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers('ECDHE-ECDSA-AES256-GCM-SHA384')
    with pytest.raises(ssl.SSLError):
        context.wrap_socket(encrypted.rig.connect(), server_hostname='127.0.0.1')
    wait_until(lambda: 'closed: TLS failed: no shared cipher' in caplog.text, TIMEOUT_S, 'the line in the log')


@pytest.mark.parametrize('said', [b'\x16\x03\x01', b'\x16GET / HTTP/1.1\r\n\r\n', b'\x80\x2e\x01\x00\x02',
                                  b'\x16' * 300])
def test_half_a_handshake_ends_in_time_and_nonsense_at_once(encrypted, caplog, said):
    encrypted.start(header_timeout=1)
    sock = encrypted.rig.connect()
    sock.sendall(said)
    receive_until_eof(sock)
    wait_until(lambda: 'closed: ' in caplog.text, TIMEOUT_S, 'the line in the log')
    assert 'Traceback' not in caplog.text
    assert encrypted.get().status == 200


def test_nobody_is_kept_out_by_those_that_begin_a_handshake(encrypted):
    encrypted.start(max_pending_per_address=5, max_pending_connections=50)
    silent = [encrypted.rig.connect() for _ in range(8)]
    for sock in silent:
        sock.sendall(b'\x16\x03\x01\x02\x00')
    assert encrypted.get().status == 200


def test_who_loses_its_place_after_the_handshake_is_told(encrypted):
    encrypted.start(max_pending_per_address=1, max_pending_connections=50)
    first = encrypted.connect(maximum_version=ssl.TLSVersion.TLSv1_2)   # with which the proxy is done by now
    second = encrypted.rig.connect()
    second.sendall(b'x')
    assert first.recv(4096).startswith(b'HTTP/1.1 429 ')


# The end.

def test_a_client_that_vanishes_without_the_end_of_tls_is_lost(encrypted, caplog):
    encrypted.start()
    client = encrypted.open_console(encrypted.console())
    enter(client)
    with socket.socket(fileno=os.dup(client.client.sock.fileno())) as below:
        below.shutdown(socket.SHUT_WR)
    wait_until(lambda: 'ended for' in caplog.text, TIMEOUT_S, 'the end of the session')
    assert 'the connection to the client broke' in caplog.text


def test_the_end_of_a_session_is_told_by_tls(encrypted):
    def hang_up(sock):
        shake_hands(sock)
    encrypted.start()
    client = encrypted.open_console(encrypted.console(hang_up))
    enter(client)
    assert client.read_to_close()[1] == (1000, '')
    client.client.send_close()
    assert client.client.sock.recv(100) == b''      # raises where TLS has not told


# Renewal.

def test_a_renewed_certificate_is_for_new_connections_and_disturbs_nobody(encrypted, caplog):
    encrypted.start()
    client = encrypted.open_console(encrypted.console())
    enter(client)
    renewed = encrypted.renew()
    wait_until(lambda: encrypted.connect().getpeercert(binary_form=True) == renewed, TIMEOUT_S, 'the new certificate')
    check_echo(client, b'still there')
    encrypted.key.write_text('half')
    wait_until(lambda: encrypted.connect() and 'ERROR' in caplog.text, TIMEOUT_S, 'the line in the log')
    assert encrypted.connect().getpeercert(binary_form=True) == renewed
    time.sleep(1.1)     # it looks again after a second
    encrypted.connect()
    errors = [record.getMessage() for record in caplog.records if record.levelname == 'ERROR']
    assert errors == [f'[DEFAULT]key = {encrypted.key}: not in PEM format, or encrypted. New connections still get the '
                      'certificate that was there before.']
    check_echo(client, b'still there')


# What only OpenSSL's own client does.

def s_client(encrypted, *options):
    return subprocess.Popen(['openssl', 's_client', '-connect', f'127.0.0.1:{encrypted.rig.proxy.port}',
                             '-CAfile', str(encrypted.ca.ca), '-crlf', *options],
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def talk(process, *lines):
    """Write lines, each a moment after the one before; return all that it says until it ends."""
    with process:
        for line in lines:
            process.stdin.write(line)
            process.stdin.flush()
            time.sleep(0.5)
        said = process.communicate(timeout=TIMEOUT_S)[0]
    return said


def test_keys_may_be_renewed(encrypted):
    encrypted.start()
    said = talk(s_client(encrypted, '-tls1_3', '-no_ign_eof'), b'k\n', b'K\n',
                b'GET /vnc_auto.html HTTP/1.1\nHost: a\nConnection: close\n\n')
    assert b'KEYUPDATE' in said
    assert b'HTTP/1.1 200 OK' in said


def test_renegotiation_is_refused_and_disturbs_nobody(encrypted, caplog):
    encrypted.start()
    client = encrypted.open_console(encrypted.console())
    enter(client)
    said = talk(s_client(encrypted, '-tls1_2'), b'R\n')
    assert b'RENEGOTIATING' in said
    assert b'no renegotiation' in said
    check_echo(client, b'still there')
    assert 'Traceback' not in caplog.text


def test_no_descriptor_is_left_of_broken_handshakes(encrypted):
    encrypted.start()
    encrypted.get()
    before = len(os.listdir('/proc/self/fd'))
    for said in (b'\x16\x03\x01\x00\x05hello', b'\x16', b'\x16\x03\x01\x02\x00\x01\x00'):
        for _ in range(20):
            with socket.create_connection(encrypted.rig.address) as sock:
                sock.sendall(said)
    wait_until(lambda: len(os.listdir('/proc/self/fd')) <= before, TIMEOUT_S, 'the descriptors to be closed')
