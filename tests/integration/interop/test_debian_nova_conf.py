# SPDX-License-Identifier: Apache-2.0
"""The nova.conf that Debian's package nova-common brings, as it is in the package."""

from __future__ import annotations

import pytest

from tests.fixtures.libvirt import Libvirtd
from tests.fixtures.nova_release import nova_26
from tests.fixtures.rabbitmq import RabbitMQ
from tests.integration.whole_files import check_a_session

CHAIN = "Debian's own nova.conf, all our services"
pytestmark = [pytest.mark.timeout(900), pytest.mark.interop(CHAIN, 'nova 26')]


def test_a_session(rabbitmq: RabbitMQ, libvirtd: Libvirtd) -> None:
    path = nova_26().scripts.parent / 'share/nova-common/nova.conf'
    assert len(path.read_text().splitlines()) > 1000
    check_a_session(rabbitmq, libvirtd, 'debian', lambda command: path)
