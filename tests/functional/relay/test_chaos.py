# SPDX-License-Identifier: Apache-2.0
"""Sessions in which anything happens at any time: they end once, lose nothing from the midst and leave nothing."""

import os
import random
import socket
import struct
from contextlib import suppress

import pytest

from nova_vnc.net.websocket import Opcode
from nova_vnc.relay.end import EndCause
from tests.fixtures.polling import wait_until
from tests.fixtures.websocket_frames import binary, client_close, client_frame
from tests.functional.relay.session import Session

_ENDINGS = ('relay.close', 'client close', 'client reset', 'client close frame', 'client violation', 'target close',
            'target reset', 'target half-close')


class Chaos:
    """One session and what was sent and received at its ends."""

    def __init__(self, engine, seed):
        self.dice = random.Random(seed)
        self.session = Session(engine, small_buffers=True)
        self.client = self.session.browser.sock
        self.target = self.session.target
        for sock in (self.client, self.target):
            sock.setblocking(False)
        self.to_target = self.to_client = self.client_got = self.target_got = b''
        self.unsent_frames = b''

    def step(self):
        with suppress(BlockingIOError):
            self.dice.choice((self.client_sends, self.client_sends, self.target_sends, self.client_reads,
                              self.target_reads))()

    def client_sends(self):
        if not self.unsent_frames:
            payload = self.dice.randbytes(self.dice.choice((1, 8, 500, 70_000)))
            self.to_target += payload
            self.unsent_frames = binary(payload)
            if self.dice.random() < 0.3:
                self.unsent_frames += client_frame(Opcode.PING, b'ping')
        self.unsent_frames = self.unsent_frames[self.client.send(self.unsent_frames):]

    def target_sends(self):
        data = self.dice.randbytes(self.dice.choice((1, 16, 1000, 300_000)))
        self.to_client += data[:self.target.send(data)]

    def client_reads(self):
        self.client_got += self.client.recv(self.dice.choice((1, 100, 100_000)))

    def target_reads(self):
        self.target_got += self.target.recv(self.dice.choice((1, 100, 100_000)))

    def end(self, how):
        linger = struct.pack('ii', 1, 0)
        if how == 'relay.close':
            self.session.relay.close(1001)
        elif how == 'client close frame':
            self.send_or_leave(client_close(1000))
        elif how == 'client violation':
            self.send_or_leave(client_frame(Opcode.TEXT, b'x'))
        elif how == 'target half-close':
            self.target.shutdown(socket.SHUT_WR)
        else:
            sock = self.client if how.startswith('client') else self.target
            if how.endswith('reset'):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            sock.close()

    def send_or_leave(self, frame):
        frames = self.unsent_frames + frame
        with suppress(BlockingIOError):
            if self.client.send(frames) == len(frames):
                return
        self.client.close()

    def drain(self):
        """Read what is still to come, at both ends."""
        wait_until(lambda: all([self.has_ended('client'), self.has_ended('target')]), 20, 'the end at both ends',
                   interval_s=0.001)

    def has_ended(self, name):
        sock, got = getattr(self, name), name + '_got'
        try:
            while data := sock.recv(1 << 20):
                setattr(self, got, getattr(self, got) + data)
        except BlockingIOError:
            return False
        except OSError:
            pass  # reset, or closed before
        sock.close()
        return True

    def check(self):
        assert self.to_target.startswith(self.target_got)
        assert self.to_client.startswith(payload_of(self.client_got))
        assert self.session.end().cause is not EndCause.INTERNAL_ERROR


def payload_of(stream):
    """Return the payload of all data frames; the last frame may be cut off."""
    payload = b''
    while len(stream) >= 2:
        first, length = stream[0], stream[1]
        assert first in (0x82, 0x88, 0x89, 0x8A)
        start = 2
        if length > 125:
            start += 2 if length == 126 else 8
            length = int.from_bytes(stream[2:start], 'big')
        if first == 0x82:
            payload += stream[start:start + length]
        stream = stream[start + length:]
    return payload


@pytest.mark.parametrize('how', _ENDINGS)
def test_chaos(start_engine, how):
    engine = start_engine(close_timeout_s=0.2, ping_interval_s=0.05, ping_timeout_s=30)
    before = len(os.listdir('/proc/self/fd'))
    for seed in range(6):
        chaos = Chaos(engine, f'{how} {seed}')
        for _ in range(chaos.dice.choice((0, 10, 200))):
            chaos.step()
        chaos.end(how)
        chaos.drain()
        chaos.check()
    assert not len(engine)
    wait_until(lambda: len(os.listdir('/proc/self/fd')) == before, 10, 'all descriptors to be closed')
