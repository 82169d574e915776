# SPDX-License-Identifier: Apache-2.0
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.fixtures.bus import in_process_bus
from tests.fixtures.certificates import CertificateAuthority
from tests.fixtures.xvnc import self_signed
from tests.functional.novncproxy.rig import Rig


@pytest.fixture
def rig() -> Iterator[Rig]:
    """Everything but the proxy is there; start() starts it."""
    with in_process_bus() as bus:
        built = Rig(bus, '/usr/share/novnc')
        yield built
        built.close()


@pytest.fixture
def proxy(rig: Rig) -> Callable[..., Rig]:
    """Return a function that starts the proxy with VeNCrypt.

    Its arguments: the file with the certificates to trust, [vnc]auth_schemes, and options of [novncproxy].
    """
    def start(ca_certs: Path | None = None, schemes: tuple[str, ...] = ('vencrypt',), **options: object) -> Rig:
        rig.conf.set_override('auth_schemes', list(schemes), 'vnc')
        if ca_certs is not None:
            rig.conf.set_override('vencrypt_ca_certs', str(ca_certs), 'vnc')
        return rig.start(**options)
    return start


@pytest.fixture(scope='session')
def authority(tmp_path_factory: pytest.TempPathFactory) -> CertificateAuthority:
    return CertificateAuthority(tmp_path_factory.mktemp('ca'))


@pytest.fixture(scope='session')
def rsa_pem(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and its own certificate, for x11vnc."""
    return self_signed(tmp_path_factory.mktemp('x11vnc'))
