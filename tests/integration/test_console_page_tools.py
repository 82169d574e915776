# SPDX-License-Identifier: Apache-2.0
"""What the console page offers beside typing, in Chromium over several versions of noVNC."""

import itertools
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from PIL import Image
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select

from nova_vnc import objects
from nova_vnc.compute.virt.demo.messages import KeyEvent, PointerEvent
from nova_vnc.compute.virt.demo.screen import HEIGHT, WIDTH
from nova_vnc.compute.virt.demo.server import DemoServer
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
from tests.fixtures.fail import unexpected
from tests.fixtures.novnc import DEBIAN, VERSIONS
from tests.fixtures.pictures import demo_text, differing_pixels, find_picture
from tests.fixtures.polling import wait_until
from tests.fixtures.xvnc import Xvnc
from tests.functional.novncproxy.rig import Rig, shake_hands

pytestmark = [pytest.mark.browser, pytest.mark.skipif(concurrency_backend() == 'threading',
                                                      reason='Chromium runs under the default backend')]

SHIFT, CTRL, ALT, WIN, PRINT, TAB, BACKSPACE, ENTER = 0xffe1, 0xffe3, 0xffe9, 0xffeb, 0xff61, 0xff09, 0xff08, 0xff0d
F2 = 0xffbf


@pytest.fixture
def start() -> Iterator[StartProxy]:
    with proxies() as start:
        yield start


@pytest.fixture
def rig(start: StartProxy) -> Rig:
    return start(DEBIAN)


@pytest.fixture(params=VERSIONS)
def any_rig(request: pytest.FixtureRequest, start: StartProxy) -> Rig:
    """For what depends on noVNC."""
    return start(request.param)


def click_text(browser: Browser, panel: str, text: str, group: int = 0) -> None:
    """Click a button of a panel, by its text; group: which of the panel's groups of that text."""
    found = [button for button in browser.webdriver.find_elements('css selector', f'#panel-{panel} button')
             if button.text == text]
    found[group].click()


def is_focused(browser: Browser, selector: str) -> bool:
    return browser.evaluate('document.activeElement === document.querySelector(arguments[0])', selector)


def down_and_up(*keysyms: int) -> list[tuple[int, bool]]:
    return [*((keysym, True) for keysym in keysyms), *((keysym, False) for keysym in reversed(keysyms))]


def choose(browser: Browser, scaling: str) -> None:
    browser.click('#settings')
    Select(browser.webdriver.find_element('css selector', '#panel-settings select')).select_by_value(scaling)
    browser.click('#settings')


def canvas(browser: Browser) -> tuple[int, int]:
    """Return the size of the guest's screen on the page."""
    return tuple(browser.evaluate("(({width, height}) => [Math.round(width), Math.round(height)])("
                                  "document.querySelector('#screen canvas').getBoundingClientRect())"))


def window(browser: Browser) -> tuple[int, int]:
    return tuple(browser.evaluate("[document.querySelector('#screen').clientWidth, "
                                  "document.querySelector('#screen').clientHeight]"))


# Keys.

def test_special_keys(any_rig: Rig, browser: Browser) -> None:
    listener = Listener()
    open_for(listener, any_rig, browser)
    browser.click('#ctrl-alt-del')
    expected = down_and_up(CTRL, ALT, 0xffff)
    browser.click('#keys')
    for text, group, keysyms in [('Tab', 0, [TAB]), ('Esc', 0, [0xff1b]), ('Print', 0, [PRINT]), ('F2', 0, [F2]),
                                 ('F2', 1, [CTRL, ALT, F2]), ('F12', 1, [CTRL, ALT, 0xffc9])]:
        click_text(browser, 'keys', text, group)
        expected += down_and_up(*keysyms)
    Select(browser.webdriver.find_element('css selector', '#panel-keys select')).select_by_value('s')
    click_text(browser, 'keys', 'Send')
    expected += down_and_up(ALT, PRINT, ord('s'))
    wait_until(lambda: listener.keys == expected, 10, lambda: f'{expected}, not {listener.keys}')


def test_a_latched_key_is_held_while_others_are_pressed(rig: Rig, browser: Browser) -> None:
    listener = Listener()
    open_for(listener, rig, browser)
    browser.click('#keys')
    click_text(browser, 'keys', 'Ctrl')
    assert browser.evaluate("document.querySelector('#panel-keys [aria-pressed=true]').textContent") == 'Ctrl'
    browser.type('c')       # the guest has the keyboard again
    click_text(browser, 'keys', 'Ctrl')
    expected = [(CTRL, True), *down_and_up(ord('c')), (CTRL, False)]
    wait_until(lambda: listener.keys == expected, 10, lambda: f'{expected}, not {listener.keys}')
    click_text(browser, 'keys', 'Win')
    browser.click('#settings')
    browser.click('#panel-settings [type=checkbox]')    # view only: it is let go before
    wait_until(lambda: listener.keys == [*expected, (WIN, True), (WIN, False)], 10, 'the key to be released')
    assert browser.evaluate("document.querySelector('#keys').disabled")


@pytest.mark.parametrize('name', ['keys', 'settings', 'more'])
def test_who_closes_a_panel_by_a_click_on_its_button_goes_on_typing(rig: Rig, browser: Browser, name: str) -> None:
    listener = Listener()
    open_for(listener, rig, browser)
    browser.click(f'#{name}')
    browser.wait_for(f"document.querySelector('#panel-{name}').contains(document.activeElement)")
    browser.click(f'#{name}')
    browser.type('x')
    wait_until(lambda: listener.keys == down_and_up(ord('x')), 10, lambda: f'the key, not {listener.keys}')


def test_a_key_is_let_go_of_though_the_keyboard_is_elsewhere_by_then(any_rig: Rig, browser: Browser) -> None:
    listener = Listener()
    open_for(listener, any_rig, browser)
    ActionChains(browser.webdriver).key_down(Keys.SHIFT).perform()
    browser.click('#type')
    browser.wait_for("document.activeElement.localName === 'textarea'")
    ActionChains(browser.webdriver).key_up(Keys.SHIFT).perform()
    wait_until(lambda: listener.keys == [(SHIFT, True), (SHIFT, False)], 10, lambda: f'{listener.keys}')
    browser.click('#type')
    browser.press(Keys.LEFT_CONTROL, Keys.LEFT_ALT)     # which was lost with a key that seemed to be down
    browser.wait_for("document.activeElement.id === 'ctrl-alt-del'")


def test_panels_that_are_open_when_the_connection_is_lost(rig: Rig, guest: DemoServer, browser: Browser) -> None:
    open_console(rig, guest, browser, '&reconnect_delay=60000')
    browser.click('#keys')
    guest.stop()
    browser.wait_for(LOST)
    for panel, text in (('keys', 'Ctrl'), ('keys', 'F2'), ('keys', 'Send'), ('clipboard', 'Give it to the VM')):
        disabled = ("[...document.querySelectorAll(`#panel-${arguments[0]} button`)]"
                    ".find((button) => button.textContent === arguments[1]).matches(':disabled')")
        assert browser.evaluate(disabled, panel, text), text
    # What is left can be closed by keyboard, and the keyboard is not lost with it.
    browser.evaluate("document.querySelector('#panel-keys header button').focus()")
    browser.press(Keys.ESCAPE)
    browser.wait_for("document.querySelector('#panel-keys').hidden")
    assert is_focused(browser, '#more')


def test_the_way_out_of_the_guests_keyboard(rig: Rig, browser: Browser) -> None:
    listener = Listener()
    open_for(listener, rig, browser)
    browser.press(Keys.TAB)
    wait_until(lambda: listener.keys == down_and_up(TAB), 10, 'Tab, which is the guest\'s')
    browser.press(Keys.LEFT_CONTROL, Keys.LEFT_ALT, Keys.DELETE)
    browser.press(Keys.LEFT_CONTROL, 'a')
    browser.type('x')
    wait_until(lambda: listener.keys[-1] == (ord('x'), False), 10, 'the keys, which are the guest\'s')
    browser.press(Keys.LEFT_CONTROL, Keys.LEFT_ALT)
    browser.wait_for("document.activeElement.id === 'ctrl-alt-del'")
    wait_until(lambda: listener.keys[-1][1] is False, 10, 'nothing to be held down')
    heard = len(listener.keys)
    # Through the bar, into a panel, out of it and back to the guest, without a mouse.
    browser.press(Keys.TAB)
    assert is_focused(browser, '#keys')
    browser.press(Keys.ENTER)
    browser.wait_for("document.activeElement.closest('#panel-keys') && document.activeElement.textContent === 'Ctrl'")
    browser.press(Keys.ESCAPE)
    assert is_focused(browser, '#keys')
    assert browser.evaluate("document.querySelector('#panel-keys').hidden")
    assert len(listener.keys) == heard
    browser.press(Keys.ESCAPE)
    assert is_focused(browser, '#screen canvas')
    browser.type('y')
    wait_until(lambda: listener.keys[heard:] == down_and_up(ord('y')), 10, 'the key')


def test_the_keyboard_of_a_touch_screen(any_rig: Rig, browser: Browser) -> None:
    listener = Listener()
    # Chromium emulates no such feature of media; a page that asks for it is told so.
    browser.webdriver.execute_cdp_cmd('Page.addScriptToEvaluateOnNewDocument', {'source': '''
        const ask = window.matchMedia;
        window.matchMedia = (query) => query === '(any-pointer: coarse)' ? {matches: true} : ask.call(window, query);
        '''})
    open_for(listener, any_rig, browser)
    browser.click('#touch-keyboard')
    # As it comes from there: text, with no key that has a name.
    for text in ('t', 'e', 'h', '\u20ac'):
        browser.webdriver.execute_cdp_cmd('Input.insertText', {'text': text})
    wait_until(lambda: [k for k, down in listener.keys if down] == [*b'teh', 0x20ac], 10, lambda: str(listener.keys))
    browser.evaluate("document.querySelector('#touch-field').setRangeText("
                     "'he', arguments[0] + 1, arguments[0] + 4, 'end')", 64)
    browser.evaluate("document.querySelector('#touch-field').dispatchEvent(new InputEvent('input'))")
    expected = [*b'teh', 0x20ac, BACKSPACE, BACKSPACE, BACKSPACE, *b'he']
    wait_until(lambda: [k for k, down in listener.keys if down] == expected, 10, lambda: str(listener.keys))
    browser.click('#touch-keyboard')
    assert not is_focused(browser, '#touch-field')


def test_there_is_no_such_button_without_a_touch_screen(rig: Rig, browser: Browser) -> None:
    open_for(Listener(), rig, browser)
    assert not browser.webdriver.find_element('css selector', '#touch-keyboard').is_displayed()


# Fingers.

def touch(browser: Browser, *fingers: list[tuple[int, int]]) -> None:
    """Move fingers over the screen, each along points of its own, all of as many; then lift them."""
    x, y = browser.evaluate("(({left, top}) => [left, top])("
                            "document.querySelector('#screen canvas').getBoundingClientRect())")
    steps = [[{'id': number, 'x': x + point[0], 'y': y + point[1]} for number, point in enumerate(points)]
             for points in zip(*fingers, strict=True)]
    for step, points in enumerate(steps):
        browser.webdriver.execute_cdp_cmd('Input.dispatchTouchEvent', {
            'type': 'touchMove' if step else 'touchStart', 'touchPoints': points})
    browser.webdriver.execute_cdp_cmd('Input.dispatchTouchEvent', {'type': 'touchEnd', 'touchPoints': []})


def masks(listener: Listener) -> list[int]:
    """Return the buttons that were down, and each time that changed."""
    return [mask for mask, _ in itertools.groupby(pointer.button_mask for pointer in listener.pointers)]


def test_a_tap_is_a_click(any_rig: Rig, browser: Browser) -> None:
    listener = Listener()
    open_for(listener, any_rig, browser)
    touch(browser, [(30, 40)])
    wait_until(lambda: listener.pointers and listener.pointers[-1].button_mask == 0 and 1 in masks(listener), 10,
               lambda: str(listener.pointers))
    pressed = next(pointer for pointer in listener.pointers if pointer.button_mask)
    assert abs(pressed.x - 30) <= 1
    assert abs(pressed.y - 40) <= 1


def test_a_finger_drags_what_is_under_it(any_rig: Rig, browser: Browser) -> None:
    listener = Listener()
    open_for(listener, any_rig, browser)
    touch(browser, [(30 + step * 20, 40) for step in range(8)])
    wait_until(lambda: masks(listener)[-2:] == [1, 0], 10, lambda: str(listener.pointers))
    assert listener.pointers[-1].x - next(at.x for at in listener.pointers if at.button_mask) > 60


def test_two_fingers_turn_the_wheel(any_rig: Rig, browser: Browser) -> None:
    wheel_up = 8
    listener = Listener()
    open_for(listener, any_rig, browser)
    touch(browser, *([(x, 100 + step * 30) for step in range(8)] for x in (100, 160)))
    wait_until(lambda: masks(listener).count(wheel_up) >= 2, 10, lambda: str(listener.pointers))
    assert set(masks(listener)) == {0, wheel_up}


def test_a_pinch_is_ctrl_and_the_wheel(any_rig: Rig, browser: Browser) -> None:
    wheel_up = 8
    listener = Listener()
    open_for(listener, any_rig, browser)
    touch(browser, [(200 - step * 20, 100) for step in range(8)], [(260 + step * 20, 100) for step in range(8)])
    wait_until(lambda: wheel_up in masks(listener) and listener.keys[-1:] == [(CTRL, False)], 10,
               lambda: str(listener.messages))
    turned = next(number for number, message in enumerate(listener.messages)
                  if isinstance(message, PointerEvent) and message.button_mask == wheel_up)
    held = [message.down for message in listener.messages[:turned] if isinstance(message, KeyEvent)]
    assert held[-1]


# The screen.

def test_fitting_and_real_size(any_rig: Rig, guest: DemoServer, browser: Browser) -> None:
    open_console(any_rig, guest, browser)
    assert canvas(browser) == (WIDTH, HEIGHT)
    choose(browser, 'fit')
    wait_until(lambda: canvas(browser)[1] == window(browser)[1] > HEIGHT, 10, 'the screen to grow')
    browser.webdriver.set_window_size(500, 400)
    wait_until(lambda: canvas(browser)[0] <= window(browser)[0] < WIDTH, 10, 'the screen to shrink')
    choose_under_more(browser, 'real')
    wait_until(lambda: canvas(browser) == (WIDTH, HEIGHT), 10, 'the real size')
    # What does not fit is reached by scroll bars.
    assert browser.evaluate("(({scrollWidth, clientWidth}) => scrollWidth - clientWidth)("
                            "document.querySelector('#screen > div'))") > 100


def choose_under_more(browser: Browser, scaling: str) -> None:
    browser.click('#more')
    browser.click('#settings')
    Select(browser.webdriver.find_element('css selector', '#panel-settings select')).select_by_value(scaling)
    browser.click('#panel-settings header button')


def drag_up_by_mouse(browser: Browser) -> None:
    element = browser.webdriver.find_element('css selector', '#screen canvas')
    ActionChains(browser.webdriver).move_to_element(element).click_and_hold().move_by_offset(0, -60).release().perform()


def drag_up_by_finger(browser: Browser) -> None:
    middle = canvas(browser)[1] // 2
    touch(browser, [(100, middle - moved) for moved in (0, 30, 60)])


@pytest.mark.parametrize('drag_up', [drag_up_by_mouse, drag_up_by_finger])
def test_a_screen_in_its_real_size_is_dragged(any_rig: Rig, guest: DemoServer, browser: Browser,
                                              drag_up: Callable[[Browser], None]) -> None:
    browser.webdriver.set_window_size(800, 300)
    open_console(any_rig, guest, browser, '&resize=off')
    whole = wait_for_picture(browser)
    browser.click('#drag')
    wait_until(lambda: canvas(browser) == (WIDTH, window(browser)[1]), 10, 'a part of the screen')
    drag_up(browser)
    wait_until(lambda: is_lower_part(browser.canvas_image('#screen canvas'), whole), 10, 'another part of the screen')
    browser.click('#drag')
    wait_until(lambda: canvas(browser) == (WIDTH, HEIGHT), 10, 'all of the screen')


def wait_for_picture(browser: Browser) -> Image.Image:
    browser.wait_for("document.querySelector('#status').textContent === 'Connected'")
    return browser.canvas_image('#screen canvas')


def is_lower_part(image: Image.Image, whole: Image.Image) -> bool:
    """Tell whether an image shows the demo guest's screen from 60 pixels below its top, where no clock is, on."""
    box = (0, 0, WIDTH, 60)
    return differing_pixels(image.crop(box), whole.crop((0, 60, WIDTH, 120))) == 0 and \
        differing_pixels(image.crop(box), whole.crop(box)) > 0


def test_a_guest_that_fits_its_screen_to_the_window(any_rig: Rig, browser: Browser) -> None:
    with Xvnc() as xvnc:
        token = any_rig.grant('127.0.0.1', xvnc.port, access_url=any_rig.origin)
        browser.open(page_url(any_rig, token, '&resize=remote'))
        browser.wait_for(CONNECTED)
        wait_until(lambda: canvas(browser) == window(browser), 20, 'the guest to resize')
        browser.webdriver.set_window_size(900, 700)
        wait_until(lambda: window(browser)[0] == 900 and canvas(browser) == window(browser), 20, 'it to do so again')


def test_full_screen(rig: Rig, browser: Browser) -> None:
    listener = Listener()
    open_for(listener, rig, browser)
    browser.click('#fullscreen')
    browser.wait_for('document.fullscreenElement !== null')
    browser.wait_for("document.querySelector('#fullscreen').textContent === 'Leave full screen'")
    browser.type('a')       # the guest has the keyboard
    wait_until(lambda: listener.pressed == 'a', 10, 'the key')
    browser.click('#fullscreen')
    browser.wait_for('document.fullscreenElement === null')


# Settings.

def test_view_only(any_rig: Rig, browser: Browser) -> None:
    listener = Listener()
    open_for(listener, any_rig, browser, '&view_only=1')
    assert browser.evaluate("document.querySelector('#ctrl-alt-del').disabled")
    browser.click('#screen')
    browser.type('a')
    browser.click('#settings')
    browser.click('#panel-settings [type=checkbox]')
    browser.click('#screen')
    browser.type('b')
    wait_until(lambda: listener.pressed, 10, 'a key')
    assert listener.pressed == 'b'


def test_quality_and_compression_are_told_to_the_server_and_remembered(any_rig: Rig, browser: Browser) -> None:
    listener = Listener()
    open_for(listener, any_rig, browser)
    # rfbproto: the pseudo-encodings -32 to -23 are JPEG quality 0 to 9, -256 to -247 compression 0 to 9.
    wait_until(lambda: {-32 + 6, -256 + 2} <= {*listener.encodings}, 10, 'the defaults of noVNC')
    browser.click('#settings')
    quality, compression = browser.webdriver.find_elements('css selector', '#panel-settings [type=range]')
    quality.send_keys(Keys.END)
    compression.send_keys(Keys.HOME)
    wait_until(lambda: {-32 + 9, -256} <= {*listener.encodings}, 10, 'the choice')
    open_for(listener := Listener(), any_rig, browser)
    wait_until(lambda: {-32 + 9, -256} <= {*listener.encodings}, 10, 'the choice again')
    open_for(listener := Listener(), any_rig, browser, '&quality=1')
    wait_until(lambda: {-32 + 1, -256} <= {*listener.encodings}, 10, 'what the address says')
    assert 'token' not in browser.evaluate('JSON.stringify(localStorage)')


# Connections that are lost.

def test_a_lost_connection_comes_back_by_itself(any_rig: Rig, guest: DemoServer, browser: Browser) -> None:
    open_console(any_rig, guest, browser)
    browser.wait_for("document.querySelector('#status').textContent === 'Connected'")
    address = guest.address
    guest.stop()
    browser.wait_for(LOST)
    assert is_greyed(browser)
    browser.wait_for_text('Trying again in')
    browser.wait_for_text("The VM's console cannot be reached.")
    assert is_greyed(browser)
    again = DemoServer(guest._screen, b'demo-guest', address)
    again.start(unexpected)
    try:
        browser.wait_for(CONNECTED, 60)
        browser.wait_for("document.querySelector('#last-picture-frame').hidden")
        assert not browser.evaluate("document.querySelector('#notice').checkVisibility()")
        browser.type('hello')
        wait_until(lambda: find_picture(browser.canvas_image('#screen canvas'), demo_text('hello')), 30, 'the word')
    finally:
        again.stop()


def is_greyed(browser: Browser) -> bool:
    """Tell whether the demo guest's screen is shown without its colours, at the place where it was."""
    image = browser.screenshot()
    left, top = browser.evaluate("(({x, y}) => [x, y])("
                                 "document.querySelector('#last-picture').getBoundingClientRect())")
    left, top = round(left) + 1, round(top) + 1
    title = image.crop((left, top, left + 100, top + 24)).getcolors()
    return len(title) > 1 and all(max(colour) - min(colour) < 4 for _, colour in title)


def test_a_connection_that_is_lost_at_once_is_tried_again_too(rig: Rig, browser: Browser) -> None:
    server = rig.vnc_server(shake_hands)
    browser.open(page_url(rig, rig.grant(server.host, server.port, access_url=rig.origin)))
    wait_until(lambda: len(server.accepted) >= 2, 30, 'another attempt')


def test_who_reconnects_by_keyboard_in_vain_can_do_so_again(rig: Rig, guest: DemoServer, browser: Browser) -> None:
    open_console(rig, guest, browser, '&reconnect_delay=60000')
    guest.stop()
    browser.wait_for(f"{LOST} && document.activeElement.id === 'reconnect'")
    # As slow as any network, so that the browser has seen the button while it is disabled.
    (token, check), = rig.consoleauth.checks.items()
    go_on = threading.Event()

    def wait() -> objects.TokenCheck:
        go_on.wait(30)
        return check

    rig.consoleauth.checks[token] = wait
    browser.type('\n')
    browser.wait_for("document.activeElement.id !== 'reconnect'")
    go_on.set()
    browser.wait_for(f"{LOST} && document.activeElement.id === 'reconnect'")


def test_it_is_not_tried_longer_than_the_link_is_valid(rig: Rig, guest: DemoServer, browser: Browser) -> None:
    token = grant(rig, guest)
    browser.open(page_url(rig, token))
    browser.wait_for(CONNECTED)
    rig.consoleauth.checks[token] = objects.TokenCheck(None, objects.REASON_INVALID)
    guest.stop()
    browser.wait_for(ENDED)
    assert 'This console link is not valid any more. Ask for a new one.' in browser.text()
    assert not browser.webdriver.find_element('css selector', '#reconnect').is_displayed()
    asked = rig.consoleauth.asked
    time.sleep(3)
    assert rig.consoleauth.asked == asked


def test_there_is_no_waiting_for_those_who_do_not_want_to(rig: Rig, guest: DemoServer, browser: Browser) -> None:
    open_console(rig, guest, browser)
    guest.stop()
    browser.wait_for_text("The VM's console cannot be reached.")
    browser.wait_for(f'{LOST} && Number(document.querySelector("#notice-retry").textContent.match(/\\d+/)) > 3', 60)
    asked = rig.consoleauth.asked
    browser.click('#reconnect')
    wait_until(lambda: rig.consoleauth.asked > asked, 3, 'an attempt')


def test_where_it_is_narrow_tools_are_under_more(rig: Rig, browser: Browser) -> None:
    listener = Listener()
    browser.webdriver.set_window_size(500, 700)
    open_for(listener, rig, browser)
    assert browser.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert not browser.webdriver.find_element('css selector', '#ctrl-alt-del').is_displayed()
    browser.click('#more')
    browser.click('#ctrl-alt-del')
    wait_until(lambda: listener.keys == down_and_up(CTRL, ALT, 0xffff), 10, 'the keys')
    assert not browser.webdriver.find_element('css selector', '#panel-more').is_displayed()
    assert is_focused(browser, '#screen canvas')


def test_a_logo_leaves_room_for_name_and_tools_on_a_phone(start: StartProxy, guest: DemoServer, browser: Browser,
                                                          tmp_path) -> None:
    (tmp_path / 'logo.svg').write_text('<svg xmlns="http://www.w3.org/2000/svg" width="800" height="40"/>')
    rig = start(console_page_logo=str(tmp_path / 'logo.svg'), console_page_home_url='https://cloud.example.org/')
    for command, arguments in (
        ('Emulation.setDeviceMetricsOverride', {'width': 320, 'height': 640, 'deviceScaleFactor': 1, 'mobile': True}),
        ('Emulation.setTouchEmulationEnabled', {'enabled': True}),
    ):
        browser.webdriver.execute_cdp_cmd(command, arguments)
    open_console(rig, guest, browser)
    browser.wait_for("document.querySelector('#logo').getBoundingClientRect().width > 0")
    assert browser.evaluate("document.querySelector('#touch-keyboard').checkVisibility()")
    assert browser.evaluate("document.querySelector('#more').getBoundingClientRect().right <= 320")
    assert browser.evaluate("document.querySelector('#name').getBoundingClientRect().width") > 20


def test_long_choices_do_not_widen_the_panel(rig: Rig, guest: DemoServer, browser: Browser) -> None:
    open_console(rig, guest, browser)
    browser.click('#settings')
    browser.evaluate("document.querySelector('#panel-settings option').textContent = 'W'.repeat(100)")
    assert browser.evaluate("(({scrollWidth, clientWidth}) => scrollWidth <= clientWidth)("
                            "document.querySelector('#panel-settings'))")


def test_a_page_that_cannot_be_loaded_in_full_says_so(rig: Rig, guest: DemoServer, browser: Browser) -> None:
    browser.webdriver.execute_cdp_cmd('Network.enable', {})
    for name in ('bar.js', 'tools.js'):
        browser.webdriver.execute_cdp_cmd('Network.setBlockedURLs', {'urls': [f'*/nova-vnc/{name}']})
        browser.open(page_url(rig, grant(rig, guest)))
        browser.wait_for_text('Parts of this page cannot be loaded. Reload it.')
