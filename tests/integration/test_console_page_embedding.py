# SPDX-License-Identifier: Apache-2.0
"""The console page in a frame of another site, with the parameters of its address, and with what an operator adds."""

import html
import http.server
import json
import socket
import threading
from collections.abc import Iterator

import pytest

from nova_vnc.compute.virt.demo.server import DemoServer
from nova_vnc.compute.virt.demo.update import RGB_32
from nova_vnc.rfb.drive import drive
from nova_vnc.rfb.init import ServerInit
from nova_vnc.rfb.server import ServerHandshake
from nova_vnc.rfb.version import VERSION_3_8
from tests.fixtures.backend import concurrency_backend
from tests.fixtures.browser import Browser
from tests.fixtures.console_page import (
    CONNECTED,
    ENDED,
    LOST,
    Listener,
    StartProxy,
    grant,
    open_console,
    open_for,
    page_url,
    proxies,
)
from tests.fixtures.novnc import VERSIONS
from tests.fixtures.polling import wait_until
from tests.functional.novncproxy.rig import DISPLAY_NAME, INSTANCE_UUID, Rig, shake_hands

pytestmark = [pytest.mark.browser, pytest.mark.skipif(concurrency_backend() == 'threading',
                                                      reason='Chromium runs under the default backend')]

NAME = f'{DISPLAY_NAME} ({INSTANCE_UUID})'
# As Horizon answers: the frame options of Django and its referrer policy.
_HORIZON = {'X-Frame-Options': 'SAMEORIGIN', 'Content-Security-Policy': "frame-ancestors 'self'",
            'Referrer-Policy': 'same-origin'}
_AROUND = """<!DOCTYPE html><title>Dashboard</title><input id="search">
<script>window.heard = []; addEventListener('message', ({origin, data}) => heard.push({origin, data}));</script>
<iframe width="900" height="600" src="SOURCE"></iframe>"""


@pytest.fixture
def start() -> Iterator[StartProxy]:
    with proxies() as start:
        yield start


class Dashboard:
    """A page of another origin, with the console in a frame. A context manager."""

    def __init__(self, console_url: str) -> None:
        page = _AROUND.replace('SOURCE', html.escape(console_url)).encode()

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                for name, value in {'Content-Type': 'text/html', **_HORIZON}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(page)

            def log_message(self, *args: object) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
        # A browser takes that and 127.0.0.1 for different sites.
        self.url = f'http://localhost:{self._server.server_port}/'

    def __enter__(self) -> 'Dashboard':
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def open_in_frame(dashboard: Dashboard, browser: Browser) -> None:
    browser.open(dashboard.url)
    browser.webdriver.switch_to.frame(0)


def heard(browser: Browser, event: str) -> dict[str, object]:
    """Wait until the page around has heard of an event, and return the last one of that kind with its origin."""
    browser.webdriver.switch_to.default_content()
    return browser.wait_for(f"heard.findLast(({{data}}) => data.event === '{event}')")


def listen(rig: Rig) -> tuple[Listener, str]:
    listener = Listener()
    server = rig.vnc_server(listener.behave)
    return listener, rig.grant(server.host, server.port, access_url=rig.origin)


# In a frame.

@pytest.mark.parametrize('version', VERSIONS)
def test_the_page_around_hears_of_a_console_and_its_end(start: StartProxy, guest: DemoServer, browser: Browser,
                                                        version: str) -> None:
    rig = start(version)
    token = grant(rig, guest)
    with Dashboard(page_url(rig, token)) as dashboard:
        open_in_frame(dashboard, browser)
        browser.wait_for(CONNECTED)
        assert heard(browser, 'connected') == {
            'origin': rig.origin, 'data': {'source': 'nova-vnc', 'version': 1, 'event': 'connected', 'name': NAME}}
        guest.stop()
        ended = heard(browser, 'ended')
        assert ended['origin'] == rig.origin
        assert {**ended['data'], 'requestId': ''} == {
            'source': 'nova-vnc', 'version': 1, 'event': 'ended', 'name': NAME, 'reason': 'ending.closed.by-vm',
            'code': 1000, 'text': 'The VM closed its console. It may have been stopped, restarted or moved.',
            'requestId': '', 'mayReconnect': True, 'isRetrying': True}
        assert token not in json.dumps(browser.evaluate('heard'))


def test_the_page_around_hears_why_there_is_no_console(start: StartProxy, browser: Browser) -> None:
    rig = start()
    with Dashboard(page_url(rig, 'no-such-token')) as dashboard:
        open_in_frame(dashboard, browser)
        browser.wait_for(ENDED)
        data = heard(browser, 'ended')['data']
        assert (data['reason'], data['code'], data['mayReconnect'], data['isRetrying']) == (
            'server.token', 4401, False, False)
        assert data['text'] == 'This console link is not valid any more. Ask for a new one.'
        assert data['requestId'].startswith('req-')
        assert 'no-such-token' not in json.dumps(browser.evaluate('heard'))


def test_the_keyboard_goes_to_and_fro(start: StartProxy, browser: Browser) -> None:
    rig = start()
    listener, token = listen(rig)
    with Dashboard(page_url(rig, token)) as dashboard:
        open_in_frame(dashboard, browser)
        browser.wait_for(CONNECTED)
        browser.type('abc')
        wait_until(lambda: listener.pressed == 'abc', 30, 'the keys at the VM')
        browser.webdriver.switch_to.default_content()
        browser.click('#search')
        browser.type('de')
        assert browser.evaluate("document.querySelector('#search').value") == 'de'
        browser.evaluate("document.querySelector('iframe').focus()")
        browser.webdriver.switch_to.frame(0)
        browser.wait_for("document.activeElement.localName === 'canvas'")
        browser.type('fg')
        wait_until(lambda: listener.pressed == 'abcfg', 30, 'the keys at the VM, and no others')


def test_a_page_that_is_in_no_frame_tells_nobody(start: StartProxy, guest: DemoServer, browser: Browser) -> None:
    rig = start()
    browser.open(f'{rig.origin}/core/rfb.js')
    browser.evaluate("window.opened = open(arguments[0])", page_url(rig, grant(rig, guest)))
    browser.webdriver.switch_to.window(browser.webdriver.window_handles[-1])
    browser.evaluate("window.heard = []")
    browser.evaluate("addEventListener('message', ({data}) => heard.push(data))")
    browser.wait_for(f"{CONNECTED} && document.querySelector('#settings') !== null")
    guest.stop()
    browser.wait_for(LOST)
    assert browser.evaluate('heard') == []


# The parameters of the address.

def test_where_the_user_says_when(start: StartProxy, browser: Browser) -> None:
    rig = start()
    listener, token = listen(rig)
    browser.open(page_url(rig, token, '&autoconnect=0'))
    browser.wait_for("document.querySelector('#reconnect').innerText === 'Connect'")
    assert 'The console opens when you connect.' in browser.text()
    assert rig.consoleauth.asked == 0
    browser.click('#reconnect')
    browser.wait_for(CONNECTED)
    browser.type('x')
    wait_until(lambda: listener.pressed == 'x', 30, 'the key at the VM')


def test_a_loss_that_is_not_to_be_mended(start: StartProxy, guest: DemoServer, browser: Browser) -> None:
    open_console(start(), guest, browser, '&reconnect=0')
    browser.wait_for("document.querySelector('#reconnect') !== null && document.querySelector('#settings') !== null")
    guest.stop()
    browser.wait_for(ENDED)
    assert browser.evaluate("document.querySelector('#reconnect').checkVisibility()")


@pytest.mark.parametrize('version', VERSIONS)
@pytest.mark.parametrize(('argument', 'shared'), [('', 1), ('&shared=0', 0), ('&shared=true', 1)])
def test_whether_others_may_look(start: StartProxy, browser: Browser, version: str, argument: str, shared: int) -> None:
    rig = start(version)
    flags = []

    def behave(sock: socket.socket) -> None:
        early = drive(ServerHandshake(VERSION_3_8), sock.recv, sock.sendall)
        flags.append((early or sock.recv(1))[0])     # ClientInit, RFC 6143 section 7.3.1
        sock.sendall(ServerInit(640, 480, RGB_32, b'x').serialize())
        while sock.recv(4096):
            pass

    server = rig.vnc_server(behave)
    browser.open(page_url(rig, rig.grant(server.host, server.port, access_url=rig.origin), argument))
    browser.wait_for(CONNECTED)
    assert flags == [shared]


@pytest.mark.parametrize('version', VERSIONS)
def test_a_part_of_a_large_screen(start: StartProxy, browser: Browser, version: str) -> None:
    rig = start(version)
    browser.webdriver.set_window_size(600, 400)
    open_for(Listener(), rig, browser, '&view_clip=1')
    height = "document.querySelector('#screen canvas').height"
    browser.wait_for(f"{height} > 0 && {height} <= document.querySelector('#screen').clientHeight")
    open_for(Listener(), rig, browser, '&resize=off')
    browser.wait_for(f"{height} === 480")


@pytest.mark.parametrize('version', VERSIONS)
@pytest.mark.parametrize(('argument', 'has_dot'), [('', False), ('&show_dot=1', True)])
def test_a_dot_for_a_guest_without_a_pointer(start: StartProxy, browser: Browser, version: str, argument: str,
                                             has_dot: bool) -> None:
    open_for(Listener(), start(version), browser, argument)
    cursor = "getComputedStyle(document.querySelector('#screen canvas')).cursor"
    browser.wait_for(f"({cursor}).startsWith('url(') === arguments[0]", 30, has_dot)


@pytest.mark.parametrize(('argument', 'rings'), [('', False), ('&bell=1', True)])
def test_a_guest_that_rings(start: StartProxy, browser: Browser, argument: str, rings: bool) -> None:
    rig = start()
    ring = threading.Event()

    def behave(sock: socket.socket) -> None:
        shake_hands(sock)
        ring.wait(60)
        sock.sendall(b'\x02')   # Bell, RFC 6143 section 7.6.3
        while sock.recv(4096):
            pass

    server = rig.vnc_server(behave)
    browser.open(page_url(rig, rig.grant(server.host, server.port, access_url=rig.origin), argument))
    browser.wait_for(f"{CONNECTED} && document.querySelector('#settings') !== null")
    browser.evaluate("window.sounds = []")
    browser.evaluate("HTMLMediaElement.prototype.play = async function () { sounds.push(this.src); }")
    browser.evaluate("window.rung = false")
    ring.set()
    if rings:
        assert browser.wait_for('sounds') == [f'{rig.origin}/app/sounds/bell.oga']
    else:
        browser.type('x')
        assert browser.evaluate('sounds') == []


@pytest.mark.parametrize('version', VERSIONS)
def test_what_novnc_writes_into_the_console_of_the_browser(start: StartProxy, browser: Browser, version: str) -> None:
    rig = start(version)
    browser.console_log()

    def lines_of_debugging(arguments: str) -> list[str]:
        open_for(Listener(), rig, browser, arguments)
        return [line for line in browser.console_log() if 'RFB' in line or 'Websock' in line]

    assert lines_of_debugging('') == []
    assert lines_of_debugging('&logging=debug') != []


def test_no_argument_leads_the_token_elsewhere(start: StartProxy, guest: DemoServer, browser: Browser) -> None:
    rig = start()
    open_console(rig, guest, browser, '&host=evil.example&port=1&encrypt=1&password=x&repeaterID=y')
    assert browser.title == NAME


# What an operator adds.

@pytest.mark.parametrize('is_framed', [False, True])
def test_a_logo_a_link_home_and_a_banner(start: StartProxy, guest: DemoServer, browser: Browser, tmp_path,
                                         is_framed: bool) -> None:
    (tmp_path / 'logo').write_text('<svg xmlns="http://www.w3.org/2000/svg" width="80" height="40">'
                                   '<rect width="80" height="40" fill="#ff0000"/></svg>')
    rig = start(console_page_logo=str(tmp_path / 'logo'), console_page_home_url='https://cloud.example.org/',
                console_page_banner='For <b>members</b> of \u0110\u1ea1i h\u1ecdc')
    url = page_url(rig, grant(rig, guest))
    with Dashboard(url) as dashboard:
        if is_framed:
            open_in_frame(dashboard, browser)
        else:
            browser.open(url)
        browser.wait_for(f"{CONNECTED} && !document.querySelector('#banner').hidden")
        assert browser.evaluate("document.querySelector('#banner').innerText") == (
            'For <b>members</b> of \u0110\u1ea1i h\u1ecdc')
        browser.wait_for("document.querySelector('#logo').naturalWidth === 80")
        assert browser.evaluate("document.querySelector('#logo').getBoundingClientRect().height") == 24
        link = None if is_framed else 'https://cloud.example.org/'
        assert browser.evaluate("document.querySelector('#home').getAttribute('href')") == link
        assert [line for line in browser.console_log() if 'Content Security Policy' in line] == []


def test_a_link_home_without_a_logo(start: StartProxy, guest: DemoServer, browser: Browser) -> None:
    open_console(start(console_page_home_url='https://cloud.example.org/'), guest, browser)
    browser.wait_for("document.querySelector('#home').innerText === 'Home'")
    assert browser.evaluate("document.querySelector('#banner').hidden")


def test_where_the_operator_adds_nothing(start: StartProxy, guest: DemoServer, browser: Browser) -> None:
    open_console(start(), guest, browser)
    browser.wait_for("performance.getEntriesByName(new URL('nova-vnc/site.json', location).href).length === 1")
    assert browser.evaluate("['#home', '#banner'].every((name) => document.querySelector(name).hidden)")


# noVNC's own pages.

@pytest.mark.parametrize(('page', 'state'), [
    ('vnc.html', "document.documentElement.classList.contains('noVNC_connected')"),
    ('vnc_lite.html', "document.querySelector('#status').textContent.startsWith('Connected')"),
])
def test_the_pages_of_novnc_are_there_beside_it(start: StartProxy, guest: DemoServer, browser: Browser, page: str,
                                                state: str) -> None:
    rig = start()
    browser.open(page_url(rig, grant(rig, guest), '&autoconnect=1').replace('vnc_auto.html', page))
    browser.wait_for(state)
