# SPDX-License-Identifier: Apache-2.0
"""Chromium with noVNC, which takes other encodings than our own client, at VNC servers of other makes."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from tests.fixtures.backend import concurrency_backend
from tests.fixtures.browser import Browser
from tests.fixtures.pictures import differing_pixels
from tests.fixtures.polling import wait_until
from tests.fixtures.xvnc import X11vnc, Xvnc
from tests.functional.novncproxy.rig import Rig
from tests.integration.vnc_servers.looks import weave

pytestmark = pytest.mark.skipif(concurrency_backend() == 'threading',
                                reason='Chromium runs under the default backend')

_TIMEOUT_S = 30


def see(browser: Browser, rig: Rig, port: int) -> None:
    """Open the console and wait until the canvas has, pixel by pixel, what the X server shows."""
    token = rig.grant('127.0.0.1', port, access_url=f'{rig.origin}/vnc_auto.html')
    browser.open(f'{rig.origin}/vnc_auto.html?path={quote(f"?token={token}", safe="")}')
    browser.wait_for("document.body.dataset.state === 'connected'")
    wait_until(lambda: differing_pixels(browser.canvas_image(), weave()) == 0, _TIMEOUT_S, 'the picture')


def test_xvnc(proxy, authority, browser):
    certificate = authority.server()
    with Xvnc('X509None', cert=certificate.cert, key=certificate.key) as server:
        see(browser, proxy(authority.ca, drain_timeout=0), server.port)


def test_x11vnc(proxy, rsa_pem, browser):
    with Xvnc() as screen, X11vnc(screen.display, '-ssl', rsa_pem, '-vencrypt', 'force', '-anontls', 'never') as server:
        see(browser, proxy(rsa_pem, drain_timeout=0), server.port)
