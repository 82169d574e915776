# SPDX-License-Identifier: Apache-2.0
"""What one session asks of the loop, another one hardly feels."""

import statistics
import time

import pytest

from nova_vnc.net.websocket import FrameParser, Opcode
from tests.fixtures.connections import receive_exactly
from tests.fixtures.websocket_frames import client_frame
from tests.functional.relay.session import stuff

FLOODS = 20
# Of frames that cost most for their size.
FLOOD = client_frame(Opcode.PING) * 500_000
READ_AT_ONCE = FLOOD[:1 << 16]


def parsing_s() -> float:
    """Return how long this machine takes to parse 64 KiB of them, at its present load."""
    began = time.perf_counter()
    FrameParser().receive(READ_AT_ONCE)
    return time.perf_counter() - began


def key_press_s(session) -> float:
    began = time.perf_counter()
    session.browser.send(b'key')
    assert receive_exactly(session.target, 3) == b'key'
    return time.perf_counter() - began


@pytest.mark.timeout(120)
def test_key_presses_while_others_send_floods_of_the_smallest_frames(open_session):
    quiet = open_session()
    quiet.check_works()
    cost_s = statistics.median(parsing_s() for _ in range(9))
    for _ in range(FLOODS):
        stuff(open_session().browser.sock, FLOOD)
    assert statistics.median(key_press_s(quiet) for _ in range(7)) < FLOODS * cost_s / 3
