# SPDX-License-Identifier: Apache-2.0
import re
from http import HTTPStatus
from pathlib import Path

import pytest

from nova_vnc.net.websocket import MAX_CONTROL_BYTES
from nova_vnc.novncproxy.refusal import Refusal

REQUEST_ID = 'req-6f1c2a3e-93d5-4b8e-8a4c-0d2f6c1b7a55'


@pytest.mark.parametrize('refusal', Refusal)
def test_every_refusal_can_be_told_in_every_way(refusal):
    assert refusal.status in list(HTTPStatus)
    assert refusal.close_code == 4000 + refusal.status
    text = refusal.text_with(REQUEST_ID)
    assert len(text.encode('ascii')) <= MAX_CONTROL_BYTES - 2  # ASCII: noVNC shows each byte as a character
    # ending.js takes the two apart like this.
    assert re.fullmatch(r'(.*?)(?: \((req-[^)]*)\))?', text).groups() == (refusal.text, REQUEST_ID)


def test_a_stranger_is_told_nothing():
    assert Refusal.TOKEN.text == 'This console link is not valid any more. Ask for a new one.'


def test_the_manual_has_every_refusal():
    page = Path(__file__).parents[3] / 'doc/source/admin/novncproxy.rst'
    rows = re.findall(r'   \* - (\d{3})\n     - (\d{4})\n     - (.+)\n', page.read_text())
    assert sorted(rows) == sorted((str(refusal.status), str(refusal.close_code), refusal.text) for refusal in Refusal)
