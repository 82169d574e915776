# SPDX-License-Identifier: Apache-2.0
"""The management cable is pulled, and plugged in again."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from nova_vnc.rfb.errors import ConnectionFailed
from tests.fixtures.browser import Browser
from tests.fixtures.console_client import ConsoleClient, open_console, read_refusal
from tests.fixtures.namespaces import Cable
from tests.fixtures.polling import wait_until
from tests.integration.bad_days.outage import REFUSED_WITHIN_S
from tests.integration.networks.conftest import TARGET_TIMEOUT_S
from tests.integration.networks.picture import Picture
from tests.integration.test_console_page import CONNECTED, ENDED
from tests.integration.test_console_path import needs_chromium

HOST_SILENT = "The VM's host does not answer. Try again in a minute. (req-"
CONSOLE_SILENT = "The VM's console does not answer. Try again in a minute. (req-"
BROKE = 'the connection to the VNC server broke'

# The kernel counts in its own steps, and the machine is busy.
_LOST_WITHIN_S = TARGET_TIMEOUT_S + 8
_BACK_WITHIN_S = 60

Outage = Callable[[Cable], AbstractContextManager[None]]
OUTAGES = [pytest.param(Cable.pulled, id='link-down'), pytest.param(Cable.losing_everything, id='packets-dropped')]


def wait_until_back(url: str) -> None:
    """Wait until the console opens again, by the same link."""
    def try_it() -> bool:
        try:
            with open_console(url) as console:
                return console.see_screen() > (0, 0)
        except ConnectionFailed:
            return False
    wait_until(try_it, _BACK_WITHIN_S, 'the console to work again')


def check_lost(console: ConsoleClient, since: float) -> None:
    assert console.wait_for_close() == 1011
    assert time.monotonic() - since < _LOST_WITHIN_S


@pytest.mark.parametrize('outage', OUTAGES)
def test_the_cable_of_a_compute_host(picture: Picture, outage: Outage) -> None:
    controller, (host, other) = picture.controller, picture.hosts
    url, other_url = (controller.console_url(machine.guest.uuid) for machine in (host, other))
    since = controller.novncproxy.mark()
    with open_console(url) as console, open_console(other_url) as other_console:
        console.see_screen()
        with outage(host.cable):
            cut_at = time.monotonic()
            refusal = read_refusal(url)
            assert refusal.reason.startswith(HOST_SILENT)
            assert refusal.close_code == 4504
            assert refusal.after_s < REFUSED_WITHIN_S
            request_id = re.findall(r'req-[-0-9a-f]+', refusal.reason)[0]
            controller.novncproxy.wait_for_line(f'WARNING .*{request_id}.* with 504', since=since)
            check_lost(console, cut_at)
            controller.novncproxy.wait_for_line(BROKE, since=since)
            # The other host has its own cable.
            assert other_console.see_screen() > (0, 0)
            with open_console(other_url) as fresh:
                assert fresh.see_screen() > (0, 0)
    wait_until_back(url)
    assert 'Traceback' not in controller.novncproxy.output(since)


def test_the_cable_of_the_controller(picture: Picture) -> None:
    urls = [picture.controller.console_url(host.guest.uuid) for host in picture.hosts]
    consoles = [open_console(url) for url in urls]
    with picture.controller_cable.pulled():
        cut_at = time.monotonic()
        refusal = read_refusal(urls[0])
        assert refusal.reason.startswith(HOST_SILENT)
        assert refusal.after_s < REFUSED_WITHIN_S
        for console in consoles:
            with console:
                check_lost(console, cut_at)
    for url in urls:
        wait_until_back(url)


def test_a_firewall_that_swallows_what_is_for_the_vnc_server(picture: Picture) -> None:
    host = picture.hosts[1]
    url = picture.controller.console_url(host.guest.uuid)
    since = picture.controller.novncproxy.mark()
    with host.cable.losing_port(host.guest.vnc_port()):
        refusal = read_refusal(url)
    assert refusal.reason.startswith(CONSOLE_SILENT)
    assert refusal.close_code == 4504
    assert refusal.after_s < REFUSED_WITHIN_S
    assert host.address not in refusal.reason
    # The operator reads which address that is.
    assert host.address in picture.controller.novncproxy.output(since)
    wait_until_back(url)


@needs_chromium
def test_what_the_user_reads_in_the_browser(picture: Picture, browser: Browser) -> None:
    host = picture.hosts[1]
    browser.open(picture.controller.console_url(host.guest.uuid))
    browser.wait_for(CONNECTED)
    with host.cable.pulled():
        browser.wait_for_text('The connection to the VM broke.')
        browser.click('#reconnect')
        text = browser.wait_for_text("The VM's host does not answer. Try again in a minute.")
        assert 'req-' in text

    def reconnect() -> bool:
        if browser.evaluate(ENDED):
            browser.click('#reconnect')
        return browser.evaluate(CONNECTED)

    wait_until(reconnect, _BACK_WITHIN_S, 'the console in the browser')
