# SPDX-License-Identifier: Apache-2.0
"""nova-novncproxy of a running OpenStack is replaced by ours, and put back: one story, test after test."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator

import pytest

from tests.fixtures.browser import Browser
from tests.fixtures.console_client import open_console, read_refusal, token_of, url_with_token
from tests.fixtures.pictures import differing_pixels
from tests.fixtures.polling import wait_until
from tests.fixtures.process import ExternalProcess
from tests.integration.small_cloud.cloud import STRANGER, SmallCloud
from tests.integration.small_cloud.console_plane import ConsolePlane, novas_own_proxy, wait_until_serving
from tests.integration.small_cloud.devstack import Devstack
from tests.integration.small_cloud.server import Server

# The first of them builds the environment of Nova, unless that is cached, and the cloud.
pytestmark = [pytest.mark.timeout(900), pytest.mark.browser]

_STOP_S = 2
_MOUSE_POINTER_PIXELS = 16 * 16
_PICTURE_TIMEOUT_S = 60


@pytest.fixture
def novas_proxy(cloud: SmallCloud) -> Iterator[ExternalProcess]:
    proxy = novas_own_proxy(cloud)
    yield proxy
    proxy.close()


@pytest.fixture(scope='module')
def url_of_before(cloud: SmallCloud, server: Server) -> str:
    """Return a link that was given out before anything was replaced."""
    return server.console_url()


def test_a_console_of_novas_own_proxy(cloud: SmallCloud, server: Server, url_of_before: str,
                                      novas_proxy: ExternalProcess) -> None:
    novas_proxy.start()
    wait_until_serving(cloud, novas_proxy)
    with open_console(url_of_before) as session:
        assert session.see_screen() == server.guest.screendump().size
    novas_proxy.terminate()


def test_the_tenant_sees_the_guests_screen_in_a_browser(server: Server, console_plane: ConsolePlane,
                                                        browser: Browser) -> None:
    console_plane.start()
    browser.open(server.console_url())
    browser.wait_for_title(server.name)
    expected = server.guest.screendump()
    assert len(expected.getcolors(1 << 24)) > 1
    wait_until(lambda: differing_pixels(browser.canvas_image(), expected) < _MOUSE_POINTER_PIXELS, _PICTURE_TIMEOUT_S,
               'the same picture')
    browser.type('hello nova')
    server.guest.wait_for_typed_text('hello nova', _PICTURE_TIMEOUT_S)


def test_a_link_of_before_still_opens(url_of_before: str, server: Server) -> None:
    with open_console(url_of_before) as session:
        assert session.see_screen() == server.guest.screendump().size


def test_a_stranger_gets_no_link_from_nova(server: Server, cloud: SmallCloud) -> None:
    done = cloud.openstack(STRANGER, 'console', 'url', 'show', '--novnc', server.uuid)
    assert done.returncode != 0
    assert server.uuid in done.stderr
    assert 'http' not in done.stdout


def test_a_link_that_nova_did_not_give_out(url_of_before: str) -> None:
    refusal = read_refusal(url_with_token(url_of_before, str(uuid.uuid4())))
    assert 'This console link is not valid any more. Ask for a new one.' in refusal.reason
    assert refusal.close_code == 4401


def test_stopped_and_replaced_by_novas_proxy_again(console_plane: ConsolePlane, cloud: SmallCloud, server: Server,
                                                   url_of_before: str, novas_proxy: ExternalProcess) -> None:
    for process in reversed(console_plane.processes):
        began = time.monotonic()
        assert process.terminate() == 0
        assert time.monotonic() - began < _STOP_S, process.name
    assert 'Traceback' not in console_plane.output()
    assert '(60, 30)' not in console_plane.output()
    novas_proxy.start()
    wait_until_serving(cloud, novas_proxy)
    for url in (url_of_before, server.console_url()):
        with open_console(url) as session:
            session.see_screen()
    novas_proxy.terminate()


def test_the_devstack_plugin_replaces_it_too(cloud: SmallCloud, server: Server, environment: dict[str, str]) -> None:
    with Devstack(cloud, environment) as devstack:
        novas = devstack.processes['n-novnc']
        wait_until_serving(cloud, novas)
        devstack.phase('stack extra')
        assert not novas.is_running()
        wait_until_serving(cloud, devstack.processes['n-novnc'])
        with open_console(server.console_url()) as session:
            session.see_screen()
        devstack.phase('unstack')
        # The rest is devstack's own.
        assert list(devstack.processes) == ['n-novnc']


def test_deleting_the_server_ends_its_sessions_and_links(console_plane: ConsolePlane, server: Server) -> None:
    console_plane.start()
    url = server.console_url()
    with open_console(url) as session:
        session.see_screen()
        server.delete()
        session.wait_for_close()
    refusal = read_refusal(url)
    assert 'This console link is not valid any more. Ask for a new one.' in refusal.reason
    assert refusal.close_code == 4401
    assert token_of(url) not in console_plane.output()
