# SPDX-License-Identifier: Apache-2.0
"""Sessions with QEMU over VeNCrypt, with and without a certificate of the proxy's, and what it refuses."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import websocket

from nova_vnc.novncproxy.refusal import Refusal
from tests.fixtures.bus import in_process_bus
from tests.fixtures.certificates import Certificate, CertificateAuthority
from tests.fixtures.qemu import QEMU
from tests.fixtures.rfb_client import RFBClient
from tests.functional.novncproxy.rig import DISPLAY_NAME, INSTANCE_UUID, Rig


@pytest.fixture(scope='module')
def authority(tmp_path_factory: pytest.TempPathFactory) -> CertificateAuthority:
    return CertificateAuthority(tmp_path_factory.mktemp('ca'))


@pytest.fixture(scope='module')
def stranger(tmp_path_factory: pytest.TempPathFactory) -> CertificateAuthority:
    return CertificateAuthority(tmp_path_factory.mktemp('other-ca'), 'another CA')


@pytest.fixture(scope='module')
def qemu(authority: CertificateAuthority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[QEMU]:
    """One whose certificate is good, and that asks nobody for his."""
    with QEMU.with_certificate('web1', tmp_path_factory.mktemp('qemu') / 'pki', authority, authority.server()) as qemu:
        yield qemu


@pytest.fixture(scope='module')
def strict_qemu(authority: CertificateAuthority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[QEMU]:
    """One that lets nobody in without a certificate of the same authority."""
    with QEMU.with_certificate('web2', tmp_path_factory.mktemp('qemu') / 'pki', authority, authority.server(),
                               verify_peer=True) as qemu:
        yield qemu


@pytest.fixture
def proxy(authority: CertificateAuthority) -> Iterator[Callable[..., Rig]]:
    """Return a function that starts the proxy, with options of [novncproxy]."""
    with in_process_bus() as bus:
        rig = Rig(bus, '')

        def start(client: Certificate | None = None, schemes: tuple[str, ...] = ('vencrypt',),
                  **options: object) -> Rig:
            rig.ask_for_vencrypt(authority, client, schemes)
            return rig.start(**options)

        yield start
        rig.close()


def see_screen(rig: Rig, qemu: QEMU) -> tuple[int, int]:
    """Return the size of a screen of which an update was read."""
    stream = rig.open_console(rig.grant('127.0.0.1', qemu.port))
    client = RFBClient(stream.read, stream.write)
    assert client.connect().name.decode() == f'{DISPLAY_NAME} ({INSTANCE_UUID})'
    client.request_update()
    client.read_update()
    return client.image().size


def refuse(rig: Rig, qemu: QEMU, caplog: pytest.LogCaptureFixture) -> str:
    """Return what the operator reads of a refusal for the sake of security."""
    with caplog.at_level(logging.INFO), pytest.raises(websocket.WebSocketBadStatusException) as caught:
        rig.open_console(rig.grant('127.0.0.1', qemu.port))
    assert caught.value.resp_body.decode().startswith(Refusal.SECURITY.text)
    (line,) = [record.getMessage() for record in caplog.records if 'refused' in record.getMessage()]
    return line


def test_without_a_certificate_of_the_proxys(proxy, qemu: QEMU):
    assert see_screen(proxy(), qemu) == (640, 480)


def test_with_one(proxy, authority: CertificateAuthority, strict_qemu: QEMU):
    assert see_screen(proxy(authority.client()), strict_qemu) == (640, 480)


def test_the_name_in_its_certificate(proxy, qemu: QEMU):
    assert see_screen(proxy(vencrypt_check_hostname=True), qemu) == (640, 480)


def test_without_certificates_where_that_is_allowed(proxy, tmp_path: Path):
    with QEMU('web3', 'tls-creds-anon') as qemu:
        assert see_screen(proxy(vencrypt_subtypes=['tlsnone']), qemu) == (640, 480)


def test_without_certificates_where_it_is_not(proxy, caplog: pytest.LogCaptureFixture):
    with QEMU('web3', 'tls-creds-anon') as qemu:
        assert 'TLS_NONE (257) ([novncproxy]vencrypt_subtypes)' in refuse(proxy(), qemu, caplog)


def test_one_that_asks_for_a_certificate_that_the_proxy_has_not(proxy, strict_qemu: QEMU, caplog):
    assert '[vnc]vencrypt_client_cert is not set' in refuse(proxy(), strict_qemu, caplog)


def test_one_that_takes_only_others(proxy, stranger: CertificateAuthority, strict_qemu: QEMU, caplog):
    mine = stranger.client()
    assert f'[vnc]vencrypt_client_cert = {mine.cert}' in refuse(proxy(mine), strict_qemu, caplog)


def test_a_certificate_of_another_authority(proxy, authority, stranger: CertificateAuthority, tmp_path: Path, caplog):
    with QEMU.with_certificate('web3', tmp_path / 'pki', stranger, stranger.server()) as qemu:
        line = refuse(proxy(), qemu, caplog)
    assert line.endswith(f'unable to get local issuer certificate ([vnc]vencrypt_ca_certs = {authority.ca})')


def test_a_certificate_for_another_host(proxy, authority: CertificateAuthority, tmp_path: Path, caplog):
    certificate = authority.server('compute2.example')
    with QEMU.with_certificate('web3', tmp_path / 'pki', authority, certificate) as qemu:
        assert '[novncproxy]vencrypt_check_hostname = True' in refuse(proxy(vencrypt_check_hostname=True), qemu, caplog)


def test_a_proxy_without_vencrypt(proxy, qemu: QEMU, caplog: pytest.LogCaptureFixture):
    assert 'VENCRYPT (19) ([vnc]auth_schemes)' in refuse(proxy(schemes=('none',)), qemu, caplog)


def test_one_in_the_clear(proxy, caplog: pytest.LogCaptureFixture):
    with QEMU('web3') as qemu:
        assert 'NONE (1) ([vnc]auth_schemes)' in refuse(proxy(), qemu, caplog)


def test_one_in_the_clear_where_that_is_allowed(proxy):
    with QEMU('web3') as qemu:
        assert see_screen(proxy(schemes=('vencrypt', 'none')), qemu) == (640, 480)
