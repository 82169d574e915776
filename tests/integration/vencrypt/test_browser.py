# SPDX-License-Identifier: Apache-2.0
"""From the browser to QEMU's VNC server with TLS all the way: wss, and VeNCrypt with certificates on both sides."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fixtures.backend import concurrency_backend
from tests.fixtures.browser import Browser
from tests.fixtures.certificates import Certificate, CertificateAuthority
from tests.fixtures.cloud import Cloud
from tests.fixtures.guest import Guest
from tests.fixtures.libvirt import Libvirtd
from tests.fixtures.pictures import differing_pixels
from tests.fixtures.polling import wait_until
from tests.fixtures.qemu import write_certificates
from tests.fixtures.rabbitmq import RabbitMQ

DISPLAY_NAME = 'web server 1'

pytestmark = [pytest.mark.browser, pytest.mark.skipif(concurrency_backend() == 'threading',
                                                     reason='Chromium runs under the default backend')]


@pytest.fixture
def authority(tmp_path: Path) -> CertificateAuthority:
    return CertificateAuthority(tmp_path / 'ca')


@pytest.fixture
def public(authority: CertificateAuthority) -> Certificate:
    """The certificate that browsers see."""
    return authority.server()


@pytest.fixture
def libvirtd(authority: CertificateAuthority, tmp_path: Path) -> Iterator[Libvirtd]:
    """One whose guests speak VeNCrypt, to those who have a certificate."""
    directory = tmp_path / 'pki'
    write_certificates(directory, authority, authority.server('127.0.0.1'))
    with Libvirtd(f'vnc_tls = 1\nvnc_tls_x509_verify = 1\nvnc_tls_x509_cert_dir = "{directory}"\n') as daemon:
        yield daemon


@pytest.fixture
def guest(libvirtd: Libvirtd) -> Iterator[Guest]:
    guest = libvirtd.define_guest(display_name=DISPLAY_NAME, paused=False, boots=True)
    guest.wait_until_ready()
    yield guest
    guest.remove()


@pytest.fixture
def cloud(rabbitmq: RabbitMQ, libvirtd: Libvirtd, guest: Guest, authority: CertificateAuthority,
          public: Certificate) -> Iterator[Cloud]:
    mine = authority.client()
    with Cloud(rabbitmq.url, libvirtd.uri, options={
            'DEFAULT': {'ssl_only': True, 'cert': public.cert, 'key': public.key},
            'vnc': {'auth_schemes': 'vencrypt', 'vencrypt_ca_certs': authority.ca, 'vencrypt_client_cert': mine.cert,
                    'vencrypt_client_key': mine.key},
            'novncproxy': {'vencrypt_check_hostname': True}}) as cloud:
        cloud.wait_for_server(guest.uuid)
        yield cloud


def test_the_screen_in_the_browser_is_the_screen_of_the_vm(cloud: Cloud, guest: Guest, public: Certificate):
    with Browser(trusted_key=public.key_hash()) as browser:
        url = cloud.console_url(guest.uuid)
        assert url.startswith('https://')
        browser.open(url)
        browser.wait_for_title(DISPLAY_NAME)
        browser.type('over tls')
        guest.wait_for_typed_text('over tls')
        guest.suspend()
        expected = guest.screendump()
        # All but a mouse pointer that QEMU may have drawn into the picture.
        wait_until(lambda: browser.canvas_image().size == expected.size, 30, 'a canvas of the size of the screen')
        wait_until(lambda: differing_pixels(browser.canvas_image(), expected) < 16 * 16, 30, 'the same picture')
        assert len(expected.getcolors(1 << 24)) > 1
    assert 'opened for' in cloud.novncproxy.output()
