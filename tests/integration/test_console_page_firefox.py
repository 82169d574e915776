# SPDX-License-Identifier: Apache-2.0
"""The console page in Firefox."""

from collections.abc import Iterator

import pytest

from tests.fixtures.backend import concurrency_backend
from tests.fixtures.console_page import CONNECTED, Listener, page_url, proxies
from tests.fixtures.firefox import ALT, CONTROL, Firefox
from tests.fixtures.polling import wait_until
from tests.functional.novncproxy.rig import Rig

pytestmark = [pytest.mark.browser, pytest.mark.skipif(concurrency_backend() == 'threading',
                                                      reason='browsers run under the default backend')]


@pytest.fixture
def rig() -> Iterator[Rig]:
    with proxies() as start:
        yield start()


def test_a_console_takes_keys_at_once_and_can_be_left(rig: Rig) -> None:
    listener = Listener()
    server = rig.vnc_server(listener.behave)
    with Firefox() as firefox:
        firefox.open(page_url(rig, rig.grant(server.host, server.port, access_url=rig.origin)))
        firefox.wait_for(CONNECTED)
        firefox.type('hello')
        wait_until(lambda: listener.pressed == 'hello', 30, lambda: f'the keys, not {listener.pressed}')
        firefox.press(CONTROL, ALT)
        firefox.wait_for("document.activeElement.id === 'ctrl-alt-del'")
