# SPDX-License-Identifier: Apache-2.0
"""[novncproxy]ping_interval, from the option to the wire."""

import pytest
import websocket

from nova_vnc.net.websocket import Opcode
from tests.fixtures.rfb_client import RFBClient
from tests.functional.novncproxy.rig import echo


def open_session(rig):
    stream = rig.open_console(rig.console(echo))
    RFBClient(stream.read, stream.write).connect()
    stream.read_exactly(28)
    return stream


def check_works(stream):
    stream.write(b'keys')
    assert stream.read_exactly(4) == b'keys'


def test_a_browser_is_pinged(rig):
    stream = open_session(rig.start(ping_interval=1))
    for _ in range(2):
        assert stream.client.recv_data(control_frame=True)[0] == Opcode.PING


def test_0_sends_none_and_sessions_work(rig):
    rig.start(ping_interval=0)
    streams = [open_session(rig) for _ in range(3)]
    for stream in streams:
        check_works(stream)
    streams[0].client.settimeout(0.5)
    with pytest.raises(websocket.WebSocketTimeoutException):
        streams[0].client.recv_data(control_frame=True)
    check_works(streams[1])
    assert not rig.failures
