# SPDX-License-Identifier: Apache-2.0
"""The console page in Chromium, over the installed noVNC: what it shows, and what it says when something is wrong."""

import http.server
import re
import threading
import time
from collections.abc import Iterator

import pytest

from nova_vnc.compute.virt.demo.screen import HEIGHT, WIDTH
from nova_vnc.compute.virt.demo.server import DemoServer
from tests.fixtures.backend import concurrency_backend
from tests.fixtures.browser import Browser
from tests.fixtures.console_page import CONNECTED, ENDED, LOST, grant, open_console, page_url, proxies
from tests.fixtures.pictures import demo_text, find_picture
from tests.fixtures.polling import wait_until
from tests.functional.novncproxy.rig import DISPLAY_NAME, INSTANCE_UUID, Rig

pytestmark = pytest.mark.skipif(concurrency_backend() == 'threading',
                                reason='Chromium runs under the default backend')

NAME = f'{DISPLAY_NAME} ({INSTANCE_UUID})'


@pytest.fixture
def rig() -> Iterator[Rig]:
    with proxies() as start:
        yield start()


def notice(browser: Browser, state: str = ENDED) -> tuple[str, bool]:
    """Return the text of the notice, and whether it offers to reconnect."""
    browser.wait_for(state)
    return (browser.evaluate("document.querySelector('#notice').innerText"),
            browser.evaluate("!document.querySelector('#reconnect').hidden"))


def canvas_width(browser: Browser) -> float:
    return browser.evaluate("document.querySelector('canvas').getBoundingClientRect().width")


def test_a_console_is_titled_and_takes_keys_at_once(rig: Rig, guest: DemoServer, browser: Browser) -> None:
    open_console(rig, guest, browser)
    assert browser.title == NAME
    assert NAME in browser.text()
    browser.type('hello')
    wait_until(lambda: find_picture(browser.canvas_image(), demo_text('hello')), 30, 'the word on the screen')
    assert [line for line in browser.console_log() if 'Content Security Policy' in line] == []


def test_a_console_at_an_address_of_ipv6(rig: Rig, guest: DemoServer, browser: Browser) -> None:
    rig.stop()
    rig.conf.set_override('novncproxy_host', '::1', 'vnc')
    rig.start(with_consoleauth=False)
    base = f'http://[::1]:{rig.proxy.port}'
    token = rig.grant(*guest.address, access_url=f'{base}/vnc_auto.html')
    browser.open(f'{base}/vnc_auto.html?path=%3Ftoken%3D{token}')
    browser.wait_for(CONNECTED)
    browser.type('hello')
    wait_until(lambda: find_picture(browser.canvas_image(), demo_text('hello')), 30, 'the word on the screen')


def test_the_link_of_queens_with_the_title_of_horizon(rig: Rig, guest: DemoServer, browser: Browser) -> None:
    browser.open(f'{rig.origin}/vnc_auto.html?token={grant(rig, guest)}&title=web-01(abc)')
    browser.wait_for(CONNECTED)
    assert browser.title == 'web-01(abc)'


def test_in_a_frame_of_another_site(rig: Rig, guest: DemoServer, browser: Browser) -> None:
    frame = f'<iframe width=900 height=600 src="{page_url(rig, grant(rig, guest))}"></iframe>'.encode()

    class Dashboard(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header('Content-Type', 'text/html')
            self.end_headers()
            self.wfile.write(frame)

        def log_message(self, *args: object) -> None:
            pass

    with http.server.HTTPServer(('127.0.0.1', 0), Dashboard) as dashboard:
        threading.Thread(target=dashboard.serve_forever, daemon=True).start()
        browser.open(f'http://localhost:{dashboard.server_port}/')
        browser.webdriver.switch_to.frame(0)
        browser.wait_for(CONNECTED)
        dashboard.shutdown()


def test_a_screen_larger_than_the_window_is_made_to_fit(rig: Rig, guest: DemoServer, browser: Browser) -> None:
    open_console(rig, guest, browser)
    assert canvas_width(browser) == WIDTH
    browser.webdriver.set_window_size(600, 400)
    wait_until(lambda: canvas_width(browser) < WIDTH * 0.95, 10, 'the screen to shrink')
    browser.webdriver.set_window_size(1280, 900)
    wait_until(lambda: canvas_width(browser) == WIDTH, 10, 'the screen to grow')
    assert browser.evaluate("document.querySelector('canvas').height") == HEIGHT


def test_a_link_that_is_not_valid(rig: Rig, browser: Browser) -> None:
    browser.open(page_url(rig, 'no-such-token'))
    text, may_reconnect = notice(browser)
    assert 'This console link is not valid any more. Ask for a new one.' in text
    assert 'req-' in text
    assert 'code 4401' in text
    assert not may_reconnect


def test_a_console_service_that_is_unavailable_for_a_while(rig: Rig, guest: DemoServer, browser: Browser) -> None:
    token = grant(rig, guest)
    check = rig.consoleauth.checks[token]
    rig.consoleauth.checks[token] = KeyError()
    browser.open(page_url(rig, token))
    text, may_reconnect = notice(browser)
    assert 'Console service unavailable' in text
    assert may_reconnect
    rig.consoleauth.checks[token] = check
    browser.click('#reconnect')
    browser.wait_for(CONNECTED)
    assert not browser.evaluate("document.querySelector('#notice').checkVisibility()")


def test_a_vm_that_closes_its_console(rig: Rig, guest: DemoServer, browser: Browser) -> None:
    open_console(rig, guest, browser)
    guest.stop()
    text, may_reconnect = notice(browser, LOST)
    assert 'The VM closed its console.' in text
    assert may_reconnect
    browser.wait_for_text("The VM's console cannot be reached.")


def test_a_session_of_limited_time(rig: Rig, guest: DemoServer, browser: Browser) -> None:
    rig.stop()
    rig.conf.set_override('enforce_session_timeout', True, 'consoleauth')
    rig.start(with_consoleauth=False)
    host, port = guest.address

    def open_for(seconds: int) -> None:
        browser.open(page_url(rig, rig.grant(host, port, access_url=f'{rig.origin}/vnc_auto.html',
                                        expires=int(time.time()) + seconds)))
        browser.wait_for(CONNECTED)

    open_for(600)
    assert re.fullmatch(re.escape(NAME) + r' until \d\d:\d\d UTC', browser.title)
    assert browser.evaluate("document.querySelector('#warning').hidden")
    open_for(15)
    browser.wait_for("!document.querySelector('#warning').hidden")
    warning = "document.querySelector('#warning').innerText"
    assert re.fullmatch(r'This console closes in 1?\d s\. Ask for a new link to go on\.', browser.evaluate(warning))
    left = browser.evaluate("document.querySelector('#warning-time').innerText")
    browser.wait_for(f"document.querySelector('#warning-time').innerText !== '{left}'")
    # noVNC has taken no harm from the text message.
    browser.type('hello')
    wait_until(lambda: find_picture(browser.canvas_image(), demo_text('hello')), 30, 'the word on the screen')
    text, may_reconnect = notice(browser)
    assert 'The time of this console is up. Ask for a new link.' in text
    assert 'code 4440' in text
    assert 'req-' in text
    assert not may_reconnect
    assert browser.evaluate("document.querySelector('#warning').hidden")


def test_a_console_service_that_stops(rig: Rig, guest: DemoServer, browser: Browser) -> None:
    open_console(rig, guest, browser)
    rig.stop(hurry=False)
    text, may_reconnect = notice(browser, LOST)
    assert 'The console service is being restarted.' in text
    assert may_reconnect
    browser.wait_for_text('The console service cannot be reached.')
    assert re.search(r'\bcode 1006$', browser.evaluate("document.querySelector('#notice-details').innerText"))
