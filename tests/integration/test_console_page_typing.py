# SPDX-License-Identifier: Apache-2.0
"""Text that the console page types, the clipboard, and pictures of the screen: in Chromium, and in real guests."""

import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select

from nova_vnc.compute.virt.demo.messages import ClientCutText, ClientMessageParser
from nova_vnc.compute.virt.demo.screen import HEIGHT, WIDTH
from nova_vnc.compute.virt.demo.server import DemoServer
from tests.fixtures.backend import concurrency_backend
from tests.fixtures.browser import Browser
from tests.fixtures.console_page import CONNECTED, Listener, StartProxy, open_console, open_for, page_url, proxies
from tests.fixtures.guest_image import build_typing_disk, is_ready_for_keys, typed_text
from tests.fixtures.linux_guest import LinuxGuest
from tests.fixtures.novnc import VERSIONS
from tests.fixtures.pictures import differing_pixels
from tests.fixtures.polling import wait_until
from tests.fixtures.qemu import QEMU
from tests.functional.novncproxy.rig import Rig, shake_hands

pytestmark = [pytest.mark.browser, pytest.mark.skipif(concurrency_backend() == 'threading',
                                                      reason='Chromium runs under the default backend')]

ASCII = ''.join(map(chr, range(0x20, 0x7f)))
# What each layout has beside, and what its dead keys make. Not the accents alone that are not ASCII: consoles of Linux
# have ' and " for them.
TEXTS = {
    'us': ASCII,
    'de': f'{ASCII}äöüÄÖÜß€§°²³µéÉáèÀêôÛý',
    'fr': f'{ASCII}éèçàù²°£¤§µ€êÂîëÏÿ',
}
BOOT_TIMEOUT_S = 120
# RFC 6143, 7.6.4, up to the length of the text.
SERVER_CUT_TEXT = b'\x03\0\0\0'
SHIFT, ENTER, TAB, ESCAPE = 0xffe1, 0xff0d, 0xff09, 0xff1b


@pytest.fixture
def start() -> Iterator[StartProxy]:
    with proxies() as start:
        yield start


@pytest.fixture(params=VERSIONS)
def rig(request: pytest.FixtureRequest, start: StartProxy) -> Rig:
    return start(request.param)


def open_for_port(port: int, rig: Rig, browser: Browser) -> None:
    browser.open(page_url(rig, rig.grant('127.0.0.1', port, access_url=rig.origin)))
    browser.wait_for(CONNECTED)
    browser.wait_for("document.querySelector('#type')")


def write(browser: Browser, text: str, layout: str = 'us', rate: int = 25) -> None:
    """Put a text into the panel that types it, as if it had been pasted there."""
    if not browser.webdriver.find_element('css selector', '#panel-type').is_displayed():
        browser.click('#type')
    for name, value in ((0, layout), (1, str(rate))):
        Select(browser.webdriver.find_elements('css selector', '#panel-type select')[name]).select_by_value(value)
    browser.evaluate("(box => { box.value = arguments[0]; box.dispatchEvent(new InputEvent('input')); })("
                     "document.querySelector('#panel-type textarea'))", text)


def click_start(browser: Browser) -> None:
    browser.click('#panel-type > button')


def panel_text(browser: Browser) -> str:
    return browser.webdriver.find_element('css selector', '#panel-type').text


def type_text(browser: Browser, text: str, layout: str = 'us', rate: int = 25) -> None:
    write(browser, text, layout, rate)
    click_start(browser)
    browser.wait_for("document.querySelector('#panel-type').innerText.includes('All of it is typed.')", 120)


# In real guests, whose keyboard layouts are not of our making.

@pytest.fixture(scope='module')
def linux() -> Iterator[LinuxGuest]:
    with LinuxGuest(list(TEXTS)) as guest:
        yield guest


@pytest.mark.parametrize('layout', TEXTS)
def test_a_linux_guest_gets_every_character_of_its_layout(
        linux: LinuxGuest, start: StartProxy, browser: Browser, layout: str) -> None:
    linux.use_layout(layout)
    open_for_port(linux.port, start(), browser)
    text = f'{TEXTS[layout]}\tpasswd=\'x\'\n'
    type_text(browser, text.replace('\n', '\r\n'), layout)
    expected = text.replace('\n', '\r')
    assert linux.read_typed(len(expected.encode())) == expected
    assert 'cannot be typed' not in panel_text(browser)


def test_a_layout_that_is_not_that_of_the_guest_is_no_good(linux: LinuxGuest, start: StartProxy,
                                                           browser: Browser) -> None:
    """The tests above could not fail otherwise."""
    linux.use_layout('de')
    open_for_port(linux.port, start(), browser)
    type_text(browser, 'zy-', 'us')
    assert linux.read_typed(4) == 'yzß'[:3]


@pytest.fixture
def boot_loader(tmp_path: Path) -> Iterator[QEMU]:
    """Return a QEMU with what a BIOS has booted, which takes keys from the BIOS: one at a time, and keeps few."""
    disk = tmp_path / 'disk'
    disk.write_bytes(build_typing_disk('typing'))
    with QEMU('boot-loader', disk=disk) as guest:
        yield guest


def test_a_boot_loader_keeps_up_with_the_speed_that_is_set_without_any_choice(
        boot_loader: QEMU, start: StartProxy, browser: Browser) -> None:
    open_for_port(boot_loader.port, start(), browser)
    wait_until(lambda: is_ready_for_keys(browser.canvas_image('#screen canvas')), BOOT_TIMEOUT_S, 'the guest to boot')
    text = re.sub('[a-z]', '', ASCII) + 'boot'
    browser.click('#type')
    rate = Select(browser.webdriver.find_elements('css selector', '#panel-type select')[1])
    type_text(browser, text, rate=int(rate.first_selected_option.get_attribute('value')))
    wait_until(lambda: typed_text(browser.canvas_image('#screen canvas')) == text, 30,
               lambda: typed_text(browser.canvas_image('#screen canvas')))


# The page.

def test_keys_and_where_they_are(rig: Rig, browser: Browser) -> None:
    listener = Listener()
    open_for(listener, rig, browser)
    type_text(browser, 'aB\n\t')
    expected = [(ord('a'), True), (ord('a'), False), (SHIFT, True), (ord('B'), True), (ord('B'), False),
                (SHIFT, False), (ENTER, True), (ENTER, False), (TAB, True), (TAB, False)]
    wait_until(lambda: listener.keys == expected, 10, lambda: str(listener.keys))


def test_what_cannot_be_typed_is_said_before(start: StartProxy, browser: Browser) -> None:
    listener = Listener()
    open_for(listener, start(), browser)
    write(browser, 'a€€é')
    browser.wait_for_text('3 characters cannot be typed with this layout, and are left out: € \u00d72 é')
    assert listener.keys == []
    write(browser, 'a€€é', 'de')
    browser.wait_for("!document.querySelector('#panel-type').innerText.includes('cannot be typed')")
    write(browser, 'a€€é', 'us')
    click_start(browser)
    wait_until(lambda: listener.pressed == 'a', 10, 'what can be typed')


def test_of_what_cannot_be_typed_at_all_nobody_is_told_that_it_is_typed(start: StartProxy, browser: Browser) -> None:
    listener = Listener()
    open_for(listener, start(), browser)
    type_text(browser, 'a')
    for text in ('\u20ac', ''):
        write(browser, text)
        click_start(browser)
        browser.wait_for("!document.querySelector('#panel-type').innerText.includes('All of it is typed.')")
    assert listener.pressed == 'a'


def test_two_clicks_while_the_layout_is_on_its_way_begin_once(start: StartProxy, browser: Browser) -> None:
    listener = Listener()
    open_for(listener, start(), browser)
    write(browser, 'abc', rate=2)
    browser.evaluate("[1, 2].forEach(() => document.querySelector('#panel-type > button').click())")
    browser.wait_for_text('All of it is typed.')
    wait_until(lambda: 'c' in listener.pressed, 10, 'the last key')
    assert listener.pressed == 'abc'


def test_a_shared_clipboard_is_given_once(start: StartProxy, browser: Browser) -> None:
    browser.webdriver.execute_cdp_cmd('Page.addScriptToEvaluateOnNewDocument', {'source': (
        "Object.defineProperty(navigator, 'clipboard', {value: {"
        "text: 'one\\r\\ntwo', readText: async () => navigator.clipboard.text, writeText: async () => {}}});")})
    listener = Listener()
    open_for(listener, start(), browser)
    browser.click('#clipboard')
    browser.click('#panel-clipboard [type=checkbox]')
    for _ in range(2):
        browser.evaluate("document.querySelector('#screen canvas').focus()")
        browser.type('x')
        browser.evaluate("document.querySelector('#clipboard').focus()")
    browser.evaluate("navigator.clipboard.text = 'three'")
    browser.evaluate("document.querySelector('#screen canvas').focus()")

    def given() -> list[ClientCutText]:
        return [message for message in listener.messages if isinstance(message, ClientCutText)]

    wait_until(lambda: any('three' in str(message) for message in given()), 10, lambda: str(given()))
    assert len(given()) == 2


@pytest.mark.parametrize('by', ['escape at the screen', 'escape in the panel', 'the button'])
def test_stopping(start: StartProxy, browser: Browser, by: str) -> None:
    listener = Listener()
    open_for(listener, start(), browser)
    write(browser, 'A' * 500, rate=10)
    click_start(browser)
    wait_until(lambda: len(listener.pressed) >= 4, 10, 'the first keys')
    assert browser.evaluate("document.querySelector('#type').textContent") == 'Typing'
    if by == 'the button':
        click_start(browser)
    else:
        if by == 'escape at the screen':
            browser.click('#screen')
            browser.type('x')       # nothing of the user's comes in between
        browser.type(Keys.ESCAPE)
    browser.wait_for_text('Stopped after')
    done = int(re.search(r'Stopped after (\d+) of 500 keys', panel_text(browser))[1])
    assert done < 500
    wait_until(lambda: len(listener.keys) == 4 * done, 10, lambda: f'{done}: {listener.keys}')
    assert listener.keys == [(SHIFT, True), (ord('A'), True), (ord('A'), False), (SHIFT, False)] * done
    assert browser.webdriver.find_element('css selector', '#panel-type').is_displayed()
    browser.click('#screen')
    browser.type('y')
    wait_until(lambda: listener.keys[4 * done:] == [(ord('y'), True), (ord('y'), False)], 10, 'keys as before')


def test_it_stops_with_the_connection(start: StartProxy, guest: DemoServer, browser: Browser) -> None:
    open_console(start(), guest, browser)
    write(browser, 'a' * 500, rate=10)
    click_start(browser)
    browser.wait_for_text('of 500 keys')
    guest.stop()
    browser.wait_for_text('Stopped after')
    assert [line for line in browser.console_log() if line.startswith('SEVERE') and 'TypeError' in line] == []


def test_by_keyboard_alone_and_remembered(start: StartProxy, browser: Browser) -> None:
    listener = Listener()
    rig = start()
    open_for(listener, rig, browser)
    browser.evaluate("document.querySelector('#type').focus()")
    browser.type('\n')
    browser.wait_for("document.activeElement.matches('#panel-type textarea')")
    # The field, the layout, the speed, the button.
    browser.type('/')
    browser.type(Keys.TAB)
    browser.type('German')
    browser.type(Keys.TAB + Keys.TAB)
    assert browser.evaluate("document.activeElement.matches('#panel-type > button')")
    browser.type('\n')
    wait_until(lambda: listener.keys == [(SHIFT, True), (ord('/'), True), (ord('/'), False), (SHIFT, False)], 10,
               lambda: str(listener.keys))
    assert browser.evaluate("document.activeElement.matches('#panel-type > button')")
    open_for(listener, rig, browser)
    browser.click('#type')
    assert browser.evaluate("document.querySelector('#panel-type select').value") == 'de'
    assert browser.evaluate("document.querySelector('#panel-type textarea').value") == ''


# The clipboard.

def allow_clipboard(rig: Rig, browser: Browser, setting: str = 'granted') -> None:
    for name in ('clipboard-read', 'clipboard-write'):
        browser.webdriver.execute_cdp_cmd('Browser.setPermission', {
            'origin': rig.origin, 'permission': {'name': name}, 'setting': setting})


def device_clipboard(browser: Browser) -> str:
    return browser.webdriver.execute_async_script('navigator.clipboard.readText().then(arguments[0])')


def cut_texts(listener: Listener) -> list[bytes]:
    return [message.text for message in listener.messages if isinstance(message, ClientCutText)]


def test_the_clipboard_is_typed_by_one_button(rig: Rig, browser: Browser) -> None:
    listener = Listener()
    open_for(listener, rig, browser)
    allow_clipboard(rig, browser)
    browser.evaluate('navigator.clipboard.writeText(arguments[0])', 'ab')
    browser.click('#more')
    browser.click('#type-clipboard')
    wait_until(lambda: listener.pressed == 'ab', 10, lambda: listener.pressed)
    browser.wait_for_text('All of it is typed.')
    browser.evaluate('navigator.clipboard.writeText(arguments[0])', 'c€')
    browser.click('#more')
    browser.click('#type-clipboard')
    browser.wait_for_text('1 character cannot be typed with this layout, and is left out: €')
    assert listener.pressed == 'ab'
    click_start(browser)
    wait_until(lambda: listener.pressed == 'abc', 10, lambda: listener.pressed)


def test_a_page_that_may_not_read_the_clipboard_says_so(start: StartProxy, browser: Browser) -> None:
    listener = Listener()
    rig = start()
    open_for(listener, rig, browser)
    allow_clipboard(rig, browser, 'denied')
    browser.click('#more')
    browser.click('#type-clipboard')
    browser.wait_for_text('The browser does not give its clipboard to this page.')
    assert [line for line in browser.console_log() if 'Uncaught' in line] == []


def test_a_text_for_the_clipboard_of_the_vm(rig: Rig, browser: Browser) -> None:
    listener = Listener()
    open_for(listener, rig, browser)
    browser.click('#clipboard')
    browser.type('to paste')
    browser.click('#panel-clipboard .row button')
    wait_until(lambda: cut_texts(listener) == [b'to paste'], 10, 'the text')


def test_what_the_vm_has_copied(rig: Rig, browser: Browser) -> None:
    server = rig.vnc_server(copy_what_is_pasted)
    open_for_port(server.port, rig, browser)
    allow_clipboard(rig, browser)
    browser.click('#clipboard')
    browser.type('to paste')
    give, copy = browser.webdriver.find_elements('css selector', '#panel-clipboard .row button')
    give.click()
    browser.wait_for("document.querySelector('#panel-clipboard textarea').value === 'TO PASTE'")
    copy.click()
    browser.wait_for_text('Copied on this device.')
    assert device_clipboard(browser) == 'TO PASTE'


def test_what_the_vm_has_copied_before_there_was_a_clipboard_to_show_it(rig: Rig, browser: Browser) -> None:
    def behave(sock: socket.socket) -> None:
        ahead = shake_hands(sock, behind=SERVER_CUT_TEXT + (5).to_bytes(4, 'big') + b'early')
        while ahead or sock.recv(4096):
            ahead = b''
    open_for_port(rig.vnc_server(behave).port, rig, browser)
    browser.click('#clipboard')
    browser.wait_for("document.querySelector('#panel-clipboard textarea').value === 'early'")


def copy_what_is_pasted(sock: socket.socket) -> None:
    """Be a guest that copies, in capitals, what it gets."""
    parser = ClientMessageParser()
    data = shake_hands(sock) or sock.recv(4096)
    while data:
        parser.receive_data(data)
        for message in parser.take_messages():
            if isinstance(message, ClientCutText):
                sock.sendall(SERVER_CUT_TEXT + len(message.text).to_bytes(4, 'big') + message.text.upper())
        data = sock.recv(4096)


def test_sharing_the_clipboard_of_this_device(start: StartProxy, browser: Browser) -> None:
    listener = Listener()
    rig = start()
    open_for(listener, rig, browser)
    allow_clipboard(rig, browser)
    browser.evaluate('navigator.clipboard.writeText(arguments[0])', 'secret')
    browser.click('#screen')
    browser.click('#clipboard')
    assert cut_texts(listener) == []
    browser.click('#panel-clipboard [type=checkbox]')
    browser.click('#screen')
    wait_until(lambda: cut_texts(listener) == [b'secret'], 10, 'the text')


# Pictures.

def test_a_picture_of_the_screen_is_saved(rig: Rig, guest: DemoServer, browser: Browser, tmp_path: Path) -> None:
    browser.webdriver.execute_cdp_cmd('Browser.setDownloadBehavior', {
        'behavior': 'allow', 'downloadPath': str(tmp_path)})
    open_console(rig, guest, browser, '&title=web/1')
    browser.wait_for("document.querySelector('#status').textContent === 'Connected'")
    browser.click('#more')
    browser.click('#screenshot')
    path = wait_until(lambda: next(tmp_path.glob('*.png'), None), 20, 'a file')
    with Image.open(path) as image:
        assert image.size == (WIDTH, HEIGHT)
        # Its clock goes on.
        assert differing_pixels(image.convert('RGB'), browser.canvas_image('#screen canvas')) < 2000
    assert re.fullmatch(r'web-1-\d{4}-\d\d-\d\d-\d\d-\d\d-\d\d\.png', path.name)
