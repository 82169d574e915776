# SPDX-License-Identifier: Apache-2.0
"""The console page for everybody: audited by axe-core in each state, by keyboard alone, and in other languages."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

from nova_vnc.compute.virt.demo.server import DemoServer
from tests.fixtures.backend import concurrency_backend
from tests.fixtures.browser import Browser
from tests.fixtures.console_page import CONNECTED, Listener, open_console, open_for, proxies
from tests.fixtures.console_page_states import SCHEMES, SIZES, Look, open_panel, sleeping_guest, walk
from tests.fixtures.novnc import node_package
from tests.fixtures.polling import wait_until
from tests.functional.novncproxy.rig import Rig

pytestmark = pytest.mark.skipif(concurrency_backend() == 'threading',
                                reason='Chromium runs under the default backend')

LOOKS = [*(Look(size, scheme) for size in SIZES for scheme in SCHEMES), Look('desktop', 'dark', 'ar'),
         Look('phone', 'light', 'ar'), Look('phone', 'dark', 'de')]

# Those of the user guide (doc/source/user/console-page.rst).
SCREENSHOTS = {
    Look('desktop', 'dark'): ('reaching', 'connected', 'panel-type', 'lost'),
    Look('desktop', 'light'): ('panel-keys', 'panel-clipboard', 'blank', 'ended'),
    Look('phone', 'dark'): ('panel-settings', 'panel-more', 'lost'),
    Look('phone', 'light'): ('connected', 'panel-traffic', 'panel-type'),
}

# axe.run() of axe-core; best-practice is there without being asked for.
AUDIT = '''
    const done = arguments[arguments.length - 1];
    axe.run(document, {resultTypes: ['violations']}).then(({violations}) => done(violations.map(
        ({id, help, nodes}) => `${id}: ${help}: ${nodes.map(({html, failureSummary}) =>
            `${html} ${failureSummary}`).join(' | ')}`)), (error) => done([String(error)]));
    '''

FOCUSED = '''(() => {
    const element = document.activeElement;
    const {outlineStyle, outlineWidth} = getComputedStyle(element);
    const box = element.getBoundingClientRect();
    return {name: element.id || element.getAttribute('aria-label') || element.textContent || element.type,
            panel: element.closest('.panel')?.id ?? null, isMarked: outlineStyle !== 'none' && outlineWidth !== '0px',
            isSeen: element.checkVisibility() && box.width > 4 && box.right <= innerWidth && box.left >= 0};
})()'''


@pytest.fixture
def rig() -> Iterator[Rig]:
    with proxies() as start:
        yield start()


@pytest.mark.parametrize('look', LOOKS, ids=str)
def test_nothing_is_found_in_any_state(rig: Rig, guest: DemoServer, browser: Browser, look: Look,
                                       request: pytest.FixtureRequest) -> None:
    axe = (node_package('axe-core') / 'axe.min.js').read_text()
    directory = request.config.getoption('--write-screenshots', None)
    look.apply(browser)
    found = {}
    for state in walk(rig, guest, browser):
        if directory and state in SCREENSHOTS.get(look, ()):
            write_screenshot(browser, Path(directory) / f'{state}-{look.size}-{look.scheme}.png')
        browser.webdriver.execute_script(axe)
        found[state] = browser.webdriver.execute_async_script(AUDIT)
        if not browser.evaluate('document.documentElement.scrollWidth <= innerWidth'):
            found[state].append('wider than the window')
    assert {'reaching', 'connected', 'panel-keys', 'panel-settings', 'panel-more', 'panel-traffic', 'blank', 'lost',
            'ended'} <= found.keys()
    assert {state: findings for state, findings in found.items() if findings} == {}


def write_screenshot(browser: Browser, path: Path) -> None:
    """Write a PNG of the window."""
    path.parent.mkdir(parents=True, exist_ok=True)
    browser.screenshot().save(path, optimize=True)


def test_the_audit_finds_something_where_there_is_something(rig: Rig, guest: DemoServer, browser: Browser) -> None:
    Look('desktop', 'dark').apply(browser)
    open_console(rig, guest, browser)
    browser.webdriver.execute_script((node_package('axe-core') / 'axe.min.js').read_text())
    browser.webdriver.execute_script("document.querySelector('#keys').textContent = '';"
                                     "document.querySelector('#keys').title = '';"
                                     "document.querySelector('#status').style.color = '#333'")
    found = browser.webdriver.execute_async_script(AUDIT)
    assert {finding.split(':')[0] for finding in found} >= {'button-name', 'color-contrast'}


def test_all_of_it_by_keyboard(rig: Rig, browser: Browser) -> None:
    listener = Listener()
    open_for(listener, rig, browser)
    browser.press(Keys.LEFT_CONTROL, Keys.LEFT_ALT)
    browser.wait_for("document.activeElement.id === 'ctrl-alt-del'")
    wait_until(lambda: listener.keys and not listener.keys[-1][1], 10, 'nothing to be held down')
    heard = len(listener.keys)
    order = browser.evaluate("[...document.querySelectorAll('#tools button')].filter((button) => "
                             "button.checkVisibility()).map((button) => button.id)")
    assert walk_by_tab(browser, len(order)) == order
    for panel in browser.evaluate("[...document.querySelectorAll('.panel')].map((element) => element.id)"):
        button = panel.removeprefix('panel-')
        if button not in order:
            continue    # under More; below
        browser.webdriver.execute_script('document.getElementById(arguments[0]).focus({focusVisible: true})', button)
        browser.press(Keys.ENTER)
        browser.wait_for('document.activeElement.closest(".panel")?.id === arguments[0]', 10, panel)
        controls = browser.evaluate(f"[...document.querySelectorAll('#{panel} :is(button, select, input)')].filter("
                                    "(control) => !control.disabled && control.checkVisibility()).length")
        assert controls
        # It begins behind the button that closes the panel.
        browser.press(Keys.SHIFT, Keys.TAB)
        assert len(walk_by_tab(browser, controls, panel)) == controls
        browser.press(Keys.ESCAPE)
        browser.wait_for('document.activeElement.id === arguments[0]', 10, button)
        assert browser.evaluate('document.getElementById(arguments[0]).hidden', panel)
    browser.press(Keys.ENTER)  # More, which is the last one
    browser.wait_for("document.activeElement.closest('#panel-more')")
    under_more = browser.evaluate("[...document.querySelectorAll('#panel-more :enabled[id]')].map("
                                  "(button) => button.id)")
    assert under_more[-1] == 'traffic'
    first = under_more.index(browser.evaluate('document.activeElement.id'))
    assert walk_by_tab(browser, len(under_more) - first, 'panel-more') == under_more[first:]
    browser.press(Keys.ENTER)
    browser.wait_for("document.activeElement.closest('#panel-traffic')")
    browser.press(Keys.ESCAPE)
    browser.wait_for("document.activeElement.id === 'more'")
    assert len(listener.keys) == heard
    browser.press(Keys.ESCAPE)
    browser.wait_for("document.activeElement === document.querySelector('#screen canvas')")
    browser.type('y')
    wait_until(lambda: listener.pressed.endswith('y'), 10, 'the guest to have the keyboard again')


def walk_by_tab(browser: Browser, count: int, panel: str | None = None) -> list[str]:
    """Return the names of so many controls from the focused one on; each is seen, and seen to have the focus."""
    names = []
    for number in range(count):
        if number:
            browser.press(Keys.TAB)
        focused = browser.evaluate(FOCUSED)
        assert focused['panel'] == panel, focused
        assert focused['isSeen'], focused
        assert focused['isMarked'], focused
        names.append(focused['name'])
    return names


@pytest.mark.parametrize(('language', 'tag', 'direction', 'connected'), [
    ('vi-VN', 'vi', 'ltr', 'Đã kết nối'), ('de', 'de', 'ltr', 'Verbunden'), ('ar-EG', 'ar', 'rtl', 'متصل'),
    ('pt-BR', 'en', 'ltr', 'Connected')])
def test_the_language_is_that_of_the_browser(rig: Rig, guest: DemoServer, browser: Browser, language: str, tag: str,
                                             direction: str, connected: str) -> None:
    Look('desktop', 'dark', language).apply(browser)
    open_console(rig, guest, browser)
    assert browser.evaluate('[document.documentElement.lang, document.documentElement.dir]') == [tag, direction]
    browser.wait_for("document.querySelector('#status').textContent === arguments[0]", 30, connected)


def test_a_blank_screen_is_said_to_be_blank_until_there_is_a_picture(rig: Rig, guest: DemoServer,
                                                                     browser: Browser) -> None:
    hint = "document.querySelector('#blank').textContent"
    with sleeping_guest() as asleep:
        open_console(rig, asleep, browser)
        browser.wait_for(f"{hint} === 'The screen of the VM is blank. Press a key to wake it.'")
        browser.type('a')
        browser.wait_for(f"{hint} === ''")
    open_console(rig, guest, browser)
    browser.evaluate("new MutationObserver(() => { window.wasSaid = true; }).observe(document.querySelector('#blank'), "
                     "{childList: true})")
    open_panel(browser, 'traffic')
    for name in ('roundTrip', 'received', 'sent', 'pictures'):
        browser.wait_for(f"/\\d/.test(document.querySelector('[data-of={name}]').textContent)")
    for name in ('received', 'pictures'):
        wait_until(lambda name=name: type_and_read(browser, name) > 0, 30, f'a rate of {name}')
    browser.wait_for("performance.now() > 6000")
    assert browser.evaluate(CONNECTED)
    assert not browser.evaluate('window.wasSaid')


def type_and_read(browser: Browser, name: str) -> float:
    """Have the guest show something new, and return the number that the panel shows."""
    ActionChains(browser.webdriver).move_to_element(
        browser.webdriver.find_element('css selector', '#screen')).click().send_keys('x').perform()
    return float(browser.evaluate(f"parseFloat(document.querySelector('[data-of={name}]').textContent)"))
