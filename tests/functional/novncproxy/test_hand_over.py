# SPDX-License-Identifier: Apache-2.0
"""Whatever goes wrong while a session is handed to the relay: nothing of it is left, and nobody waits for it."""

import contextlib
import os
import threading
import time

import pytest
import websocket

from nova_vnc.net.stream import TransportStream
from nova_vnc.net.websocket_stream import WebSocketStream
from nova_vnc.novncproxy.registry import SessionRegistry
from nova_vnc.relay.engine import Engine
from nova_vnc.relay.loop import EventLoop
from nova_vnc.relay.relay import Relay
from nova_vnc.relay.side import ClientSide, Side
from tests.fixtures.polling import wait_until
from tests.fixtures.rfb_client import RFBClient
from tests.functional.novncproxy.rig import echo

# In the order of the story: in the thread of the connection, then in the loop.
_STEPS = [(SessionRegistry, 'open'), (WebSocketStream, 'release'), (TransportStream, 'release'), (Engine, 'add'),
          (ClientSide, '__init__'), (Side, '__init__'), (Relay, '__init__'), (EventLoop, 'call_soon'),
          (Engine, '_begin'), (Relay, 'start'), (EventLoop, 'schedule'), (EventLoop, 'watch')]


def open_console(rig, token):
    stream = rig.open_console(token)
    RFBClient(stream.read, stream.write).connect()
    stream.read_exactly(28)
    return stream


def open_descriptors():
    return len(os.listdir('/proc/self/fd'))


def fail_at(monkeypatch, owner, name, error):
    """Let a step raise for what is a session's; the loop's own use of itself, and taking things back, are spared."""
    real = getattr(owner, name)

    def step(self, *args, **kwargs):
        if owner is EventLoop and not (isinstance(args[0], Relay) and args[-1]):
            return real(self, *args, **kwargs)
        raise error
    monkeypatch.setattr(owner, name, step)


@pytest.mark.parametrize(('owner', 'name'), _STEPS, ids=lambda value: getattr(value, '__name__', value))
def test_a_step_that_raises(rig, monkeypatch, owner, name):
    rig.start(drain_timeout=60)
    server = rig.vnc_server(echo)
    open_console(rig, rig.grant(server.host, server.port)).client.close()
    wait_until(lambda: not len(rig.proxy._parts.registry) and not len(rig.proxy._pending), 10, 'the first session')
    wait_until(lambda: server.accepted[0].fileno() == -1, 10, 'the first connection to be closed')
    before = open_descriptors()

    with monkeypatch.context() as defect:
        fail_at(defect, owner, name, RuntimeError('unforeseen'))
        stream = rig.open_console(rig.grant(server.host, server.port))
        with contextlib.suppress(EOFError, OSError, websocket.WebSocketException):
            RFBClient(stream.read, stream.write).connect()
            stream.read_to_close()
        wait_until(lambda: not len(rig.proxy._pending), 10, 'the set-up to end')
        wait_until(lambda: not len(rig.proxy._parts.registry), 10, 'the registry to be empty')
    stream.client.shutdown()
    wait_until(lambda: open_descriptors() <= before, 10, 'all descriptors to be closed')

    open_console(rig, rig.grant(server.host, server.port)).client.close()
    wait_until(lambda: not len(rig.proxy._parts.registry), 10, 'the last session')
    begin = time.monotonic()
    rig._started = False
    rig.proxy.stop(threading.Event())
    assert time.monotonic() - begin < 10
    assert not rig.failures
