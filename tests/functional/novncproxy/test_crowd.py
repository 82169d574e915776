# SPDX-License-Identifier: Apache-2.0
"""Many clients at a time."""

import contextlib
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from nova_vnc import objects
from nova_vnc.net.websocket import Opcode
from tests.fixtures.connections import receive_until_eof
from tests.fixtures.polling import wait_until
from tests.fixtures.rfb_client import RFBClient
from tests.fixtures.websocket_frames import client_frame
from tests.functional.novncproxy.rig import build_request, build_upgrade, echo, parse_response


def connect(rig, token):
    stream = rig.open_console(token)
    RFBClient(stream.read, stream.write).connect()
    return stream


def test_200_half_open_set_ups_do_not_hinder_a_user(rig):
    server = rig.start().vnc_server()
    half_open = []
    for number in range(200):
        sock = rig.connect()
        sock.sendall([b'', b'GET /', build_upgrade('/?token=' + rig.grant(server.host, server.port)),
                      build_upgrade('/?token=unknown', Origin=rig.origin)][number % 4])
        half_open.append(sock)
    wait_until(lambda: len(rig.proxy._pending) == 200, 10, 'the half-open ones')
    assert rig.get('/vnc.html').status == 200
    connect(rig, rig.console())


def test_more_than_the_limit_push_out_the_oldest(rig):
    rig.start(max_pending_connections=10)
    silent = [rig.connect() for _ in range(10)]
    wait_until(lambda: len(rig.proxy._pending) == 10, 10, 'the silent ones')
    stream = connect(rig, rig.console())
    response = parse_response(receive_until_eof(silent[0]))
    assert response.status == 429
    assert response.headers['retry-after'] == '5'
    assert len(response.body) == int(response.headers['content-length'])
    stream.write(b'x')
    assert len(rig.proxy._pending) <= 10
    assert silent[-1].send(b'G') == 1


def test_open_sessions_do_not_count(rig):
    rig.start(max_pending_connections=2)
    token = rig.console()
    streams = [connect(rig, token) for _ in range(6)]
    wait_until(lambda: len(rig.proxy._parts.registry) == 6, 10, 'the sessions')
    wait_until(lambda: len(rig.proxy._pending) == 0, 10, 'no pending connection')
    assert len(streams) == 6


def test_16_at_a_time(rig):
    server = rig.start().vnc_server(echo)
    failures = []

    def open_some():
        try:
            for _ in range(5):
                connect(rig, rig.grant(server.host, server.port))
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=open_some) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    wait_until(lambda: len(rig.proxy._parts.registry) == 80, 10, 'all sessions')


def test_a_session_holds_no_thread(rig):
    rig.start()
    token = rig.console(echo)
    connect(rig, token)
    wait_until(lambda: len(rig.proxy._pending) == 0, 10, 'the set-up to end')
    # It may wait for the next connection, under another name.
    wait_until(lambda: not [thread for thread in threading.enumerate() if thread.name == 'connection'], 10,
               'the thread to be free')


def test_an_invalid_token_does_not_hold_a_place(rig):
    rig.start(max_pending_connections=3)
    for number in range(3):     # equal tokens would share one check
        rig.consoleauth.checks[f'x{number}'] = objects.TokenCheck(None, objects.REASON_INVALID)
        rig.connect().sendall(build_upgrade(f'/?token=x{number}', Origin=rig.origin))  # and never reads the reason
    wait_until(lambda: rig.consoleauth.asked == 3, 10, 'the checks')
    connect(rig, rig.console())


@contextlib.contextmanager
def blasting(rig, request, repeated):
    # Another process: green threads of this one would share their turns with the proxy.
    script = Path(__file__).with_name('blaster.py')
    with subprocess.Popen([sys.executable, str(script), str(rig.proxy.port), request.hex(), repeated.hex()],
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout.readline() == b'blasting\n'
        try:
            yield
        finally:
            process.kill()


@pytest.mark.parametrize(('request_of', 'repeated'), [
    (lambda rig: build_upgrade('/', Origin=rig.origin), client_frame(Opcode.BINARY)),
    (lambda rig: build_upgrade('/', Origin=rig.origin), client_frame(Opcode.PING)),
    (lambda rig: build_upgrade('/?token=' + rig.console()), client_frame(Opcode.BINARY)),
    (lambda rig: b'', build_request('/vnc.html')),
], ids=['empty frames', 'pings', 'empty frames with a valid token', 'requests'])
def test_one_that_never_stops_talking_does_not_hinder_others(rig, request_of, repeated):
    rig.start(handshake_timeout=60)
    with blasting(rig, request_of(rig), repeated):
        begin = time.monotonic()
        connect(rig, rig.console())
        assert rig.get('/vnc.html').status == 200
        assert time.monotonic() - begin < 10
