# SPDX-License-Identifier: Apache-2.0
import pytest
from websockify.websocket import WebSocket

from nova_vnc.relay.buffer import CLIENT_BULK_BYTES, CLIENT_CHUNK_BYTES, TARGET_CHUNK_BYTES, SharedBuffer


@pytest.mark.parametrize('size', [1, 125, 126, 65535, 65536, TARGET_CHUNK_BYTES])
def test_a_chunk_becomes_a_frame_in_place(size):
    buffer = SharedBuffer()
    payload = (bytes(range(251)) * (size // 251 + 1))[:size]
    buffer.target_room[:size] = payload
    frame = WebSocket()._decode_hybi(bytes(buffer.frame(size)))
    assert frame['payload'] == payload


def test_rooms_are_as_large_as_said():
    buffer = SharedBuffer()
    assert len(buffer.target_room) == TARGET_CHUNK_BYTES
    assert len(buffer.client_room) == CLIENT_CHUNK_BYTES


def test_room_for_the_rest_of_a_frame_and_little_behind_it():
    buffer = SharedBuffer()
    assert len(buffer.room_in_frame(10_000)) == 10_000 + CLIENT_CHUNK_BYTES
    assert len(buffer.room_in_frame(10_000_000)) == CLIENT_BULK_BYTES
