# SPDX-License-Identifier: Apache-2.0
"""nova-vnc-compute: answers for the VMs of one hypervisor host, and reports them."""

from __future__ import annotations

from collections.abc import Sequence

from nova_vnc import concurrency
from nova_vnc.cmd import interrupt


def main(argv: Sequence[str] | None = None) -> None:
    interrupt.end_without_words()
    concurrency.patch()
    from nova_vnc.cmd import common
    from nova_vnc.compute import factory
    common.run(argv, factory.build_service)
