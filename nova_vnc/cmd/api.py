# SPDX-License-Identifier: Apache-2.0
"""nova-vnc-api: the console calls of the Compute API."""

from __future__ import annotations

from collections.abc import Sequence

from nova_vnc import concurrency
from nova_vnc.cmd import interrupt


def main(argv: Sequence[str] | None = None) -> None:
    interrupt.end_without_words()
    concurrency.patch()
    from nova_vnc.api import factory
    from nova_vnc.cmd import common
    common.run(argv, factory.build_service)
