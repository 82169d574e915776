# SPDX-License-Identifier: Apache-2.0
"""What a user sees and does at such a server through the proxy, and what he reads where he gets nothing."""

from __future__ import annotations

import re

import pytest
from PIL import Image

from nova_vnc.rfb.errors import ConnectionFailed
from tests.fixtures.pictures import differing_pixels
from tests.fixtures.polling import wait_until
from tests.fixtures.rfb_client import RFBClient
from tests.fixtures.xvnc import HEIGHT, WIDTH, Xvnc
from tests.functional.novncproxy.rig import DISPLAY_NAME, INSTANCE_UUID, Rig, WebSocketClient

_TIMEOUT_S = 30

# The weave repeats every four pixels: black, with one white pixel in each line, at these columns.
_WHITE_COLUMNS = (3, 1, 2, 0)


def see_and_point(rig: Rig, port: int, server: Xvnc) -> None:
    """Open a console, compare the picture with what the X server shows, pixel by pixel, and move its pointer.

    :param port: of the VNC server that shows its screen
    """
    stream = rig.open_console(rig.grant('127.0.0.1', port))
    client = RFBClient(stream.read, stream.write)
    assert client.connect().name.decode() == f'{DISPLAY_NAME} ({INSTANCE_UUID})'
    client.request_update()
    client.read_update()
    assert differing_pixels(client.image(), weave()) == 0
    with server.x_client() as x_client:
        for place in ((17, 140), (301, 5)):
            client.move_pointer(*place)
            wait_until(lambda place=place: x_client.pointer() == place, _TIMEOUT_S, f'the pointer to be at {place}')


def open_console(rig: Rig, port: int) -> WebSocketClient:
    """Open a console and return what it came over."""
    stream = rig.open_console(rig.grant('127.0.0.1', port))
    RFBClient(stream.read, stream.write).connect()
    return stream


def weave() -> Image.Image:
    """Return what the X server shows."""
    image = Image.new('RGB', (WIDTH, HEIGHT))
    for y in range(HEIGHT):
        for x in range(_WHITE_COLUMNS[y % 4], WIDTH, 4):
            image.putpixel((x, y), (255, 255, 255))
    return image


def read_refusal(rig: Rig, port: int) -> tuple[int, str]:
    """Return close code and text, without the request id, that a browser gets."""
    stream = rig.open_console(rig.grant('127.0.0.1', port), origin=rig.origin)
    with pytest.raises(ConnectionFailed) as caught:
        RFBClient(stream.read, stream.write).connect()
    _, (code, reason) = stream.read_to_close()
    assert reason == caught.value.reason
    return code, re.fullmatch(r'(.*) \(req-[0-9a-f-]{36}\)', reason)[1]
