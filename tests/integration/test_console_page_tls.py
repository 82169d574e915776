# SPDX-License-Identifier: Apache-2.0
"""The console page in Chromium over https and wss, with a certificate of the proxy's own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from nova_vnc.compute.virt.demo.server import DemoServer
from tests.fixtures.backend import concurrency_backend
from tests.fixtures.browser import Browser
from tests.fixtures.bus import in_process_bus
from tests.fixtures.certificates import CertificateAuthority
from tests.fixtures.pictures import demo_text, find_picture
from tests.fixtures.polling import wait_until
from tests.functional.novncproxy.rig import Rig

pytestmark = [pytest.mark.browser, pytest.mark.skipif(concurrency_backend() == 'threading',
                                                     reason='Chromium runs under the default backend')]


@pytest.fixture
def rig() -> Iterator[Rig]:
    with in_process_bus() as bus:
        rig = Rig(bus, '/usr/share/novnc')
        rig.conf.set_override('ssl_only', True)
        yield rig
        rig.close()


def see_typed(browser: Browser, word: str) -> None:
    browser.type(word)
    wait_until(lambda: find_picture(browser.canvas_image(), demo_text(word)), 30, 'the word on the screen')


def test_a_console_over_wss_outlives_the_renewal_of_the_certificate(rig: Rig, guest: DemoServer,
                                                                    tmp_path: Path) -> None:
    ca = CertificateAuthority(tmp_path)
    certificate, cert, key = ca.server(), tmp_path / 'cert.pem', tmp_path / 'key.pem'
    certificate.copy_to(cert, key)
    rig.conf.set_override('cert', str(cert))
    rig.conf.set_override('key', str(key))
    rig.start(drain_timeout=0)
    base = f'https://127.0.0.1:{rig.proxy.port}/vnc_auto.html'
    token = rig.grant(*guest.address, access_url=base)
    with Browser(trusted_key=certificate.key_hash()) as browser:
        browser.open(f'{base}?path={quote(f"?token={token}", safe="")}')
        browser.wait_for("document.body.dataset.state === 'connected'")
        assert browser.evaluate('window.isSecureContext && location.protocol') == 'https:'
        see_typed(browser, 'hello')
        ca.server().copy_to(cert, key)
        see_typed(browser, ' again')
