# SPDX-License-Identifier: Apache-2.0
"""The console works from a network in which no VNC server can be reached."""

import errno
import socket

import pytest

from tests.fixtures.browser import Browser
from tests.fixtures.console_client import open_console
from tests.fixtures.pictures import differing_pixels
from tests.fixtures.polling import wait_until
from tests.fixtures.ports import is_listening
from tests.integration.networks.picture import MANAGEMENT_ADDRESS, MANAGEMENT_NETWORK, PUBLIC_ADDRESS, Picture
from tests.integration.test_console_path import needs_chromium


def connect_error(address: str, port: int) -> int | None:
    """Return the errno of an attempt to connect; None where it succeeded, ETIMEDOUT where nobody answered."""
    try:
        socket.create_connection((address, port), timeout=1.5).close()
    except TimeoutError:
        return errno.ETIMEDOUT
    except OSError as error:
        return error.errno
    return None


def test_the_browser_reaches_no_vnc_server(picture: Picture) -> None:
    targets = [(host.address, host.guest.vnc_port()) for host in picture.hosts]
    # They are there.
    with picture.controller_machine.inside():
        assert all(is_listening(port, address) for address, port in targets)
    assert [connect_error(*target) for target in targets] == [errno.ENETUNREACH] * 2


def test_who_makes_himself_a_route_reaches_nothing_either(picture: Picture) -> None:
    target = (picture.hosts[0].address, picture.hosts[0].guest.vnc_port())
    broker = (MANAGEMENT_ADDRESS, picture.broker.port)
    picture.browser.ip('route', 'add', MANAGEMENT_NETWORK, 'via', PUBLIC_ADDRESS)
    try:
        assert connect_error(*target) == errno.ETIMEDOUT
        assert connect_error(*broker) == errno.ETIMEDOUT
        # It is the firewall that keeps him out: Linux answers on each interface for the addresses of all.
        picture.controller_machine.flush_rules()
        assert connect_error(*broker) is None
    finally:
        picture.guard()
        picture.browser.ip('route', 'del', MANAGEMENT_NETWORK)


def test_a_compute_host_reaches_no_vnc_server_of_another(picture: Picture) -> None:
    one, other = picture.hosts
    with one.inside():
        assert connect_error(other.address, other.guest.vnc_port()) == errno.ETIMEDOUT


@pytest.mark.parametrize('number', [0, 1])
def test_the_console_works_through_the_proxy(picture: Picture, number: int) -> None:
    guest = picture.hosts[number].guest
    with open_console(picture.controller.console_url(guest.uuid)) as console:
        expected = guest.screendump().size
        assert console.see_screen() == expected


@needs_chromium
def test_the_screen_in_the_browser_is_the_screen_of_the_vm(picture: Picture, browser: Browser) -> None:
    guest = picture.hosts[0].guest
    browser.open(picture.controller.console_url(guest.uuid))
    browser.wait_for_title(guest.uuid)
    browser.wait_for("document.querySelector('canvas') !== null && document.querySelector('canvas').width > 300")
    browser.type('hello from outside')
    guest.wait_for_typed_text('hello from outside')
    guest.suspend()
    try:
        expected = guest.screendump()
        assert len(expected.getcolors(1 << 24)) > 1
        # All but a mouse pointer that QEMU may have drawn into the picture.
        wait_until(lambda: differing_pixels(browser.canvas_image(), expected) < 16 * 16, 30, 'the same picture')
    finally:
        guest.resume()
