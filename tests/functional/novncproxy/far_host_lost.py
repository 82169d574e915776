# SPDX-License-Identifier: Apache-2.0
"""What test_far_host.py runs in a network of its own."""

import logging
import os
import signal
import time

import pytest

from tests.fixtures.own_network import FAR_ADDRESS, FarHost
from tests.fixtures.polling import wait_until
from tests.fixtures.rfb_client import RFBClient
from tests.functional.novncproxy.far_vnc_server import PORT


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
