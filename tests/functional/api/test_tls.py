# SPDX-License-Identifier: Apache-2.0
"""The API with TLS of its own."""

import http.client
import json
import logging
import socket
import ssl
import threading
import time

import pytest

from nova_vnc.api import factory
from tests.fixtures.certificates import CertificateAuthority
from tests.fixtures.polling import wait_until
from tests.functional.api.api import CONSOLES, CREATE, read_all

TIMEOUT_S = 30


@pytest.fixture
def authority(tmp_path):
    return CertificateAuthority(tmp_path / 'ca')


@pytest.fixture
def start(bus):
    """Start the API; options are those of [wsgi]."""
    services, failures = [], []

    def start(**options):
        bus.conf.set_override('enabled_ssl_apis', ['osapi_compute'])
        for name, path in options.items():
            bus.conf.set_override(name, str(path), 'wsgi')
        services.append(factory.build_service(bus.conf, bus.transport))
        services[-1].start(failures.append)
        return services[-1].port

    yield start
    hurry = threading.Event()
    hurry.set()
    for service in services:
        service.stop(hurry)
    assert failures == []


def send(port, context, method='GET', path='/', body=None):
    """Return status, JSON and the serial number of the server's certificate."""
    connection = http.client.HTTPSConnection('localhost', port, timeout=TIMEOUT_S, context=context)
    try:
        connection.connect()
        serial = connection.sock.getpeercert()['serialNumber']
        connection.request(method, path, body and json.dumps(body), {
            'X-Auth-Token': 'notused', 'OpenStack-API-Version': 'compute 2.46'})
        response = connection.getresponse()
        return response.status, json.loads(response.read()), serial
    finally:
        connection.close()


def trusting(authority):
    return ssl.create_default_context(cafile=str(authority.ca))


def test_a_console(authority, start, cloud):
    files = authority.server()
    port = start(ssl_cert_file=files.cert, ssl_key_file=files.key)
    status, answer, _ = send(port, trusting(authority), 'POST', CONSOLES, CREATE)
    assert status == 200
    assert answer['remote_console']['url']
    status, answer, _ = send(port, trusting(authority))
    assert {link['href'] for version in answer['versions'] for link in version['links']
            if not link['href'].startswith(f'https://localhost:{port}/')} == set()


def test_certificate_and_key_in_one_file_and_a_long_answer(authority, start, cloud):
    port = start(ssl_cert_file=authority.server().both)
    status, answer, _ = send(port, trusting(authority), path='/v2.1/servers/detail')
    assert status == 200
    assert len(answer['servers']) == 3


def test_a_renewed_certificate_serves_new_connections(authority, start, tmp_path):
    cert = tmp_path / 'cert.pem'
    authority.server().copy_to(cert)
    port = start(ssl_cert_file=cert)
    first = send(port, trusting(authority))[2]
    authority.server().copy_to(cert)
    wait_until(lambda: send(port, trusting(authority))[2] != first, 30, 'the renewed certificate')


def test_what_is_renewed_badly_changes_nothing(authority, start, tmp_path, caplog):
    cert = tmp_path / 'cert.pem'
    authority.server().copy_to(cert)
    port = start(ssl_cert_file=cert)
    first = send(port, trusting(authority))[2]
    cert.write_text('half of it')

    def is_told():
        assert send(port, trusting(authority))[2] == first
        return f'[wsgi]ssl_cert_file = {cert}' in caplog.text
    wait_until(is_told, 30, 'the line for the operator')


def test_clients_have_to_show_a_certificate(authority, start):
    files = authority.server()
    port = start(ssl_cert_file=files.cert, ssl_key_file=files.key, ssl_ca_file=authority.ca)
    known = trusting(authority)
    own = authority.client()
    known.load_cert_chain(own.cert, own.key)
    assert send(port, known)[0] == 200
    with pytest.raises(OSError, match=r'(?i)certificate.required|reset|handshake|eof|closed'):
        send(port, trusting(authority))


def test_a_client_without_tls_is_told(authority, start, caplog):
    port = start(ssl_cert_file=authority.server().both)
    with socket.create_connection(('127.0.0.1', port), TIMEOUT_S) as sock:
        sock.sendall(b'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')
        answer = read_all(sock)
    assert answer.startswith(b'HTTP/1.1 400 ')
    assert b'https' in answer
    assert not [record for record in caplog.records if record.levelno > logging.INFO]


def test_who_says_nothing_holds_up_nobody(authority, start, bus):
    bus.conf.set_override('threads', 2, 'api')
    port = start(ssl_cert_file=authority.server().both)
    silent = [socket.create_connection(('127.0.0.1', port), TIMEOUT_S) for _ in range(20)]
    begin = time.monotonic()
    assert send(port, trusting(authority))[0] == 200
    assert time.monotonic() - begin < 8     # CLIENT_TIMEOUT_S is 10
    for sock in silent:
        sock.close()


@pytest.mark.parametrize('says', [b'\x16', b'\x16\x03\x01\x02\x00\x01', b'\x16\x03\x01\xff\xff' + bytes(100), b''])
def test_broken_handshakes_are_no_defects(authority, start, caplog, says):
    port = start(ssl_cert_file=authority.server().both)
    for _ in range(5):
        with socket.create_connection(('127.0.0.1', port), TIMEOUT_S) as sock:
            try:
                sock.sendall(says)
                sock.shutdown(socket.SHUT_WR)
                read_all(sock)
            except OSError:
                pass    # it has hung up, perhaps before all was said
    assert send(port, trusting(authority))[0] == 200
    assert not [record for record in caplog.records if record.levelno > logging.INFO]
