# SPDX-License-Identifier: Apache-2.0
"""What test_far_host.py runs in a network of its own."""

import logging
import os
import signal
import socket
import subprocess
import threading
import time

import pytest
import websocket

from tests.fixtures.own_network import FAR_ADDRESS, FarHost, run_ip
from tests.fixtures.polling import wait_until
from tests.fixtures.rfb_client import RFBClient
from tests.functional.novncproxy.far_vnc_server import PORT
from tests.functional.novncproxy.rig import echo


@pytest.fixture
def far_host():
    with FarHost('tests.functional.novncproxy.far_vnc_server') as host:
        yield host


def open_session(rig):
    stream = rig.open_console(rig.grant(FAR_ADDRESS, PORT))
    RFBClient(stream.read, stream.write).connect()
    stream.read_exactly(28)
    return stream


def check_works(stream, word=b'keys'):
    stream.write(word)
    assert stream.read_exactly(len(word)) == word


def check_lost(stream, caplog, within_s):
    begin = time.monotonic()
    assert stream.read_to_close()[1] == (1011, '')
    assert time.monotonic() - begin < within_s
    stream.client.shutdown()
    wait_until(lambda: 'the connection to the VNC server broke' in caplog.text, 10, 'the end in the log')


def test_a_host_that_vanishes_after_a_key_press(far_host, rig, caplog):
    caplog.set_level(logging.INFO)
    stream = open_session(rig.start(target_timeout=2))
    check_works(stream)
    far_host.cut()
    stream.write(b'key')
    check_lost(stream, caplog, 4)


def test_a_host_that_vanishes_in_silence(far_host, rig, caplog):
    caplog.set_level(logging.INFO)
    stream = open_session(rig.start(target_timeout=2))
    check_works(stream)
    far_host.cut()
    check_lost(stream, caplog, 4)


def test_a_server_that_stands_still_keeps_its_session(far_host, rig):
    stream = open_session(rig.start(target_timeout=1))
    check_works(stream)
    os.kill(far_host.pid, signal.SIGSTOP)
    words = b''.join(b'key %d' % number for number in range(1000))
    stream.write(words)
    time.sleep(3)
    os.kill(far_host.pid, signal.SIGCONT)
    assert stream.read_exactly(len(words)) == words
    check_works(stream)


@pytest.fixture
def silent_name_server(tmp_path):
    """The only one that this machine knows; returns its socket."""
    run_ip('link', 'set', 'lo', 'up')
    (tmp_path / 'resolv.conf').write_text('nameserver 127.0.0.1\noptions timeout:5 attempts:2\n')
    (tmp_path / 'nsswitch.conf').write_text('hosts: files dns\n')
    for name in ('resolv.conf', 'nsswitch.conf'):
        subprocess.run(['mount', '--bind', tmp_path / name, f'/etc/{name}'], check=True)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(('127.0.0.1', 53))
        sock.settimeout(10)
        yield sock


def test_a_name_server_that_is_silent(silent_name_server, rig):
    server = rig.start(connect_timeout=1).vnc_server(echo)
    statuses = []

    def open_by_name(host):
        try:
            stream = rig.open_console(rig.grant(host, server.port))
            RFBClient(stream.read, stream.write).connect()
            statuses.append(101)
        except websocket.WebSocketBadStatusException as error:
            statuses.append(error.status_code)

    open_by_name('localhost')   # which the name server is not asked for
    users = [threading.Thread(target=open_by_name, args=(f'host-{number}.example',)) for number in range(40)]
    for user in users:
        user.start()
    assert b'example' in silent_name_server.recv(512)
    for user in users:
        user.join()
    # Lookups were left behind. Who needs none, or whose name was known before, does not wait for them.
    begin = time.monotonic()
    open_by_name('127.0.0.1')
    open_by_name('localhost')
    assert time.monotonic() - begin < 5
    assert statuses == [101, *[504] * 40, 101, 101]
