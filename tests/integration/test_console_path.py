# SPDX-License-Identifier: Apache-2.0
"""The main job, on real parts: from the API call to the picture in a browser and back to the guest."""

from collections.abc import Iterator

import pytest
from PIL import Image

from tests.fixtures.backend import concurrency_backend
from tests.fixtures.browser import Browser
from tests.fixtures.cloud import Cloud
from tests.fixtures.guest import Guest
from tests.fixtures.libvirt import Libvirtd
from tests.fixtures.pictures import differing_pixels
from tests.fixtures.polling import wait_until
from tests.fixtures.rabbitmq import RabbitMQ

DISPLAY_NAME = 'web server 1'
PROJECT = '3f6b8b1a3f8e4b3f9a5d0e4f7b8c9d0e'
OTHER_PROJECT = '00000000000000000000000000000001'
USER = '9d0e3f6b8b1a4b3f9a5d0e4f7b8c3f8e'

needs_chromium = pytest.mark.skipif(concurrency_backend() == 'threading',
                                    reason='Chromium runs under the default backend')


@pytest.fixture(scope='module')
def guest(libvirtd: Libvirtd) -> Iterator[Guest]:
    guest = libvirtd.define_guest(display_name=DISPLAY_NAME, project=PROJECT, user=USER, paused=False, boots=True)
    guest.wait_until_ready()
    yield guest
    guest.remove()


@pytest.fixture(scope='module')
def cloud(rabbitmq: RabbitMQ, libvirtd: Libvirtd, guest: Guest) -> Iterator[Cloud]:
    with Cloud(rabbitmq.url, libvirtd.uri) as cloud:
        cloud.wait_for_server(guest.uuid)
        yield cloud


def picture_on_page(browser: Browser, size: tuple[int, int]) -> list[Image.Image]:
    """Return the part of a screenshot where the canvas is; a canvas between two lines of pixels is on either."""
    left, top = browser.evaluate("(r => [r.left, r.top])(document.querySelector('canvas').getBoundingClientRect())")
    screenshot = browser.screenshot()
    corners = {(int(x), int(y)) for x in (left, left + 0.5) for y in (top, top + 0.5)}
    return [screenshot.crop((x, y, x + size[0], y + size[1])) for x, y in corners]


@needs_chromium
def test_the_screen_in_the_browser_is_the_screen_of_the_vm(cloud: Cloud, guest: Guest, browser: Browser):
    guest.suspend()
    try:
        browser.open(cloud.console_url(guest.uuid))
        assert browser.wait_for_title(DISPLAY_NAME).startswith(f'{DISPLAY_NAME} ({guest.uuid})')
        expected = guest.screendump()
        # All but a mouse pointer that QEMU may have drawn into the picture.
        wait_until(lambda: browser.canvas_image().size == expected.size, 30, 'a canvas of the size of the screen')
        wait_until(lambda: differing_pixels(browser.canvas_image(), expected) < 16 * 16, 30, 'the same picture')
        assert len(expected.getcolors(1 << 24)) > 1
        shown = picture_on_page(browser, expected.size)
        assert min(differing_pixels(picture, expected) for picture in shown) < 16 * 16
    finally:
        guest.resume()


@needs_chromium
def test_keys_typed_in_the_browser_reach_the_guest(cloud: Cloud, guest: Guest, browser: Browser):
    browser.open(cloud.console_url(guest.uuid))
    browser.wait_for_title(DISPLAY_NAME)
    browser.wait_for("document.querySelector('canvas') !== null && document.querySelector('canvas').width > 300")
    browser.type('hello from chromium')
    guest.wait_for_typed_text('hello from chromium')


def test_only_the_owners_project_finds_the_server(cloud: Cloud, guest: Guest):
    assert cloud.request('GET', f'/servers/{guest.uuid}', token=f'someone:{PROJECT}').ok
    assert cloud.request('GET', f'/servers/{guest.uuid}', token=f'someone:{OTHER_PROJECT}').status_code == 404
    assert cloud.request_console(guest.uuid, token=f'someone:{OTHER_PROJECT}').status_code == 404
    assert cloud.request_console(guest.uuid.upper(), token=f'someone:{PROJECT}').ok


@pytest.mark.parametrize('name_or_uuid', ['name', 'uuid'])
@pytest.mark.parametrize('version', [[], ['--os-compute-api-version', '2.1']], ids=['default', '2.1'])
@pytest.mark.parametrize('auth', ['none', 'admin_token'])
def test_openstackclient(cloud: Cloud, guest: Guest, name_or_uuid: str, version: list[str], auth: str):
    credentials = ['--os-auth-type', auth, '--os-endpoint', cloud.endpoint]
    if auth == 'admin_token':
        credentials += ['--os-token', 'admin']
    server = DISPLAY_NAME if name_or_uuid == 'name' else guest.uuid
    done = cloud.openstack(*credentials, *version, 'console', 'url', 'show', '--novnc', server, '-f', 'value', '-c',
                           'url')
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f'http://127.0.0.1:{cloud.proxy_port}/vnc_auto.html?path=%3Ftoken%3D')


def test_a_guest_that_is_started_and_ended_is_noticed(cloud: Cloud, libvirtd: Libvirtd):
    guest = libvirtd.define_guest(display_name='short-lived')
    try:
        cloud.wait_for_server(guest.uuid)
        assert cloud.request_console(guest.uuid).ok
        guest.destroy()
        wait_until(lambda: cloud.request_console(guest.uuid).status_code == 409, 30, '409 for a VM that is off')
        guest.undefine()
        wait_until(lambda: cloud.request_console(guest.uuid).status_code == 404, 30, '404 for a VM that is gone')
    finally:
        if guest.name in libvirtd.virsh('list', '--all', '--name').split():
            guest.remove()


def test_a_vm_without_vnc(cloud: Cloud, libvirtd: Libvirtd):
    guest = libvirtd.define_guest(display_name='no graphics', vnc=False)
    try:
        cloud.wait_for_server(guest.uuid)
        answer = cloud.request_console(guest.uuid)
        assert answer.status_code == 400
        assert 'Unavailable console type novnc' in answer.text
    finally:
        guest.remove()
